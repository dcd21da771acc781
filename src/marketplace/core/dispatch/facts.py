"""What is known of the units near a job, and the first thing that keeps each from doing it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.offer import OPEN as OFFER_OPEN
from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.dispatch.presence import Presence
from marketplace.core.dispatch.presence import State as PresenceState
from marketplace.core.dispatch.scoring import Candidate, Hindrance
from marketplace.core.providers.hours import open_periods
from marketplace.core.providers.provider import Provider, Unit, UnitState
from marketplace.core.providers.provider import State as ProviderState
from marketplace.core.providers.reservation import Reservation
from marketplace.core.shared.period import Period, merge
from marketplace.core.shared.place import Place, distance_metres
from marketplace.core.tenants.dispatching import DispatchPolicy

# Whoever has a call-out that begins within this does it first: what comes later leaves time for another.
LOAD_HORIZON = timedelta(hours=2)
# What a job is taken to last still, once it has lasted longer than planned.
OVERRUN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """
    A unit's way to a job: free at `leaves_at`, after `load` others, and `travel` from where it is then.

    No `travel` where no road leads from there.
    """

    metres: float
    age: timedelta
    leaves_at: datetime
    travel: timedelta | None
    load: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """When a unit could set out to another job, after `load` others; no `place` for where it is now."""

    leaves_at: datetime
    place: Place | None = None
    load: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What storage knows of the units near a round's jobs; `blocked` are (customer, provider)."""

    units: Mapping[UUID, Unit]
    providers: Mapping[UUID, Provider]
    presences: Mapping[UUID, Presence]
    offers: Mapping[UUID, Sequence[DispatchOffer]]
    held: Mapping[UUID, Sequence[Reservation]]
    blocked: frozenset[tuple[UUID, UUID]]


def candidate_of(
    unit: Unit, way: Way, job: DispatchJob, known: Known, *, policy: DispatchPolicy, at: datetime
) -> Candidate:
    presence, offers = known.presences.get(unit.id), known.offers.get(unit.id, ())
    return Candidate(
        unit_id=unit.id,
        provider_id=unit.provider_id,
        metres=round(way.metres),
        busy_seconds=seconds(way.leaves_at - at),
        travel_seconds=0 if way.travel is None else seconds(way.travel),
        seen_seconds_ago=seconds(way.age),
        load=way.load,
        stars=unit.stars,
        skill_jobs=presence.done.get(job.skill, 0) if presence else 0,
        jobs_done=presence.jobs_done if presence else 0,
        idle_seconds=max(0, seconds(at - presence.idle_since)) if presence else 0,
        offered=presence.offered if presence else 0,
        accepted=presence.accepted if presence else 0,
        offers_last_hour=len(offers),
        hindrance=hindrance(unit, way, job, known, policy=policy, at=at),
    )


def seconds(span: timedelta) -> int:
    """Whole ones, and none too few: who leaves a moment early would overlap with the job before."""
    return ceil(span.total_seconds())


def load_of(held: Iterable[Reservation], *, at: datetime) -> int:
    """The jobs that a unit does before any other: not the slots to come, which may leave time before them."""
    return sum(_counts(one, at) and not _waits(one, at) for one in held)


def starts_of(held: Iterable[Reservation], *, lasting: timedelta, at: datetime) -> list[Start]:
    """
    When a unit could set out to a job that lasts so long, the soonest first; at the latest after all it has.

    Before a slot where there may be time, and never before a call-out, whose way was planned from where the
    unit is then. The way to a slot is in its buffer, as nobody knows the place.
    """
    found, start = [], Start(leaves_at=at)
    for one in sorted((one for one in held if _counts(one, at)), key=lambda one: one.starts_at):
        if _waits(one, at) and one.starts_at - start.leaves_at >= lasting:
            found.append(start)
        leaves_at = max(start.leaves_at, _free_at(one, at))
        start = Start(leaves_at=leaves_at, place=one.place or start.place, load=start.load + 1)
    return [*found, start]


def soonest(
    ways: Sequence[Way], job: DispatchJob, unit: Unit, known: Known, *, policy: DispatchPolicy, at: datetime
) -> Way:
    """The first by which the job runs into nothing else; the last, after all else, where none is."""
    if len(ways) == 1:
        return ways[0]
    fits = (way for way in ways if _timing(unit, way, job, known, policy=policy, at=at) is None)
    return next(fits, ways[-1])


