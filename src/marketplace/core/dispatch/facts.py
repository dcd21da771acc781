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
from marketplace.core.shared.place import distance_metres
from marketplace.core.tenants.dispatching import DispatchPolicy

# Whoever is on a job that begins within this has it before it: what comes later leaves time for another.
LOAD_HORIZON = timedelta(hours=2)
# What a job is taken to last still, once it has lasted longer than planned.
OVERRUN = timedelta(minutes=10)
# Whoever has forgotten for so long to say that a job is done is taken to be free.
LONG_OVERRUN = timedelta(hours=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A unit's way to a job: free at `leaves_at`, and `travel` from where it is then; None without a road."""

    metres: float
    age: timedelta
    leaves_at: datetime
    travel: timedelta | None


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
        load=load_of(known.held.get(unit.id, ()), at=at),
        stars=presence.stars if presence else None,
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
    """The jobs that a unit is on or about to begin."""
    return sum(_counts(one, at) for one in held)


def last_job(held: Iterable[Reservation], *, at: datetime) -> Reservation | None:
    """The last of the jobs that a unit is on, or about to begin; None for one that is idle."""
    return max((one for one in held if _counts(one, at)), key=lambda one: one.ends_at, default=None)


def free_at(last: Reservation, *, at: datetime) -> datetime:
    """When a unit is done with its last job; of one that takes longer than planned nobody knows."""
    return last.ends_at if last.ends_at > at else at + OVERRUN


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
        or _load(unit, way, known, policy=policy, at=at)
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


def _load(unit: Unit, way: Way, known: Known, *, policy: DispatchPolicy, at: datetime) -> Hindrance | None:
    if load_of(known.held.get(unit.id, ()), at=at) >= policy.load_max:
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
