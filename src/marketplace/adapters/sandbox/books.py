"""The vendor's books hold every order once, move each at its time, and queue a webhook with every step."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar
from uuid import UUID

import msgspec

from marketplace.adapters.sandbox.faults import (
    Fault,
    FaultPlan,
    Operation,
    Random,
    Tally,
    fault_for,
    no_faults,
    seeded_random,
)
from marketplace.adapters.sandbox.orders import Entry, Kind, Order, advanced, hurried, with_undone
from marketplace.adapters.sandbox.payees import OpenedPayee
from marketplace.adapters.sandbox.records import Records
from marketplace.adapters.sandbox.settlement import Terms, settled_minor, statement, unsettled
from marketplace.adapters.sandbox.setups import SavedSetup
from marketplace.adapters.sandbox.tokens import DOUBLED, LATE, LOST, Habit
from marketplace.adapters.sandbox.webhooks import Clock, Payload, queued
from marketplace.core.shared.ids import derive
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Standing, Statement
from marketplace.ports.shelf import Document, Found, Key, Listing, Shelf

SHELF = "sandbox.order"
_PAGE = 1_000

R = TypeVar("R")
Orders = Mapping[UUID, Order]
Decide = Callable[[Orders], Sequence[Order]]  # as they stand → as they shall stand, the answer first

# What a step shows of trouble, whether a token or a plan asked for it.
_SHOWS: Mapping[tuple[Kind, Standing], Fault] = MappingProxyType(
    {
        (Kind.CHARGE, Standing.FAILED): Fault.DECLINED,
        (Kind.CHARGE, Standing.NEEDS_ACTION): Fault.NEEDS_ACTION,
        (Kind.CHARGE, Standing.PENDING): Fault.PENDING,
        (Kind.CHARGE, Standing.RETURNED): Fault.RETURNED,
        (Kind.CHARGE, Standing.DISPUTED): Fault.CHARGEBACK,
        (Kind.REFUND, Standing.PENDING): Fault.REFUND_PENDING,
        (Kind.REFUND, Standing.FAILED): Fault.REFUND_FAILED,
        (Kind.TRANSFER, Standing.PENDING): Fault.PENDING,
        (Kind.TRANSFER, Standing.FAILED): Fault.REJECTED,
        (Kind.TRANSFER, Standing.RETURNED): Fault.RETURNED,
    }
)
_UNDONE = frozenset({Standing.FAILED, Standing.RETURNED})
_HABITS: Mapping[Fault, Habit] = MappingProxyType(
    {Fault.WEBHOOK_LOST: LOST, Fault.WEBHOOKS_DOUBLED: DOUBLED, Fault.WEBHOOK_LATE: LATE}
)


@dataclass(kw_only=True)
class Books:
    shelf: Shelf
    clock: Clock
    random: Random = field(default_factory=lambda: seeded_random("sandbox"))
    faults: FaultPlan = no_faults
    tally: Tally = field(default_factory=Counter)
    terms: Terms = field(default_factory=Terms)

    @property
    def setups(self) -> Records[SavedSetup]:
        """What customers have saved, beside what they have paid."""
        return Records(kind=SavedSetup, shelf=self.shelf, clock=self.clock, random=self.random)

    @property
    def payees(self) -> Records[OpenedPayee]:
        """The accounts that providers have opened, beside what went into them."""
        return Records(kind=OpenedPayee, shelf=self.shelf, clock=self.clock, random=self.random)

    async def find(self, reference: UUID) -> Order | None:
        """The order as of its tenant's now."""
        order = await self._fetch(reference)
        if order is None or order.due_at is None or order.due_at > self.clock(order.tenant_id):
            return order
        return await self.change(_together(order), lambda orders: (orders[reference],))

    async def change(self, references: Sequence[UUID], decide: Decide) -> Order:
        """Let `decide` change these orders, each brought up to now first; nobody else can meanwhile."""

        def decided(found: Found) -> tuple[tuple[Order, Tally], list[Document]]:
            tally: Tally = Counter()  # of this try alone: the shelf may ask again
            before = {order.reference: order for order in map(_order, found.values())}
            current = self._brought_up(before)
            wanted = decide(current)
            after = {**current, **{order.reference: order for order in wanted}}
            return (wanted[0], tally), self._documents(before, after.values(), tally)

        order, tally = await self.shelf.change([_key(reference) for reference in references], decided)
        self.tally.update(tally)
        return order

    async def tick(self, *, limit: int = 1_000) -> int:
        """Bring what is due up to now, up to `limit` orders of each tenant; how many there were."""
        moved = await self.setups.tick(limit=limit) + await self.payees.tick(limit=limit)
        for tenant_id in await self.shelf.tenants_waiting(shelf=SHELF):
            at = self.clock(tenant_id)
            for document in await self.shelf.due(shelf=SHELF, tenant_id=tenant_id, at=at, limit=limit):
                await self.find(UUID(document.key))
                moved += 1
        return moved

    async def hurry(self, reference: UUID) -> Order | None:
        """Let what waits next for the order happen now, whenever it was due."""
        order = await self._fetch(reference)
        if order is None:
            return None
        now = self.clock(order.tenant_id)

        def decide(orders: Orders) -> tuple[Order, ...]:
            moved = hurried(orders[reference], now=now)
            return (moved, *_undone(orders[reference], moved, orders))

        return await self.change(_together(order), decide)

    async def orders(self, tenant_id: UUID) -> tuple[Order, ...]:
        """All of a tenant's orders, newest first."""
        found: list[Document] = []
        before = None
        while True:
            page = await self.shelf.listed(
                Listing(shelf=SHELF, tenant_id=tenant_id, before=before, limit=_PAGE)
            )
            found += page
            if len(page) < _PAGE:
                return tuple(map(_order, found))
            before = page[-1].position

    async def balance(self, tenant_id: UUID, *, read_to: str | None = None) -> Mapping[str, Money]:
        """
        By currency: collected less refunded, transferred, returned and charged back, and less what was
        settled up to a line of the statement.
        """
        totals: Counter[str] = Counter()
        for order in await self.orders(tenant_id):
            totals[order.currency] += order.moved_minor
        totals.subtract(await settled_minor(self.shelf, tenant_id, read_to=read_to))
        return {currency: Money(minor, currency) for currency, minor in sorted(totals.items())}

    async def statement(self, tenant_id: UUID, *, after: str | None, limit: int) -> Statement:
        now = self.clock(tenant_id)
        return await statement(self.shelf, tenant_id, after=after, limit=limit, now=now)

    async def _fetch(self, reference: UUID) -> Order | None:
        document = await self.shelf.fetch(shelf=SHELF, key=str(reference))
        return None if document is None else _order(document)

    def _brought_up(self, before: Orders) -> Orders:
        current = dict(before)
        for order in before.values():
            if order.due_at is None or (order.charge is not None and order.charge not in before):
                continue  # a refund, or what is paid from a charge, moves only together with it
            moved = advanced(current[order.reference], now=self.clock(order.tenant_id))
            current.update({each.reference: each for each in (moved, *_undone(order, moved, current))})
        return current

    def _documents(self, before: Orders, after: Iterable[Order], tally: Tally) -> list[Document]:
        documents = []
        for order in after:
            standing = before.get(order.reference)
            if order != standing:
                documents.append(_document(order))
                told = 0 if standing is None else len(standing.history)
                for index in range(told, len(order.history)):
                    _count(order, order.history[index], tally)
                    documents.append(self._event(order, index, tally))
                    documents += filter(None, [unsettled(order, index, self.terms)])
        return documents

    def _event(self, order: Order, index: int, tally: Tally) -> Document:
        entry = order.history[index]
        payload = Payload(
            id=f"evt_{derive(order.reference, order.kind, index).hex}",
            tenant_id=order.tenant_id,
            reference=order.reference,
            subject=str(order.kind),
            kind=f"{order.kind}.{entry.standing}",
            at=entry.at,
        )
        fault = fault_for(self.faults, Operation.WEBHOOK, order.reference)
        habit = order.behaviour.webhooks if fault is None else _HABITS[fault]
        tally.update(kind for kind, shown in _HABITS.items() if shown == habit)
        return queued(payload, habit=habit, random=self.random)


