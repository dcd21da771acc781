"""An offer asks one unit whether it takes one job; it is answered in time, or it is over."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.roles import Role
from marketplace.core.shared.rules import Rule, Unique


class State(StrEnum):
    SENT = "sent"
    DELIVERED = "delivered"
    SEEN = "seen"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


OPEN = (State.SENT, State.DELIVERED, State.SEEN)
_PROVIDER = frozenset({Role.PROVIDER, Role.ADMIN})
S = State

DISPATCH_OFFER = Lifecycle(
    kind="dispatch_offer",
    states=State,
    initial=S.SENT,
    opening="dispatch_offer.sent",
    moves=(
        Move("deliver", S.SENT, S.DELIVERED, _PROVIDER | {Role.SYSTEM}, "dispatch_offer.delivered"),
        Move("see", (S.SENT, S.DELIVERED), S.SEEN, _PROVIDER, "dispatch_offer.seen"),
        Move("accept", OPEN, S.ACCEPTED, _PROVIDER, "dispatch_offer.accepted"),
        Move("decline", OPEN, S.DECLINED, _PROVIDER, "dispatch_offer.declined"),
        Move("expire", OPEN, S.EXPIRED, {Role.CLOCK}, "dispatch_offer.expired", "silence"),
        Move("withdraw", OPEN, S.WITHDRAWN, frozenset(Role), "dispatch_offer.withdrawn", implied=True),
    ),
    timers={"silence": lambda offer, _: offer.expires_at},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchOffer:
    """`leaves_at` is when the unit is free, `travel_seconds` its way, `starts_at` when work would begin."""

    LIFECYCLE: ClassVar[Lifecycle] = DISPATCH_OFFER
    RULES: ClassVar[tuple[Rule, ...]] = (Unique(("unit_id",), states=OPEN),)

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.SENT
    due_at: datetime | None = None
    job_id: UUID
    booking_id: UUID
    provider_id: UUID
    unit_id: UUID
    wave: int
    leaves_at: datetime
    travel_seconds: int
    starts_at: datetime
    sent_at: datetime
    expires_at: datetime

    @property
    def travel(self) -> timedelta:
        return timedelta(seconds=self.travel_seconds)

    def parties(self) -> tuple[UUID, ...]:
        return (self.provider_id,)
