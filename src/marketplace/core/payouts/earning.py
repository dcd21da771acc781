"""An earning is one amount that a provider is owed, or owes back, and it is in one payout at the most."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from marketplace.core.shared.ids import derive
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.roles import Role


class State(StrEnum):
    PAYABLE = "payable"
    DRAWN = "drawn"


class Reason(StrEnum):
    JOB = "job"
    CANCELLATION = "cancellation"
    NO_SHOW = "no_show"
    CLAW_BACK = "claw_back"


EARNING = Lifecycle(
    kind="earning",
    states=State,
    initial=State.PAYABLE,
    opening="earning.booked",
    moves=(
        Move(
            "draw",
            State.PAYABLE,
            State.DRAWN,
            by={Role.SYSTEM, Role.ADMIN},
            emits="earning.drawn",
            implied=True,
        ),
    ),
    requires={State.DRAWN: {"payout_id"}},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Earning:
    """
    `amount_minor` is negative for a claw-back; `payable_at` is when the rail's risk delay is over, and
    `payment_id` of which payment it is a share.
    """

    LIFECYCLE: ClassVar[Lifecycle] = EARNING

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.PAYABLE
    provider_id: UUID
    booking_id: UUID
    payment_id: UUID | None = None
    reason: Reason
    currency: str
    amount_minor: int
    earned_at: datetime
    payable_at: datetime
    payout_id: UUID | None = None

    def parties(self) -> tuple[UUID, ...]:
        return (self.provider_id,)


def earning_id(booking_id: UUID) -> UUID:
    """Of what a booking earned, once."""
    return derive(booking_id, "earning")
