"""A payout run goes through the providers a few at a time, each step whole, and takes up where it stopped."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.roles import Role

FIRST = UUID(int=0)  # before every id that there is


class State(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"


PAYOUT_RUN = Lifecycle(
    kind="payout_run",
    states=State,
    initial=State.RUNNING,
    opening="payout_run.started",
    moves=(
        Move("go_on", State.RUNNING, State.RUNNING, by={Role.SYSTEM}, emits="payout_run.went_on"),
        Move("finish", State.RUNNING, State.FINISHED, by={Role.SYSTEM}, emits="payout_run.finished"),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRun:
    """
    `last_provider_id` is the last that it came to, by id. `skipped` counts those who have earnings and to
    whom nothing could be sent. `started_by` is a person, None where the clock started it.
    """

    LIFECYCLE: ClassVar[Lifecycle] = PAYOUT_RUN

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.RUNNING
    started_at: datetime
    started_by: UUID | None = None
    last_provider_id: UUID = FIRST
    drawn: int = 0
    skipped: int = 0

    def parties(self) -> tuple[UUID, ...]:
        return ()
