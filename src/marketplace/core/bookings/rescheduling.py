"""A new time needs both sides, and takes the new slot in the write that gives up the old one."""

from datetime import datetime
from typing import Any

from marketplace.core.bookings.access import booking_and_payment, booking_of, side_of, step
from marketplace.core.bookings.booking import Booking
from marketplace.core.bookings.commands import AcceptTime, DeclineTime, ProposeTime
from marketplace.core.bookings.consequences import NO_PROPOSAL, confirmed
from marketplace.core.catalogue.availability import diary, held_around, pick_unit, start_to_come
from marketplace.core.catalogue.slots import Diary
from marketplace.core.providers.provider import Provider
from marketplace.core.providers.queries import ActiveUnits
from marketplace.core.providers.reservation import Reservation
from marketplace.core.shared.aggregate import move
from marketplace.core.shared.errors import Conflict
from marketplace.core.shared.period import Period
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Work


async def propose_time(command: ProposeTime, *, call: Call, work: Work) -> Booking:
    """The slot is looked at now and taken when the other side agrees. A new proposal replaces the last."""
    booking = await booking_of(command.booking_id, call, work)
    start = start_to_come(command.starts_at, now=call.at)
    proposal: dict[str, Any] = {"proposed_starts_at": start, "proposed_by": side_of(call)}
    proposed = step(booking, "propose_time", call, **proposal)
    facts, _, _ = await _diary(booking, start, call, work)
    pick_unit(facts, start=start, seed=booking.id)
    return work.save(proposed)


async def decline_time(command: DeclineTime, *, call: Call, work: Work) -> Booking:
    booking = await booking_of(command.booking_id, call, work)
    return work.save(step(booking, "decline_time", call, **NO_PROPOSAL))


async def accept_time(command: AcceptTime, *, call: Call, work: Work) -> Booking:
    """The reservation's one row is shifted, so that old and new slot are never both held nor both lost."""
    booking, payment = await booking_and_payment(command.booking_id, call, work)
    booking.LIFECYCLE.lawful(booking, "reschedule", call)
    start = booking.proposed_starts_at or booking.starts_at
    end = start + (booking.ends_at - booking.starts_at)
    firm = confirmed(booking, payment, call, work, during=Period(start, end))
    moved = step(booking, "reschedule", call, starts_at=start, ends_at=end, **NO_PROPOSAL, **firm)
    facts, provider, held = await _diary(booking, start, call, work)
    unit_id = pick_unit(facts, start=start, seed=booking.id)
    blocked = Period(start, end).widened(provider.buffer_before, provider.buffer_after)
    work.guard(provider)
    work.save(move(held, "shift", call, unit_id=unit_id, starts_at=blocked.start, ends_at=blocked.end))
    return work.save(moved)


async def _diary(
    booking: Booking, start: datetime, call: Call, work: Work
) -> tuple[Diary, Provider, Reservation]:
    """The provider's diary as if this booking's own reservation were not there."""
    provider = await work.get(Provider, booking.performer_id)
    duration = booking.ends_at - booking.starts_at
    within = Period(start, start + duration)
    question = held_around(provider, within=within, duration=duration)
    units, held = await work.read(ActiveUnits(provider_id=provider.id), question)
    if booking.reservation_id is None:
        raise Conflict("it holds no time")
    own = await work.get(Reservation, booking.reservation_id)
    facts = diary(
        provider=provider,
        units=units,
        held=[other for other in held if other.id != own.id],
        policy=call.policy,
        duration=duration,
        within=within,
        now=call.at,
    )
    return facts, provider, own
