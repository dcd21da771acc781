"""A complaint stops the money until it is decided, and once decided it is over."""

from datetime import timedelta

from marketplace.core.bookings.access import booking_and_payment, booking_of, step
from marketplace.core.bookings.booking import Booking
from marketplace.core.bookings.commands import DisputeBooking, ResolveDispute
from marketplace.core.bookings.settlement import settle
from marketplace.core.shared.aggregate import Changed
from marketplace.core.shared.errors import Conflict, Invalid
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Work


async def dispute_booking(command: DisputeBooking, *, call: Call, work: Work) -> Booking:
    booking = await booking_of(command.booking_id, call, work)
    resolve_by = call.at + timedelta(minutes=call.policy.booking.dispute_deadline_minutes)
    return work.save(step(booking, "dispute", call, resolve_by=resolve_by))


async def resolve_dispute(command: ResolveDispute, *, call: Call, work: Work) -> Booking:
    """All back ends as refunded at once; anything else is complete and released without another window."""
    booking, payment = await booking_and_payment(command.booking_id, call, work)
    # A dispute at the bank that is won meanwhile gives back nothing by itself, while the complaint is open.
    work.guard(payment)
    if not 0 <= command.refund_minor <= booking.total_minor:
        raise Invalid("refund_minor", f"{command.refund_minor}", f"0 to {booking.total_minor}")
    if command.refund_minor < booking.total_minor:
        return work.save(decided(booking, call, command.refund_minor, command.reason))
    refunded = step(booking, "refund", call, refund_minor=booking.total_minor)
    if not payment.left_minor:
        raise Conflict("its payment holds nothing to give back", payment=str(payment.state))
    settle(refunded.subject, payment, call, work)
    return work.save(refunded)


def decided(booking: Booking, call: Call, refund_minor: int, reason: str | None) -> Changed[Booking]:
    facts = {"refund_minor": refund_minor, "complaint_until": call.at, "release_at": call.at}
    return step(booking, "resolve", call, reason=reason, completed_at=call.at, **facts)