def _free_at(one: Reservation, at: datetime) -> datetime:
    """When a unit is done with a job; of one that takes longer than planned nobody knows."""
    return at + timedelta(seconds=seconds((one.ends_at if one.ends_at > at else at + OVERRUN) - at))


def _waits(slot: Reservation, at: datetime) -> bool:
    """A slot that was booked, and has not begun."""
    return slot.place is None and slot.starts_at > at


def _counts(held: Reservation, at: datetime) -> bool:
    """A call-out's time is given back when it is done: until then the unit is on it, however long."""
    over = held.ends_at <= at and held.place is None
    return not over and held.starts_at < at + LOAD_HORIZON


def begins_at(job: DispatchJob, travel: timedelta, *, at: datetime) -> datetime:
    """When the work could begin for somebody who leaves at an instant."""
    return max(job.window_start, at + travel)


def blocked_period(begins: datetime, travel: timedelta, job: DispatchJob, provider: Provider) -> Period:
    """What a unit's day loses to a job: the way there, the work, and the provider's buffer behind it."""
    return Period(begins - travel, begins + job.duration + provider.buffer_after)


def hindrance(
    unit: Unit, way: Way, job: DispatchJob, known: Known, *, policy: DispatchPolicy, at: datetime
) -> Hindrance | None:
    """The first hard gate that a unit fails, None where it may be asked."""
    return (
        _standing(unit, known)
        or _fitness(job, unit, known)
        or _answers(job, unit, known)
        or _load(way, policy=policy, at=at)
        or _timing(unit, way, job, known, policy=policy, at=at)
    )


def _standing(unit: Unit, known: Known) -> Hindrance | None:
    presence, provider = known.presences.get(unit.id), known.providers.get(unit.provider_id)
    if presence is None or presence.state != PresenceState.ONLINE:
        return Hindrance.OFFLINE
    active = unit.state == UnitState.ACTIVE and provider and provider.state == ProviderState.ACTIVE
    return None if active else Hindrance.NOT_ACTIVE


def _fitness(job: DispatchJob, unit: Unit, known: Known) -> Hindrance | None:
    if job.skill not in unit.skills:
        return Hindrance.NO_SKILL
    if (job.customer_id, unit.provider_id) in known.blocked:
        return Hindrance.BLOCKED
    if unit.base is not None and unit.reach_metres is not None:
        outside = distance_metres(unit.base, job.place) > unit.reach_metres
        return Hindrance.OUTSIDE_ITS_AREA if outside else None
    return None


def _answers(job: DispatchJob, unit: Unit, known: Known) -> Hindrance | None:
    if unit.id in job.unfit or unit.provider_id in job.unfit:
        return Hindrance.SAID_NO
    asked = any(offer.state in OFFER_OPEN for offer in known.offers.get(unit.id, ()))
    return Hindrance.ASKED_ALREADY if asked else None


def _load(way: Way, *, policy: DispatchPolicy, at: datetime) -> Hindrance | None:
    if way.load >= policy.load_max:
        return Hindrance.FULL
    late = way.leaves_at > at + timedelta(minutes=policy.ahead_minutes)
    return Hindrance.BUSY if late else None


def _timing(
    unit: Unit, way: Way, job: DispatchJob, known: Known, *, policy: DispatchPolicy, at: datetime
) -> Hindrance | None:
    if way.travel is None:
        return Hindrance.NO_ROAD
    provider, held = known.providers[unit.provider_id], known.held.get(unit.id, ())
    # A yes may come as late as the offer lives.
    leaves_at = max(way.leaves_at, at + timedelta(seconds=policy.offer_seconds))
    begins = begins_at(job, way.travel, at=leaves_at)
    if begins > job.window_end:
        return Hindrance.TOO_LATE
    if not is_open(provider, Period(begins, begins + job.duration)):
        return Hindrance.CLOSED
    blocked = blocked_period(begins, way.travel, job, provider)
    if any(off.overlaps(blocked) for off in provider.time_off):
        return Hindrance.TIME_OFF
    return Hindrance.TAKEN if any(one.period.overlaps(blocked) for one in held) else None


def is_open(provider: Provider, work: Period) -> bool:
    """Within opening hours; who has said none works whenever a unit is online."""
    if not provider.hours and not provider.exceptions:
        return True
    openings = open_periods(
        hours=provider.hours, exceptions=provider.exceptions, time_zone=provider.time_zone, within=work
    )
    return any(opening.contains(work) for opening in merge(openings))
