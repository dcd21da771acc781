"""What was sent to Stripe stands on a shelf before it is sent, so that a doubt knows where to look."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import msgspec

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import EXPONENTS, Money
from marketplace.ports.payments import Charge, Subject, Transfer
from marketplace.ports.shelf import Document, Found, Shelf

ORDERS, FIRSTS = "stripe.order", "stripe.first"
NOBODY = UUID(int=0)  # the tenant of a void that came before its charge


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """
    One reference of ours; `token` is the method or the payee, `charge` what a refund gives back of.

    `tries` counts the keys that Stripe has used up with an answer that says nothing. `rail_id` is the object
    at Stripe, once we know it; `voided` that there shall be none.
    """

    subject: Subject
    reference: UUID
    tenant_id: UUID
    currency: str
    minor: int
    token: str = ""
    hold: bool = False
    description: str = ""
    charge: UUID | None = None
    first_sent_at: datetime
    last_sent_at: datetime
    tries: int = 1
    rail_id: str | None = None
    voided: bool = False

    @property
    def amount(self) -> Money:
        return Money(self.minor, self.currency)

    def key(self, step: str) -> str:
        """The idempotency key of a step: the same until Stripe has answered it in vain."""
        return f"{self.reference}/{step}/{self.tries}"


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
        document = await self.shelf.fetch(shelf=ORDERS, key=str(reference))
        return None if document is None else _DECODER.decode(document.body)

    async def place(self, order: Order) -> tuple[Order, bool]:
        """
        The order as it stands, and whether it is new. Raises Invalid for a reference of another order.

        A charge that was voided before it came is kept as what it would have been.
        """
        key, first = (ORDERS, str(order.reference)), (FIRSTS, str(order.tenant_id))

        def decide(found: Found) -> tuple[tuple[Order, bool], tuple[Document, ...]]:
            if key not in found:
                return (order, True), (_document(order), *(() if first in found else (_first(order),)))
            standing = _DECODER.decode(found[key].body)
            if standing.tenant_id == NOBODY and order.subject is Subject.CHARGE:
                late = replace(order, voided=True)
                return (late, False), (_document(late),)
            _check_same(standing, order)
            return (standing, False), ()

        return await self.shelf.change([key, first], decide)

    async def void(self, order: Order) -> Order:
        """That the reference shall never be charged; what stands already stands."""
        return await self._change(order.reference, lambda standing: order if standing is None else standing)

    async def amend(self, order: Order, change: Callable[[Order], Order]) -> Order:
        """What is known of an order that stands."""
        return await self._change(order.reference, lambda standing: change(standing or order))

    async def first_sent_at(self, tenant_id: UUID) -> datetime | None:
        """When the tenant's first order went out; None where none has."""
        document = await self.shelf.fetch(shelf=FIRSTS, key=str(tenant_id))
        return None if document is None else msgspec.json.decode(document.body, type=datetime)

    async def _change(self, reference: UUID, decide: Callable[[Order | None], Order]) -> Order:
        key = (ORDERS, str(reference))

        def decided(found: Found) -> tuple[Order, tuple[Document, ...]]:
            before = _DECODER.decode(found[key].body) if key in found else None
            after = decide(before)
            return after, () if after == before else (_document(after),)

        return await self.shelf.change([key], decided)


def _check_same(standing: Order, asked: Order) -> None:
    """A repeat must repeat: the same reference for anything else is a mistake that would hide an order."""
    if _terms(standing) != _terms(asked):
        raise Invalid("reference", f"{asked.reference} was used for another order")


def _terms(order: Order) -> tuple[object, ...]:
    return (order.subject, order.tenant_id, order.amount, order.token, order.hold, order.charge)


def _first(order: Order) -> Document:
    body = msgspec.json.encode(order.first_sent_at)
    return Document(shelf=FIRSTS, key=str(order.tenant_id), tenant_id=order.tenant_id, body=body)


def _document(order: Order) -> Document:
    body = msgspec.json.encode(order)
    return Document(shelf=ORDERS, key=str(order.reference), tenant_id=order.tenant_id, body=body)


_DECODER = msgspec.json.Decoder(Order)
