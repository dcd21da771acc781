"""A dispatch job is the search for somebody who does one booking; it ends with one winner, or with none."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.place import Place
from marketplace.core.shared.roles import Role
from marketplace.core.shared.rules import Rule, Unique


class State(StrEnum):
    QUEUED = "queued"
    OFFERING = "offering"
    ASSIGNED = "assigned"
    EXHAUSTED = "exhausted"
    WITHDRAWN = "withdrawn"


OPEN = (State.QUEUED, State.OFFERING, State.EXHAUSTED)
_ANYONE = frozenset(Role)
_SYSTEM = frozenset({Role.SYSTEM})
S = State

DISPATCH_JOB = Lifecycle(
    kind="dispatch_job",
    states=State,
    initial=S.QUEUED,
    opening="dispatch_job.queued",
    moves=(
        Move("offer", S.QUEUED, S.OFFERING, _SYSTEM, "dispatch_job.offering"),
        Move("widen", S.QUEUED, S.QUEUED, _SYSTEM, "dispatch_job.widened"),
        Move("search_again", S.QUEUED, S.QUEUED, {Role.CLOCK}, "dispatch_job.searching", "patience"),
        Move("lose_one", S.OFFERING, S.OFFERING, _ANYONE, "dispatch_job.lost_one", implied=True),
        Move("go_on", S.OFFERING, S.QUEUED, _ANYONE, "dispatch_job.went_on", implied=True),
        Move("restart", OPEN, S.QUEUED, _SYSTEM, "dispatch_job.restarted"),
        Move("assign", OPEN, S.ASSIGNED, _ANYONE, "dispatch_job.assigned", implied=True),
        Move("exhaust", S.QUEUED, S.EXHAUSTED, _SYSTEM, "dispatch_job.exhausted"),
        Move("wait", S.EXHAUSTED, S.QUEUED, {Role.CUSTOMER, Role.ADMIN}, "dispatch_job.waiting"),
        Move("withdraw", OPEN, S.WITHDRAWN, _ANYONE, "dispatch_job.withdrawn", implied=True),
    ),
    timers={"patience": lambda job, _: job.search_at},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchJob:
    """
    `window_start` to `window_end` is when the work may begin; `unfit` are units that said no, or may not.

    `search_at` is when the search is reminded of it, should nothing else have done so; `priority` is the
    level of the customer's membership, 0 without one.
    """

    LIFECYCLE: ClassVar[Lifecycle] = DISPATCH_JOB
    RULES: ClassVar[tuple[Rule, ...]] = (Unique(("booking_id",), states=OPEN),)

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.QUEUED
    due_at: datetime | None = None
    booking_id: UUID
    customer_id: UUID
    area_id: UUID
    place: Place
    skill: str
    duration_minutes: int
    window_start: datetime
    window_end: datetime
    queued_at: datetime
    give_up_at: datetime
    search_at: datetime | None = None
    priority: int = 0
    wave: int = 0
    unfit: tuple[UUID, ...] = ()
    unit_id: UUID | None = None

    @property
    def duration(self) -> timedelta:
        return timedelta(minutes=self.duration_minutes)

    def parties(self) -> tuple[UUID, ...]:
        return (self.customer_id,)