def _count(order: Order, entry: Entry, tally: Tally) -> None:
    shown = _SHOWS.get((order.kind, entry.standing))
    if shown is Fault.REFUND_FAILED and entry.moved_minor:
        shown = Fault.REFUND_BOUNCED
    if shown is not None:
        tally[shown] += 1
    if entry.failure == "hold_expired":
        tally[Fault.HOLD_EXPIRED] += 1
    if shown is Fault.DECLINED and order.step:
        tally[Fault.PENDING_DECLINED] += 1


def _together(order: Order) -> tuple[UUID, ...]:
    return (order.reference,) if order.charge is None else (order.reference, order.charge)


def _undone(before: Order, after: Order, orders: Orders) -> tuple[Order, ...]:
    """The charge that gets its money back, when a refund of it or a transfer from it has just failed."""
    fails = after.standing in _UNDONE and before.standing not in _UNDONE
    if after.charge is None or not fails:
        return ()
    return (with_undone(orders[after.charge], after),)


def _key(reference: UUID) -> Key:
    return (SHELF, str(reference))


def _order(document: Document) -> Order:
    return _DECODER.decode(document.body)


def _document(order: Order) -> Document:
    return Document(
        shelf=SHELF,
        key=str(order.reference),
        tenant_id=order.tenant_id,
        body=_ENCODER.encode(order),
        label=str(order.kind),
        due_at=order.due_at,
    )


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Order)
