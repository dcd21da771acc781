"""One call to a rail each, outside any transaction; what it answers comes back as a command."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from marketplace.core.payments.payment import TAKEN_BACK, Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.queries import RefundUnder
from marketplace.core.payments.refund import Refund
from marketplace.core.payments.refund import State as RefundState
from marketplace.core.payments.refunding import DropRefund, FailRefund, RecordRefund
from marketplace.core.payments.refunding import step_to as step_of_refund
from marketplace.core.payments.rerouting import BeginCollect, PutOffPayment, WayOut
from marketplace.core.payments.usecases import (
    GiveUpPayment,
    LosePayment,
    PromisePayment,
    RecordPayment,
    step_to,
)
from marketplace.core.shared.errors import Invalid, OutcomeUnknown, Unavailable
from marketplace.core.tenants.tenant import Call
from marketplace.ports.payments import Charge, PaymentRail, Report, Standing
from marketplace.ports.storage import Work
from marketplace.ports.vendors import Vendors

_Answered = RecordPayment | LosePayment | GiveUpPayment | PutOffPayment

# A rail that has not heard of a payment after this many looks never will.
LOOKUPS_MAX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRail:
    """Do at the rail what the payment's state asks for: collect, capture, void, or look."""

    payment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect:
    """Send the order to collect that was begun just now."""

    payment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SendEvidence:
    """Tell the rail what we say in a dispute; telling it again changes nothing."""

    payment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRailForRefund:
    """Send a refund that is requested; look one up that was sent, and may have come back."""

    refund_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRailAboutRefund:
    """A webhook told of the refund with this reference; one of an attempt that is over says nothing new."""

    reference: UUID


async def ask_rail(
    effect: AskRail, *, call: Call, work: Work, vendors: Vendors
) -> _Answered | PromisePayment | tuple[BeginCollect, Collect] | None:
    """A payment that could go elsewhere is sent only once that is written down."""
    payment = await work.get(Payment, effect.payment_id)
    rail = vendors.rail(payment.rail)
    try:
        match payment.state:
            case PaymentState.CREATED | PaymentState.PROMISED if payment.charge_at is not None:
                return PromisePayment(payment_id=payment.id)
            case PaymentState.CREATED:
                could_move = payment.fallback_rail is not None
                return _begun(payment) if could_move else await _collect(payment, rail, call, vendors)
            case PaymentState.CAPTURING:
                return RecordPayment(report=await rail.capture(payment.id, payment.amount))
            case PaymentState.VOIDING:
                return RecordPayment(report=await rail.void(payment.id))
            case _:
                return await _look(payment, rail)
    except OutcomeUnknown:
        # Capturing and voiding keep their state: the timer asks again, under the same reference.
        return LosePayment(payment_id=payment.id)


def _begun(payment: Payment) -> tuple[BeginCollect, Collect]:
    return BeginCollect(payment_id=payment.id), Collect(payment_id=payment.id)


async def collect(effect: Collect, *, call: Call, work: Work, vendors: Vendors) -> _Answered | None:
    """Nothing where the payment has moved on meanwhile."""
    payment = await work.get(Payment, effect.payment_id)
    if payment.state != PaymentState.CREATED:
        return None
    try:
        return await _collect(payment, vendors.rail(payment.rail), call, vendors)
    except OutcomeUnknown:
        return LosePayment(payment_id=payment.id)


async def _collect(
    payment: Payment, rail: PaymentRail, call: Call, vendors: Vendors
) -> RecordPayment | GiveUpPayment | PutOffPayment:
    """An order that the rail will not take, as for a method that it does not know, never becomes one."""
    if payment.fallback_rail is not None and not payment.collecting:
        raise ValueError(f"payment {payment.id} is sent before that is written down")
    try:
        return RecordPayment(report=await rail.collect(_charge(payment, call)))
    except Unavailable:
        if payment.fallback_rail is None:
            raise
        return await _put_off(payment, payment.fallback_rail, rail, call, vendors)
    except Invalid as refused:
        if await rail.find(payment.id) is not None:
            raise
        return GiveUpPayment(payment_id=payment.id, failure=refused.detail)


