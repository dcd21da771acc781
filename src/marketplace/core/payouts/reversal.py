"""What was paid out is asked back once, and either comes back to the rail or stays a debt of the provider."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from marketplace.core.payments.payment import next_lookup
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.money import Money
from marketplace.core.shared.roles import Role


class State(StrEnum):
    REQUESTED = "requested"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"


_RAIL = frozenset({Role.SYSTEM})

PAYOUT_REVERSAL = Lifecycle(
    kind="payout_reversal",
    states=State,
    initial=State.REQUESTED,
    opening="payout_reversal.requested",
    moves=(
        Move("succeed", State.REQUESTED, State.SUCCEEDED, by=_RAIL, emits="payout_reversal.succeeded"),
        Move("refuse", State.REQUESTED, State.REFUSED, by=_RAIL, emits="payout_reversal.refused"),
        Move(
            "look_up",
            State.REQUESTED,
            State.REQUESTED,
            by={Role.CLOCK, Role.ADMIN},
            after="lookup_pause",
            emits="payout_reversal.lookup_due",
        ),
    ),
    timers={"lookup_pause": next_lookup},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutReversal:
    """
    Its id is our reference at the rail; `transfer` is that of the payout's attempt, of which it is a part.

    `payment_id` is the payment that a bank took back: it is asked for once.
    """

    LIFECYCLE: ClassVar[Lifecycle] = PAYOUT_REVERSAL

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.REQUESTED
    due_at: datetime | None = None
    payout_id: UUID
    provider_id: UUID
    booking_id: UUID
    payment_id: UUID
    rail: str
    transfer: UUID
    currency: str
    amount_minor: int
    requested_at: datetime
    rail_reference: str | None = None
    failure: str | None = None
    lookups: int = 0

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    def parties(self) -> tuple[UUID, ...]:
        return (self.provider_id,)
