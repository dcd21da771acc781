"""Stripe is called in one way: a pinned version, our key with every order, a limit of time, no retries."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

import httpx
import stripe

from marketplace.adapters.stripe.objects import REFERENCE, SUBJECT, TENANT, Metadata
from marketplace.adapters.stripe.orders import K, Kept, Orders
from marketplace.adapters.stripe.refusals import KEPT, done
from marketplace.core.shared.errors import MarketplaceError, OutcomeUnknown, Unavailable

# The version whose answers we read; the webhook endpoint has to be set to the same.
API_VERSION = "2026-10-28.endive"
_TIMEOUT = httpx.Timeout(30, connect=5)
# How long a call that we gave up may still be on its way to Stripe.
UNDER_WAY = timedelta(minutes=2)

T = TypeVar("T")


class Item(Protocol):
    """An object at Stripe."""

    @property
    def id(self) -> str: ...


Found = TypeVar("Found", bound=Item)


class ModeMismatch(Unavailable):
    """A marketplace whose money is real, and a key for money that is not, or the other way round."""

    code = "stripe_mode_mismatch"


class _Http(stripe.HTTPClient):
    """Over httpx, which tells a server that was not reached from one that did not answer."""

    name = "httpx"

    def __init__(self) -> None:
        super().__init__()
        self._client = httpx.AsyncClient(timeout=_TIMEOUT)

    async def request_async(
        self, method: str, url: str, headers: Any, post_data: Any = None
    ) -> tuple[bytes, int, Any]:
        try:
            answer = await self._client.request(method, url, headers=headers, content=post_data)
        except httpx.HTTPError as error:
            raise stripe.APIConnectionError("cannot be asked") from error  # type: ignore[no-untyped-call]
        return answer.content, answer.status_code, answer.headers

    async def close_async(self) -> None:
        await self._client.aclose()


@dataclass(frozen=True)
class Connection:
    """`close` gives back the sockets."""

    client: stripe.StripeClient = field(repr=False)
    http: _Http = field(repr=False)

    async def close(self) -> None:
        await self.http.close_async()


def connect(*, key: str, url: str | None = None) -> Connection:
    """`url` is where a server stands that plays Stripe; none for Stripe itself. No I/O."""
    http = _Http()
    client = stripe.StripeClient(
        key,
        stripe_version=API_VERSION,
        # The platform's timers try again, and know what they try.
        max_network_retries=0,
        http_client=http,
        base_addresses={} if url is None else {"api": url},
    )
    return Connection(client, http)


@dataclass(kw_only=True)
class Account:
    """
    The platform's account at Stripe. `clock` is the real time, whatever a marketplace's own clock says.

    `live` is whether the key moves real money, `live_of` whether a marketplace's is; `return_url` is where a
    customer comes back to from the bank.
    """

    client: stripe.StripeClient = field(repr=False)
    orders: Orders
    clock: Callable[[], datetime]
    live: bool
    live_of: Callable[[UUID], Awaitable[bool]]
    return_url: str
    _locks: "WeakValueDictionary[UUID, asyncio.Lock]" = field(default_factory=WeakValueDictionary, repr=False)

    @contextlib.asynccontextmanager
    async def alone(self, reference: UUID) -> AsyncIterator[None]:
        """One call about a reference at a time in this process; of several processes, Stripe refuses one."""
        lock = self._locks.setdefault(reference, asyncio.Lock())
        async with lock:
            yield

    async def check_mode(self, tenant_id: UUID) -> None:
        """Raises ModeMismatch before anything is sent."""
        if await self.live_of(tenant_id) is not self.live:
            words = ("live", "test") if self.live else ("test", "live")
            raise ModeMismatch(f"a {words[0]} key of Stripe, and a {words[1]} marketplace")

    async def send(self, order: Kept, step: str, call: Callable[..., Awaitable[Any]], kind: type[T]) -> T:
        """Carry out a step of an order under its key; one that is used up in vain makes room for the next."""
        try:
            return await done(call(options={"idempotency_key": order.key(step)}), kind)
        except MarketplaceError as failure:
            if isinstance(failure, KEPT):
                await self.orders.amend(order, lambda standing: _next_key(standing, order))
            raise

    async def send_once(
        self,
        wanted: K,
        *,
        sought: Callable[[K], Awaitable[Found | None]],
        made: Callable[[K], Awaitable[Found]],
    ) -> tuple[K, Found]:
        """
        The order, and what stands at Stripe under it: found where it was sent before, else made.

        Raises Invalid for a reference of another order.
        """
        order, is_new = await self.orders.place(wanted)
        found = None if is_new else await sought(order)
        if found is None:
            order = order if is_new else await self.sent_again(order)
            found = await made(order)
            order = await self.met(order, found.id)
        return order, found

    async def sent_again(self, order: K) -> K:
        """What is sent once more is looked for until a later time; what was voided is sent no more."""
        now = self.clock()
        return await self.orders.amend(
            order, lambda standing: standing if standing.voided else replace(standing, last_sent_at=now)
        )

    async def met(self, order: K, rail_id: str) -> K:
        """The order, and by which name Stripe knows it."""
        if order.rail_id == rail_id:
            return order
        return await self.orders.amend(order, lambda standing: replace(standing, rail_id=rail_id))

    async def kept_away(self, order: K) -> K:
        """
        The order, voided, as it did not arrive, and will never be sent.

        Raises OutcomeUnknown for one that may still be under way to Stripe.
        """
        if self.clock() - order.last_sent_at < UNDER_WAY:
            raise OutcomeUnknown("it may still be under way to Stripe")
        unsent = await self.orders.amend(
            order,
            lambda standing: replace(standing, voided=standing.last_sent_at == order.last_sent_at),
        )
        if not unsent.voided:
            raise OutcomeUnknown("it has just been sent again")
        return unsent


def _next_key(standing: K, used: Kept) -> K:
    return replace(standing, tries=max(standing.tries, used.tries + 1))


class Named(Protocol):
    """Whose an object at Stripe is."""

    @property
    def reference(self) -> UUID: ...
    @property
    def tenant_id(self) -> UUID: ...
    @property
    def subject(self) -> str: ...


def metadata(order: Named) -> Metadata:
    return {
        REFERENCE: str(order.reference),
        TENANT: str(order.tenant_id),
        SUBJECT: str(order.subject),
    }
