"""A membership puts a customer before others until a day; it ends by itself, or when admin ends it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.roles import Role
from marketplace.core.shared.rules import Rule, Unique

LEVEL_MAX = 10


class State(StrEnum):
    ACTIVE = "active"
    ENDED = "ended"


_ADMIN = frozenset({Role.ADMIN})
S = State

MEMBERSHIP = Lifecycle(
    kind="membership",
    states=State,
    initial=S.ACTIVE,
    opening="membership.granted",
    moves=(
        Move("renew", S.ACTIVE, S.ACTIVE, _ADMIN, "membership.renewed"),
        Move("end", S.ACTIVE, S.ENDED, _ADMIN | {Role.CLOCK}, "membership.ended", "term"),
    ),
    requires={S.ENDED: {"ended_at"}},
    timers={"term": lambda membership, _: membership.until},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """`level` is how far it puts the customer before others: the policy says what a level is worth."""

    LIFECYCLE: ClassVar[Lifecycle] = MEMBERSHIP
    RULES: ClassVar[tuple[Rule, ...]] = (Unique(("customer_id",), states=(S.ACTIVE,)),)

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.ACTIVE
    due_at: datetime | None = None
    customer_id: UUID
    level: int = 1
    granted_at: datetime
    until: datetime
    ended_at: datetime | None = None

    def parties(self) -> tuple[UUID, ...]:
        return (self.customer_id,)


def current(standing: Iterable[Membership], *, at: datetime) -> Membership | None:
    """The one that counts at an instant, of those that stand; the clock may not have come to it yet."""
    return next((one for one in standing if one.state == State.ACTIVE and at < one.until), None)
