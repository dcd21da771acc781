"""A reference stands for one order for ever, and no request takes or gives back more than is there."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from marketplace.adapters.sandbox.books import Orders
from marketplace.adapters.sandbox.orders import (
    Kind,
    Order,
    acted_on,
    action_failed,
    cancelled,
    captured,
    late_charge,
    placed_charge,
    placed_refund,
    placed_reversal,
    placed_transfer,
    tombstone,
    with_evidence,
)
from marketplace.adapters.sandbox.tokens import WEEK_SECONDS
from marketplace.adapters.sandbox.webhooks import Clock
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import EXPONENTS, Money
from marketplace.ports.payments import Charge, Report, Standing, Subject, Transfer

_VOIDABLE = frozenset({Standing.NEEDS_ACTION, Standing.PENDING, Standing.AUTHORISED})
_CONTESTED = frozenset({Standing.DISPUTED, Standing.WON, Standing.LOST, Standing.RETURNED})
_ANY_CURRENCY = min(EXPONENTS)  # a void doesn't say in what money the charge would have been


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveBack:
    """A request for part of the charge `charge`, under the reference `refund`."""

    charge: UUID
    refund: UUID
    amount: Money


def collect(
    orders: Orders, *, charge: Charge, token: str, now: datetime, hold_seconds_max: int = WEEK_SECONDS
) -> tuple[Order, ...]:
    order = orders.get(charge.reference)
    if order is None:
        return (placed_charge(charge, token=token, now=now, hold_seconds_max=hold_seconds_max),)
    if order.kind is Kind.VOIDED:
        return (late_charge(charge, token=token, now=now),)
    _check_same(order, Kind.CHARGE, charge.tenant_id, charge.amount, (charge.method, charge.hold))
    return (order,)


def release(orders: Orders, *, transfer: Transfer, token: str, now: datetime) -> tuple[Order, ...]:
    order = orders.get(transfer.reference)
    if order is None:
        charge = None if transfer.charge is None else _charge_paying(orders, transfer, transfer.charge)
        return placed_transfer(transfer, token=token, now=now, charge=charge)
    _check_same(order, Kind.TRANSFER, transfer.tenant_id, transfer.amount, (transfer.payee, False))
    if order.charge != transfer.charge:
        raise Invalid("reference", f"{order.reference} was used for another order")
    return (order,)


def _charge_paying(orders: Orders, transfer: Transfer, reference: UUID) -> Order:
    """Of one charge no more is paid out than was taken."""
    charge = known(orders, reference, kind=Kind.CHARGE)
    if charge.tenant_id != transfer.tenant_id:
        raise Invalid("charge", f"the sandbox has no charge {reference} of this marketplace")
    _check_amount(transfer.amount, charge, up_to_minor=charge.captured_minor - charge.transferred_minor)
    return charge


def capture(orders: Orders, *, reference: UUID, amount: Money, clock: Clock) -> tuple[Order, ...]:
    order = known(orders, reference, kind=Kind.CHARGE)
    if order.captured_minor:
        if Money(order.captured_minor, order.currency) != amount:
            raise Invalid("amount", "another amount has been captured", f"{order.captured_minor}")
        return (order,)
    _check_amount(amount, order, up_to_minor=order.minor)
    if order.standing is not Standing.AUTHORISED:
        return (order,)
    return (captured(order, minor=amount.minor, now=clock(order.tenant_id)),)


def void(orders: Orders, *, reference: UUID, clock: Clock) -> tuple[Order, ...]:
    order = orders.get(reference)
    if order is None:
        return (tombstone(reference, currency=_ANY_CURRENCY),)
    if order.kind not in {Kind.CHARGE, Kind.VOIDED}:
        raise Invalid("reference", f"is a {order.kind}", "a charge")
    if order.kind is Kind.VOIDED or order.standing not in _VOIDABLE or _has_gone(order):
        return (order,)
    return (cancelled(order, now=clock(order.tenant_id)),)


def _has_gone(order: Order) -> bool:
    return order.standing is Standing.PENDING and not order.behaviour.voidable


def refund(orders: Orders, *, wanted: GiveBack, token: str | None, clock: Clock) -> tuple[Order, ...]:
    """`token` is the one by which the refund behaves, if it is not the charge's."""
    charge = known(orders, wanted.charge, kind=Kind.CHARGE)
    order = orders.get(wanted.refund)
    if order is not None:
        _check_same(order, Kind.REFUND, charge.tenant_id, wanted.amount, (charge.asked, False))
        if order.charge != wanted.charge:
            raise Invalid("refund", "was used for another charge")
        return (order,)
    _check_amount(wanted.amount, charge, up_to_minor=charge.left_minor)
    return placed_refund(
        charge,
        refund=wanted.refund,
        minor=wanted.amount.minor,
        token=token or charge.token,
        now=clock(charge.tenant_id),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBack:
    """A request for part of the transfer `transfer`, under the reference `reversal`."""

    transfer: UUID
    reversal: UUID
    amount: Money


def claw_back(orders: Orders, *, wanted: TakeBack, clock: Clock) -> tuple[Order, ...]:
    transfer = known(orders, wanted.transfer, kind=Kind.TRANSFER)
    order = orders.get(wanted.reversal)
    if order is not None:
        terms = (transfer.asked, False)
        _check_same(order, Kind.TRANSFER_REVERSAL, transfer.tenant_id, wanted.amount, terms)
        if order.charge != wanted.transfer:
            raise Invalid("reversal", "was used for another transfer")
        return (order,)
    there = transfer.minor - transfer.reversed_minor if transfer.standing is Standing.SUCCEEDED else 0
    _check_amount(wanted.amount, transfer, up_to_minor=there)
    now = clock(transfer.tenant_id)
    return placed_reversal(transfer, reversal=wanted.reversal, minor=wanted.amount.minor, now=now)


def take_evidence(orders: Orders, *, reference: UUID, text: str, clock: Clock) -> tuple[Order, ...]:
    order = known(orders, reference, kind=Kind.CHARGE)
    if order.standing in {Standing.WON, Standing.LOST}:
        return (order,)
    if order.standing is not Standing.DISPUTED:
        raise Invalid("reference", f"is {order.standing}", "a charge that is disputed")
    if order.evidence is not None:
        return (replace(order, evidence=text),)
    return (with_evidence(order, text=text, now=clock(order.tenant_id)),)


def complete_action(orders: Orders, *, reference: UUID, clock: Clock) -> tuple[Order, ...]:
    order = known(orders, reference, kind=Kind.CHARGE)
    waits = order.standing is Standing.NEEDS_ACTION
    return (acted_on(order, now=clock(order.tenant_id)) if waits else order,)


def fail_action(orders: Orders, *, reference: UUID, clock: Clock) -> tuple[Order, ...]:
    order = known(orders, reference, kind=Kind.CHARGE)
    waits = order.standing is Standing.NEEDS_ACTION
    return (action_failed(order, now=clock(order.tenant_id)) if waits else order,)


def known(orders: Orders, reference: UUID, *, kind: Kind) -> Order:
    order = orders.get(reference)
    if order is None or order.kind is not kind:
        raise Invalid("reference", f"the sandbox has no {kind} {reference}")
    return order


def check_positive(amount: Money) -> None:
    if amount.minor <= 0:
        raise Invalid("amount", "must be more than nothing", "1 and more")


def report(order: Order) -> Report:
    """`amount` is what the standing is about: ordered or held, then captured, then contested."""
    minor = order.minor
    if order.kind is Kind.CHARGE and order.standing is Standing.SUCCEEDED:
        minor = order.captured_minor
    elif order.kind is Kind.CHARGE and order.standing in _CONTESTED:
        minor = order.contested_minor
    acts = order.standing is Standing.NEEDS_ACTION
    return Report(
        reference=order.reference,
        rail_reference=f"sandbox_{order.kind}_{order.reference.hex}",
        standing=order.standing,
        amount=Money(minor, order.currency),
        # What was voided before it came would have been a charge.
        subject=Subject.CHARGE if order.kind is Kind.VOIDED else Subject(order.kind),
        failure=order.failure,
        next_action=f"/v1/sandbox/payments/{order.reference}/action" if acts else None,
        hold_until=order.hold_until if order.standing is Standing.AUTHORISED else None,
    )


def _check_amount(amount: Money, charge: Order, *, up_to_minor: int) -> None:
    if amount.currency != charge.currency:
        raise Invalid("currency", f"is {amount.currency}", charge.currency)
    if amount.minor > up_to_minor:
        raise Invalid("amount", f"{amount.minor} is more than there is", f"1 to {up_to_minor}")


def _check_same(order: Order, kind: Kind, tenant_id: UUID, amount: Money, terms: tuple[str, bool]) -> None:
    """A repeat must repeat: the same reference for anything else is a mistake that would hide an order."""
    asked = (kind, tenant_id, amount, terms)
    if (order.kind, order.tenant_id, Money(order.minor, order.currency), (order.asked, order.hold)) != asked:
        raise Invalid("reference", f"{order.reference} was used for another order")
