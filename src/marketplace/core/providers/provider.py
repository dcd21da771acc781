"""A provider decides when and where it works; only an active one can be booked."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from marketplace.core.providers.hours import HoursException, OpeningHours
from marketplace.core.shared.errors import Conflict, Invalid
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.period import Period
from marketplace.core.shared.place import Place
from marketplace.core.shared.roles import Role

TIME_OFF_MAX = 200


class NotBookable(Conflict):
    """The provider or its service is not open for bookings."""

    code = "not_bookable"


class UnitBooked(Conflict):
    """The unit has work to do: `booked_from` is when its time is taken next, the way there included."""

    code = "unit_booked"


class State(StrEnum):
    APPLIED = "applied"
    VERIFIED = "verified"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    BANNED = "banned"
    CLOSED = "closed"


_AMENDABLE = (State.APPLIED, State.VERIFIED, State.ACTIVE, State.SUSPENDED)
_OWNER = frozenset({Role.PROVIDER, Role.ADMIN})

_FOLLOWING = (
    ("claw_back", "clawed_back"),
    ("make_good", "made_good"),
    ("pay_into", "became_payable"),
    ("withhold", "became_unpayable"),
    ("rate", "rated"),
)

PROVIDER = Lifecycle(
    kind="provider",
    states=State,
    initial=State.APPLIED,
    opening="provider.applied",
    moves=(
        *(Move("amend", s, s, by=_OWNER, emits="provider.amended") for s in _AMENDABLE),
        Move("verify", State.APPLIED, State.VERIFIED, by={Role.ADMIN}, emits="provider.verified"),
        Move("activate", State.VERIFIED, State.ACTIVE, by=_OWNER, emits="provider.activated"),
        Move(
            "suspend",
            (State.VERIFIED, State.ACTIVE),
            State.SUSPENDED,
            by={Role.ADMIN},
            emits="provider.suspended",
        ),
        Move("reinstate", State.SUSPENDED, State.ACTIVE, by={Role.ADMIN}, emits="provider.reinstated"),
        Move("ban", _AMENDABLE, State.BANNED, by={Role.ADMIN}, emits="provider.banned"),
        # What it owes follows from its payouts and claw-backs, into what it is paid from its accounts, and
        # its stars from reviews, in any state.
        *(
            Move(name, s, s, by={Role.SYSTEM}, emits=f"provider.{event}", implied=True)
            for name, event in _FOLLOWING
            for s in State
        ),
        Move("close", (*_AMENDABLE, State.BANNED), State.CLOSED, by=_OWNER, emits="provider.closed"),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """
    `payee` is the paying rail's token for the provider's bank account; buffers and notice in minutes.

    `owed_minor` is what was clawed back beyond its balance, and later earnings have not made good;
    `stars_sum` is of the `reviews_count` reviews that are shown.
    """

    LIFECYCLE: ClassVar[Lifecycle] = PROVIDER

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.APPLIED
    owner_id: UUID
    name: str
    about: str = ""
    time_zone: str
    place: Place | None = None
    hours: tuple[OpeningHours, ...] = ()
    exceptions: tuple[HoursException, ...] = ()
    time_off: tuple[Period, ...] = ()
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    notice_minutes: int = 60
    payee: str | None = None
    owed_minor: int = 0
    stars_sum: int = 0
    reviews_count: int = 0
    applied_at: datetime

    @property
    def buffer_before(self) -> timedelta:
        return timedelta(minutes=self.buffer_before_minutes)

    @property
    def buffer_after(self) -> timedelta:
        return timedelta(minutes=self.buffer_after_minutes)

    @property
    def notice(self) -> timedelta:
        return timedelta(minutes=self.notice_minutes)

    @property
    def stars(self) -> float | None:
        """The mean of what customers gave; None before the first."""
        return mean(self.stars_sum, self.reviews_count)

    def parties(self) -> tuple[UUID, ...]:
        return (self.id, self.owner_id)


def mean(stars_sum: int, reviews_count: int) -> float | None:
    """To the hundredth: nobody reads more of it."""
    return round(stars_sum / reviews_count, 2) if reviews_count else None


def current_time_off(time_off: tuple[Period, ...], *, now: datetime) -> tuple[Period, ...]:
    """Time off that is not over, in order; raises Invalid when there is too much of it."""
    current = tuple(sorted(period for period in time_off if period.end > now))
    if len(current) > TIME_OFF_MAX:
        raise Invalid("time_off", f"{len(current)} periods", f"at most {TIME_OFF_MAX}")
    return current


class UnitState(StrEnum):
    ACTIVE = "active"
    RETIRED = "retired"


UNIT = Lifecycle(
    kind="unit",
    states=UnitState,
    initial=UnitState.ACTIVE,
    opening="unit.added",
    moves=(
        Move("retire", UnitState.ACTIVE, UnitState.RETIRED, by=_OWNER, emits="unit.retired"),
        Move("return", UnitState.RETIRED, UnitState.ACTIVE, by=_OWNER, emits="unit.returned"),
        Move("amend", UnitState.ACTIVE, UnitState.ACTIVE, by=_OWNER, emits="unit.amended"),
        *(Move("rate", s, s, by={Role.SYSTEM}, emits="unit.rated", implied=True) for s in UnitState),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """
    One thing that can do one job at a time: a crew, a vehicle, a stage.

    `skills` are the categories of service that it is sent out for, and `base` with `reach_metres` the
    circle that it serves; without them it goes anywhere. Its stars are those of the work that it did.
    """

    LIFECYCLE: ClassVar[Lifecycle] = UNIT

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: UnitState = UnitState.ACTIVE
    provider_id: UUID
    name: str
    added_at: datetime
    skills: tuple[str, ...] = ()
    base: Place | None = None
    reach_metres: int | None = None
    stars_sum: int = 0
    reviews_count: int = 0

    @property
    def stars(self) -> float | None:
        """The mean of what customers gave; None before the first."""
        return mean(self.stars_sum, self.reviews_count)

    def parties(self) -> tuple[UUID, ...]:
        return (self.provider_id,)
