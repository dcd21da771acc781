"""What is not so any more is not told: whoever hears of it late would act on it."""

from collections.abc import Callable

from marketplace.core.bookings.booking import CLOSED_UNDONE, Booking, State


def outdated(event: str, booking: Booking) -> bool:
    """Whether a booking has moved on since, so that what would be said of the event is wrong by now."""
    if booking.state in CLOSED_UNDONE:
        return event != f"booking.{booking.state}"
    over = _OVER.get(event)
    return over is not None and over(booking)


def _waits_no_more(booking: Booking) -> bool:
    return booking.state != State.AWAITING_PROVIDER


def _waits_for_no_promise(booking: Booking) -> bool:
    """Who books is there, and sees what its bank asks; who has promised the money is not."""
    if booking.payment_failure is not None:
        return True
    firm = booking.state == State.CONFIRMED and booking.payment_deadline is not None
    return not firm and booking.state != State.AWAITING_PROVIDER


_OVER: dict[str, Callable[[Booking], bool]] = {
    "booking.payment_failed": lambda booking: booking.payment_failure is None,
    "payment.action_needed": _waits_for_no_promise,
    "booking.paid": lambda booking: _waits_no_more(booking) or booking.handed_back_by is not None,
    "booking.confirmed": lambda booking: booking.state == State.AWAITING_PROVIDER,
    # By then it names whoever comes instead.
    "booking.handed_back": lambda booking: booking.handed_back_by is None,
    "booking.time_proposed": lambda booking: booking.proposed_by is None,
    # Nobody loses what it has not earned.
    "payment.returned": lambda booking: booking.released_at is None,
    "payment.dispute_lost": lambda booking: booking.released_at is None,
    "dispatch_offer.sent": _waits_no_more,
    "dispatch_job.exhausted": _waits_no_more,
}
