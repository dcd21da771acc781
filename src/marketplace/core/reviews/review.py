"""A review is what a customer gave for one completed booking; admin may hide it, its provider answer once."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from marketplace.core.shared.aggregate import Occasion
from marketplace.core.shared.errors import Conflict, Refused
from marketplace.core.shared.ids import derive
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.roles import Role
from marketplace.core.shared.rules import Rule, Unique

STARS_LEAST, STARS_MOST = 1, 5


class AlreadyAnswered(Conflict):
    """A review has one answer, and what was said stands."""

    code = "already_answered"


class State(StrEnum):
    PUBLISHED = "published"
    HIDDEN = "hidden"


def _reply(review: "Review", _: Occasion) -> Refused | None:
    return None if review.reply is None else AlreadyAnswered("this review has been answered")


S = State

REVIEW = Lifecycle(
    kind="review",
    states=State,
    initial=S.PUBLISHED,
    opening="review.published",
    moves=(
        # In nobody else's name: what admin does not want to stand, it hides.
        Move("reply", S.PUBLISHED, S.PUBLISHED, {Role.PROVIDER}, "review.replied"),
        Move("hide", S.PUBLISHED, S.HIDDEN, {Role.ADMIN}, "review.hidden"),
        Move("restore", S.HIDDEN, S.PUBLISHED, {Role.ADMIN}, "review.restored"),
        *(Move("count", s, s, {Role.SYSTEM}, "review.counted", implied=True) for s in State),
    ),
    guards={"reply": _reply},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """
    `counted` says whether its stars are in the sums of its provider, and of the unit that did the work.

    It is set in the write that changes the sums, so they hold each review once.
    """

    LIFECYCLE: ClassVar[Lifecycle] = REVIEW
    RULES: ClassVar[tuple[Rule, ...]] = (Unique(("booking_id",)),)

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.PUBLISHED
    booking_id: UUID
    customer_id: UUID
    provider_id: UUID
    unit_id: UUID | None
    service_id: UUID
    service_name: str
    stars: int
    words: str | None = None
    given_at: datetime
    reply: str | None = None
    replied_at: datetime | None = None
    counted: bool = False

    @property
    def counts(self) -> bool:
        """Whether its stars belong into the sums now."""
        return self.state == State.PUBLISHED

    def parties(self) -> tuple[UUID, ...]:
        return (self.customer_id, self.provider_id)


def review_id(booking_id: UUID) -> UUID:
    """A booking has one."""
    return derive(booking_id, "review")
