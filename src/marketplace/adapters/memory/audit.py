"""The promises, proved one by one on the rows of a memory store."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

from marketplace.adapters.memory.facts import Facts
from marketplace.adapters.memory.money import (
    broken,
    paid_twice,
    read_to,
    unbalanced,
    unexplained_disputes,
    unexplained_funds,
    unexplained_payable,
    unexplained_refunds,
    unexplained_reversals,
    unlike,
    unresolved,
)
from marketplace.adapters.memory.store import MemoryStore
from marketplace.core.bookings.booking import Booking
from marketplace.core.dispatch.job import OPEN as JOB_OPEN
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.job import State as JobState
from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.dispatch.offer import State as OfferState
from marketplace.core.ledger.movement import Posting, psp_clearing
from marketplace.core.lifecycles import AGGREGATES
from marketplace.core.notifications.notification import Notification
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.refund import Refund
from marketplace.core.payments.usecases import VendorEvent
from marketplace.core.payouts.earning import Earning
from marketplace.core.payouts.reversal import PayoutReversal
from marketplace.core.promises import (
    TIMED,
    Name,
    lawful_steps,
    may_rest,
    waits_for_somebody,
)
from marketplace.core.providers.provider import Provider, Unit
from marketplace.core.providers.reservation import Reservation
from marketplace.core.providers.reservation import State as ReservationState
from marketplace.core.reviews.review import Review
from marketplace.core.shared.events import Event
from marketplace.core.tenants.tenant import Tenant
from marketplace.ports.audit import VIOLATIONS_MAX, Outbox, Promise, RailBooks

_LAWFUL = lawful_steps()


@dataclass(frozen=True, kw_only=True)
class MemoryAudit:
    """`books` by the rails' names, `outbox` where the channel tells what was received."""

    store: MemoryStore
    books: Mapping[str, RailBooks] = field(default_factory=dict)
    outbox: Outbox | None = None

    async def audit(self, tenant_id: UUID | None, *, now: datetime | None = None) -> tuple[Promise, ...]:
        facts = Facts(self.store, tenant_id, now)
        return (
            _promise(Name.LEDGER, facts.count(Posting), unbalanced(facts)),
            _promise(Name.HOLDS, facts.count(Payment), unresolved(facts)),
            _promise(Name.CAPACITY, facts.count(Reservation), _oversold(facts)),
            _promise(Name.HISTORIES, facts.count(Event), _unlawful(facts)),
            _promise(Name.VENDOR_EVENTS, facts.count(VendorEvent), _heard_twice(facts)),
            _promise(Name.CUSTOMER_FUNDS, facts.count(Booking), unexplained_funds(facts)),
            await self._clearing(facts),
            _promise(Name.EARNINGS, facts.count(Earning), paid_twice(facts)),
            _promise(Name.PROVIDER_PAYABLE, facts.count(Earning), unexplained_payable(facts)),
            _promise(Name.REFUNDS_PAYABLE, facts.count(Refund), unexplained_refunds(facts)),
            _promise(Name.DISPUTE_HOLD, facts.count(Payment), unexplained_disputes(facts)),
            _promise(Name.REVERSALS, facts.count(PayoutReversal), unexplained_reversals(facts)),
            _promise(Name.SEARCHES, facts.count(DispatchJob), _unlike_their_bookings(facts)),
            _promise(Name.STARS, facts.count(Review), _miscounted(facts)),
            _promise(Name.STUCK, sum(1 for _ in _waiting(facts)), _stuck(facts)),
            await self._messages(facts),
        )

    async def _clearing(self, facts: Facts) -> Promise:
        found: list[str] = []
        for rail, books in self.books.items():
            for tenant in facts.rows(Tenant):
                held = await books.balance(tenant.id, read_to=read_to(facts, tenant.id, rail))
                theirs = broken(facts, tenant.id, rail)
                theirs.update({currency: money.minor for currency, money in held.items()})
                found += unlike(facts, tenant, psp_clearing(rail), theirs)
        accounts = {psp_clearing(rail) for rail in self.books}
        rows = sum(1 for posting in facts.rows(Posting) if posting.account in accounts)
        return _promise(Name.CLEARING, rows, found)

    async def _messages(self, facts: Facts) -> Promise:
        found = [f"notification {key} was begun twice without a doubt between" for key in _begun_twice(facts)]
        if self.outbox is not None:
            for tenant in facts.rows(Tenant):
                copies = await self.outbox.copies(tenant.id)
                found += [
                    f"message {key} was received {times} times" for key, times in copies.items() if times > 1
                ]
        return _promise(Name.MESSAGES, facts.count(Notification), found)


def _promise(name: Name, rows: int, violations: Iterable[str]) -> Promise:
    return Promise(name, rows, tuple(violations)[:VIOLATIONS_MAX])


