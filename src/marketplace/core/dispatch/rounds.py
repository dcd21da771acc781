"""What a round decided is written at once: offers made, searches widened or ended, and why, kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from marketplace.core.dispatch.area import Area
from marketplace.core.dispatch.area import State as AreaState
from marketplace.core.dispatch.deciding import Asked, Decision, window_seconds
from marketplace.core.dispatch.decision import DispatchDecision
from marketplace.core.dispatch.facts import begins_at
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.dispatch.queries import QueuedIn
from marketplace.core.dispatch.scoring import Candidate, Terms
from marketplace.core.shared.aggregate import create, move
from marketplace.core.shared.ids import derive
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Among, One, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliberated:
    """One job of a round: what it was decided on, and how."""

    asked: Asked
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRound:
    """Carry out what a round decided, for every job that is still as it was then."""

    area_id: UUID
    round_id: UUID
    terms: Terms
    deliberated: tuple[Deliberated, ...]


async def record_round(command: RecordRound, *, call: Call, work: Work) -> Area:
    """
    A job that moved meanwhile is left alone: another round, or nobody, has to do with it.

    What was decided on it is kept all the same: the others' decisions rest on it.
    """
    (area,), queued, jobs = await work.read(
        One(Area, command.area_id),
        QueuedIn(area_id=command.area_id, at=call.at),
        Among(DispatchJob, tuple(one.asked.job_id for one in command.deliberated)),
    )
    decided = {job.id: job for job in jobs}
    waiting = {job.id: job for job in queued}
    for place, one in enumerate(command.deliberated):
        job = decided[one.asked.job_id]
        stands = job.id in waiting and job.version == one.asked.job_version
        work.insert(_kept(command, place, one, job, call, carried_out=stands))
        if not stands:
            continue
        still = _carry_out(one, job, call, work)
        if not still:
            del waiting[job.id]
    return _next_tick(area, len(waiting), len(_idle(command.deliberated)), call, work)


def _idle(deliberated: Sequence[Deliberated]) -> set[UUID]:
    """Who has no job, could have been asked for one of the round's, and was asked for none."""
    free = {
        candidate.unit_id
        for one in deliberated
        for candidate in one.asked.candidates
        if candidate.hindrance is None and not candidate.load
    }
    return free.difference(*(one.decision.asked for one in deliberated))


def _carry_out(one: Deliberated, job: DispatchJob, call: Call, work: Work) -> bool:
    """Whether the job goes on waiting."""
    if one.decision.asked:
        candidates = {candidate.unit_id: candidate for candidate in one.asked.candidates}
        for unit_id in one.decision.asked:
            work.add(create(_offer(job, candidates[unit_id], call), call))
        work.save(move(job, "offer", call, search_at=None))
        return False
    if call.at >= job.give_up_at:
        work.save(move(job, "exhaust", call, search_at=None))
        return False
    if job.wave + 1 < len(call.policy.dispatch.waves):
        work.save(move(job, "widen", call, wave=job.wave + 1))
    return True


def _offer(job: DispatchJob, candidate: Candidate, call: Call) -> DispatchOffer:
    travel = timedelta(seconds=candidate.travel_seconds)
    leaves_at = call.at + timedelta(seconds=candidate.busy_seconds)
    return DispatchOffer(
        id=derive(job.id, "offer", job.version, candidate.unit_id),
        tenant_id=job.tenant_id,
        job_id=job.id,
        booking_id=job.booking_id,
        provider_id=candidate.provider_id,
        unit_id=candidate.unit_id,
        wave=job.wave,
        leaves_at=leaves_at,
        travel_seconds=candidate.travel_seconds,
        starts_at=begins_at(job, travel, at=leaves_at),
        sent_at=call.at,
        expires_at=call.at + timedelta(seconds=call.policy.dispatch.offer_seconds),
    )


def _kept(
    command: RecordRound, place: int, one: Deliberated, job: DispatchJob, call: Call, *, carried_out: bool
) -> DispatchDecision:
    return DispatchDecision(
        id=derive(command.round_id, "decision", job.id),
        tenant_id=job.tenant_id,
        round_id=command.round_id,
        place=place,
        job_id=job.id,
        booking_id=job.booking_id,
        wave=job.wave,
        at=call.at,
        terms=command.terms,
        asked=one.asked,
        verdicts=one.decision.verdicts,
        carried_out=carried_out,
    )


def _next_tick(area: Area, waiting: int, idle: int, call: Call, work: Work) -> Area:
    """Whoever still waits is looked at again, the later the scarcer providers are."""
    if not waiting or area.state == AreaState.GATHERING:
        return area
    policy = call.policy.dispatch
    window = window_seconds(
        waiting=waiting, idle=idle, least=policy.window_seconds, most=policy.window_seconds_max
    )
    return work.save(move(area, "gather", call, tick_at=call.at + timedelta(seconds=max(1, window))))
