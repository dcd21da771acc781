"""What a booking's own facts put in the way of a move, for who tries it as for who is offered it."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from marketplace.core.shared.errors import Conflict, LimitReached, NotAllowed, Refused
from marketplace.core.shared.lifecycle import Guard
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Call

if TYPE_CHECKING:
    from marketplace.core.bookings.booking import Booking

# A job may begin this long before its time, when both are there already.
EARLY_START_MAX = timedelta(hours=2)
# The way there is part of the job: who sets out earlier than this has the wrong day.
EARLY_SET_OUT_MAX = timedelta(hours=12)
START_TRIES_MAX = 5


class TooEarly(Conflict):
    code = "too_early"


class TooLate(Conflict):
    code = "too_late"


class PaymentUnderWay(Conflict):
    code = "payment_under_way"


class NotPaidYet(Conflict):
    code = "not_paid_yet"


def _retry_payment(booking: "Booking", call: Call) -> Refused | None:
    """Only once the last payment is surely dead: two live ones could both take the money."""
    if booking.payment_failure is None:
        return PaymentUnderWay("its payment is under way")
    return _after(booking.payment_deadline or booking.pay_by, "the time to pay is over", call)


def _unpaid(booking: "Booking") -> Refused | None:
    """Nobody works for money that is only promised."""
    if booking.payment_deadline is None:
        return None
    until = booking.payment_deadline.isoformat()
    return NotPaidYet(f"its money is to be here by {until}", payment_deadline=until)


def _hand_back(booking: "Booking", _: Call) -> Refused | None:
    """Nobody else takes a job whose payment has failed; it is called off, or ends by itself."""
    return _unpaid(booking) if booking.payment_failure is not None else None


def _accept(booking: "Booking", call: Call) -> Refused | None:
    return _handed_back(booking) or _after(booking.accept_by, "the time to accept is over", call)


def _end(booking: "Booking", call: Call) -> Refused | None:
    """A provider that has given it back has no say any more; its customer and the platform may end it."""
    return _handed_back(booking) if call.actor.role == Role.PROVIDER else None


def _handed_back(booking: "Booking") -> Refused | None:
    if booking.handed_back_by is None and booking.provider_id is not None:
        return None
    return NotAllowed("it is offered to whoever is near, or assigned by the platform")


def _assign(booking: "Booking", _: Call) -> Refused | None:
    if booking.reservation_id is None:
        return None
    return Conflict("it still waits for its own provider", provider_id=str(booking.provider_id))


def _start(booking: "Booking", call: Call) -> Refused | None:
    if call.actor.role == Role.PROVIDER and booking.start_misses >= START_TRIES_MAX:
        return LimitReached("too many wrong start codes; the platform can start it")
    return _unpaid(booking) or _before(booking.starts_at - EARLY_START_MAX, call)


def _set_out(booking: "Booking", call: Call) -> Refused | None:
    return _unpaid(booking) or _before(booking.starts_at - EARLY_SET_OUT_MAX, call)


def _report_no_show(booking: "Booking", call: Call) -> Refused | None:
    grace = timedelta(minutes=call.policy.booking.no_show_grace_minutes)
    return _unpaid(booking) or _before(booking.starts_at + grace, call)


def _propose_time(booking: "Booking", call: Call) -> Refused | None:
    if call.at < booking.starts_at:
        return None
    return TooLate("it should have begun already", closed_at=booking.starts_at.isoformat())


def _decline_time(booking: "Booking", _: Call) -> Refused | None:
    return Conflict("no other time is proposed") if booking.proposed_by is None else None


def _reschedule(booking: "Booking", call: Call) -> Refused | None:
    if booking.proposed_by is not None and booking.proposed_by.value == call.actor.role.value:
        return NotAllowed("the other side agrees, or admin")
    return _decline_time(booking, call)


def _dispute(booking: "Booking", call: Call) -> Refused | None:
    until = booking.complaint_until
    if until is not None and call.at < until and booking.released_at is None:
        return None
    return TooLate("the complaint window is over", closed_at=until and until.isoformat())


def _before(instant: datetime, call: Call) -> Refused | None:
    if call.at >= instant:
        return None
    when = instant.isoformat()
    return TooEarly(f"possible from {when}", possible_from=when)


def _after(instant: datetime | None, why: str, call: Call) -> Refused | None:
    if instant is None or call.at <= instant:
        return None
    return TooLate(why, closed_at=instant.isoformat())


GUARDS: dict[str, Guard] = {
    "retry_payment": _retry_payment,
    "accept": _accept,
    "decline": _end,
    "cancel": _end,
    "assign": _assign,
    "hand_back": _hand_back,
    "set_out": _set_out,
    "start": _start,
    "report_no_show": _report_no_show,
    "propose_time": _propose_time,
    "decline_time": _decline_time,
    "reschedule": _reschedule,
    "dispute": _dispute,
}
