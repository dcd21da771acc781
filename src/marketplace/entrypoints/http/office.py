"""A request is carried out here: who asks, under which key, with which answer, once."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol
from uuid import UUID

import msgspec
from litestar import Request, Response
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.reads import Reads
from marketplace.adapters.sandbox.books import Books
from marketplace.adapters.sandbox.inbox import SandboxChannel
from marketplace.adapters.sandbox.rail import SandboxRail
from marketplace.core.marketplace import run
from marketplace.core.shared.errors import Invalid, MarketplaceError, NotAllowed, NotFound
from marketplace.core.shared.receipts import Receipt, receipt_id
from marketplace.core.shared.roles import Actor, Role
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.directory import Directory, tenant_id_of
from marketplace.entrypoints.http.bearers import Bearers
from marketplace.entrypoints.http.problems import KeyReused
from marketplace.ports.storage import One, Store
from marketplace.ports.vendors import Vendors

KEY_MAX = 200
TENANT_HEADER = "marketplace-tenant"
KEY_HEADER = "idempotency-key"
REPLAYED_HEADER = "Idempotent-Replayed"
NOBODY = Actor(Role.CUSTOMER)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What a test marketplace can look at and play with."""

    rail: SandboxRail
    channel: SandboxChannel
    books: Books


class RouteFacts(Protocol):
    """What the office needs to know of a route."""

    @property
    def path(self) -> str: ...
    @property
    def roles(self) -> frozenset[Role]: ...
    @property
    def public(self) -> bool: ...


@dataclass
class Office:
    """Everything that handlers need, handed to them whole."""

    store: Store
    directory: Directory
    bearers: Bearers
    vendors: Vendors
    reads: Reads
    engine: AsyncEngine
    default_tenant: str
    sandbox: Sandbox | None = None

    async def call(self, request: Request[Any, Any, Any], route: RouteFacts) -> Call:
        """Who asks, of which marketplace; raises NotSignedIn, NotAllowed, NotFound."""
        request_id = request.scope["state"]["request_id"]
        origin = _origin(request)
        if route.public:
            tenant_id = tenant_id_of(request.headers.get(TENANT_HEADER, self.default_tenant))
            return await self.directory.call(tenant_id, NOBODY, request_id, origin)
        bearer = await self.bearers.of(request.headers.get("authorization"))
        if bearer.actor.role not in route.roles:
            roles = ", ".join(sorted(route.roles))
            raise NotAllowed(f"this is for {roles}; you are signed in as {bearer.actor.role}")
        _check_tenant(request, bearer.tenant_id)
        request.scope["state"]["session_id"] = bearer.session_id
        return await self.directory.call(bearer.tenant_id, bearer.actor, request_id, origin)

    async def answer(
        self, request: Request[Any, Any, Any], route: Any, given: dict[str, Any]
    ) -> Response[bytes]:
        """Carry out a question; the same answer as last time is not sent again."""
        call = await self.call(request, route)
        body = msgspec.json.encode(await route.ask(self, call, **given))
        tag = f'W/"{sha256(body).hexdigest()[:32]}"'
        if tag in request.headers.get("if-none-match", ""):
            return Response(content=b"", status_code=304, headers={"ETag": tag})
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        return Response(content=body, media_type="application/json", headers=headers)

    async def carry_out(self, request: Request[Any, Any, Any], route: Any, command: Any) -> Response[bytes]:
        """Carry out a command; under a key that was answered before, give that answer again."""
        call = await self.call(request, route)
        if route.prepare is not None:
            command = route.prepare(command, call)
        asked = await _Asked.of(request, call) if route.receipt else None
        written: list[bytes] = []

        def receipt(result: Any) -> Receipt:
            written[:] = [msgspec.json.encode(route.view(result, call))]
            return asked.receipt(call, route.status, written[0])  # type: ignore[union-attr]

        try:
            result = await run(command, call=call, store=self.store, receipt=receipt if asked else None)
        except MarketplaceError:
            again = await self._answered(asked, call) if asked else None
            if again is None:
                raise
            return again
        if route.after is not None:
            await route.after(self, result, call)
        body = written[0] if written else msgspec.json.encode(route.view(result, call))
        return Response(content=body, status_code=route.status, media_type="application/json")

    async def _answered(self, asked: "_Asked", call: Call) -> Response[bytes] | None:
        """What was answered under this key, if anything was; raises KeyReused for another question."""
        (found,) = await self.store.read(call.tenant_id, [One(Receipt, asked.id)])
        if not found:
            return None
        receipt: Receipt = found[0]
        if receipt.question != asked.question:
            raise KeyReused("this Idempotency-Key stands under another request; use a new key")
        return Response(
            content=receipt.answer.encode(),
            status_code=receipt.status,
            media_type="application/json",
            headers={REPLAYED_HEADER: "true"},
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request under an idempotency key."""

    id: UUID
    question: str

    @classmethod
    async def of(cls, request: Request[Any, Any, Any], call: Call) -> "_Asked | None":
        key = request.headers.get(KEY_HEADER)
        if key is None:
            return None
        if not 1 <= len(key) <= KEY_MAX:
            raise Invalid("Idempotency-Key", "has a wrong length", f"1 to {KEY_MAX} characters")
        digest = sha256(f"{request.method} {request.scope['path']}\n".encode() + await request.body())
        principal = call.actor.user_id
        return cls(receipt_id(call.tenant_id, principal, key), digest.hexdigest())

    def receipt(self, call: Call, status: int, body: bytes) -> Receipt:
        return Receipt(
            id=self.id,
            tenant_id=call.tenant_id,
            question=self.question,
            status=status,
            answer=body.decode(),
            at=call.at,
        )


def _check_tenant(request: Request[Any, Any, Any], tenant_id: UUID) -> None:
    named = request.headers.get(TENANT_HEADER)
    if named is not None and tenant_id_of(named) != tenant_id:
        raise NotFound("marketplace", named)


def _origin(request: Request[Any, Any, Any]) -> str:
    """A digest of the client's address, so that no address is stored."""
    client = request.client
    return sha256((client.host if client else "").encode()).hexdigest()[:16]
