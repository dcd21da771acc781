"""A rail's statement is read once a day from where the last reading ended, a few lines at a time."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from marketplace.core.shared.ids import derive
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.roles import Role
from marketplace.core.shared.rules import Rule, Unique


class State(StrEnum):
    READING = "reading"
    READ = "read"


_SYSTEM = frozenset({Role.SYSTEM})

RAIL_STATEMENT = Lifecycle(
    kind="rail_statement",
    states=State,
    initial=State.READING,
    opening="rail_statement.asked_for",
    moves=(
        # One that is being read still was given up the day before: the rail did not answer.
        Move(
            "ask_again",
            (State.READ, State.READING),
            State.READING,
            by=_SYSTEM,
            emits="rail_statement.asked_for_again",
        ),
        Move("go_on", State.READING, State.READING, by=_SYSTEM, emits="rail_statement.went_on"),
        Move("finish", State.READING, State.READ, by=_SYSTEM, emits="rail_statement.read"),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RailStatement:
    """`cursor` is the rail's, after the last line that was read; None before the first."""

    LIFECYCLE: ClassVar[Lifecycle] = RAIL_STATEMENT
    RULES: ClassVar[tuple[Rule, ...]] = (Unique(("rail",)),)

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.READING
    rail: str
    cursor: str | None = None
    asked_at: datetime
    lines: int = 0

    def parties(self) -> tuple[UUID, ...]:
        return ()


def rail_statement_id(tenant_id: UUID, rail: str) -> UUID:
    return derive(tenant_id, "rail statement", rail)
