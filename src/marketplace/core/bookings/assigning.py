"""Giving a booking to a provider takes its time, its money and its state in one write, whoever decides it."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from marketplace.core.bookings.access import booking_and_payment, step
from marketplace.core.bookings.booking import Booking
from marketplace.core.bookings.commands import AssignBooking
from marketplace.core.bookings.consequences import confirmed, is_secured
from marketplace.core.catalogue.availability import diary, held_around, pick_unit
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.providers.provider import NotBookable, Provider, Unit
from marketplace.core.providers.provider import State as ProviderState
from marketplace.core.providers.queries import ActiveUnits, HeldBetween
from marketplace.core.providers.reservation import Reservation, SlotTaken
from marketplace.core.shared.aggregate import create
from marketplace.core.shared.errors import Conflict
from marketplace.core.shared.ids import derive
from marketplace.core.shared.period import Period
from marketplace.core.shared.roles import SYSTEM, Role
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Who does a booking with which unit, from when, and what the unit's day loses to it."""

    booking: Booking
    provider: Provider
    unit_id: UUID
    starts_at: datetime
    blocked: Period

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + (self.booking.ends_at - self.booking.starts_at)


async def assign_booking(command: AssignBooking, *, call: Call, work: Work) -> Booking:
    """By hand, to any active provider with a unit free; the time it held before is exchanged."""
    booking, payment = await booking_and_payment(command.booking_id, call, work)
    booking.LIFECYCLE.lawful(booking, "assign", call)
    provider = await work.get(Provider, command.provider_id)
    if provider.state != ProviderState.ACTIVE:
        raise NotBookable(f"this provider is {provider.state}")
    find = _by_diary if booking.wanted is None else _by_hand
    given = await find(booking, provider, call, work)
    return assign(given, payment, call, work)


def assign(given: Assignment, payment: Payment, call: Call, work: Work) -> Booking:
    """
    Whoever said yes, it is the platform that assigns, or admin. The tries at the start code are its own.

    Money that is being taken still was held for somebody who handed the booking back: should it not come,
    the booking is called off.
    """
    booking, key = given.booking, derive(given.booking.id, "reservation", given.booking.version)
    booking.LIFECYCLE.lawful(booking, "assign", by := _assigner(call))
    held = payment.state == PaymentState.CAPTURING
    if not held and not is_secured(payment, call, starts_at=given.starts_at):
        raise Conflict(f"its payment is {payment.state}", payment=str(payment.state))
    facts = {
        "provider_id": given.provider.id,
        "reservation_id": key,
        "handed_back_by": None,
        "start_misses": 0,
        "starts_at": given.starts_at,
        "ends_at": given.ends_at,
        **confirmed(booking, payment, call, work, during=Period(given.starts_at, given.ends_at)),
    }
    work.guard(given.provider)
    work.add(create(_reservation(given, key), call))
    return work.save(step(booking, "assign", by, **facts))


def _assigner(call: Call) -> Call:
    return call if call.actor.role == Role.ADMIN else replace(call, actor=SYSTEM)


def _reservation(given: Assignment, key: UUID) -> Reservation:
    return Reservation(
        id=key,
        tenant_id=given.booking.tenant_id,
        provider_id=given.provider.id,
        unit_id=given.unit_id,
        booking_id=given.booking.id,
        starts_at=given.blocked.start,
        ends_at=given.blocked.end,
        place=given.booking.place if given.booking.wanted else None,
    )


async def _by_diary(booking: Booking, provider: Provider, call: Call, work: Work) -> Assignment:
    """At the time that the customer has booked, on the provider's grid."""
    within, duration = booking.period, booking.ends_at - booking.starts_at
    units, held = await work.read(
        ActiveUnits(provider_id=provider.id), held_around(provider, within=within, duration=duration)
    )
    day = diary(
        provider=provider,
        units=units,
        held=held,
        policy=call.policy,
        duration=duration,
        within=within,
        now=call.at,
    )
    return Assignment(
        booking=booking,
        provider=provider,
        unit_id=pick_unit(day, start=booking.starts_at, seed=booking.id),
        starts_at=booking.starts_at,
        blocked=within.widened(provider.buffer_before, provider.buffer_after),
    )


async def _by_hand(booking: Booking, provider: Provider, call: Call, work: Work) -> Assignment:
    """A call-out, from now on: somebody has asked the provider, so neither grid nor hours are in the way."""
    starts_at = max(call.at, booking.window_start or call.at)
    period = Period(starts_at, starts_at + (booking.ends_at - booking.starts_at))
    blocked = period.widened(provider.buffer_before, provider.buffer_after)
    units, held = await work.read(
        ActiveUnits(provider_id=provider.id),
        HeldBetween(provider_id=provider.id, start=blocked.start, end=blocked.end),
    )
    busy = {reservation.unit_id for reservation in held}
    free: list[Unit] = [unit for unit in units if unit.id not in busy]
    if not free:
        raise SlotTaken("every unit of this provider is taken then", why="taken")
    fit = [unit for unit in free if booking.skill in unit.skills] or free
    return Assignment(
        booking=booking, provider=provider, unit_id=fit[0].id, starts_at=starts_at, blocked=blocked
    )
