"""What keeps a unit from being asked, for its own provider: of the unit all, of customers nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from marketplace.core.dispatch.facts import is_open, load_of
from marketplace.core.dispatch.offer import OPEN as OFFER_OPEN
from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.dispatch.presence import Presence
from marketplace.core.dispatch.presence import State as PresenceState
from marketplace.core.dispatch.scoring import Hindrance
from marketplace.core.providers.provider import Provider, Unit, UnitState
from marketplace.core.providers.provider import State as ProviderState
from marketplace.core.providers.reservation import Reservation
from marketplace.core.shared.period import Period
from marketplace.core.tenants.dispatching import DispatchPolicy
from marketplace.ports.geo import Found

_AT_ONCE = timedelta(minutes=1)


class Obstacle(StrEnum):
    """What keeps a unit from any job now."""

    RETIRED = "retired"
    NOT_ACTIVE = "not_active"
    NO_SKILL = "no_skill"
    SKILL_UNASKED = "skill_unasked"
    OFFLINE = "offline"
    NOT_SEEN = "not_seen"
    CLOSED = "closed"
    TIME_OFF = "time_off"
    FULL = "full"
    ASKED_ALREADY = "asked_already"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of a unit at this moment; `asked` are categories that the house has services in."""

    unit: Unit
    provider: Provider
    presence: Presence | None
    seen: Found | None
    held: Sequence[Reservation]
    offers: Sequence[DispatchOffer]
    asked: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lately:
    """
    The latest `searches` near a unit, a hundred at the most, and how many of them were `for_its_skills`.

    Of the decisions in these that `looked_at` the unit, so many `asked` it, and so many did not, by reason.
    """

    searches: int
    for_its_skills: int
    looked_at: int
    asked: int
    not_asked: dict[Hindrance, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chances:
    """
    Why a unit is asked for jobs, or is not: `now` is what keeps it from all of them, nothing when empty.

    `unasked_skills` are those that no service of the house asks for; `lately` is since `since`.
    """

    unit_id: UUID
    now: tuple[Obstacle, ...]
    unasked_skills: tuple[str, ...]
    seen_seconds_ago: int | None
    since: datetime
    lately: Lately


def obstacles(standing: Standing, *, policy: DispatchPolicy, at: datetime) -> tuple[Obstacle, ...]:
    """All that is in the way, so that it can be mended at once."""
    found = {
        Obstacle.RETIRED: standing.unit.state != UnitState.ACTIVE,
        Obstacle.NOT_ACTIVE: standing.provider.state != ProviderState.ACTIVE,
        Obstacle.NO_SKILL: not standing.unit.skills,
        Obstacle.SKILL_UNASKED: bool(standing.unit.skills)
        and standing.asked.isdisjoint(standing.unit.skills),
        Obstacle.OFFLINE: not _online(standing),
        Obstacle.NOT_SEEN: _online(standing) and not _fresh(standing, policy),
        Obstacle.CLOSED: not is_open(standing.provider, Period(at, at + _AT_ONCE)),
        Obstacle.TIME_OFF: any(off.start <= at < off.end for off in standing.provider.time_off),
        Obstacle.FULL: load_of(standing.held, at=at) >= policy.load_max,
        Obstacle.ASKED_ALREADY: any(offer.state in OFFER_OPEN for offer in standing.offers),
    }
    return tuple(obstacle for obstacle, stands in found.items() if stands)


def told(verdicts: Mapping[Hindrance, int]) -> dict[Hindrance, int]:
    """Whom a customer keeps away is not told so: to the unit, others were first."""
    counts = dict(verdicts)
    blocked = counts.pop(Hindrance.BLOCKED, 0)
    if blocked:
        counts[Hindrance.OTHERS_FIRST] = counts.get(Hindrance.OTHERS_FIRST, 0) + blocked
    return counts


def last_seen(standing: Standing, *, at: datetime) -> int | None:
    if standing.seen is not None:
        return round(standing.seen.age.total_seconds())
    return None if standing.presence is None else round((at - standing.presence.placed_at).total_seconds())


def _online(standing: Standing) -> bool:
    return standing.presence is not None and standing.presence.state == PresenceState.ONLINE


def _fresh(standing: Standing, policy: DispatchPolicy) -> bool:
    return standing.seen is not None and standing.seen.age <= timedelta(seconds=policy.fresh_seconds)
