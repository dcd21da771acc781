"""From a provider's yes to a content customer: each step by whom the table names."""

from dataclasses import dataclass, replace
from datetime import timedelta

from marketplace.core.bookings.access import booking_and_payment, booking_of, step
from marketplace.core.bookings.booking import Booking, WrongStartCode
from marketplace.core.bookings.commands import (
    AcceptBooking,
    ApproveBooking,
    Arrive,
    DeliverBooking,
    SetOut,
    StartBooking,
)
from marketplace.core.bookings.consequences import confirmed, is_secured
from marketplace.core.bookings.guards import START_TRIES_MAX
from marketplace.core.bookings.request import START_CODE_DIGITS
from marketplace.core.shared.aggregate import Changed, move
from marketplace.core.shared.errors import Conflict, Invalid
from marketplace.core.shared.roles import SYSTEM, Role
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Work


@dataclass(frozen=True, slots=True)
class MissedStart:
    """A wrong start code, which counts: four digits are soon guessed by whoever may try for ever."""

    booking: Booking
    tries_left: int

    def refused(self) -> WrongStartCode:
        return WrongStartCode("that is not the customer's start code", tries_left=self.tries_left)


async def accept_booking(command: AcceptBooking, *, call: Call, work: Work) -> Booking:
    booking, payment = await booking_and_payment(command.booking_id, call, work)
    booking.LIFECYCLE.lawful(booking, "accept", call)
    if not is_secured(payment, call, starts_at=booking.starts_at):
        raise Conflict(f"its payment is {payment.state}", payment=str(payment.state))
    firm = confirmed(booking, payment, call, work, during=booking.period)
    return work.save(step(booking, "accept", call, **firm))


async def set_out(command: SetOut, *, call: Call, work: Work) -> Booking:
    booking = await booking_of(command.booking_id, call, work)
    return work.save(step(booking, "set_out", call))


async def arrive(command: Arrive, *, call: Call, work: Work) -> Booking:
    booking = await booking_of(command.booking_id, call, work)
    return work.save(step(booking, "arrive", call))


async def start_booking(command: StartBooking, *, call: Call, work: Work) -> Booking | MissedStart:
    """The customer's code proves that both are there; admin needs none. A miss counts, silence does not."""
    booking = await booking_of(command.booking_id, call, work)
    started = step(booking, "start", call)
    proof_needed = call.actor.role == Role.PROVIDER and booking.start_code is not None
    if proof_needed and command.start_code is None:
        raise Invalid("start_code", "is missing", f"the {START_CODE_DIGITS} digits that the customer tells")
    if proof_needed and booking.start_code != command.start_code:
        return _missed(booking, call, work)
    return work.save(started)


def _missed(booking: Booking, call: Call, work: Work) -> MissedStart:
    misses = booking.start_misses + 1
    counted = move(booking, "miss_code", replace(call, actor=SYSTEM), start_misses=misses)
    return MissedStart(work.save(counted), START_TRIES_MAX - misses)


async def deliver_booking(command: DeliverBooking, *, call: Call, work: Work) -> Booking:
    booking = await booking_of(command.booking_id, call, work)
    return work.save(delivered(booking, call, command.reason))


def delivered(booking: Booking, call: Call, reason: str | None) -> Changed[Booking]:
    """The complaint window opens, and its end is when the money may go."""
    until = call.at + timedelta(minutes=call.policy.booking.complaint_window_minutes)
    return step(booking, "deliver", call, reason=reason, complaint_until=until, release_at=until)


async def approve_booking(command: ApproveBooking, *, call: Call, work: Work) -> Booking:
    booking = await booking_of(command.booking_id, call, work)
    return work.save(approved(booking, call, command.reason))


def approved(booking: Booking, call: Call, reason: str | None) -> Changed[Booking]:
    return step(booking, "approve", call, reason=reason, refund_minor=0, completed_at=call.at)
