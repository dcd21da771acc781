"""Who may do a job, and what each costs in seconds of waiting: a pure function of facts that are kept."""

from dataclasses import dataclass
from enum import StrEnum
from math import exp
from uuid import UUID

from marketplace.core.tenants.dispatching import Weights

STARS_MAX = 5
STARS_UNKNOWN = 4.5  # what a newcomer is taken to be, so that no first complaint ends a career
EXPERT_JOBS = 50
# The chance of a yes falls with the way: half of those twenty-five minutes away still come.
_WILLING = 0.95
_HALF_WAY_SECONDS = 1500
_CHANCE_LEAST = 0.05
# A unit's own answers count for more the more there are; so many are taken for granted at the start.
_PRIOR_OFFERS, _PRIOR_YES = 5, 4
_HOUR = 3600


class Hindrance(StrEnum):
    """Why a unit was not asked."""

    OFFLINE = "offline"
    NOT_ACTIVE = "not_active"
    NO_SKILL = "no_skill"
    BLOCKED = "blocked"
    SAID_NO = "said_no"
    ASKED_ALREADY = "asked_already"
    OUTSIDE_ITS_AREA = "outside_its_area"
    NO_ROAD = "no_road"
    TOO_LATE = "too_late"
    CLOSED = "closed"
    TIME_OFF = "time_off"
    FULL = "full"
    BUSY = "busy"
    TAKEN = "taken"
    OTHERS_FIRST = "others_first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """
    What is known of a unit when a job is decided; `hindrance` is the first hard gate that it fails.

    `busy_seconds` is until it is done with what it has, `travel_seconds` the way from where it is then,
    0 where no road leads from there.
    """

    unit_id: UUID
    provider_id: UUID
    metres: int
    busy_seconds: int
    travel_seconds: int
    seen_seconds_ago: int
    load: int
    stars: float | None
    skill_jobs: int
    jobs_done: int
    idle_seconds: int
    offered: int
    accepted: int
    offers_last_hour: int
    hindrance: Hindrance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The policy that a decision was made under."""

    weights: Weights
    offer_seconds: int
    newcomer_jobs: int
    newcomer_offers_hour: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The seconds that a candidate costs, and what they are made of; the least is asked first."""

    total: float
    busy: float
    travel: float
    refusal: float
    load: float
    stars: float
    expertise: float
    idle: float
    newcomer: float


def chance_of_yes(candidate: Candidate) -> float:
    """By the way there and by the unit's own answers so far."""
    habit = (candidate.accepted + _PRIOR_YES) / (candidate.offered + _PRIOR_OFFERS)
    distance = 1 / (1 + exp((candidate.travel_seconds - _HALF_WAY_SECONDS) / (_HALF_WAY_SECONDS / 3)))
    return max(_CHANCE_LEAST, _WILLING * distance * min(1.0, habit / (_PRIOR_YES / _PRIOR_OFFERS)))


def cost_of(candidate: Candidate, terms: Terms) -> Cost:
    """A refusal costs the time of the offers that are made in vain, on average, before somebody says yes."""
    weights = terms.weights
    stars = STARS_UNKNOWN if candidate.stars is None else candidate.stars
    newcomer = (
        candidate.jobs_done < terms.newcomer_jobs and candidate.offers_last_hour < terms.newcomer_offers_hour
    )
    parts = {
        "busy": float(candidate.busy_seconds),
        "travel": float(candidate.travel_seconds),
        "refusal": (1 / chance_of_yes(candidate) - 1) * terms.offer_seconds,
        "load": float(candidate.load * weights.job_ahead_seconds),
        "stars": (STARS_MAX - stars) * weights.star_seconds,
        "expertise": -min(candidate.skill_jobs / EXPERT_JOBS, 1.0) * weights.expertise_seconds,
        "idle": -candidate.idle_seconds / _HOUR * weights.idle_hour_seconds,
        "newcomer": -float(weights.newcomer_seconds) if newcomer else 0.0,
    }
    return Cost(total=sum(parts.values()), **parts)
