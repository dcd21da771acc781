"""A service is what a provider sells: a price rule, a length, options, and whether it is on show."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from marketplace.core.catalogue.pricing import Option, PriceRule
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.roles import Role


class State(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


_OWNER = frozenset({Role.PROVIDER, Role.ADMIN})

SERVICE = Lifecycle(
    kind="service",
    states=State,
    initial=State.DRAFT,
    opening="service.drafted",
    moves=(
        *(Move("amend", s, s, by=_OWNER, emits="service.amended") for s in State),
        Move(
            "publish", (State.DRAFT, State.WITHDRAWN), State.PUBLISHED, by=_OWNER, emits="service.published"
        ),
        Move("withdraw", State.PUBLISHED, State.WITHDRAWN, by=_OWNER, emits="service.withdrawn"),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """
    `duration_minutes` is the length of a job, the shortest one where the price is per hour.

    Without a provider it is the house's: whoever has the skill that `category` names is sent.
    """

    LIFECYCLE: ClassVar[Lifecycle] = SERVICE

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.DRAFT
    provider_id: UUID | None
    name: str
    description: str = ""
    category: str
    rule: PriceRule
    options: tuple[Option, ...] = ()
    duration_minutes: int
    duration_max_minutes: int
    drafted_at: datetime

    @property
    def duration(self) -> timedelta:
        return timedelta(minutes=self.duration_minutes)

    def parties(self) -> tuple[UUID, ...]:
        return () if self.provider_id is None else (self.provider_id,)
