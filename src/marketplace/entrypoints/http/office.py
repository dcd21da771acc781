"""A request is carried out here: who asks, under which key, with which answer, once."""

from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from typing import Any, Protocol
from uuid import UUID

import msgspec
from litestar import Request
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.reads import Reads
from marketplace.adapters.sandbox.books import Books
from marketplace.adapters.sandbox.inbox import SandboxChannel
from marketplace.adapters.sandbox.rail import SandboxRail
from marketplace.core.lifecycles import LIFECYCLES
from marketplace.core.marketplace import run
from marketplace.core.shared.errors import MarketplaceError, NotAllowed, NotFound, Refused, Unavailable
from marketplace.core.shared.limits import check_fresh, fresh_ids
from marketplace.core.shared.receipts import Receipt
from marketplace.core.shared.roles import Actor, Role
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.directory import Directory, tenant_id_of
from marketplace.entrypoints.http.answer import Answer, File, Headers
from marketplace.entrypoints.http.bearers import Bearers
from marketplace.entrypoints.http.heads import Head, header
from marketplace.entrypoints.http.idempotency import Answers, Asked, Memory
from marketplace.entrypoints.rail_health import RailHealth
from marketplace.entrypoints.tracker import Tracker
from marketplace.ports.storage import AlreadyThere, Store
from marketplace.ports.vendors import Vendors

