"""A marketplace begins with its policy and one admin, from whom all others have their roles."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from secrets import token_bytes
from typing import TypeVar
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.engine import create_engine
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.adapters.sandbox.rail import CAPABILITIES
from marketplace.adapters.stitch import abilities as stitch
from marketplace.adapters.stripe.abilities import capabilities
from marketplace.core.identity.usecases import GrantRoles
from marketplace.core.marketplace import run
from marketplace.core.shared.errors import Conflict
from marketplace.core.shared.roles import SYSTEM, Role
from marketplace.core.tenants.rails import check_rail
from marketplace.core.tenants.tenant import Call, Mode, Tenant
from marketplace.core.tenants.usecases import OpenTenant
from marketplace.entrypoints import blueprints
from marketplace.entrypoints.cli.database import found
from marketplace.entrypoints.cli.loop import carry_out
from marketplace.entrypoints.cli.options import Given
from marketplace.entrypoints.cli.visit import check_version
from marketplace.entrypoints.directory import tenant_id_of
from marketplace.entrypoints.phones import normalise
from marketplace.entrypoints.seed import seed
from marketplace.ports.storage import AlreadyThere

T = TypeVar("T")

# What the rails that a marketplace may name can do, known without any of them being reached.
# Whether a vendor's key suits the marketplace is seen where the key is: by `doctor`, and with each call.
RAILS = {"sandbox": CAPABILITIES, "stripe": capabilities(live=None), "stitch": stitch.capabilities(live=None)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A database with any number of marketplaces in it."""

    url: str
    engine: AsyncEngine
    store: PostgresStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    slug: str
    blueprint: str
    mode: Mode
    admin: str | None
    demo: bool

    async def carry_out(self, place: Place) -> Tenant:
        """Raises Invalid, AlreadyThere."""
        planned = blueprints.load(self.blueprint) if self.demo else None
        policy = planned.policy if planned else blueprints.load_policy(self.blueprint)
        check_rail(policy, rails=RAILS, mode=self.mode)
        key, now = tenant_id_of(self.slug), datetime.now(UTC)
        tenant = Tenant(id=key, tenant_id=key, slug=self.slug, mode=self.mode, policy=policy)
        call = Call(
            actor=SYSTEM, tenant=tenant, at=now, request_id=f"cli-{uuid4().hex}", entropy=token_bytes(32)
        )
        command = OpenTenant(tenant_id=key, slug=self.slug, mode=self.mode, policy=policy)
        try:
            opened: Tenant = await run(command, call=call, store=place.store)
        except AlreadyThere as error:
            raise Conflict(f"there is a marketplace {self.slug} already") from error
        if planned:
            await seed(store=place.store, blueprint=planned, slug=self.slug, now=now, entropy=call.entropy)
        if self.admin:
            phone = normalise(self.admin, country=policy.country)
            grant = GrantRoles(phone=phone, roles=(Role.CUSTOMER, Role.ADMIN), reason="first admin")
            await run(grant, call=replace(call, tenant=opened), store=place.store)
        return opened


def visit_all(options: Given, work: Callable[[Place], Awaitable[T]]) -> T:
    """The database as such, for what is no single marketplace's."""
    with found(options.settings()) as url:
        return carry_out(_visit(url, work))


async def _visit(url: str, work: Callable[[Place], Awaitable[T]]) -> T:
    engine = create_engine(url, pool_size=2, application_name="marketplace cli")
    try:
        await check_version(engine, url)
        return await work(Place(url=url, engine=engine, store=PostgresStore(engine)))
    finally:
        await engine.dispose()
