"""What the rail says becomes what we know: each report moves a payment or refund forward, or not at all."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from marketplace.core.ledger.movement import (
    DISPUTE_HOLD,
    REFUNDS_PAYABLE,
    Origin,
    balanced,
    customer_funds,
    psp_clearing,
)
from marketplace.core.payments.payment import OPEN, Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.refund import Refund
from marketplace.core.shared.aggregate import Changed, create, is_due, move
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.ids import derive
from marketplace.core.shared.roles import Role
from marketplace.core.shared.rules import AppendOnly, Rule, Unique
from marketplace.core.tenants.tenant import Call
from marketplace.ports.payments import Hint, Report, Standing
from marketplace.ports.storage import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPayment:
    """Bring a payment to what the rail reports."""

    report: Report


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRefund:
    """Bring a refund to what the rail reports of its last attempt."""

    refund_id: UUID
    report: Report


@dataclass(frozen=True, slots=True, kw_only=True)
class LosePayment:
    """The call ended in doubt: look it up, never send it again blindly."""

    payment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUpPayment:
    """The rail, asked again and again, never heard of this payment."""

    payment_id: UUID
    failure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpPayment:
    """Ask the rail again what became of a payment."""

    payment_id: UUID
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpRefund:
    """Ask the rail again what became of a refund."""

    refund_id: UUID
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRefund:
    """Send a failed refund once more, under a new reference."""

    refund_id: UUID
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HearHint:
    """A verified webhook; counts once, however often it comes."""

    rail: str
    hint: Hint


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorEvent:
    """A vendor's event that was heard; the key makes it count once."""

    RULES: ClassVar[tuple[Rule, ...]] = (Unique(("rail", "event_id")), AppendOnly())

    id: UUID
    tenant_id: UUID
    rail: str
    event_id: str
    reference: UUID
    subject: str
    at: datetime


# What a report may mean, best first: a rail can be more than one step ahead of what we know.
_STEPS: dict[Standing, tuple[str, ...]] = {
    Standing.NEEDS_ACTION: ("need_action",),
    Standing.PENDING: ("submit",),
    Standing.AUTHORISED: ("authorise",),
    Standing.SUCCEEDED: ("succeed",),
    Standing.FAILED: ("fail",),
    Standing.CANCELLED: ("cancel",),
    Standing.RETURNED: ("return", "succeed"),
    Standing.DISPUTED: ("dispute", "succeed"),
    Standing.WON: ("win", "dispute", "succeed"),
    Standing.LOST: ("lose", "dispute", "succeed"),
}


async def record_payment(command: RecordPayment, *, call: Call, work: Work) -> Payment:
    """Forward only: a report that is behind what we know changes nothing."""
    report = command.report
    payment = await work.get(Payment, report.reference)
    step = _step(payment, report.standing)
    if step is None:
        return payment
    changes: dict[str, Any] = {
        "rail_reference": report.rail_reference,
        "next_action": report.next_action,
        "failure": report.failure,
        "lookups": 0,
    }
    if step == "succeed":
        changes["captured_minor"] = _captured(payment, report)
    moved = work.save(move(payment, step, call, **changes))
    work.insert(*_postings(moved, step, call))
    return moved


def _step(payment: Payment, standing: Standing) -> str | None:
    table = payment.LIFECYCLE.table
    lawful = (name for name in _STEPS[standing] if (payment.state, name) in table)
    return next(lawful, None)


def _captured(payment: Payment, report: Report) -> int:
    if report.amount.currency != payment.currency or not 0 < report.amount.minor <= payment.amount_minor:
        raise Invalid("amount", f"the rail took {report.amount}", f"at most {payment.amount}")
    return report.amount.minor


def _postings(payment: Payment, step: str, call: Call) -> tuple[Any, ...]:
    """What a payment's step moves in the ledger, apart from what its booking decides."""
    clearing = psp_clearing(payment.rail)
    at_stake = payment.captured_minor - payment.refunded_minor
    amounts = {
        "succeed": {clearing: at_stake, customer_funds(payment.booking_id): -at_stake},
        "return": {DISPUTE_HOLD: at_stake, clearing: -at_stake},
        "dispute": {DISPUTE_HOLD: at_stake, clearing: -at_stake},
        "win": {clearing: at_stake, DISPUTE_HOLD: -at_stake},
    }.get(step)
    return () if amounts is None else balanced(origin(payment, f"payment_{step}", call), amounts)


def origin(subject: Payment | Refund, name: str, call: Call) -> Origin:
    return Origin(
        tenant_id=subject.tenant_id,
        name=name,
        subject_id=subject.id,
        booking_id=subject.booking_id,
        currency=subject.currency,
        at=call.at,
    )


