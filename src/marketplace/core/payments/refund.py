"""A refund is promised once, sent under its own reference, and not forgotten when it fails."""

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
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


_RAIL = frozenset({Role.SYSTEM})

REFUND = Lifecycle(
    kind="refund",
    states=State,
    initial=State.REQUESTED,
    opening="refund.requested",
    moves=(
        Move("submit", State.REQUESTED, State.PENDING, by=_RAIL, emits="refund.submitted"),
        Move(
            "succeed",
            (State.REQUESTED, State.PENDING, State.FAILED, State.CANCELLED),
            State.SUCCEEDED,
            by=_RAIL,
            emits="refund.succeeded",
        ),
        Move("fail", (State.REQUESTED, State.PENDING), State.FAILED, by=_RAIL, emits="refund.failed"),
        Move("retry", State.FAILED, State.REQUESTED, by={Role.ADMIN}, emits="refund.requested_again"),
        Move("pay_by_hand", State.FAILED, State.SUCCEEDED, by={Role.ADMIN}, emits="refund.paid_by_hand"),
        # The bank was first: a lost dispute or a return gave the customer this money already. One that the
        # rail has taken is past that.
        Move(
            "cancel",
            (State.REQUESTED, State.FAILED),
            State.CANCELLED,
            by=_RAIL,
            emits="refund.cancelled",
        ),
        *(
            Move(
                "look_up", s, s, by={Role.CLOCK, Role.ADMIN}, after="lookup_pause", emits="refund.lookup_due"
            )
            for s in (State.REQUESTED, State.PENDING)
        ),
    ),
    timers={"lookup_pause": next_lookup},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """`attempt` counts the tries at the rail, each under a `reference` of its own."""

    LIFECYCLE: ClassVar[Lifecycle] = REFUND

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.REQUESTED
    due_at: datetime | None = None
    payment_id: UUID
    booking_id: UUID
    customer_id: UUID
    rail: str
    currency: str
    amount_minor: int
    requested_at: datetime
    attempt: int = 1
    reference: UUID
    failure: str | None = None
    lookups: int = 0

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    def parties(self) -> tuple[UUID, ...]:
        return (self.customer_id,)
