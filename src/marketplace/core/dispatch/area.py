"""Jobs that wait in one area are decided together, when the area's clock ticks."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import floor
from typing import ClassVar
from uuid import UUID

from marketplace.core.shared.ids import derive
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.place import Place
from marketplace.core.shared.roles import Role

_CELLS_A_DEGREE = 4  # a cell is about 28 km high: a city, not a suburb


class State(StrEnum):
    QUIET = "quiet"
    GATHERING = "gathering"


_ANYONE = frozenset(Role)

AREA = Lifecycle(
    kind="area",
    states=State,
    initial=(State.QUIET, State.GATHERING),
    opening="area.opened",
    moves=(
        Move("gather", State.QUIET, State.GATHERING, _ANYONE, "area.gathering", implied=True),
        Move("hurry", State.GATHERING, State.GATHERING, _ANYONE, "area.hurried", implied=True),
        Move("tick", State.GATHERING, State.QUIET, {Role.CLOCK}, "area.ticked", "round"),
    ),
    requires={State.GATHERING: {"tick_at"}},
    timers={"round": lambda area, _: area.tick_at},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """`cell` names a quarter of a degree each way; `tick_at` is when those who wait are decided."""

    LIFECYCLE: ClassVar[Lifecycle] = AREA

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.QUIET
    due_at: datetime | None = None
    cell: str
    tick_at: datetime | None = None

    def parties(self) -> tuple[UUID, ...]:
        return ()


def cell_of(place: Place) -> str:
    return f"{floor(place.latitude * _CELLS_A_DEGREE)}:{floor(place.longitude * _CELLS_A_DEGREE)}"


def area_id(tenant_id: UUID, cell: str) -> UUID:
    return derive(tenant_id, "area", cell)


def areas_around(tenant_id: UUID, place: Place) -> tuple[UUID, ...]:
    """The area of a place and the eight around it, over the date line too."""
    row, column = (floor(degrees * _CELLS_A_DEGREE) for degrees in (place.latitude, place.longitude))
    half = 180 * _CELLS_A_DEGREE
    return tuple(
        area_id(tenant_id, f"{row + up}:{(column + right + half) % (2 * half) - half}")
        for up in (-1, 0, 1)
        for right in (-1, 0, 1)
    )
