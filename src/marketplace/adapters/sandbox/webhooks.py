"""A vendor tells of every step until it is heard: late, twice or out of order, as the token says."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import httpx
import msgspec

from marketplace.adapters.sandbox.faults import Random
from marketplace.adapters.sandbox.signatures import sign
from marketplace.adapters.sandbox.tokens import Habit
from marketplace.core.shared.errors import Invalid, Unavailable
from marketplace.ports.payments import Hint
from marketplace.ports.shelf import Document, Found, Listing, Shelf

SHELF = "sandbox.webhook"
PATH = "/hooks/sandbox"
RETRY_SECONDS = (5, 30, 120, 600, 3_600, 21_600)  # after the last of them the event is given up
_TIMEOUT_SECONDS = 10

Post = Callable[[bytes, dict[str, str]], Awaitable[int]]  # body, headers → HTTP status
Clock = Callable[[UUID], datetime]  # a tenant's id → its time


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What is told; the order itself is to be fetched."""

    id: str
    tenant_id: UUID
    reference: UUID
    subject: str
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """A payload and how its delivery stands; `copies_left` is how often it has still to be heard."""

    payload: Payload
    copies_left: int
    delay_seconds_max: int
    deliveries: int = 0
    failures: int = 0
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """What came of one round of deliveries."""

    delivered: int = 0
    failed: int = 0


def queued(payload: Payload, *, habit: Habit, random: Random) -> Document:
    """The event as it waits on the shelf; one that gets lost is kept too, to be looked at."""
    event = WebhookEvent(payload=payload, copies_left=habit.copies, delay_seconds_max=habit.delay_seconds_max)
    late = random(f"webhook/{payload.id}") * habit.delay_seconds_max
    due_at = payload.at + timedelta(seconds=late) if habit.copies else None
    return _document(event, due_at=due_at)


def hints(body: bytes) -> tuple[Hint, ...]:
    """The hints in a webhook whose signature has been verified; raises Invalid for a body we can't read."""
    try:
        payload = _PAYLOAD.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid("body", "is no webhook of the sandbox") from error
    return (
        Hint(
            event_id=payload.id,
            tenant_id=payload.tenant_id,
            reference=payload.reference,
            subject=payload.subject,
        ),
    )


@dataclass(frozen=True, kw_only=True)
class Courier:
    """Delivers what is due. Safe to run in several processes; one that dies delivers again later."""

    shelf: Shelf
    clock: Clock
    secret: str
    random: Random

    async def deliver_due(self, *, post: Post, now: datetime, limit: int = 100) -> Round:
        """Post up to `limit` events of each tenant; `now` is the real time, which is what is signed."""
        outcomes: list[bool] = []
        for tenant_id in await self.shelf.tenants_waiting(shelf=SHELF):
            at = self.clock(tenant_id)
            for document in await self.shelf.due(shelf=SHELF, tenant_id=tenant_id, at=at, limit=limit):
                event = await self._claim(document.key, at=at)
                if event is not None:
                    outcomes.append(await self._deliver(event, post=post, now=now))
        return Round(delivered=outcomes.count(True), failed=outcomes.count(False))

    async def events(self, tenant_id: UUID, *, limit: int = 50) -> tuple[WebhookEvent, ...]:
        """What a tenant was, or should have been, told; newest first."""
        listing = Listing(shelf=SHELF, tenant_id=tenant_id, limit=limit)
        return tuple(_EVENT.decode(document.body) for document in await self.shelf.listed(listing))

    async def _claim(self, key: str, *, at: datetime) -> WebhookEvent | None:
        """Put the event off before it is posted, so that nobody else posts it now, and a crash repeats it."""
        return await self.shelf.change([(SHELF, key)], partial(_claimed, key=key, at=at))

    async def _deliver(self, event: WebhookEvent, *, post: Post, now: datetime) -> bool:
        body = _ENCODER.encode(event.payload)
        heard = await _posted(post, body, sign(body, secret=self.secret, at=now))
        if heard:
            at = self.clock(event.payload.tenant_id)
            decide = partial(_heard, key=event.payload.id, at=at, random=self.random)
            await self.shelf.change([(SHELF, event.payload.id)], decide)
        return heard


async def deliver_over_http(
    *, client: httpx.AsyncClient, base_url: str, body: bytes, headers: dict[str, str]
) -> int:
    """The status that the platform answered; raises Unavailable when it answered nothing."""
    try:
        response = await client.post(
            base_url.rstrip("/") + PATH,
            content=body,
            headers={"Content-Type": "application/json", **headers},
            timeout=_TIMEOUT_SECONDS,
        )
    except httpx.HTTPError as error:
        raise Unavailable("the webhook's receiver does not answer", reason=type(error).__name__) from error
    return response.status_code


async def _posted(post: Post, body: bytes, headers: dict[str, str]) -> bool:
    try:
        status = await post(body, headers)
    except Unavailable:
        return False
    return httpx.codes.is_success(status)


def _claimed(found: Found, *, key: str, at: datetime) -> tuple[WebhookEvent | None, tuple[Document, ...]]:
    document = found.get((SHELF, key))
    if document is None or document.due_at is None or document.due_at > at:
        return None, ()
    event = _EVENT.decode(document.body)
    again = RETRY_SECONDS[event.failures] if event.failures < len(RETRY_SECONDS) else None
    tried = replace(event, deliveries=event.deliveries + 1, failures=event.failures + 1)
    return event, (_document(tried, due_at=None if again is None else at + timedelta(seconds=again)),)


def _heard(found: Found, *, key: str, at: datetime, random: Random) -> tuple[None, tuple[Document, ...]]:
    event = _EVENT.decode(found[SHELF, key].body)
    left = max(event.copies_left - 1, 0)
    late = random(f"webhook/{key}/{left}") * event.delay_seconds_max
    heard = replace(event, copies_left=left, failures=0, delivered_at=at)
    return None, (_document(heard, due_at=at + timedelta(seconds=late) if left else None),)


def _document(event: WebhookEvent, *, due_at: datetime | None) -> Document:
    return Document(
        shelf=SHELF,
        key=event.payload.id,
        tenant_id=event.payload.tenant_id,
        body=_ENCODER.encode(event),
        label=str(event.payload.reference),
        due_at=due_at,
    )


_ENCODER = msgspec.json.Encoder()
_PAYLOAD = msgspec.json.Decoder(Payload)
_EVENT = msgspec.json.Decoder(WebhookEvent)
