"""A line of a rail's statement settles one movement of ours, once; one that matches none is a break."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from marketplace.core.settlements.cause import Cause
from marketplace.core.shared.ids import derive
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.roles import Role
from marketplace.core.shared.rules import Rule, Unique


class State(StrEnum):
    BOOKED = "booked"
    BREAK = "break"
    RESOLVED = "resolved"


# Mostly a webhook was lost, and asking the rail mends it; what is left after the last look needs a person.
RECHECKS = (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(days=7))


def _next_recheck(settlement: Any, call: Any) -> datetime | None:
    due_at: datetime | None = None
    if settlement.rechecks < len(RECHECKS):
        due_at = call.at + RECHECKS[settlement.rechecks]
    return due_at


SETTLEMENT = Lifecycle(
    kind="settlement",
    states=State,
    initial=(State.BOOKED, State.BREAK),
    opening="settlement.received",
    moves=(
        Move(
            "book",
            State.BREAK,
            State.BOOKED,
            by={Role.SYSTEM, Role.CLOCK, Role.ADMIN},
            emits="settlement.booked",
            implied=True,
        ),
        Move(
            "recheck",
            State.BREAK,
            State.BREAK,
            by={Role.CLOCK, Role.ADMIN},
            after="recheck_pause",
            emits="settlement.recheck_due",
        ),
        Move("resolve", State.BREAK, State.RESOLVED, by={Role.ADMIN}, emits="settlement.resolved"),
    ),
    requires={State.BOOKED: {"movement_id"}},
    timers={"recheck_pause": _next_recheck},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """
    `gross_minor` is negative for money that went out; `fee_minor` is the rail's own.

    `movement_id` is what it settles, `problem` why a break matches nothing, and `cause` what kind of trouble
    that looks like. `cleared_minor` is what resolving a break took out of the rail's clearing: the ledger
    then has the difference elsewhere.
    """

    LIFECYCLE: ClassVar[Lifecycle] = SETTLEMENT
    RULES: ClassVar[tuple[Rule, ...]] = (Unique(("rail", "line_id")), Unique(("movement_id",)))

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.BREAK
    due_at: datetime | None = None
    rail: str
    line_id: str
    reference: UUID
    subject: str
    currency: str
    gross_minor: int
    fee_minor: int
    settled_at: datetime
    movement_id: UUID | None = None
    booking_id: UUID | None = None
    problem: str | None = None
    cause: Cause | None = None
    cleared_minor: int = 0
    rechecks: int = 0

    def parties(self) -> tuple[UUID, ...]:
        return ()


def settlement_id(tenant_id: UUID, rail: str, line_id: str) -> UUID:
    return derive(tenant_id, "settlement", rail, line_id)
