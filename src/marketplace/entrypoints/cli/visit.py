"""Operators work on the database itself, by the same use cases as everybody, and their moves name them."""

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID, uuid4

import rich_click as click
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.clock import DatabaseClock
from marketplace.adapters.postgres.engine import create_engine, unreachable
from marketplace.adapters.postgres.migrate import HEAD, VERSIONS, DatabaseNewer, schema_version
from marketplace.adapters.postgres.overview import Overview
from marketplace.adapters.postgres.reads import Listing, Reads
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.core.identity.user import State, User, user_id
from marketplace.core.marketplace import run
from marketplace.core.providers.hours import zone
from marketplace.core.shared.errors import NotAllowed, NotFound
from marketplace.core.shared.roles import Actor, Role
from marketplace.core.shared.rules import noun_of
from marketplace.core.tenants.tenant import Call, Tenant
from marketplace.entrypoints.cli.database import found
from marketplace.entrypoints.cli.loop import carry_out
from marketplace.entrypoints.cli.options import Given, given
from marketplace.entrypoints.cli.refusals import DatabaseOlder
from marketplace.entrypoints.cli.screen import EVERYWHERE, Local
from marketplace.entrypoints.directory import Directory, tenant_id_of
from marketplace.entrypoints.http.views import view_of
from marketplace.entrypoints.phones import normalise
from marketplace.entrypoints.settings import Settings
from marketplace.ports.storage import One

T = TypeVar("T")

_CONNECTIONS = 2
# Who reads at the database may read everything; who moves something has a name.
_READER = Actor(Role.ADMIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A page as the API would show it to admin; `after` is the cursor of the next one."""

    items: tuple[Any, ...]
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One marketplace, while its database is open."""

    url: str
    settings: Settings
    engine: AsyncEngine
    store: PostgresStore
    reads: Reads
    call: Call

    @property
    def tenant_id(self) -> UUID:
        return self.call.tenant_id

    async def page(self, listing: Listing, **asked: Any) -> Listed:
        page = await self.reads.page(self.tenant_id, listing, **asked)
        return Listed(items=tuple(view_of(item, self.call) for item in page.items), after=page.after)

    async def one(self, kind: type, key: UUID) -> Any:
        """As admin sees it; raises NotFound."""
        (found_,) = await self.store.read(self.tenant_id, [One(kind, key)])
        if not found_:
            raise NotFound(noun_of(kind), key)
        return view_of(found_[0], self.call)

    async def move(self, command: Any) -> Any:
        """What the use case returned, once it is written; what follows from it is the worker's."""
        return view_of(await run(command, call=self.call, store=self.store), self.call)


@dataclass(slots=True, kw_only=True)
class Operator:
    """
    Whoever has given the command: on which marketplace, and who it is where something is changed.

    `local` is the marketplace's, once it has been visited.
    """

    given: Given
    tenant: str | None
    phone: str | None = None
    local: Local = EVERYWHERE

    @property
    def as_json(self) -> bool:
        return self.given.as_json

    def visit(self, work: Callable[[Visit], Awaitable[T]]) -> T:
        """Raises NoDatabase, DatabaseOlder, NotFound, NotAllowed, and what the work is refused."""
        settings = self.given.settings()
        with found(settings) as url:
            return carry_out(self._visit(settings, url, work))

    async def _visit(self, settings: Settings, url: str, work: Callable[[Visit], Awaitable[T]]) -> T:
        engine = create_engine(url, pool_size=_CONNECTIONS, application_name="marketplace cli")
        try:
            await check_version(engine, url)
            store = PostgresStore(engine)
            slug = self.tenant or await default_slug(settings, engine, url, store)
            call = await self._call(slug, store, DatabaseClock(engine))
            policy = call.policy
            self.local = Local(zone(policy.time_zone), policy.currency)
            return await work(
                Visit(url=url, settings=settings, engine=engine, store=store, reads=Reads(engine), call=call)
            )
        finally:
            await engine.dispose()

    async def _call(self, slug: str, store: PostgresStore, clock: DatabaseClock) -> Call:
        directory, key = Directory(store, clock), tenant_id_of(slug)
        try:
            call = await directory.call(key, _READER, f"cli-{uuid4().hex}")
        except NotFound:
            raise NotFound(
                "marketplace", f"{slug}: `marketplace tenants list` shows which there are"
            ) from None
        if self.phone is None:
            return call
        return await directory.call(key, await _admin(self.phone, call, store), call.request_id)


async def default_slug(settings: Settings, engine: AsyncEngine, url: str, store: PostgresStore) -> str:
    """The marketplace of the settings; else, where they name none, the only one. Raises NotFound."""
    named = settings.sources.keys() & {"default_tenant", "blueprint"}
    key = tenant_id_of(settings.tenant_slug)
    (standing,) = await store.read(key, [One(Tenant, key)])
    if named or standing:
        return settings.tenant_slug
    there = sorted(tenant.slug for tenant in await all_tenants(engine, url, store))
    if len(there) == 1:
        return there[0]
    several = f"which of {', '.join(there)}? Name it with --tenant" if there else "there is none yet"
    raise NotFound("marketplace", f"{settings.tenant_slug}: {several}")


async def all_tenants(engine: AsyncEngine, url: str, store: PostgresStore) -> tuple[Tenant, ...]:
    overview = Overview(engine, url)
    try:
        found = [await store.read(key, [One(Tenant, key)]) for key in await overview.tenants()]
    finally:
        await overview.close()
    return tuple(tenant for (rows,) in found for tenant in rows)


async def check_version(engine: AsyncEngine, url: str) -> None:
    """Raises DatabaseOlder, DatabaseNewer, Unavailable: another version's rows would be misread."""
    try:
        standing = await schema_version(engine)
    except Exception as error:
        raise unreachable(url, error) from error
    if standing not in {*VERSIONS, None}:
        raise DatabaseNewer(f"the database is of version {standing}, this program knows {HEAD}")
    if standing != HEAD:
        raise DatabaseOlder(
            f"the schema is of version {standing or 'none'}, this program needs {HEAD}: "
            "bring it up to date with `marketplace migrate`"
        )


async def _admin(phone: str, call: Call, store: PostgresStore) -> Actor:
    number = normalise(phone, country=call.policy.country)
    (found_,) = await store.read(call.tenant_id, [One(User, user_id(call.tenant, number))])
    if not found_ or Role.ADMIN not in found_[0].roles or found_[0].state != State.ACTIVE:
        raise NotAllowed(f"{number} is no admin of {call.tenant.slug}")
    return Actor(Role.ADMIN, user_id=found_[0].id)


def reading(command: Callable[..., Any]) -> Callable[..., Any]:
    """For a command that changes nothing; an Operator is its first argument."""

    @click.option(
        "--tenant", metavar="SLUG", help="Which marketplace; else that of the settings, or the only one."
    )
    @given
    @functools.wraps(command)
    def taken(options: Given, *, tenant: str | None, **others: Any) -> Any:
        return command(Operator(given=options, tenant=tenant), **others)

    return taken


def acting(command: Callable[..., Any]) -> Callable[..., Any]:
    """For a command that changes something: an admin's name stands under it."""

    @click.option(
        "--as", "acting_phone", metavar="PHONE", required=True, help="The admin under whose name it is done."
    )
    @click.option(
        "--tenant", metavar="SLUG", help="Which marketplace; else that of the settings, or the only one."
    )
    @given
    @functools.wraps(command)
    def taken(options: Given, *, tenant: str | None, acting_phone: str, **others: Any) -> Any:
        return command(Operator(given=options, tenant=tenant, phone=acting_phone), **others)

    return taken
