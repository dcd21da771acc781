"""A refund is promised once, sent under its own reference, and not forgotten when it fails, however late."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from marketplace.core.payments.payment import next_lookup, next_second_look
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.money import Money
from marketplace.core.shared.roles import Role


class State(StrEnum):
    REQUESTED = "requested"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    BOUNCED = "bounced"
    CANCELLED = "cancelled"


_RAIL = frozenset({Role.SYSTEM})


def _next_look(refund: Any, call: Any) -> datetime | None:
    """One that somebody paid by hand is no rail's, and nothing more is heard of it."""
    if refund.state != State.SUCCEEDED:
        return next_lookup(refund, call)
    return None if refund.by_hand else next_second_look(refund, call)


# Somebody has to see to these: the rail has done with them, and the customer has nothing.
_UNPAID = (State.FAILED, State.BOUNCED)
NEEDS_A_PERSON = frozenset(_UNPAID)

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
        # The customer's bank would not have it, weeks later: the rail has the money again, and it is owed.
        Move("bounce", State.SUCCEEDED, State.BOUNCED, by=_RAIL, emits="refund.bounced"),
        Move("retry", _UNPAID, State.REQUESTED, by={Role.ADMIN}, emits="refund.requested_again"),
        Move("pay_by_hand", _UNPAID, State.SUCCEEDED, by={Role.ADMIN}, emits="refund.paid_by_hand"),
        # The bank was first: a lost dispute or a return gave the customer this money already. One that the
        # rail has taken is past that.
        Move(
            "cancel",
            (State.REQUESTED, *_UNPAID),
            State.CANCELLED,
            by=_RAIL,
            emits="refund.cancelled",
        ),
        *(
            Move(
                "look_up", s, s, by={Role.CLOCK, Role.ADMIN}, after="lookup_pause", emits="refund.lookup_due"
            )
            for s in (State.REQUESTED, State.PENDING, State.SUCCEEDED)
        ),
    ),
    timers={"lookup_pause": _next_look},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """
    `attempt` counts the tries, each under a `reference` of its own. Of one that was paid `by_hand` no rail
    knows the reference, so what a rail still tells of the try before is no news.
    """

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
    by_hand: bool = False
    failure: str | None = None
    lookups: int = 0

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    def parties(self) -> tuple[UUID, ...]:
        return (self.customer_id,)