async def record_refund(command: RecordRefund, *, call: Call, work: Work) -> Refund:
    refund = await work.get(Refund, command.refund_id)
    steps = {Standing.PENDING: "submit", Standing.SUCCEEDED: "succeed", Standing.FAILED: "fail"}
    step = steps.get(command.report.standing)
    stale = command.report.reference != refund_reference(refund)
    if step is None or stale or (refund.state, step) not in refund.LIFECYCLE.table:
        return refund
    moved = work.save(move(refund, step, call, failure=command.report.failure, lookups=0))
    if step == "succeed":
        amounts = {REFUNDS_PAYABLE: refund.amount_minor, psp_clearing(refund.rail): -refund.amount_minor}
        work.insert(*balanced(origin(moved, "refund_sent", call), amounts))
    return moved


async def lose_payment(command: LosePayment, *, call: Call, work: Work) -> Payment:
    payment = await work.get(Payment, command.payment_id)
    if (payment.state, "lose_track") not in payment.LIFECYCLE.table:
        return payment
    return work.save(move(payment, "lose_track", call))


async def give_up_payment(command: GiveUpPayment, *, call: Call, work: Work) -> Payment:
    """If the rail took the money after all, its late answer still counts and the money goes back."""
    payment = await work.get(Payment, command.payment_id)
    if payment.state not in OPEN | {PaymentState.VOIDING}:
        return payment
    step = "cancel" if payment.state == PaymentState.VOIDING else "fail"
    return work.save(move(payment, step, call, failure=command.failure))


async def look_up_payment(command: LookUpPayment, *, call: Call, work: Work) -> Payment:
    payment = await work.get(Payment, command.payment_id)
    if call.actor.role == Role.CLOCK and not is_due(payment, call):
        return payment
    return work.save(move(payment, "look_up", call, reason=command.reason, lookups=payment.lookups + 1))


async def look_up_refund(command: LookUpRefund, *, call: Call, work: Work) -> Refund:
    refund = await work.get(Refund, command.refund_id)
    if call.actor.role == Role.CLOCK and not is_due(refund, call):
        return refund
    return work.save(move(refund, "look_up", call, reason=command.reason, lookups=refund.lookups + 1))


async def retry_refund(command: RetryRefund, *, call: Call, work: Work) -> Refund:
    refund = await work.get(Refund, command.refund_id)
    again: dict[str, Any] = {"attempt": refund.attempt + 1, "lookups": 0}
    return work.save(move(refund, "retry", call, reason=command.reason, **again))


async def hear_hint(command: HearHint, *, call: Call, work: Work) -> VendorEvent:
    """Raises AlreadyThere for an event that was heard before."""
    heard = VendorEvent(
        id=derive(call.tenant_id, "vendor event", command.rail, command.hint.event_id),
        tenant_id=call.tenant_id,
        rail=command.rail,
        event_id=command.hint.event_id,
        reference=command.hint.reference,
        subject=command.hint.subject,
        at=call.at,
    )
    work.insert(heard)
    return heard


def refund_reference(refund: Refund) -> UUID:
    """Our reference at the rail for this attempt."""
    return refund.id if refund.attempt == 1 else derive(refund.id, refund.attempt)


def resolve(payment: Payment, *, refund_minor: int, release_minor: int, call: Call, work: Work) -> Payment:
    """
    Give back and release what a captured payment holds; each minor unit goes one way, once.

    The refund is promised in the ledger here; what is released is posted by whoever knows its shares.
    """
    if min(refund_minor, release_minor) < 0 or refund_minor + release_minor > payment.left_minor:
        raise Invalid("amount_minor", f"{refund_minor + release_minor}", f"at most {payment.left_minor}")
    totals: dict[str, Any] = {
        "refunded_minor": payment.refunded_minor + refund_minor,
        "released_minor": payment.released_minor + release_minor,
    }
    resolved = work.save(move(payment, "resolve", call, **totals))
    if refund_minor:
        refund = work.add(_requested(resolved, refund_minor, call))
        amounts = {customer_funds(payment.booking_id): refund_minor, REFUNDS_PAYABLE: -refund_minor}
        work.insert(*balanced(origin(refund, "refund_promised", call), amounts))
    return resolved


def _requested(payment: Payment, amount_minor: int, call: Call) -> Changed[Refund]:
    refund = Refund(
        id=derive(payment.id, "refund", payment.refunded_minor),
        tenant_id=payment.tenant_id,
        payment_id=payment.id,
        booking_id=payment.booking_id,
        customer_id=payment.customer_id,
        rail=payment.rail,
        currency=payment.currency,
        amount_minor=amount_minor,
    )
    return create(refund, call)
