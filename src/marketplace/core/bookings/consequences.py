"""What a booking's move brings with it: deadlines set, held money taken, time given back."""

from datetime import datetime, timedelta
from typing import Any

from marketplace.core.bookings.booking import Booking
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.providers.reservation import Reservation
from marketplace.core.shared.aggregate import move
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Work

# A proposal is between two sides; with another provider there is none.
NO_PROPOSAL: dict[str, Any] = {"proposed_starts_at": None, "proposed_by": None}


def accept_deadline(booking: Booking, call: Call) -> datetime:
    """Within the policy's window, and never after the job should have begun, or can at the latest."""
    if booking.window_end is not None:
        searched = call.at + timedelta(minutes=call.policy.dispatch.search_minutes)
        return max(booking.window_end, searched)
    window = timedelta(minutes=call.policy.booking.acceptance_window_minutes)
    return max(min(call.at + window, booking.starts_at), call.at)


def confirmed(ends_at: datetime, call: Call) -> dict[str, Any]:
    """What becomes known once a booking is firm: until when silence counts as a no-show."""
    patience = timedelta(minutes=call.policy.booking.complaint_window_minutes)
    return {"lapses_at": ends_at + patience}


def take_held_money(payment: Payment, call: Call, work: Work) -> None:
    """A firm booking takes the money that was only held; the intent stands in the same write."""
    if payment.state == PaymentState.AUTHORISED:
        work.save(move(payment, "request_capture", call))


async def free_reservation(booking: Booking, call: Call, work: Work) -> None:
    """Give the time back; a booking that was handed back has none."""
    if booking.reservation_id is not None:
        held = await work.get(Reservation, booking.reservation_id)
        work.save(move(held, "release", call))
