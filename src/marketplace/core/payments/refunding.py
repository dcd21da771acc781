"""Each minor unit of a captured payment goes one way, once; what is promised back is not forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from marketplace.core.ledger.movement import (
    BANK,
    CHARGEBACK_LOSS,
    REFUNDS_PAYABLE,
    Origin,
    balanced,
    customer_funds,
    psp_clearing,
)
from marketplace.core.payments.payment import TAKEN_BACK, Payment, looked
from marketplace.core.payments.queries import RefundsOf
from marketplace.core.payments.refund import NEEDS_A_PERSON, Refund, State
from marketplace.core.payments.usecases import check_subject, origin
from marketplace.core.shared.aggregate import Changed, create, is_due, move
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.ids import derive
from marketplace.core.shared.limits import Reason, Text
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Call
from marketplace.ports.payments import Report, Standing, Subject
from marketplace.ports.storage import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRefund:
    """Bring a refund to what the rail reports of its last attempt."""

    refund_id: UUID
    report: Report


@dataclass(frozen=True, slots=True, kw_only=True)
class FailRefund:
    """The rail will not take this try at a refund: somebody has to look at it."""

    refund_id: UUID
    reference: UUID
    failure: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class DropRefund:
    """The rail has not carried this refund out, and takes none any more: the bank was first."""

    refund_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpRefund:
    """Ask the rail again what became of a refund."""

    refund_id: UUID
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRefund:
    """Send a refund that failed, or came back, once more under a new reference."""

    refund_id: UUID
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class PayRefundByHand:
    """The customer got a refund that failed, or came back, by a transfer from the bank account."""

    refund_id: UUID
    reason: Reason


# What a report may mean: a bank may refuse weeks later what the rail has called done.
_STEPS = {
    Standing.PENDING: ("submit",),
    Standing.SUCCEEDED: ("succeed",),
    Standing.FAILED: ("fail", "bounce"),
}


async def record_refund(command: RecordRefund, *, call: Call, work: Work) -> Refund:
    """
    One that was given up, and that the rail has carried out after all, is paid out of our own pocket. What a
    bank sends back is owed to the customer again, and is with the rail.
    """
    refund, report = await work.get(Refund, command.refund_id), command.report
    step = step_to(refund, report)
    if step is None:
        return refund
    check_subject(report, Subject.REFUND, refund.amount)
    moved = work.save(move(refund, step, call, failure=report.failure, lookups=0))
    if step == "succeed":
        given_up = refund.state == State.CANCELLED
        _paid(
            moved,
            psp_clearing(refund.rail),
            call,
            work,
            owed=CHARGEBACK_LOSS if given_up else REFUNDS_PAYABLE,
        )
    if step == "bounce":
        amounts = {psp_clearing(refund.rail): refund.amount_minor, REFUNDS_PAYABLE: -refund.amount_minor}
        work.insert(*balanced(_origin(moved, "refund_bounced", call), amounts))
    return moved


def step_to(refund: Refund, report: Report) -> str | None:
    """The move by which this report is news; None where it is none."""
    if report.reference != refund.reference:
        return None
    steps = _STEPS.get(report.standing, ())
    return next((step for step in steps if (refund.state, step) in refund.LIFECYCLE.table), None)


def _paid(refund: Refund, account: str, call: Call, work: Work, *, owed: str = REFUNDS_PAYABLE) -> None:
    amounts = {owed: refund.amount_minor, account: -refund.amount_minor}
    work.insert(*balanced(_origin(refund, "refund_sent", call), amounts))


def _origin(refund: Refund, name: str, call: Call) -> Origin:
    """What an attempt moves is known by its reference, as to the rail: another attempt moves it again."""
    return replace(origin(refund, name, call), subject_id=refund.reference)


async def drop_refund(command: DropRefund, *, call: Call, work: Work) -> Refund:
    """One that the bank has not given back is owed still, and fails for want of a payment to refund."""
    refund = await work.get(Refund, command.refund_id)
    payment = await work.get(Payment, refund.payment_id)
    if refund.state not in {State.REQUESTED, *NEEDS_A_PERSON} or payment.state not in TAKEN_BACK:
        return refund
    others = [one for one in await work.ask(RefundsOf(payment_id=payment.id)) if one.id != refund.id]
    if refund.amount_minor > _given_twice_minor(payment, others):
        if refund.state in NEEDS_A_PERSON:
            return refund
        return work.save(move(refund, "fail", call, failure="the bank has taken the payment back"))
    for other in others:
        work.guard(other)  # dropped meanwhile, it would leave less
    return _drop(refund, call, work)


async def drop_failed(payment: Payment, call: Call, work: Work) -> None:
    """Give up the refunds that never came to the customer, as far as the bank has given them back."""
    refunds = await work.ask(RefundsOf(payment_id=payment.id))
    left = _given_twice_minor(payment, refunds)
    for refund in refunds:
        if refund.state in NEEDS_A_PERSON and refund.amount_minor <= left:
            left -= refund.amount_minor
            _drop(refund, call, work)
        else:
            work.guard(refund)


def _given_twice_minor(payment: Payment, refunds: Sequence[Refund]) -> int:
    """What of it is in no refund yet that was given up."""
    dropped = sum(refund.amount_minor for refund in refunds if refund.state == State.CANCELLED)
    return payment.given_twice_minor - dropped


def _drop(refund: Refund, call: Call, work: Work) -> Refund:
    """The loss was booked when the bank took the money: this much of it is none, each time it comes back."""
    amounts = {REFUNDS_PAYABLE: refund.amount_minor, CHARGEBACK_LOSS: -refund.amount_minor}
    work.insert(*balanced(origin(refund, "refund_dropped", call, turn=refund.version), amounts))
    # Of what came back the attempt is over: an answer that is still on its way says nothing of it any more.
    again = _next_attempt(refund) if refund.state == State.BOUNCED else {}
    return work.save(move(refund, "cancel", call, reason="the bank gave the money back", **again))


async def fail_refund(command: FailRefund, *, call: Call, work: Work) -> Refund:
    """Of another try than the last it says nothing: that one may be on its way, and would go out twice."""
    refund = await work.get(Refund, command.refund_id)
    if refund.reference != command.reference or (refund.state, "fail") not in refund.LIFECYCLE.table:
        return refund
    return work.save(move(refund, "fail", call, failure=command.failure))


async def look_up_refund(command: LookUpRefund, *, call: Call, work: Work) -> Refund:
    refund = await work.get(Refund, command.refund_id)
    if call.actor.role == Role.CLOCK and not is_due(refund, call):
        return refund
    return work.save(move(refund, "look_up", call, lookups=looked(refund, call)))


async def retry_refund(command: RetryRefund, *, call: Call, work: Work) -> Refund:
    refund = await work.get(Refund, command.refund_id)
    return work.save(move(refund, "retry", call, **_next_attempt(refund)))


def _next_attempt(refund: Refund) -> dict[str, Any]:
    attempt = refund.attempt + 1
    return {"attempt": attempt, "reference": derive(refund.id, attempt), "lookups": 0}


async def pay_refund_by_hand(command: PayRefundByHand, *, call: Call, work: Work) -> Refund:
    refund = await work.get(Refund, command.refund_id)
    paid = work.save(move(refund, "pay_by_hand", call, by_hand=True, **_next_attempt(refund)))
    _paid(paid, BANK, call, work)
    return paid


def resolve(payment: Payment, *, refund_minor: int, release_minor: int, call: Call, work: Work) -> Payment:
    """
    Give back and release what a captured payment holds.

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
    key = derive(payment.id, "refund", payment.refunded_minor)
    refund = Refund(
        id=key,
        tenant_id=payment.tenant_id,
        payment_id=payment.id,
        booking_id=payment.booking_id,
        customer_id=payment.customer_id,
        rail=payment.rail,
        currency=payment.currency,
        amount_minor=amount_minor,
        requested_at=call.at,
        reference=key,
    )
    return create(refund, call)