TENANT_HEADER = b"marketplace-tenant"
NOBODY = Actor(Role.CUSTOMER)
_KEPT_PRIVATELY = ((b"cache-control", b"private, no-cache"), (b"vary", b"Authorization"))
_FROM_THE_KEY = frozenset({Memory.AFTERWARDS, Memory.MADE_AGAIN})


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What a test marketplace can look at and play with."""

    rail: SandboxRail
    channel: SandboxChannel
    books: Books


class RouteFacts(Protocol):
    """What the office needs to know of a route."""

    @property
    def verb(self) -> str: ...
    @property
    def roles(self) -> frozenset[Role]: ...
    @property
    def public(self) -> bool: ...


@dataclass
class Office:
    """Everything that handlers need, handed to them whole; `secret` makes what must not be stored."""

    store: Store
    directory: Directory
    bearers: Bearers
    vendors: Vendors
    reads: Reads
    engine: AsyncEngine
    default_tenant: str
    secret: bytes
    proxies: int = 0
    sandbox: Sandbox | None = None
    rail_health: RailHealth | None = None

    def __post_init__(self) -> None:
        self._answers = Answers(self.store)
        self.tracker = Tracker(self.store, self.vendors)

    async def call(self, request: Request[Any, Any, Any], route: RouteFacts) -> Call:
        """Who asks, of which marketplace; raises NotSignedIn, NotAllowed, NotFound."""
        request_id = request.scope["state"]["request_id"]
        authorization = header(request.scope, b"authorization")
        origin = self._origin(request.scope)
        # Whoever signs in has no token, or one that is of no more use.
        if route.public and (authorization is None or route.verb == "POST"):
            named = header(request.scope, TENANT_HEADER)
            tenant_id = tenant_id_of(self.default_tenant if named is None else named)
            try:
                return await self.directory.call(tenant_id, NOBODY, request_id, origin)
            except NotFound as error:
                raise NotFound("marketplace", named or "") from error
        bearer = await self.bearers.of(authorization)
        if bearer.actor.role not in route.roles and not route.public:
            roles = ", ".join(sorted(route.roles))
            raise NotAllowed(f"this is for {roles}; you are signed in as {bearer.actor.role}")
        _check_tenant(request.scope, bearer.tenant_id)
        return await self.directory.call(bearer.tenant_id, bearer.actor, request_id, origin)

    def _origin(self, head: Head) -> str:
        """
        A digest of the client's address, so that no address is stored; empty where it is not known.

        Of X-Forwarded-For only what our own proxies added is believed: the rest anybody can write.
        """
        if self.proxies:
            forwarded = (header(head, b"x-forwarded-for") or "").split(",")
            if len(forwarded) >= self.proxies:
                return _digest(forwarded[-self.proxies].strip())
        client = head.get("client")
        return "" if client is None else _digest(client[0])

    async def answer(
        self, request: Request[Any, Any, Any], route: Any, call: Call, given: dict[str, Any]
    ) -> Answer:
        """Carry out a question; the same answer as last time is not sent again."""
        if route.verb == "POST":
            return await self._answer_once(request, route, call, given)
        found = await route.ask(self, call, **given)
        body = found.body if isinstance(found, File) else msgspec.json.encode(found)
        tag = f'W/"{sha256(body).hexdigest()[:32]}"'
        headers: Headers = ((b"etag", tag.encode()), *_KEPT_PRIVATELY)
        if tag in (header(request.scope, b"if-none-match") or ""):
            return Answer(b"", 304, headers)
        if not isinstance(found, File):
            return Answer(body, headers=headers)
        named = (b"content-disposition", f'attachment; filename="{found.name}"'.encode())
        return Answer(body, headers=(*headers, named), media=route.media.encode())

    async def _answer_once(
        self, request: Request[Any, Any, Any], route: Any, call: Call, given: dict[str, Any]
    ) -> Answer:
        """What it changes is harmless to repeat, so the answer is kept when all is done."""
        asked = None if route.memory == Memory.NONE else await Asked.of(request, call)
        again = None if asked is None else await self._answers.given(asked, call)
        if again is not None:
            return again
        body = msgspec.json.encode(await route.ask(self, call, **given))
        if asked is not None:
            await self._answers.keep(asked, call, route.status, body)
        return Answer(body, route.status)

    async def carry_out(
        self, request: Request[Any, Any, Any], route: Any, call: Call, command: Any
    ) -> Answer:
        """Carry out a command; under a key that was answered before, give that answer again."""
        check_fresh(command)
        if route.prepare is not None:
            try:
                command = route.prepare(self, command, call)
            except Refused:
                again = await self._before(request, route, call)
                if again is None:
                    raise
                return again
        principal = None if route.principal is None else getattr(command, route.principal)
        asked = await Asked.of(request, call, principal)
        if asked is not None and route.memory in _FROM_THE_KEY:
            call = replace(call, entropy=asked.entropy(self.secret))
        if asked is not None and route.memory == Memory.AFTERWARDS:
            again = await self._answers.given(asked, call)
            if again is not None:
                return again
        return await self._carry_out(route, call, command, asked)

    async def _before(self, request: Request[Any, Any, Any], route: Any, call: Call) -> Answer | None:
        """What was taken the first time may be refused by now, as what is of a rail that is down."""
        asked = await Asked.of(request, call) if route.principal is None else None
        return await self._again(route, call, asked)

    async def _carry_out(self, route: Any, call: Call, command: Any, asked: Asked | None) -> Answer:
        written: list[bytes] = []

        def receipt(result: Any) -> Receipt:
            written[:] = [msgspec.json.encode(route.view(result, call))]
            return asked.receipt(call, route.status, written[0])  # type: ignore[union-attr]

        keeps = asked is not None and route.memory == Memory.WRITTEN
        try:
            result = await run(command, call=call, store=self.store, receipt=receipt if keeps else None)
        except Unavailable:
            raise
        except MarketplaceError as error:
            again = await self._again(route, call, asked)
            if again is None:
                raise _told(error, command) from error
            return again
        if route.after is not None:
            await route.after(self, result, call)
        body = written[0] if written else msgspec.json.encode(route.view(result, call))
        if asked is not None and route.memory == Memory.AFTERWARDS:
            await self._answers.keep(asked, call, route.status, body)
        return Answer(body, route.status)

    async def _again(self, route: Any, call: Call, asked: Asked | None) -> Answer | None:
        """The answer of the first time; whoever died after writing it may not have done what follows."""
        if asked is None or route.memory == Memory.MADE_AGAIN:
            return None
        again = await self._answers.given(asked, call)
        if again is not None and route.after is not None:
            await route.after(self, None, call)
        return again


def _told(error: MarketplaceError, command: Any) -> MarketplaceError:
    """Of an id that stands, the field that carried it; storage knows its own names only."""
    kind: Any = type(command)
    new = fresh_ids(kind)
    if not isinstance(error, AlreadyThere) or not new or not _is_of_an_id(str(error.facts.get("rule"))):
        return error
    (field, *_), key = new, getattr(command, new[0])
    return AlreadyThere(f"{field}: {key} stands already; what is new needs an id of its own", field=field)


def _is_of_an_id(rule: str) -> bool:
    """Within the marketplace or everywhere; who lost a race for anything else needs no other id."""
    return rule.endswith("_pkey") or rule.removesuffix("_id_key") in LIFECYCLES


@lru_cache(maxsize=4096)
def _digest(address: str) -> str:
    return sha256(address.encode()).hexdigest()[:16] if address else ""


def _check_tenant(head: Head, tenant_id: UUID) -> None:
    named = header(head, TENANT_HEADER)
    if named is not None and tenant_id_of(named) != tenant_id:
        raise NotFound("marketplace", named)
