"""A search begins when a booking waits for somebody, and ends when it has one, or wants none any more."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from marketplace.core.bookings.access import booking_of, step
from marketplace.core.bookings.booking import Booking, Wanted
from marketplace.core.bookings.booking import State as BookingState
from marketplace.core.bookings.callout import window_of
from marketplace.core.dispatch.area import Area, area_id, cell_of
from marketplace.core.dispatch.area import State as AreaState
from marketplace.core.dispatch.job import DispatchJob, State
from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.dispatch.presence import Presence
from marketplace.core.dispatch.queries import OpenJobOf, OpenOffersOf
from marketplace.core.providers.reservation import Reservation
from marketplace.core.shared.aggregate import create, is_due, move
from marketplace.core.shared.errors import NotFound
from marketplace.core.shared.ids import derive
from marketplace.core.shared.limits import Reason
from marketplace.core.shared.period import Period
from marketplace.core.shared.place import Place
from marketplace.core.subscriptions.membership import Membership, current
from marketplace.core.subscriptions.queries import MembershipsOf
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Work

# How long a job may lie in the queue before it asks for a round itself: no lost tick keeps it there.
PATIENCE = timedelta(seconds=60)
# A tick that is overdue for so long does not come any more.
LOST = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSearch:
    """Begin to look for somebody to do a booking."""

    booking_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseSearch:
    """Stop looking: the booking has somebody, or is over."""

    booking_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOn:
    """
    Look for somebody once more, after nobody was found: from now on, or at another time.

    Of another time `until` is the latest that the work may begin.
    """

    booking_id: UUID
    starts_at: datetime | None = None
    until: datetime | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeArea:
    """A unit is there for jobs: whoever waits near it is decided at once."""

    presence_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeFreed:
    """A unit's time was given back: whoever waits where it is now is decided at once."""

    reservation_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockJob:
    """A job that has waited long asks for a round."""

    job_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockArea:
    """The window of an area is over: those who wait in it are decided."""

    area_id: UUID


async def open_search(command: OpenSearch, *, call: Call, work: Work) -> DispatchJob | None:
    """
    Of a booking that has been handed back it is another search than the first.

    Unless that one is on still, because it was assigned by hand: then it begins anew.
    """
    booking = await work.get(Booking, command.booking_id)
    wanted = booking.wanted
    if wanted is None or not _waits(booking):
        return None
    work.guard(booking)
    cell = cell_of(wanted.place)
    open_jobs, members = await work.read(
        OpenJobOf(booking_id=booking.id), MembershipsOf(customer_id=booking.customer_id)
    )
    on: DispatchJob | None = open_jobs[0] if open_jobs else None
    if on is not None and _goes_on(on, booking):
        return on
    fresh = _job(booking, wanted, members, call)
    if fresh.queued_at <= call.at:
        await ask_for_round(fresh.area_id, call, work, cell=cell)
    return work.add(create(fresh, call)) if on is None else await _restart(on, fresh, call, work)


def _goes_on(job: DispatchJob, booking: Booking) -> bool:
    """
    Whether this search is looking for another than who has handed the booking back.

    An exhausted one may have been so before: whoever was found by hand has let the customer down again.
    """
    if booking.handed_back_by is None:
        return True
    return booking.handed_back_by in job.unfit and job.state != State.EXHAUSTED


async def _restart(job: DispatchJob, fresh: DispatchJob, call: Call, work: Work) -> DispatchJob:
    withdraw_offers(await work.ask(OpenOffersOf(job_id=job.id)), call, work)
    anew: dict[str, Any] = {
        "wave": 0,
        "unfit": tuple(dict.fromkeys((*job.unfit, *fresh.unfit))),
        "window_end": fresh.window_end,
        "queued_at": fresh.queued_at,
        "give_up_at": fresh.give_up_at,
        "search_at": fresh.search_at,
        "priority": fresh.priority,
    }
    return work.save(move(job, "restart", call, **anew))


def _waits(booking: Booking) -> bool:
    return booking.state == BookingState.AWAITING_PROVIDER and booking.reservation_id is None


def _job(booking: Booking, wanted: Wanted, members: tuple[Membership, ...], call: Call) -> DispatchJob:
    """Whoever is a member when the search begins goes before others for as long as it lasts."""
    begins = search_begins(wanted.window, call)
    member = current(members, at=begins)
    return DispatchJob(
        id=derive(booking.id, "search", booking.version),
        tenant_id=booking.tenant_id,
        booking_id=booking.id,
        customer_id=booking.customer_id,
        area_id=area_id(booking.tenant_id, cell_of(wanted.place)),
        place=wanted.place,
        skill=wanted.skill,
        duration_minutes=round((booking.ends_at - booking.starts_at).total_seconds() / 60),
        window_start=max(wanted.window.start, call.at),
        window_end=_latest(booking, wanted, call),
        **_when(begins, call),
        priority=0 if member is None else member.level,
        unfit=() if booking.handed_back_by is None else (booking.handed_back_by,),
    )


def search_begins(window: Period, call: Call) -> datetime:
    """Who is wanted for later is looked for when it is near, among those who are on the road then."""
    return max(call.at, window.start - timedelta(minutes=call.policy.dispatch.reach_minutes))


