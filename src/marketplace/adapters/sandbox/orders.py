"""An order is what the vendor was asked for, as a charge or a transfer; it moves by its token and by time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from marketplace.adapters.orders import NOBODY
from marketplace.adapters.sandbox.tokens import (
    SOON_SECONDS,
    SUCCEEDS,
    TOKENS,
    WEEK_SECONDS,
    Step,
    TokenBehaviour,
)
from marketplace.core.shared.money import share_minor
from marketplace.ports.payments import Charge, Standing, Transfer

EVIDENCE_DAYS = 7


class Kind(StrEnum):
    """`VOIDED` is a tombstone: a void came for a reference that no charge has come for yet."""

    CHARGE = "charge"
    REFUND = "refund"
    TRANSFER = "transfer"
    TRANSFER_REVERSAL = "transfer_reversal"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One step of an order's history, and what it moved on the tenant's balance with the vendor."""

    at: datetime
    standing: Standing
    moved_minor: int
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """
    `asked` is the token that came with the order, `token` the one by which it behaves.

    `refunded_minor` counts pending refunds too; `contested_minor` is what a dispute or a return took back,
    `transferred_minor` what was paid to providers from this charge, and `reversed_minor` what was taken back
    of this transfer. `charge` is what a refund gives back of, a transfer is paid from, or a reversal takes
    back.
    """

    kind: Kind
    reference: UUID
    tenant_id: UUID
    currency: str
    minor: int
    asked: str
    token: str
    hold: bool = False
    description: str = ""
    charge: UUID | None = None
    standing: Standing = Standing.CANCELLED
    failure: str | None = None
    step: int = 0
    due_at: datetime | None = None
    hold_until: datetime | None = None
    hold_seconds_max: int = WEEK_SECONDS
    captured_minor: int = 0
    refunded_minor: int = 0
    refunds_failed: int = 0
    transferred_minor: int = 0
    reversed_minor: int = 0
    contested_minor: int = 0
    evidence: str | None = None
    history: tuple[Entry, ...] = ()

    @property
    def behaviour(self) -> TokenBehaviour:
        return TOKENS[self.token]

    @property
    def path(self) -> tuple[Step, ...]:
        match self.kind:
            case Kind.REFUND:
                return self.behaviour.refund_path
            case Kind.TRANSFER_REVERSAL:
                return SUCCEEDS
            case _:
                return self.behaviour.path

    @property
    def left_minor(self) -> int:
        """What of a charge is neither refunded, nor about to be, nor contested."""
        if self.standing not in {Standing.SUCCEEDED, Standing.WON, Standing.LOST}:
            return 0
        lost_minor = self.contested_minor if self.standing is Standing.LOST else 0
        return self.captured_minor - self.refunded_minor - lost_minor

    @property
    def moved_minor(self) -> int:
        return sum(entry.moved_minor for entry in self.history)


# How a step moves the tenant's balance: +1 or -1 times the field named.
_MOVES: Mapping[tuple[Kind, Standing], tuple[int, str]] = MappingProxyType(
    {
        (Kind.CHARGE, Standing.SUCCEEDED): (1, "captured_minor"),
        (Kind.CHARGE, Standing.DISPUTED): (-1, "contested_minor"),
        (Kind.CHARGE, Standing.RETURNED): (-1, "contested_minor"),
        (Kind.CHARGE, Standing.WON): (1, "contested_minor"),
        (Kind.REFUND, Standing.SUCCEEDED): (-1, "minor"),
        (Kind.TRANSFER, Standing.SUCCEEDED): (-1, "minor"),
        (Kind.TRANSFER, Standing.RETURNED): (1, "minor"),
        (Kind.TRANSFER_REVERSAL, Standing.SUCCEEDED): (1, "minor"),
    }
)
_CONTESTS = frozenset({Standing.DISPUTED, Standing.RETURNED})


def tombstone(reference: UUID, *, currency: str) -> Order:
    nothing = {"minor": 0, "asked": "", "token": "tok_success", "failure": "voided"}
    return Order(kind=Kind.VOIDED, reference=reference, tenant_id=NOBODY, currency=currency, **nothing)  # type: ignore[arg-type]


def placed_charge(charge: Charge, *, token: str, now: datetime, hold_seconds_max: int) -> Order:
    order = replace(_charge(charge, token), hold_seconds_max=hold_seconds_max)
    return _enter(order, order.path[0], at=now)


def late_charge(charge: Charge, *, token: str, now: datetime) -> Order:
    """A charge for which the void came first: it is cancelled before it moves anything."""
    return _enter(_charge(charge, token), Step(Standing.CANCELLED, failure="voided"), at=now)


def placed_transfer(
    transfer: Transfer, *, token: str, now: datetime, charge: Order | None
) -> tuple[Order, ...]:
    """The transfer, and the charge that it is paid from, where it is from one."""
    order = Order(
        kind=Kind.TRANSFER,
        reference=transfer.reference,
        tenant_id=transfer.tenant_id,
        currency=transfer.amount.currency,
        minor=transfer.amount.minor,
        asked=transfer.payee,
        token=token,
        description=transfer.description,
        charge=transfer.charge,
    )
    entered = _enter(order, order.path[0], at=now)
    if charge is None or entered.standing is Standing.FAILED:
        return (entered,)
    return entered, replace(charge, transferred_minor=charge.transferred_minor + order.minor)


def placed_refund(
    charge: Order, *, refund: UUID, minor: int, token: str, now: datetime
) -> tuple[Order, Order]:
    """The refund, and the charge that it lessens; a refund that fails gives the charge its money back."""
    order = Order(
        kind=Kind.REFUND,
        reference=refund,
        tenant_id=charge.tenant_id,
        currency=charge.currency,
        minor=minor,
        asked=charge.asked,
        token=token,
        charge=charge.reference,
    )
    if charge.refunds_failed < order.behaviour.refunds_failing:
        failed = _enter(order, Step(Standing.FAILED, failure="refund_failed"), at=now)
        return failed, replace(charge, refunds_failed=charge.refunds_failed + 1)
    return _enter(order, order.path[0], at=now), replace(charge, refunded_minor=charge.refunded_minor + minor)


