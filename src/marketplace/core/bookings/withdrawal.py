"""Calling a booking off, by either side, before the work: the time is freed and the money decided at once."""

from datetime import timedelta
from typing import Any

from marketplace.core.bookings.access import booking_and_payment, booking_of, side_of, step
from marketplace.core.bookings.booking import Booking, Side, State
from marketplace.core.bookings.cancellation import refund_minor
from marketplace.core.bookings.commands import CancelBooking, DeclineBooking, HandBack, ReportNoShow
from marketplace.core.bookings.consequences import NO_PROPOSAL, accept_deadline, free_reservation
from marketplace.core.payments.payment import DEAD, Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.usecases import charge
from marketplace.core.shared.aggregate import move
from marketplace.core.shared.errors import Invalid
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Work

_FREE_OF_CHARGE = frozenset({State.AWAITING_PAYMENT, State.AWAITING_PROVIDER})


async def decline_booking(command: DeclineBooking, *, call: Call, work: Work) -> Booking:
    booking, payment = await booking_and_payment(command.booking_id, call, work)
    work.guard(payment)  # charged, or failed, meanwhile: the customer is told what comes back
    back = booking.total_minor if _may_give_back(payment) else None
    ended: dict[str, Any] = {"fault": Side.PROVIDER, "refund_minor": back}
    declined = step(booking, "decline", call, **ended)
    await free_reservation(booking, call, work)
    return work.save(declined)


async def cancel_booking(command: CancelBooking, *, call: Call, work: Work) -> Booking:
    """Of money that was only promised, no more is taken than the cancellation costs."""
    booking, payment = await booking_and_payment(command.booking_id, call, work)
    side = side_of(call)
    work.guard(payment)  # only promised meanwhile, nothing of it could go back
    back = refund_if_cancelled(booking, side, command.reason_code, call)
    ended: dict[str, Any] = {"fault": side, "refund_minor": back if _may_give_back(payment) else None}
    if payment.state == PaymentState.PROMISED:
        ended["fee_minor"] = (booking.total_minor - back) or None
    cancelled = step(booking, "cancel", call, reason=f"{command.reason_code}: {command.reason}", **ended)
    if payment.state == PaymentState.PROMISED:
        fee = ended["fee_minor"]
        work.save(charge(payment, call, amount_minor=fee) if fee else move(payment, "drop", call))
    await free_reservation(booking, call, work)
    return work.save(cancelled)


def _may_give_back(payment: Payment) -> bool:
    """Nothing was taken of a promise, nor of a payment that failed; what comes late goes back whole."""
    return payment.state not in DEAD | {PaymentState.PROMISED}


def if_cancelled(
    booking: Booking, payment: Payment | None, side: Side, call: Call
) -> tuple[int | None, int | None]:
    """What comes back of what was taken if this side called it off now, else what it costs; never both."""
    back = refund_if_cancelled(booking, side, "change_of_plans", call)
    if payment is None or _may_give_back(payment):
        return back, None
    return None, booking.total_minor - back if payment.state == PaymentState.PROMISED else 0


def refund_if_cancelled(booking: Booking, side: Side, reason_code: str, call: Call) -> int:
    """What the customer would get back if this side called it off now; all, until a provider is bound."""
    if booking.state in _FREE_OF_CHARGE:
        return booking.total_minor
    return refund_minor(
        terms=booking.terms,
        by=side.value,
        reason_code=reason_code,
        captured_minor=booking.total_minor,
        booked_at=booking.booked_at,
        starts_at=booking.starts_at,
        at=call.at,
    )


async def report_no_show(command: ReportNoShow, *, call: Call, work: Work) -> Booking:
    """Whoever reports was there. The customer's absence costs what a cancellation at the start would."""
    booking = await booking_of(command.booking_id, call, work)
    absent = _absent(command, side_of(call))
    reported = step(booking, "report_no_show", call, **no_show(booking, absent, call))
    await free_reservation(booking, call, work)
    return work.save(reported)


def _absent(command: ReportNoShow, side: Side) -> Side:
    if side == Side.PLATFORM:
        if command.absent is None:
            raise Invalid("absent", "missing", "customer or provider")
        return Side(command.absent)
    return Side.PROVIDER if side == Side.CUSTOMER else Side.CUSTOMER


def no_show(booking: Booking, absent: Side, call: Call) -> dict[str, Any]:
    """Decided now, carried out when the complaint window is over."""
    until = call.at + timedelta(minutes=call.policy.booking.complaint_window_minutes)
    back = refund_minor(
        terms=booking.terms,
        by=absent.value,
        reason_code="no_show",
        captured_minor=booking.total_minor,
        booked_at=booking.booked_at,
        starts_at=booking.starts_at,
        at=max(call.at, booking.starts_at),
    )
    return {"fault": absent, "refund_minor": back, "complaint_until": until, "release_at": until}


async def hand_back(command: HandBack, *, call: Call, work: Work) -> Booking:
    """The customer keeps the booking; it waits for another provider until the job should have begun."""
    booking = await booking_of(command.booking_id, call, work)
    freed = {
        "reservation_id": None,
        "handed_back_by": booking.provider_id,
        "accept_by": accept_deadline(booking, call),
        "payment_deadline": None,
        **NO_PROPOSAL,
    }
    handed = step(booking, "hand_back", call, **freed)
    await free_reservation(booking, call, work)
    return work.save(handed)