def _oversold(facts: Facts) -> Iterator[str]:
    by_unit: dict[UUID, list[Reservation]] = defaultdict(list)
    for reservation in facts.rows(Reservation):
        if reservation.state == ReservationState.HELD:
            by_unit[reservation.unit_id].append(reservation)
    for unit_id, held in by_unit.items():
        busy = sorted(held, key=lambda row: row.starts_at)
        until = busy[0].ends_at
        for row in busy[1:]:
            if row.starts_at < until:
                yield f"unit {unit_id} is sold twice at {row.starts_at.isoformat()}"
            until = max(until, row.ends_at)


def _unlawful(facts: Facts) -> Iterator[str]:
    for (kind, key), events in facts.histories.items():
        if [event.version for event in events] != list(range(1, len(events) + 1)):
            yield f"{kind} {key} has a gap in its history"
        steps = [(events[0].before, None), *((one.before, other.after) for other, one in pairwise(events))]
        if any(before != prior for before, prior in steps):
            yield f"{kind} {key} has a step that does not begin where the last one ended"
        for event in events:
            if (kind, event.before, event.after) not in _LAWFUL:
                yield f"{kind} {key} went from {event.before} to {event.after}"
    yield from _unlike_their_history(facts)


def _unlike_their_history(facts: Facts) -> Iterator[str]:
    for aggregate in AGGREGATES:
        kind = aggregate.LIFECYCLE.kind
        for row in facts.rows(aggregate):
            events = facts.histories.get((kind, row.id))
            if events is None:
                yield f"{kind} {row.id} has no history"
            elif (events[-1].after, events[-1].version) != (str(row.state), row.version):
                yield f"{kind} {row.id} is {row.state}, its history ends in {events[-1].after}"


def _heard_twice(facts: Facts) -> Iterator[str]:
    heard = Counter((row.tenant_id, row.rail, row.event_id) for row in facts.rows(VendorEvent))
    for (_, rail, event_id), times in heard.items():
        if times > 1:
            yield f"event {event_id} of {rail} counted {times} times"


def _waiting(facts: Facts) -> Iterator[tuple[str, Any]]:
    """Whatever is in a state with a timer, by its kind."""
    for aggregate in AGGREGATES:
        kind = aggregate.LIFECYCLE.kind
        for row in facts.rows(aggregate) if kind in TIMED else ():
            if str(row.state) in TIMED[kind]:
                yield kind, row


def _stuck(facts: Facts) -> Iterator[str]:
    for kind, row in _waiting(facts):
        if row.due_at is None and not may_rest(kind, row):
            yield f"{kind} {row.id} is {row.state} and nothing will happen to it"
        if row.due_at is not None and row.due_at < facts.long_past(row.tenant_id):
            yield f"{kind} {row.id} is {row.state}, and was due at {row.due_at.isoformat()}"


def _unlike_their_bookings(facts: Facts) -> Iterator[str]:
    """Searches with several winners, with one whose time was not taken, or that nobody wants any more."""
    taken = {(row.booking_id, row.unit_id) for row in facts.rows(Reservation)}
    bookings = {row.id: row for row in facts.rows(Booking)}
    accepted = Counter(row.job_id for row in facts.rows(DispatchOffer) if row.state == OfferState.ACCEPTED)
    for job in facts.rows(DispatchJob):
        if accepted[job.id] > 1:
            yield f"search {job.id} has {accepted[job.id]} offers that were accepted"
        if job.state == JobState.ASSIGNED and (job.booking_id, job.unit_id) not in taken:
            yield f"search {job.id} is assigned, and nobody's time was taken"
        booking = bookings[job.booking_id]
        if job.state in JOB_OPEN and not waits_for_somebody(booking):
            events = facts.histories["dispatch_job", job.id] + facts.histories["booking", booking.id]
            if max(event.at for event in events) < facts.long_past(job.tenant_id):
                yield f"search {job.id} is {job.state}, its booking is {booking.state}"


def _miscounted(facts: Facts) -> Iterator[str]:
    """Sums unlike the reviews that are in them, and reviews that are not where they belong."""
    stars: dict[UUID, list[int]] = defaultdict(list)
    for review in facts.rows(Review):
        for key in (review.provider_id, review.unit_id) if review.counted else ():
            stars[key].append(review.stars)
        last = facts.histories["review", review.id][-1].at
        if review.counted != review.counts and last < facts.long_past(review.tenant_id):
            yield f"review {review.id} is {review.state}, and the sums do not know"
    for kind in (Provider, Unit):
        for row in facts.rows(kind):
            if (row.stars_sum, row.reviews_count) != (sum(stars[row.id]), len(stars[row.id])):
                name = kind.LIFECYCLE.kind
                yield f"{name} {row.id} has {row.stars_sum} stars, its reviews gave {sum(stars[row.id])}"


def _begun_twice(facts: Facts) -> Iterator[UUID]:
    for notification in facts.rows(Notification):
        moves = [event.move for event in facts.histories["notification", notification.id]]
        if moves.count("begin") > 1:
            yield notification.id
