"""What was sent to Stripe stands on a shelf before it is sent, so that a doubt knows where to look."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, TypeVar
from uuid import UUID

import msgspec

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import EXPONENTS, Money
from marketplace.ports.payments import Charge, Subject, Transfer
from marketplace.ports.shelf import Document, Found, Shelf

ORDERS, FIRSTS = "stripe.order", "stripe.first"
NOBODY = UUID(int=0)  # the tenant of a void that came before its charge


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """
    What is sent under one reference of ours; a repeat has to repeat its `TERMS`.

    `tries` counts the keys that Stripe has used up with an answer that says nothing. `rail_id` is the object
    at Stripe, once we know it; `voided` that there shall be none.
    """

    SHELF: ClassVar[str]
    TERMS: ClassVar[tuple[str, ...]]

    reference: UUID
    tenant_id: UUID
    first_sent_at: datetime
    last_sent_at: datetime
    tries: int = 1
    rail_id: str | None = None
    voided: bool = False

    def key(self, step: str) -> str:
        """The idempotency key of a step: the same until Stripe has answered it in vain."""
        return f"{self.reference}/{step}/{self.tries}"


K = TypeVar("K", bound=Kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Kept):
    """
    Of money. `token` is the method or the payee, `charge` what a refund gives back of, a transfer is paid
    from, or a reversal takes back.

    `setup` is the saved method that the token is of. Where Stripe took no intent for it, as the method had
    gone, the order is voided, and `failure` says why.
    """

    SHELF: ClassVar[str] = ORDERS
    TERMS: ClassVar[tuple[str, ...]] = ("subject", "tenant_id", "amount", "token", "hold", "charge")

    subject: Subject
    currency: str
    minor: int
    token: str = ""
    hold: bool = False
    description: str = ""
    charge: UUID | None = None
    setup: UUID | None = None
    failure: str | None = None

    @property
    def amount(self) -> Money:
        return Money(self.minor, self.currency)

    @property
    def group(self) -> str:
        """Under which Stripe shows a charge and what is paid from it together."""
        return str(self.charge or self.reference)


def of_charge(charge: Charge, *, at: datetime) -> Order:
    return Order(
        subject=Subject.CHARGE,
        reference=charge.reference,
        tenant_id=charge.tenant_id,
        currency=charge.amount.currency,
        minor=charge.amount.minor,
        token=charge.method,
        hold=charge.hold,
        description=charge.description,
        setup=charge.setup,
        first_sent_at=at,
        last_sent_at=at,
    )


def of_transfer(transfer: Transfer, *, at: datetime) -> Order:
    return Order(
        subject=Subject.TRANSFER,
        reference=transfer.reference,
        tenant_id=transfer.tenant_id,
        currency=transfer.amount.currency,
        minor=transfer.amount.minor,
        token=transfer.payee,
        description=transfer.description,
        charge=transfer.charge,
        first_sent_at=at,
        last_sent_at=at,
    )


def of_refund(charge: Order, *, refund: UUID, amount: Money, at: datetime) -> Order:
    return Order(
        subject=Subject.REFUND,
        reference=refund,
        tenant_id=charge.tenant_id,
        currency=amount.currency,
        minor=amount.minor,
        charge=charge.reference,
        first_sent_at=at,
        last_sent_at=at,
    )


def of_reversal(transfer: Order, *, reversal: UUID, amount: Money, at: datetime) -> Order:
    return Order(
        subject=Subject.TRANSFER_REVERSAL,
        reference=reversal,
        tenant_id=transfer.tenant_id,
        currency=amount.currency,
        minor=amount.minor,
        charge=transfer.reference,
        first_sent_at=at,
        last_sent_at=at,
    )


def of_void(reference: UUID, *, at: datetime) -> Order:
    """It does not say in what money the charge would have been."""
    return Order(
        subject=Subject.CHARGE,
        reference=reference,
        tenant_id=NOBODY,
        currency=min(EXPONENTS),
        minor=0,
        first_sent_at=at,
        last_sent_at=at,
        voided=True,
    )


@dataclass(frozen=True, slots=True)
class Orders:
    shelf: Shelf

    async def find(self, reference: UUID) -> Order | None:
        return await self.kept(Order, reference)

    async def kept(self, kind: type[K], reference: UUID) -> K | None:
        document = await self.shelf.fetch(shelf=kind.SHELF, key=str(reference))
        return None if document is None else msgspec.json.decode(document.body, type=kind)

    async def place(self, order: K) -> tuple[K, bool]:
        """
        The order as it stands, and whether it is new. Raises Invalid for a reference of another order.

        What was called back before it came is kept as what it would have been.
        """
        key, first = (order.SHELF, str(order.reference)), (FIRSTS, str(order.tenant_id))

        def decide(found: Found) -> tuple[tuple[K, bool], tuple[Document, ...]]:
            if key not in found:
                return (order, True), (_document(order), *(() if first in found else (_first(order),)))
            standing = msgspec.json.decode(found[key].body, type=type(order))
            if standing.tenant_id == NOBODY and _may_be_called_back(order):
                late = replace(order, voided=True)
                return (late, False), (_document(late),)
            _check_same(standing, order)
            return (standing, False), ()

        return await self.shelf.change([key, first], decide)

    async def void(self, order: K) -> K:
        """That the reference shall never be charged or kept; what stands already stands."""
        return await self._change(order, lambda standing: order if standing is None else standing)

    async def amend(self, order: K, change: Callable[[K], K]) -> K:
        """What is known of an order that stands."""
        return await self._change(order, lambda standing: change(standing or order))

    async def first_sent_at(self, tenant_id: UUID) -> datetime | None:
        """When the tenant's first order went out; None where none has."""
        document = await self.shelf.fetch(shelf=FIRSTS, key=str(tenant_id))
        return None if document is None else msgspec.json.decode(document.body, type=datetime)

    async def _change(self, order: K, decide: Callable[[K | None], K]) -> K:
        key = (order.SHELF, str(order.reference))

        def decided(found: Found) -> tuple[K, tuple[Document, ...]]:
            before = msgspec.json.decode(found[key].body, type=type(order)) if key in found else None
            after = decide(before)
            return after, () if after == before else (_document(after),)

        return await self.shelf.change([key], decided)


def _may_be_called_back(order: Kept) -> bool:
    return not isinstance(order, Order) or order.subject is Subject.CHARGE


def _check_same(standing: Kept, asked: Kept) -> None:
    """A repeat must repeat: the same reference for anything else is a mistake that would hide an order."""
    if _terms(standing) != _terms(asked):
        raise Invalid("reference", f"{asked.reference} was used for another order")


def _terms(order: Kept) -> tuple[object, ...]:
    return tuple(getattr(order, name) for name in order.TERMS)


def _first(order: Kept) -> Document:
    body = msgspec.json.encode(order.first_sent_at)
    return Document(shelf=FIRSTS, key=str(order.tenant_id), tenant_id=order.tenant_id, body=body)


def _document(order: Kept) -> Document:
    body = msgspec.json.encode(order)
    return Document(shelf=order.SHELF, key=str(order.reference), tenant_id=order.tenant_id, body=body)
