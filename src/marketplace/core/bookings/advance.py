"""News of a payment moves its booking on, calls it off, or sends back money that came too late."""

from marketplace.core.bookings.booking import CLOSED_UNDONE, Booking, State
from marketplace.core.bookings.commands import AdvanceBooking
from marketplace.core.bookings.consequences import (
    accept_deadline,
    confirmed,
    free_reservation,
)
from marketplace.core.bookings.settlement import settle
from marketplace.core.payments.payment import DEAD, HELD, SECURED, Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.refunding import resolve
from marketplace.core.shared.aggregate import move
from marketplace.core.tenants.policy import Confirmation
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Work

_NOT_BEGUN = frozenset({State.AWAITING_PROVIDER, State.CONFIRMED, State.EN_ROUTE, State.ARRIVED})


async def advance_booking(command: AdvanceBooking, *, call: Call, work: Work) -> Booking:
    """Safe to repeat: what it finds done, it leaves."""
    payment = await work.get(Payment, command.payment_id)
    booking = await work.get(Booking, payment.booking_id)
    if booking.payment_id != payment.id:
        _send_back(payment, call, work)
    elif payment.state in DEAD:
        return await _unpaid(booking, payment, call, work)
    elif booking.state in CLOSED_UNDONE or (booking.released_at and payment.state in HELD):
        settle(booking, payment, call, work)  # of a job that was ended unpaid, the money is late
    elif booking.state == State.AWAITING_PAYMENT:
        return _paid(booking, payment, call, work)
    elif booking.payment_deadline is not None and payment.state in HELD:
        return _paid_up(booking, payment, call, work)
    elif payment.state == PaymentState.AUTHORISED and booking.state != State.AWAITING_PROVIDER:
        work.save(move(payment, "request_capture", call))
    return booking


def _send_back(payment: Payment, call: Call, work: Work) -> None:
    """The booking lives on another payment; this one's money has no business here."""
    if payment.state == PaymentState.AUTHORISED:
        work.save(move(payment, "request_void", call))
    elif payment.state == PaymentState.PROMISED:
        work.save(move(payment, "drop", call))
    elif payment.state in HELD and payment.left_minor:
        resolve(payment, refund_minor=payment.left_minor, release_minor=0, call=call, work=work)


def _paid(booking: Booking, payment: Payment, call: Call, work: Work) -> Booking:
    if payment.state not in SECURED:
        return booking
    # Without this a payment that fails just now would leave the booking firm, and unpaid.
    work.guard(payment)
    if booking.provider_id is None or call.policy.booking.confirmation == Confirmation.REQUEST:
        accept_by = accept_deadline(booking, call, hold_until=payment.hold_until)
        return work.save(move(booking, "pay", call, payment_failure=None, accept_by=accept_by))
    firm = confirmed(booking, payment, call, work, during=booking.period)
    facts = {"payment_failure": None, **firm}
    return work.save(move(booking, "pay_and_confirm", call, **facts))


def _may_pay_again(booking: Booking) -> bool:
    """What was promised and did not come may be paid another way, while there is time."""
    return booking.state == State.CONFIRMED and booking.payment_deadline is not None


def _paid_up(booking: Booking, payment: Payment, call: Call, work: Work) -> Booking:
    """The money of a firm booking has come; one that was handed back is firm no more."""
    if booking.state != State.CONFIRMED:
        return booking
    work.guard(payment)  # gone again meanwhile, nobody would ask for it any more
    return work.save(move(booking, "pay_up", call, payment_deadline=None, payment_failure=None))


async def _unpaid(booking: Booking, payment: Payment, call: Call, work: Work) -> Booking:
    """Money that did not come, or was taken back, before the work began: nobody comes unpaid."""
    # Come after all meanwhile, it has found nothing to do here: a booking that is paid would be called off.
    work.guard(payment)
    if booking.state == State.AWAITING_PAYMENT or _may_pay_again(booking):
        if booking.payment_failure is not None:
            return booking
        return work.save(move(booking, "fail_payment", call, payment_failure=payment.failure or "unknown"))
    if booking.state not in _NOT_BEGUN:
        return booking
    await free_reservation(booking, call, work)
    # Nobody's doing, and nothing of it is ours to give back: it never came, or the bank has it.
    return work.save(move(booking, "cancel", call, reason="the payment failed"))
