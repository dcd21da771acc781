"""What is ordered of Stitch waits for its file, and what a file says of it is written beside it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import ClassVar, TypeVar
from uuid import UUID

from marketplace.adapters import orders
from marketplace.adapters.orders import NOBODY, Placed, key_of, order_of
from marketplace.adapters.stitch.amounts import CURRENCY
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Charge, Report, Standing, Subject, Transfer
from marketplace.ports.shelf import Document, Found, Key, Shelf

REVOKED = "method_revoked"

# Later news never undoes what is further on, in whatever order files come: a debit that was paid may be
# returned unpaid, and one that failed may yet be paid while its bank tracks the account.
_FURTHER: Mapping[Standing, int] = MappingProxyType(
    {Standing.PENDING: 0, Standing.FAILED: 1, Standing.SUCCEEDED: 2, Standing.RETURNED: 3}
)

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Placed):
    """
    One reference of ours; `token` is the method or the payee, `setup` the saved method that it is of.

    `due_at` is when it goes into a file, until it is in `batch`. `standing` is what files told, and
    `debit_on` the day that the bank has said. What is asked over HTTP is not kept but for its `rail_id`.
    """

    SHELF: ClassVar[str] = "stitch.order"
    TERMS: ClassVar[tuple[str, ...]] = ("subject", "tenant_id", "amount", "token", "hold")

    subject: Subject
    minor: int
    token: str
    description: str
    first_sent_at: datetime
    last_sent_at: datetime
    hold: bool = False
    setup: UUID | None = None
    currency: str = CURRENCY
    due_at: datetime | None = None
    batch: str | None = None
    standing: Standing = Standing.PENDING
    failure: str | None = None
    debit_on: date | None = None
    rail_id: str | None = None
    voided: bool = False

    @property
    def found_by(self) -> str:
        return str(self.subject)

    @property
    def amount(self) -> Money:
        return Money(self.minor, self.currency)

    @property
    def nonce(self) -> str:
        """By this Stitch knows a repeat, and EXTERNAL_COLLECTION_REFERENCE leads back to the order."""
        return self.reference.hex

    @property
    def external_reference(self) -> str:
        """It comes back with webhooks, which say whose news they bring by nothing else."""
        return f"marketplace:{self.subject}:{self.tenant_id}:{self.reference}"

    def called_back(self) -> "Order | None":
        return replace(self, voided=True, due_at=None) if self.subject is Subject.CHARGE else None


def of_charge(charge: Charge, *, at: datetime, due_at: datetime | None) -> Order:
    return Order(
        subject=Subject.CHARGE,
        reference=charge.reference,
        tenant_id=charge.tenant_id,
        minor=charge.amount.minor,
        currency=charge.amount.currency,
        token=charge.method,
        hold=charge.hold,
        setup=charge.setup,
        description=charge.description,
        first_sent_at=at,
        last_sent_at=at,
        due_at=due_at,
    )


def of_transfer(transfer: Transfer, *, at: datetime) -> Order:
    return Order(
        subject=Subject.TRANSFER,
        reference=transfer.reference,
        tenant_id=transfer.tenant_id,
        minor=transfer.amount.minor,
        currency=transfer.amount.currency,
        token=transfer.payee,
        description=transfer.description,
        first_sent_at=at,
        last_sent_at=at,
    )


def of_void(reference: UUID, *, at: datetime) -> Order:
    return Order(
        subject=Subject.CHARGE,
        reference=reference,
        tenant_id=NOBODY,
        minor=0,
        token="",
        description="",
        first_sent_at=at,
        last_sent_at=at,
        voided=True,
    )


def told(order: Order, standing: Standing, *, failure: str | None = None) -> Order:
    """The order with news of a file; of a voided one too, as then money moved that should not have."""
    if _FURTHER[standing] <= _FURTHER[order.standing]:
        return order
    return replace(order, standing=standing, failure=failure, voided=False)


def refused_by_us(order: Order) -> Order:
    """Its method was revoked here: it is never sent, and Stitch never hears of it."""
    return told(replace(order, due_at=None), Standing.FAILED, failure=REVOKED)


def report_of(order: Order) -> Report:
    """Of an order that goes by file, or of one that was called back."""
    return Report(
        reference=order.reference,
        rail_reference=order.rail_id or order.batch or f"order_{order.reference.hex}",
        standing=Standing.CANCELLED if order.voided else order.standing,
        amount=order.amount,
        subject=order.subject,
        failure="voided" if order.voided else order.failure,
    )


@dataclass(frozen=True, slots=True)
class Orders:
    shelf: Shelf

    async def find(self, reference: UUID) -> Order | None:
        return await orders.find(self.shelf, Order, reference)

    async def place(self, order: Order) -> tuple[Order, bool]:
        """The order as it stands, and whether it is new. Raises Invalid for a reference of another order."""
        return await orders.place(self.shelf, order)

    async def void(self, reference: UUID, *, at: datetime) -> Order:
        """That the reference shall never be charged; one that waits for a file leaves the line."""

        def decide(standing: Order | None) -> Order:
            if standing is None:
                return of_void(reference, at=at)
            waits = standing.due_at is not None
            return replace(standing, voided=True, due_at=None) if waits else standing

        return await orders.change(self.shelf, Order, reference, decide)

    async def amend(self, order: Order, change: Callable[[Order], Order]) -> Order:
        """What is known of an order that stands."""
        return await orders.amend(self.shelf, order, change)

    async def change_all(
        self,
        references: Sequence[UUID],
        others: Sequence[Key],
        decide: Callable[[Found], tuple[R, Sequence[Document]]],
    ) -> R:
        """Several orders, and what else stands on the shelf, in one go."""
        return await self.shelf.change([*(key_of(Order, one) for one in references), *others], decide)

    async def waiting(self, *, at: datetime, limit: int) -> list[Order]:
        """Those whose file is due, of every tenant."""
        found: list[Order] = []
        for tenant_id in await self.shelf.tenants_waiting(shelf=Order.SHELF):
            left = limit - len(found)
            due = await self.shelf.due(shelf=Order.SHELF, tenant_id=tenant_id, at=at, limit=left)
            found += (order_of(document, Order) for document in due)
            if len(found) >= limit:
                break
        return found
