"""Going online shows a unit on the live map; what it does with its jobs is remembered with its presence."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from marketplace.core.bookings.booking import Booking
from marketplace.core.dispatch.facts import LOAD_HORIZON, load_of
from marketplace.core.dispatch.presence import Presence, State, placed, presence_id
from marketplace.core.dispatch.queries import HeldBy, ReservationsOf
from marketplace.core.providers.provider import NotBookable, Provider, Unit, UnitState
from marketplace.core.providers.provider import State as ProviderState
from marketplace.core.providers.reservation import LONG_OVERRUN, Reservation
from marketplace.core.providers.usecases import own
from marketplace.core.shared.aggregate import create, is_due, move
from marketplace.core.shared.errors import Conflict, Invalid, NotFound
from marketplace.core.shared.limits import Reason
from marketplace.core.shared.place import Place
from marketplace.core.tenants.tenant import Call
from marketplace.ports.geo import Sighting
from marketplace.ports.storage import One, Work
from marketplace.ports.vendors import Vendors


class NotOnline(Conflict):
    code = "not_online"


# Who forgets to go offline is taken offline: longer than any shift that the law allows.
SHIFT_MAX = timedelta(hours=16)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoOnline:
    """Take jobs with this unit from now on; `place` is where it is."""

    unit_id: UUID
    place: Place
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoOffline:
    """Take no more jobs; what has been taken stays."""

    unit_id: UUID
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepPlace:
    """Remember where a unit was, so that the live map can be drawn anew."""

    unit_id: UUID
    place: Place
    placed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockPresence:
    """A shift that nobody ended is ended."""

    presence_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishJob:
    """Remember a job that a unit has done."""

    booking_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowPresence:
    """Bring the live map to what storage knows of the unit that is, or was, online."""

    presence_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowFreed:
    """Bring the live map to what storage knows of the unit whose time was given back."""

    reservation_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowUnit:
    """Bring the live map to what storage knows of a unit."""

    unit_id: UUID


async def go_online(command: GoOnline, *, call: Call, work: Work) -> Presence:
    """Raises NotBookable for a unit or provider that is not active, Invalid for a unit without skills."""
    unit, provider = await _unit(command.unit_id, call, work)
    if unit.state != UnitState.ACTIVE or provider.state != ProviderState.ACTIVE:
        raise NotBookable("only an active provider's active units take jobs")
    if not unit.skills:
        raise Invalid("skills", "this unit has none", "at least one, set with the unit")
    work.guard(unit)
    shown: dict[str, Any] = {
        **placed(command.place, call.at),
        "ends_at": call.at + SHIFT_MAX,
        "idle_since": call.at,
    }
    key = presence_id(unit.id)
    presence = await work.find(Presence, key)
    if presence is None:
        fresh = Presence(id=key, tenant_id=call.tenant_id, unit_id=unit.id, provider_id=provider.id, **shown)
        return work.add(create(fresh, call))
    return work.save(move(presence, "go_online", call, **shown))


async def go_offline(command: GoOffline, *, call: Call, work: Work) -> Presence:
    """Raises NotOnline for a unit that never was."""
    await _unit(command.unit_id, call, work)
    presence = await work.find(Presence, presence_id(command.unit_id))
    if presence is None:
        raise NotOnline("this unit has never been online")
    return work.save(move(presence, "go_offline", call, ends_at=None))


async def keep_place(command: KeepPlace, *, call: Call, work: Work) -> Presence:
    """An older place than the one that stands changes nothing. Raises Conflict for a unit that is offline."""
    presence = await work.find(Presence, presence_id(command.unit_id))
    if presence is None or presence.state != State.ONLINE:
        raise NotOnline("this unit takes no jobs now: go online first")
    if command.placed_at <= presence.placed_at:
        return presence
    now = placed(command.place, command.placed_at)
    return work.save(move(presence, "keep_place", call, **now))


async def _unit(key: UUID, call: Call, work: Work) -> tuple[Unit, Provider]:
    unit = await work.get(Unit, key)
    provider = await work.get(Provider, unit.provider_id)
    try:
        return unit, own(provider, call)
    except NotFound:
        raise NotFound("unit", key) from None


async def clock_presence(command: ClockPresence, *, call: Call, work: Work) -> Presence:
    presence = await work.get(Presence, command.presence_id)
    if presence.state != State.ONLINE or not is_due(presence, call):
        return presence
    return work.save(move(presence, "lapse", call, ends_at=None))


async def finish_job(command: FinishJob, *, call: Call, work: Work) -> Presence | None:
    """Time that is left over is given back in the same write: however often it is told, a job counts once."""
    booking = await work.get(Booking, command.booking_id)
    held = await work.ask(ReservationsOf(booking_id=booking.id))
    if not held or booking.skill is None:
        return None
    work.save(move(held[0], "release", call))
    presence = await work.find(Presence, presence_id(held[0].unit_id))
    if presence is None:
        return None
    done = presence.done | {booking.skill: presence.done.get(booking.skill, 0) + 1}
    facts: dict[str, Any] = {"done": done, "idle_since": call.at}
    if booking.place is not None:
        facts |= placed(booking.place, call.at)
    return work.save(move(presence, "finish", call, **facts))


async def show_freed(effect: ShowFreed, *, call: Call, work: Work, vendors: Vendors) -> None:
    """A slot that was booked with its provider says nothing of where the unit is."""
    freed = await work.get(Reservation, effect.reservation_id)
    if freed.place is not None:
        await show_unit(ShowUnit(unit_id=freed.unit_id), call=call, work=work, vendors=vendors)


async def show_presence(effect: ShowPresence, *, call: Call, work: Work, vendors: Vendors) -> None:
    presence = await work.get(Presence, effect.presence_id)
    await show_unit(ShowUnit(unit_id=presence.unit_id), call=call, work=work, vendors=vendors)


async def show_unit(effect: ShowUnit, *, call: Call, work: Work, vendors: Vendors) -> None:
    """The map is a hint: what it is told late, or never, is told again or found out when a job is offered."""
    units, presences, held = await work.read(
        One(Unit, effect.unit_id),
        One(Presence, presence_id(effect.unit_id)),
        HeldBy(unit_ids=(effect.unit_id,), start=call.at - LONG_OVERRUN, end=call.at + LOAD_HORIZON),
    )
    if not units or not presences or presences[0].state != State.ONLINE:
        await vendors.live_map.withdraw(tenant_id=call.tenant_id, units=(effect.unit_id,))
        return
    presence: Presence = presences[0]
    await vendors.live_map.report([sighting_of(units[0], presence, held, call)])


def sighting_of(unit: Unit, presence: Presence, held: Iterable[Reservation], call: Call) -> Sighting:
    return Sighting(
        tenant_id=unit.tenant_id,
        unit_id=unit.id,
        place=presence.place,
        age=max(timedelta(), call.at - presence.placed_at),
        skills=unit.skills,
        load=load_of(held, at=call.at),
        load_max=call.policy.dispatch.load_max,
    )
