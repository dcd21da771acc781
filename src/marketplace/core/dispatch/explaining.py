"""Why a unit was asked to do a job, or was not, in a sentence that support can read out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from marketplace.core.dispatch.deciding import Verdict
from marketplace.core.dispatch.decision import DispatchDecision
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.job import State as JobState
from marketplace.core.dispatch.presence import Presence
from marketplace.core.dispatch.presence import State as PresenceState
from marketplace.core.dispatch.scoring import Hindrance
from marketplace.core.providers.provider import Unit, UnitState
from marketplace.core.shared.place import distance_metres
from marketplace.core.tenants.dispatching import DispatchPolicy
from marketplace.ports.geo import Found

_SENTENCES = {
    Hindrance.OFFLINE: "it was offline",
    Hindrance.NOT_ACTIVE: "the unit, or its provider, was not active",
    Hindrance.NO_SKILL: "it did not have the skill",
    Hindrance.BLOCKED: "customer and provider are kept apart",
    Hindrance.SAID_NO: "it had said no to this job, or had not answered, or had handed it back",
    Hindrance.ASKED_ALREADY: "it was being asked about another job",
    Hindrance.OUTSIDE_ITS_AREA: "the place was outside the area that it serves",
    Hindrance.NO_ROAD: "no road led there",
    Hindrance.TOO_LATE: "it would have come after the window's end",
    Hindrance.CLOSED: "it would have been outside its opening hours",
    Hindrance.TIME_OFF: "its provider had time off",
    Hindrance.FULL: "it had as many jobs as it may have at a time",
    Hindrance.BUSY: "it was still too long on another job",
    Hindrance.TAKEN: "its time was taken",
    Hindrance.OTHERS_FIRST: "others cost less waiting",
}


# Somebody is looked for. A search that found nobody, and may go on later, is over until then.
_ON = (JobState.QUEUED, JobState.OFFERING)
_OVER = "the search is over, and no decision in it knew of this unit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """`at` is when it was decided; None where it never was: the sentence is of now while the search is on."""

    job_id: UUID
    unit_id: UUID
    asked: bool
    reason: Hindrance | None
    at: datetime | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What is known of a unit at this moment; `seen` is what the live map says."""

    unit: Unit
    presence: Presence | None
    seen: Found | None


def explain(
    job: DispatchJob, decisions: Iterable[DispatchDecision], now: Now, *, policy: DispatchPolicy
) -> Explanation:
    """
    By the last decision in which the unit was looked at, one that asked it before all.

    Else by now, while the search is on: what is true of a unit today says nothing of one that is over.
    """
    told = [
        (verdict.asked, decision.at, verdict)
        for decision in decisions
        for verdict in decision.verdicts
        if verdict.unit_id == now.unit.id
    ]
    if not told:
        why = _unseen(job, now, policy) if job.state in _ON else _OVER
        sentence = f"It was not looked at: {why}."
        return _answer(job, now, asked=False, reason=None, at=None, sentence=sentence)
    asked, at, verdict = max(told, key=lambda one: one[:2])
    return _answer(job, now, asked=asked, reason=verdict.reason, at=at, sentence=_decided(verdict))


def _answer(
    job: DispatchJob,
    now: Now,
    *,
    asked: bool,
    reason: Hindrance | None,
    at: datetime | None,
    sentence: str,
) -> Explanation:
    return Explanation(
        job_id=job.id, unit_id=now.unit.id, asked=asked, reason=reason, at=at, sentence=sentence
    )


def _decided(verdict: Verdict) -> str:
    cost = "" if verdict.cost is None else f", at a cost of {verdict.cost.total:.0f} s"
    if verdict.reason is None:
        return f"It was asked{cost}."
    return f"It was not asked: {_SENTENCES[verdict.reason]}{cost}."


def _unseen(job: DispatchJob, now: Now, policy: DispatchPolicy) -> str:
    if now.unit.state != UnitState.ACTIVE:
        return "the unit is retired"
    if now.presence is None or now.presence.state != PresenceState.ONLINE:
        return "it is offline"
    if job.skill not in now.unit.skills:
        return f"it does not have the skill {job.skill}"
    return _far(job, now, policy)


def _far(job: DispatchJob, now: Now, policy: DispatchPolicy) -> str:
    """By the live map, which is where a round looks for candidates."""
    if now.seen is None or now.seen.age > timedelta(seconds=policy.fresh_seconds):
        return f"it has not been seen for {policy.fresh_seconds} s or longer"
    if now.seen.load >= policy.load_max:
        return _SENTENCES[Hindrance.FULL].replace("had", "has", 1)
    metres = distance_metres(now.seen.place, job.place)
    reach = policy.waves[min(job.wave, len(policy.waves) - 1)].reach_metres
    if metres > reach:
        return f"it is {metres / 1000:.1f} km away, and the search reaches {reach / 1000:.1f} km by now"
    return "others were nearer, or another round held it"
