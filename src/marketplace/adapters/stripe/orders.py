"""What is sent to Stripe is tried under keys of its own, which Stripe may use up with answers in vain."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Self, TypeVar
from uuid import UUID

import msgspec

from marketplace.adapters import orders
from marketplace.adapters.orders import NOBODY, Placed
from marketplace.core.shared.money import EXPONENTS, Money
from marketplace.ports.payments import Charge, Subject, Transfer
from marketplace.ports.shelf import Document, Shelf

ORDERS, FIRSTS = "stripe.order", "stripe.first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Placed):
    """
    What is sent under one reference of ours.

    `tries` counts the keys that Stripe has used up with an answer that says nothing. `rail_id` is the object
    at Stripe, once we know it; `voided` that there shall be none.
    """

    first_sent_at: datetime
    last_sent_at: datetime
    tries: int = 1
    rail_id: str | None = None
    voided: bool = False

    def key(self, step: str) -> str:
        """The idempotency key of a step: the same until Stripe has answered it in vain."""
        return f"{self.reference}/{step}/{self.tries}"

    def called_back(self) -> "Self | None":
        return replace(self, voided=True)


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

    def called_back(self) -> "Order | None":
        """Of money, charges alone are."""
        return replace(self, voided=True) if self.subject is Subject.CHARGE else None


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
    """With the first order of each tenant, from which on Stripe's statement is of it."""

    shelf: Shelf

    async def find(self, reference: UUID) -> Order | None:
        return await self.kept(Order, reference)

    async def kept(self, kind: type[K], reference: UUID) -> K | None:
        return await orders.find(self.shelf, kind, reference)

    async def place(self, order: K) -> tuple[K, bool]:
        """The order as it stands, and whether it is new. Raises Invalid for a reference of another order."""
        return await orders.place(self.shelf, order, beside=(_first(order),))

    async def void(self, order: K) -> K:
        """That the reference shall never be charged or kept; what stands already stands."""
        return await orders.change(
            self.shelf, type(order), order.reference, lambda standing: order if standing is None else standing
        )

    async def amend(self, order: K, change: Callable[[K], K]) -> K:
        """What is known of an order that stands."""
        return await orders.amend(self.shelf, order, change)

    async def first_sent_at(self, tenant_id: UUID) -> datetime | None:
        """When the tenant's first order went out; None where none has."""
        document = await self.shelf.fetch(shelf=FIRSTS, key=str(tenant_id))
        return None if document is None else msgspec.json.decode(document.body, type=datetime)


def _first(order: Kept) -> Document:
    body = msgspec.json.encode(order.first_sent_at)
    return Document(shelf=FIRSTS, key=str(order.tenant_id), tenant_id=order.tenant_id, body=body)