def placed_reversal(transfer: Order, *, reversal: UUID, minor: int, now: datetime) -> tuple[Order, Order]:
    """The reversal, and the transfer that it takes back of: no bank returns that one any more."""
    order = Order(
        kind=Kind.TRANSFER_REVERSAL,
        reference=reversal,
        tenant_id=transfer.tenant_id,
        currency=transfer.currency,
        minor=minor,
        asked=transfer.asked,
        token=transfer.token,
        charge=transfer.reference,
    )
    lessened = replace(transfer, reversed_minor=transfer.reversed_minor + minor, due_at=None)
    return _enter(order, order.path[0], at=now), lessened


def advanced(order: Order, *, now: datetime) -> Order:
    """The order after everything that the time has brought it by now."""
    while order.due_at is not None and order.due_at <= now:
        order = _due_step(order, at=order.due_at)
    return order


def hurried(order: Order, *, now: datetime) -> Order:
    """The order after what waits next for it, as if its time had come."""
    return order if order.due_at is None else _due_step(order, at=now)


def with_undone(charge: Order, order: Order) -> Order:
    """The charge with what a refund of it, or a transfer from it, has not taken after all."""
    if order.kind is Kind.REFUND:
        return replace(charge, refunded_minor=charge.refunded_minor - order.minor)
    return replace(charge, transferred_minor=charge.transferred_minor - order.minor)


def captured(order: Order, *, minor: int, now: datetime) -> Order:
    """The rest of a hold, if not all is captured, is let go."""
    return _enter(replace(order, captured_minor=minor), Step(Standing.SUCCEEDED), at=now)


def cancelled(order: Order, *, now: datetime) -> Order:
    return _enter(order, Step(Standing.CANCELLED, failure="voided"), at=now)


def acted_on(order: Order, *, now: datetime) -> Order:
    return _enter(order, Step(Standing.SUCCEEDED), at=now)


def action_failed(order: Order, *, now: datetime) -> Order:
    return _enter(order, Step(Standing.FAILED, failure="authentication_failed"), at=now)


def with_evidence(order: Order, *, text: str, now: datetime) -> Order:
    return replace(order, evidence=text, due_at=now + timedelta(seconds=SOON_SECONDS))


def _charge(charge: Charge, token: str) -> Order:
    return Order(
        kind=Kind.CHARGE,
        reference=charge.reference,
        tenant_id=charge.tenant_id,
        currency=charge.amount.currency,
        minor=charge.amount.minor,
        asked=charge.method,
        token=token,
        hold=charge.hold,
        description=charge.description,
    )


def _enter(order: Order, step: Step, *, at: datetime) -> Order:
    standing = _standing(order, step.standing)
    order = _counted(replace(order, standing=standing, failure=step.failure), standing, at=at)
    entry = Entry(at=at, standing=standing, moved_minor=_moved_minor(order), failure=step.failure)
    return replace(order, history=(*order.history, entry), due_at=_due_at(order, at=at))


def _moved_minor(order: Order) -> int:
    """A refund that fails brings back what it took, which is nothing where it was pending."""
    if (order.kind, order.standing) == (Kind.REFUND, Standing.FAILED):
        return -order.moved_minor
    sign, field = _MOVES.get((order.kind, order.standing), (0, "minor"))
    moved_minor: int = sign * getattr(order, field)
    return moved_minor


def _standing(order: Order, wanted: Standing) -> Standing:
    held = order.kind is Kind.CHARGE and order.hold and not order.captured_minor
    return Standing.AUTHORISED if held and wanted is Standing.SUCCEEDED else wanted


def _counted(order: Order, standing: Standing, *, at: datetime) -> Order:
    if order.kind is not Kind.CHARGE:
        return order
    if standing is Standing.AUTHORISED:
        held_seconds = min(order.behaviour.hold_seconds, order.hold_seconds_max)
        return replace(order, hold_until=at + timedelta(seconds=held_seconds))
    if standing is Standing.SUCCEEDED and not order.captured_minor:
        return replace(order, captured_minor=order.minor)
    if standing in _CONTESTS:
        there, part = order.captured_minor - order.refunded_minor, order.behaviour.contested_basis_points
        return replace(order, contested_minor=share_minor(minor=there, basis_points=part))
    return order


def _due_at(order: Order, *, at: datetime) -> datetime | None:
    if order.standing is Standing.AUTHORISED:
        return order.hold_until
    if order.standing is Standing.DISPUTED:
        return at + timedelta(days=EVIDENCE_DAYS)
    goes_on = order.standing in {Standing.PENDING, Standing.SUCCEEDED} and order.step + 1 < len(order.path)
    return at + timedelta(seconds=order.path[order.step + 1].after_seconds) if goes_on else None


def _due_step(order: Order, *, at: datetime) -> Order:
    if order.standing is Standing.AUTHORISED:
        return _enter(order, Step(Standing.CANCELLED, failure="hold_expired"), at=at)
    if order.standing is Standing.DISPUTED:
        won = order.evidence is not None and order.behaviour.evidence_wins
        return _enter(order, Step(Standing.WON if won else Standing.LOST), at=at)
    step = order.path[order.step + 1]
    order = replace(order, step=order.step + 1, due_at=None)
    nothing_left = order.kind is Kind.CHARGE and step.standing in _CONTESTS and not order.left_minor
    return order if nothing_left else _enter(order, step, at=at)
