"""A round: all jobs that wait in an area are decided together, on what the map and storage know now."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from marketplace.core.dispatch.deciding import Asked, decide
from marketplace.core.dispatch.facts import (
    LOAD_HORIZON,
    Known,
    Start,
    Way,
    candidate_of,
    seconds,
    soonest,
    starts_of,
)
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.presence import Presence, presence_id
from marketplace.core.dispatch.queries import BlocksOf, HeldBy, OffersTo, QueuedIn
from marketplace.core.dispatch.rounds import Deliberated, RecordRound
from marketplace.core.dispatch.scoring import Terms
from marketplace.core.dispatch.whereabouts import find_stored
from marketplace.core.providers.hours import zone
from marketplace.core.providers.provider import Provider, Unit
from marketplace.core.providers.reservation import LONG_OVERRUN
from marketplace.core.shared.errors import Unavailable
from marketplace.core.shared.ids import derive
from marketplace.core.tenants.dispatching import DispatchPolicy
from marketplace.core.tenants.tenant import Call
from marketplace.ports.geo import Found, Room, Search
from marketplace.ports.storage import Among, Named, Work
from marketplace.ports.vendors import Vendors

# Units found stay with a round until it has decided, and no longer should it die.
HOLD = timedelta(seconds=10)
# A round takes so many jobs: half of them members' and those that wait longest, half of them drawn by lot.
JOBS_MAX = 200
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """
    Decide the jobs that wait in an area; the round is named by the tick that began it, and by the jobs.

    A tick that is carried out again, with other jobs, is another round: what was not decided together is not
    kept as if it had been.
    """

    area_id: UUID
    round_id: UUID


async def match(effect: Match, *, call: Call, work: Work, vendors: Vendors) -> RecordRound | None:
    """While the map cannot be asked storage is, which no round has to wait for."""
    jobs = _drawn(await work.ask(QueuedIn(area_id=effect.area_id, at=call.at)), effect)
    if not jobs:
        return None
    policy = call.policy.dispatch
    near = await _near(jobs, call, work, vendors)
    known = await _known(jobs, {one.unit_id for found in near for one in found}, call, work)
    asked = [await _asked(job, found, known, call, vendors) for job, found in zip(jobs, near, strict=True)]
    decisions = decide(asked, terms=terms_of(policy), assign=vendors.assigner.pairs)
    chosen = {unit_id for decision in decisions for unit_id in decision.asked}
    spared = sorted(known.units.keys() - chosen)
    # What is held for too long is a hint that was wrong, and no reason to decide again.
    with contextlib.suppress(Unavailable):
        await vendors.live_map.let_go(tenant_id=call.tenant_id, holder=effect.area_id, units=spared)
    return RecordRound(
        area_id=effect.area_id,
        round_id=derive(effect.round_id, *(name for job in jobs for name in (job.id, job.version))),
        terms=terms_of(policy),
        deliberated=tuple(
            Deliberated(asked=question, decision=decision)
            for question, decision in zip(asked, decisions, strict=True)
        ),
    )


def _drawn(queued: Sequence[DispatchJob], effect: Match) -> list[DispatchJob]:
    """
    All that a round has time for, in the order of their turns; a round that is repeated draws the same.

    By turns alone a crowd that nobody can serve would keep everybody behind it from being looked at.
    """
    jobs = sorted(queued, key=lambda job: (-job.priority, job.queued_at, job.id))
    if len(jobs) <= JOBS_MAX:
        return jobs
    first = JOBS_MAX // 2
    lot = derive(effect.round_id, "lot").int
    drawn = {job.id for job in sorted(jobs[first:], key=lambda job: job.id.int ^ lot)[: JOBS_MAX - first]}
    return [*jobs[:first], *(job for job in jobs[first:] if job.id in drawn)]


def terms_of(policy: DispatchPolicy) -> Terms:
    return Terms(
        weights=policy.weights,
        offer_seconds=policy.offer_seconds,
        newcomer_jobs=policy.newcomer_jobs,
        newcomer_offers_hour=policy.newcomer_offers_hour,
    )


async def _near(
    jobs: Sequence[DispatchJob], call: Call, work: Work, vendors: Vendors
) -> Sequence[tuple[Found, ...]]:
    """All of a round from the map, or all from storage: what one knows does not compare with the other."""
    rooms = _rooms(call.policy.dispatch)
    searches = [_search(job, room, limit, call.policy.dispatch) for job in jobs for room, limit in rooms]
    try:
        found = await asyncio.gather(*map(vendors.live_map.near, searches))
    except Unavailable:
        # One by one, so that a round takes no more connections than usual.
        found = [await find_stored(search, call=call, work=work) for search in searches]
    each = len(rooms)
    return [tuple(chain(*found[first : first + each])) for first in range(0, len(found), each)]


def _rooms(policy: DispatchPolicy) -> Sequence[tuple[Room, int]]:
    """
    Of the candidates a part are units that are done with a job soon, where policy gives them the next.

    The nearest of all would be busy ones mostly, where most are busy, and the nearest idle not among them.
    """
    chained = policy.candidates_max * 2 // 5 if policy.load_max > 1 and policy.ahead_minutes else 0
    rooms = (Room.NOW, policy.candidates_max - chained), (Room.NEXT, chained)
    return [(room, limit) for room, limit in rooms if limit]


def _search(job: DispatchJob, room: Room, limit: int, policy: DispatchPolicy) -> Search:
    return Search(
        tenant_id=job.tenant_id,
        place=job.place,
        skill=job.skill,
        room=room,
        reach_metres=policy.waves[job.wave].reach_metres,
        fresh=timedelta(seconds=policy.fresh_seconds),
        limit=limit,
        holder=job.area_id,
        hold=HOLD,
    )


async def _known(jobs: Sequence[DispatchJob], found: set[UUID], call: Call, work: Work) -> Known:
    ids = tuple(sorted(found))
    begin, end = call.at, max(*(job.window_end + job.duration for job in jobs), call.at + LOAD_HORIZON)
    units, providers, presences, offers, held, blocks = await work.read(
        Among(Unit, ids),
        Named(Provider, "provider_id", Among(Unit, ids)),
        Among(Presence, tuple(map(presence_id, ids))),
        OffersTo(unit_ids=ids, since=call.at - _HOUR),
        HeldBy(unit_ids=ids, start=begin - LONG_OVERRUN, end=end),
        BlocksOf(customer_ids=tuple(sorted({job.customer_id for job in jobs}))),
    )
    return Known(
        units=_by_id(units),
        providers=_by_id(providers),
        presences={presence.unit_id: presence for presence in presences},
        offers=_by_unit(offers),
        held=_by_unit(held),
        blocked=frozenset((block.customer_id, block.provider_id) for block in blocks),
    )


def _by_id(rows: Iterable[Any]) -> dict[UUID, Any]:
    return {row.id: row for row in rows}


def _by_unit(rows: Iterable[Any]) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.unit_id].append(row)
    return dict(found)


async def _asked(
    job: DispatchJob, found: Sequence[Found], known: Known, call: Call, vendors: Vendors
) -> Asked:
    """A unit of which only the map has heard is not there any more."""
    policy = call.policy.dispatch
    there = [one for one in found if one.unit_id in known.units]
    ways = await _ways(job, there, known, call, vendors)
    waited = max(0, seconds(call.at - job.queued_at))
    return Asked(
        job_id=job.id,
        job_version=job.version,
        offers=policy.waves[job.wave].offers,
        head_start_seconds=waited + job.priority * policy.weights.member_seconds,
        candidates=tuple(
            candidate_of(known.units[one.unit_id], way, job, known, policy=policy, at=call.at)
            for one, way in zip(there, ways, strict=True)
        ),
    )


def _whole(span: timedelta) -> timedelta:
    """As it is kept, so that what is checked is what is offered."""
    return timedelta(seconds=seconds(span))


async def _ways(
    job: DispatchJob, there: Sequence[Found], known: Known, call: Call, vendors: Vendors
) -> list[Way]:
    """Who is on a job leaves from there, when it is done, unless there is time before the next."""
    tried = [
        (one, start)
        for one in there
        for start in starts_of(known.held.get(one.unit_id, ()), lasting=job.duration, at=call.at)
    ]
    local = call.at.astimezone(zone(call.policy.time_zone))
    places = [start.place or one.place for one, start in tried]
    travel = await vendors.router.travel(starts=places, end=job.place, at=local)
    ways: dict[UUID, list[Way]] = defaultdict(list)
    for (one, start), lasting in zip(tried, travel, strict=True):
        ways[one.unit_id].append(_way(one, start, lasting))
    policy = call.policy.dispatch
    return [
        soonest(ways[one.unit_id], job, known.units[one.unit_id], known, policy=policy, at=call.at)
        for one in there
    ]


def _way(one: Found, start: Start, travel: timedelta | None) -> Way:
    return Way(
        metres=one.metres,
        age=one.age,
        leaves_at=start.leaves_at,
        travel=None if travel is None else _whole(travel),
        load=start.load,
    )