async def _put_off(
    payment: Payment, other: str, rail: PaymentRail, call: Call, vendors: Vendors
) -> RecordPayment | PutOffPayment:
    """
    The order has done nothing. Whether another one is under way, the payment itself knows.

    A rail that says more for itself is believed, and one that is down altogether says nothing.
    """
    after = timedelta(minutes=call.policy.payment.fallback_after_minutes)
    if call.at < payment.created_at + after or other in call.rails_down or other not in vendors.rails:
        return PutOffPayment(payment_id=payment.id, way_out=WayOut.WAIT)
    with suppress(Unavailable):
        report = await rail.find(payment.id)
        if report is not None:
            return RecordPayment(report=report)
    try:
        vendors.rail(other).check_method(payment.method, field="payment_method")
    except Invalid:
        return PutOffPayment(payment_id=payment.id, way_out=WayOut.OTHER_METHOD)
    return PutOffPayment(payment_id=payment.id, way_out=WayOut.OTHER_RAIL)


async def _look(payment: Payment, rail: PaymentRail) -> RecordPayment | GiveUpPayment | None:
    report = await rail.find(payment.id)
    if report is not None:
        return RecordPayment(report=report) if step_to(payment, report.standing) else None
    if payment.lookups >= LOOKUPS_MAX:
        return GiveUpPayment(payment_id=payment.id, failure="never_reached_the_rail")
    return None


def _charge(payment: Payment, call: Call) -> Charge:
    return Charge(
        reference=payment.id,
        tenant_id=payment.tenant_id,
        amount=payment.amount,
        method=payment.method,
        hold=payment.hold,
        description=f"{call.policy.wording.brand} {payment.booking_id}",
        at=call.at,
        setup=payment.method_id,
    )


async def send_evidence(
    effect: SendEvidence, *, call: Call, work: Work, vendors: Vendors
) -> RecordPayment | None:
    """A dispute that is decided meanwhile takes no more evidence: then its end is the news."""
    del call
    payment = await work.get(Payment, effect.payment_id)
    if payment.state != PaymentState.DISPUTED or payment.evidence is None:
        return None
    rail = vendors.rail(payment.rail)
    try:
        report: Report | None = await rail.submit_evidence(payment.id, text=payment.evidence)
    except Invalid:
        report = await rail.find(payment.id)
    return RecordPayment(report=report) if report and step_to(payment, report.standing) else None


async def ask_rail_for_refund(
    effect: AskRailForRefund, *, call: Call, work: Work, vendors: Vendors
) -> RecordRefund | RecordPayment | FailRefund | DropRefund | None:
    """The reference makes sending again harmless; a doubt is looked up before anything else."""
    del call
    refund = await work.get(Refund, effect.refund_id)
    if refund.by_hand:
        return None
    rail = vendors.rail(refund.rail)
    report = await rail.find(refund.reference)
    if report is not None:
        news = step_of_refund(refund, report) is not None
        return RecordRefund(refund_id=refund.id, report=report) if news else None
    return await _send(refund, rail, work) if refund.state == RefundState.REQUESTED else None


async def _send(
    refund: Refund, rail: PaymentRail, work: Work
) -> RecordRefund | RecordPayment | FailRefund | DropRefund | None:
    """
    Nothing is sent while the bank has the money: the timer comes back to it.

    Once the rail has given a payment up it takes no refund of it, so one that it does not know now, it never
    will: no call of ours that is still on its way changes that.
    """
    payment = await work.get(Payment, refund.payment_id)
    if payment.state == PaymentState.DISPUTED:
        return None
    if payment.state in TAKEN_BACK:
        return DropRefund(refund_id=refund.id)
    try:
        report = await rail.refund(payment.id, refund=refund.reference, amount=refund.amount)
    except OutcomeUnknown:
        return None  # the timer looks it up
    except Invalid as refused:
        return await _refused(refund, payment, rail, refused.detail)
    return RecordRefund(refund_id=refund.id, report=report)


async def _refused(
    refund: Refund, payment: Payment, rail: PaymentRail, why: str
) -> RecordPayment | FailRefund:
    """A payment that the bank has just taken back, or a refund that needs a person."""
    truth = await rail.find(payment.id)
    if truth is not None and truth.standing in _CONTESTED and step_to(payment, truth.standing):
        return RecordPayment(report=truth)
    return FailRefund(refund_id=refund.id, reference=refund.reference, failure=why)


_CONTESTED = frozenset({Standing.DISPUTED, Standing.RETURNED, Standing.LOST})


async def ask_rail_about_refund(
    effect: AskRailAboutRefund, *, call: Call, work: Work, vendors: Vendors
) -> RecordRefund | RecordPayment | FailRefund | DropRefund | None:
    found = await work.ask(RefundUnder(reference=effect.reference))
    if not found:
        return None
    return await ask_rail_for_refund(
        AskRailForRefund(refund_id=found[0].id), call=call, work=work, vendors=vendors
    )
