"""A reservation is the only claim on a unit's time, and storage lets no two of them overlap."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from marketplace.core.shared.errors import Conflict
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.period import Period
from marketplace.core.shared.place import Place
from marketplace.core.shared.roles import Role
from marketplace.core.shared.rules import NoOverlap, Rule

# Whoever has forgotten for so long to say that a job is done is taken to be free.
LONG_OVERRUN = timedelta(hours=3)


class SlotTaken(Conflict):
    """No unit is free then; `why` tells what is in the way."""

    code = "slot_taken"


class State(StrEnum):
    HELD = "held"
    RELEASED = "released"


_ANYONE = frozenset(Role)

RESERVATION = Lifecycle(
    kind="reservation",
    states=State,
    initial=State.HELD,
    opening="reservation.held",
    moves=(
        Move("shift", State.HELD, State.HELD, _ANYONE, "reservation.shifted", implied=True),
        Move("release", State.HELD, State.RELEASED, _ANYONE, "reservation.released", implied=True),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """
    Blocks one unit from `starts_at` up to `ends_at`, the job's buffers included.

    `place` is where the unit is afterwards, where it had to go somewhere.
    """

    LIFECYCLE: ClassVar[Lifecycle] = RESERVATION
    RULES: ClassVar[tuple[Rule, ...]] = (
        NoOverlap(owner="unit_id", starts="starts_at", ends="ends_at", states=(State.HELD,)),
    )

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.HELD
    provider_id: UUID
    unit_id: UUID
    booking_id: UUID
    starts_at: datetime
    ends_at: datetime
    place: Place | None = None

    @property
    def period(self) -> Period:
        return Period(self.starts_at, self.ends_at)

    def parties(self) -> tuple[UUID, ...]:
        return ()
