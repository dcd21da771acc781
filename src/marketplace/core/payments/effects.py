"""One call to a rail each, outside any transaction; what it answers comes back as a command."""

from dataclasses import dataclass
from uuid import UUID

from marketplace.core.payments.payment import Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.refund import Refund
from marketplace.core.payments.refund import State as RefundState
from marketplace.core.payments.usecases import (
    GiveUpPayment,
    LosePayment,
    RecordPayment,
    RecordRefund,
    refund_reference,
)
from marketplace.core.shared.errors import OutcomeUnknown
from marketplace.core.tenants.tenant import Call
from marketplace.ports.payments import Charge, PaymentRail
from marketplace.ports.storage import Work
from marketplace.ports.vendors import Vendors

# A rail that has not heard of a payment after this many looks never will.
LOOKUPS_MAX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRail:
    """Do at the rail what the payment's state asks for: collect, capture, void, or look."""

    payment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRailForRefund:
    """Send a refund that is requested; look one up that was sent."""

    refund_id: UUID


async def ask_rail(
    effect: AskRail, *, call: Call, work: Work, vendors: Vendors
) -> RecordPayment | LosePayment | GiveUpPayment | None:
    payment = await work.get(Payment, effect.payment_id)
    rail = vendors.rail(payment.rail)
    try:
        match payment.state:
            case PaymentState.CREATED:
                return RecordPayment(report=await rail.collect(_charge(payment, call)))
            case PaymentState.CAPTURING:
                return RecordPayment(report=await rail.capture(payment.id, payment.amount))
            case PaymentState.VOIDING:
                return RecordPayment(report=await rail.void(payment.id))
            case _:
                return await _look(payment, rail)
    except OutcomeUnknown:
        # Capturing and voiding keep their state: the timer asks again, under the same reference.
        return LosePayment(payment_id=payment.id)


async def _look(payment: Payment, rail: PaymentRail) -> RecordPayment | GiveUpPayment | None:
    report = await rail.find(payment.id)
    if report is not None:
        return RecordPayment(report=report)
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
    )


async def ask_rail_for_refund(
    effect: AskRailForRefund, *, call: Call, work: Work, vendors: Vendors
) -> RecordRefund | None:
    """The reference makes sending again harmless; a doubt is looked up before anything else."""
    del call
    refund = await work.get(Refund, effect.refund_id)
    rail, reference = vendors.rail(refund.rail), refund_reference(refund)
    if refund.state not in {RefundState.REQUESTED, RefundState.PENDING}:
        return None
    report = await rail.find(reference)
    if report is None and refund.state == RefundState.REQUESTED:
        try:
            report = await rail.refund(refund.payment_id, refund=reference, amount=refund.amount)
        except OutcomeUnknown:
            return None  # the timer looks it up
    return None if report is None else RecordRefund(refund_id=refund.id, report=report)
