"""What a booking's move brings with it: deadlines set, held money taken, time given back."""

from datetime import datetime, timedelta
from typing import Any

from marketplace.core.bookings.booking import Booking
from marketplace.core.bookings.guards import EARLY_SET_OUT_MAX
from marketplace.core.payments.payment import HELD, OPEN, SECURED, Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.usecases import charge
from marketplace.core.providers.reservation import Reservation
from marketplace.core.shared.aggregate import move
from marketplace.core.shared.period import Period
from marketplace.core.tenants.rails import CAPTURE_TAKES_MAX
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Work

# A proposal is between two sides; with another provider there is none.
NO_PROPOSAL: dict[str, Any] = {"proposed_starts_at": None, "proposed_by": None}


def accept_deadline(booking: Booking, call: Call, *, hold_until: datetime | None = None) -> datetime:
    """
    Within the policy's window, and never after the job should have begun, or can at the latest.

    Money that the rail holds for less than that is taken, or given up, before the hold is over; a hold of
    minutes leaves no time for a yes, and is let run out.
    """
    if booking.window_end is not None:
        searched = call.at + timedelta(minutes=call.policy.dispatch.search_minutes)
        return max(booking.window_end, searched)
    window = timedelta(minutes=call.policy.booking.acceptance_window_minutes)
    until = min(call.at + window, booking.starts_at)
    if hold_until is not None and hold_until - CAPTURE_TAKES_MAX > call.at:
        until = min(until, hold_until - CAPTURE_TAKES_MAX)
    return max(until, call.at)


def is_secured(payment: Payment, call: Call, *, starts_at: datetime) -> bool:
    """
    Whether a booking may be firm by it. What was promised may be on its way by now, as a debit order is for
    days; whoever could set out at once waits until it is here.
    """
    in_time = call.at < starts_at - EARLY_SET_OUT_MAX
    return payment.state in SECURED or (payment.state in OPEN and in_time)


def confirmed(
    booking: Booking, payment: Payment, call: Call, work: Work, *, during: Period
) -> dict[str, Any]:
    """
    A firm booking takes the money that was held, or fixes when it takes what was promised.

    What becomes known with it: until when silence counts as a no-show, and when the money must be here.
    """
    # Come meanwhile, its money would be waited for; gone meanwhile, nobody would ask for it again.
    work.guard(payment)
    deadline = None
    if payment.state == PaymentState.AUTHORISED:
        work.save(move(payment, "request_capture", call))
    elif payment.state == PaymentState.PROMISED:
        charged_at = _call_in(payment, during.start - booking.starts_at, call, work)
        deadline = _payment_deadline(during.start, call, charged_at=charged_at)
    elif payment.state in OPEN or (booking.payment_deadline is not None and payment.state not in HELD):
        deadline = _payment_deadline(during.start, call, charged_at=call.at)
    patience = timedelta(minutes=call.policy.booking.complaint_window_minutes)
    return {"lapses_at": during.end + patience, "payment_deadline": deadline}


def _call_in(payment: Payment, shift: timedelta, call: Call, work: Work) -> datetime:
    """When it is charged: as near to the job as before, wherever that is moved to; now where that is over."""
    at = (payment.charge_at or call.at) + shift
    if at <= call.at:
        work.save(charge(payment, call))
    elif shift:
        work.save(move(payment, "postpone", call, charge_at=at))
    return max(at, call.at)


def _payment_deadline(starts_at: datetime, call: Call, *, charged_at: datetime) -> datetime:
    """
    Time enough for another way to pay, as far as there is time before the start.

    The charge was fixed under the policy of its day, and may come later than the one of today would have it.
    """
    policy = call.policy.payment
    spare = timedelta(minutes=policy.charge_lead_minutes - policy.charge_grace_minutes)
    soonest = charged_at + timedelta(minutes=policy.charge_grace_minutes)
    return max(starts_at - spare, min(soonest, starts_at))


async def free_reservation(booking: Booking, call: Call, work: Work) -> None:
    """Give the time back; a booking that was handed back has none."""
    if booking.reservation_id is not None:
        held = await work.get(Reservation, booking.reservation_id)
        work.save(move(held, "release", call))