def _when(begins: datetime, call: Call) -> dict[str, Any]:
    patience = PATIENCE if begins <= call.at else timedelta()
    return {
        "queued_at": begins,
        "give_up_at": begins + timedelta(minutes=call.policy.dispatch.search_minutes),
        "search_at": begins + patience,
    }


def _latest(booking: Booking, wanted: Wanted, call: Call) -> datetime:
    """Whoever was let down has somebody late rather than nobody, and may call it off for nothing."""
    if booking.handed_back_by is None:
        return max(wanted.window.end, call.at)
    return max(wanted.window.end, call.at + timedelta(minutes=call.policy.dispatch.reach_minutes))


async def ask_for_round(key: UUID, call: Call, work: Work, *, cell: str) -> None:
    """The area's next round comes as soon as policy allows, if it is not to come sooner, nor was lost."""
    area, soon = await work.find(Area, key), call.at + timedelta(seconds=call.policy.dispatch.window_seconds)
    if area is None:
        fresh = Area(id=key, tenant_id=call.tenant_id, state=AreaState.GATHERING, cell=cell, tick_at=soon)
        work.add(create(fresh, call))
    elif area.state == AreaState.QUIET:
        work.save(move(area, "gather", call, tick_at=soon))
    elif area.tick_at is None or not call.at - LOST < area.tick_at <= soon:
        work.save(move(area, "hurry", call, tick_at=soon))
    else:
        work.guard(area)


async def wake_area(command: WakeArea, *, call: Call, work: Work) -> Area | None:
    presence = await work.get(Presence, command.presence_id)
    return await _wake(presence.place, call, work)


async def wake_freed(command: WakeFreed, *, call: Call, work: Work) -> Area | None:
    freed = await work.get(Reservation, command.reservation_id)
    return None if freed.place is None else await _wake(freed.place, call, work)


async def _wake(place: Place, call: Call, work: Work) -> Area | None:
    """Nothing to do where nobody waits."""
    area = await work.find(Area, area_id(call.tenant_id, cell_of(place)))
    soon = call.at + timedelta(seconds=call.policy.dispatch.window_seconds)
    if area is None or area.tick_at is None or area.tick_at <= soon:
        return area
    return work.save(move(area, "hurry", call, tick_at=soon))


async def close_search(command: CloseSearch, *, call: Call, work: Work) -> DispatchJob | None:
    """Also where admin has assigned somebody by hand: offers that are out are withdrawn."""
    booking = await work.get(Booking, command.booking_id)
    jobs = await work.ask(OpenJobOf(booking_id=booking.id))
    if not jobs or _waits(booking):
        return None
    work.guard(booking)  # handed back meanwhile, it has another search, and that one goes on
    job: DispatchJob = jobs[0]
    withdraw_offers(await work.ask(OpenOffersOf(job_id=job.id)), call, work)
    return work.save(move(job, "withdraw", call, search_at=None))


def withdraw_offers(offers: Iterable[DispatchOffer], call: Call, work: Work) -> None:
    for offer in offers:
        work.save(move(offer, "withdraw", call))


async def search_on(command: SearchOn, *, call: Call, work: Work) -> DispatchJob:
    """Raises Invalid for a time that cannot be met. The booking's window moves with the job's."""
    booking = await booking_of(command.booking_id, call, work)
    jobs = await work.ask(OpenJobOf(booking_id=booking.id))
    if not jobs:
        step(booking, "extend_search", call)  # says which state it is that nobody is searched for in
        raise NotFound("search for booking", booking.id)
    job: DispatchJob = jobs[0]
    window = _window_from(command, booking, job, call)
    begins = search_begins(window, call)
    again = _when(begins, call) | {"wave": 0, "window_start": window.start, "window_end": window.end}
    work.save(step(booking, "extend_search", call, **_other_time(booking, window, again)))
    if begins <= call.at:
        await ask_for_round(job.area_id, call, work, cell=cell_of(job.place))
    return work.save(move(job, "wait", call, **again))


def _window_from(command: SearchOn, booking: Booking, job: DispatchJob, call: Call) -> Period:
    """Without a time of its own, who waits wants somebody from now on."""
    if command.starts_at is not None or command.until is not None:
        return window_of(command.starts_at, command.until, call)
    until = call.at + timedelta(minutes=call.policy.dispatch.reach_minutes)
    return Period(min(booking.starts_at, call.at), max(job.window_end, until))


def _other_time(booking: Booking, window: Period, again: dict[str, Any]) -> dict[str, Any]:
    starts_at = max(booking.starts_at, window.start)
    return {
        "window_start": window.start,
        "window_end": window.end,
        "accept_by": max(window.end, again["give_up_at"]),
        "starts_at": starts_at,
        "ends_at": starts_at + (booking.ends_at - booking.starts_at),
    }


async def clock_job(command: ClockJob, *, call: Call, work: Work) -> DispatchJob:
    job = await work.get(DispatchJob, command.job_id)
    if job.state != State.QUEUED or not is_due(job, call):
        return job
    await ask_for_round(job.area_id, call, work, cell=cell_of(job.place))
    return work.save(move(job, "search_again", call, search_at=call.at + PATIENCE))


async def clock_area(command: ClockArea, *, call: Call, work: Work) -> Area:
    area = await work.get(Area, command.area_id)
    if area.state != AreaState.GATHERING or not is_due(area, call):
        return area
    return work.save(move(area, "tick", call, tick_at=None))
