"""
The live map knows where units are just now; it is a hint, quick and forgetful, and never the truth.

What it forgets is reported again, or rebuilt from storage; nothing is booked on its word alone. It runs on
one clock of its own: who reports says how old a sighting is, so that no two machines' clocks have to agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol, TypeVar
from uuid import UUID

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.place import Place

# A sighting that is older is forgotten, so no search can ask for staler ones.
KEPT = timedelta(hours=1)
LIMIT_MAX = 1_000
_NONE = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Where a unit was `age` ago, what it can do, and how many jobs it has of those it may have at a time."""

    tenant_id: UUID
    unit_id: UUID
    place: Place
    age: timedelta = _NONE
    skills: tuple[str, ...] = ()
    load: int = 0
    load_max: int = 1

    def __post_init__(self) -> None:
        _check_age(self.age)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a unit was `age` ago, of which all else is known already."""

    tenant_id: UUID
    unit_id: UUID
    place: Place
    age: timedelta = _NONE

    def __post_init__(self) -> None:
        _check_age(self.age)


class Room(StrEnum):
    """What a unit has room for: a job now, or one after those that it has."""

    NOW = "now"
    NEXT = "next"


def room_of(load: int, load_max: int) -> Room | None:
    """None of one that has as many jobs as it may have."""
    if load >= load_max:
        return None
    return Room.NEXT if load > 0 else Room.NOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """
    Units with `skill` and `room`, seen no longer than `fresh` ago within `reach_metres` of `place`.

    Those found are kept for `holder` during `hold`: no other holder finds them meanwhile, and the same holder
    finds them again, which makes the hold anew. A hold of no length only looks.
    """

    tenant_id: UUID
    place: Place
    skill: str
    room: Room = Room.NOW
    reach_metres: float
    fresh: timedelta
    limit: int
    holder: UUID
    hold: timedelta = _NONE

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= LIMIT_MAX:
            raise Invalid("limit", "cannot be answered in one step", f"1 to {LIMIT_MAX}")
        if not 0 < self.reach_metres < float("inf"):
            raise Invalid("reach_metres", "is no distance", "more than 0 m")
        if not _NONE <= self.fresh <= KEPT:
            raise Invalid("fresh", "is not kept that long", f"0 to {KEPT.total_seconds():.0f} s")
        if self.hold < _NONE:
            raise Invalid("hold", "ends before it begins", "0 s or more")


class Found(NamedTuple):
    """
    A unit, how far it is from the place asked for as the crow flies, and how old that knowledge is.

    A tuple, as each search makes twenty.
    """

    unit_id: UUID
    place: Place
    metres: float
    age: timedelta
    load: int


Seen = TypeVar("Seen", Sighting, Position)


def merged(seen: Sequence[Seen]) -> dict[tuple[UUID, UUID], Seen]:
    """One for each tenant's unit: the youngest place, and the last of all else."""
    units: dict[tuple[UUID, UUID], Seen] = {}
    for one in seen:
        key = (one.tenant_id, one.unit_id)
        other = units.get(key)
        if other is None or one.age <= other.age:
            units[key] = one
        else:
            units[key] = replace(one, place=other.place, age=other.age)
    return units


def _check_age(age: timedelta) -> None:
    if age < _NONE:
        raise Invalid("age", "is of the future", "0 s or more")


class LiveMap(Protocol):
    """
    Raises Unavailable where it cannot be reached. Two distances closer than two metres count as equal.

    A sighting is forgotten when it is KEPT old.
    """

    async def report(self, sightings: Sequence[Sighting]) -> int:
        """
        Of how many units this was news.

        A place that is older than what the map knows of a unit changes nothing; skills and load count
        whenever they come. Of several sightings of one unit the youngest place counts, and the last skills
        and load. A hold outlives any number of reports.
        """
        ...

    async def follow(self, positions: Sequence[Position]) -> tuple[UUID, ...]:
        """
        Move units; skills and load stay as they were. Answers with the units that it does not know.

        Those are to be introduced by `report`. What is older than what the map knows changes nothing.
        """
        ...

    async def near(self, search: Search) -> tuple[Found, ...]:
        """The nearest first, at most `limit`, found and held in one step."""
        ...

    async def let_go(self, *, tenant_id: UUID, holder: UUID, units: Sequence[UUID]) -> None:
        """End a holder's holds before their time; others' holds stay."""
        ...

    async def withdraw(self, *, tenant_id: UUID, units: Sequence[UUID]) -> None:
        """Forget units that went offline, and whoever held them."""
        ...

    async def where(self, *, tenant_id: UUID, unit_id: UUID) -> Found | None:
        """The last that is known of a unit, held or full as it may be; `metres` is 0."""
        ...

    async def blank(self) -> bool:
        """Whether the map has lost what it knew and is to be rebuilt; False once `drawn` was called."""
        ...

    async def drawn(self) -> None:
        """Say that the map has been rebuilt."""
        ...


class Router(Protocol):
    """How long the way takes, and nothing else: neither setting off nor parking. Raises Unavailable."""

    async def travel(
        self, *, starts: Sequence[Place], end: Place, at: datetime
    ) -> tuple[timedelta | None, ...]:
        """
        One length of time for each start, in their order, for who sets out at `at`; None where no road leads
        from there.

        `at` is in the place's own time zone: the traffic goes by the clock on the wall.
        """
        ...


class Assigner(Protocol):
    """Solves assignment problems exactly; no I/O, and the same costs always give the same pairs."""

    def pairs(self, costs: Sequence[Sequence[float]]) -> tuple[tuple[int, int], ...]:
        """
        As many (row, column) as can be paired, and of those ways the one with the least sum of costs, by row.

        All rows are of one length. Infinity is never paired; what is not a number, or is minus infinity, is
        a ValueError.
        """
        ...
