"""A payout sends a provider what it has earned, once; what comes back is owed again."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from marketplace.core.payments.payment import next_lookup, next_second_look
from marketplace.core.shared.errors import NotAllowed, Refused
from marketplace.core.shared.ids import derive
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.money import Money
from marketplace.core.shared.roles import Role
from marketplace.core.shared.rules import Rule, Unique
from marketplace.core.tenants.tenant import Call


class State(StrEnum):
    DUE = "due"
    APPROVED = "approved"
    HELD = "held"
    SENT = "sent"
    PAID = "paid"
    FAILED = "failed"


_ADMIN = frozenset({Role.ADMIN})
_RAIL = frozenset({Role.SYSTEM})


def _next_look(payout: Any, call: Any) -> datetime | None:
    return next_second_look(payout, call) if payout.state == State.PAID else next_lookup(payout, call)


class SecondPersonNeeded(NotAllowed):
    """It is too much for one person to set off and let go."""

    code = "second_person_needed"


def _approve(payout: "Payout", call: Call) -> Refused | None:
    """Above the limit nobody approves what it has set off itself: by a run, or by bringing it back."""
    large = payout.together_minor > call.policy.payout.approval_above_minor
    if not large or call.actor.user_id not in {payout.drawn_by, payout.due_again_by} - {None}:
        return None
    return SecondPersonNeeded("you have set this payout off: another admin approves it")


PAYOUT = Lifecycle(
    kind="payout",
    states=State,
    initial=(State.DUE, State.APPROVED),
    opening="payout.drawn",
    moves=(
        Move("approve", State.DUE, State.APPROVED, by=_ADMIN, emits="payout.approved"),
        Move("hold", (State.DUE, State.FAILED), State.HELD, by=_ADMIN, emits="payout.held"),
        Move("resume", State.HELD, State.DUE, by=_ADMIN, emits="payout.resumed"),
        Move("send", State.APPROVED, State.SENT, by=_RAIL, emits="payout.sent"),
        Move("pay", (State.APPROVED, State.SENT), State.PAID, by=_RAIL, emits="payout.paid"),
        Move("fail", (State.APPROVED, State.SENT, State.PAID), State.FAILED, by=_RAIL, emits="payout.failed"),
        Move("retry", State.FAILED, State.DUE, by=_ADMIN, emits="payout.due_again"),
        *(
            Move(
                "look_up", s, s, by={Role.CLOCK, Role.ADMIN}, after="lookup_pause", emits="payout.lookup_due"
            )
            for s in (State.APPROVED, State.SENT, State.PAID)
        ),
    ),
    requires={state: {"payee"} for state in State},
    timers={"lookup_pause": _next_look},
    guards={"approve": _approve},
)

IN_THE_LEDGER = frozenset({State.SENT, State.PAID})


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """
    The sum of the earnings drawn into it. `approved_by` is the admin, where one was needed; `drawn_by` who
    started its run, and `due_again_by` who last resumed or retried it, where that was a person. With
    `payment_id` it is of one earning, and is paid from the charge of that payment; `together_minor` is what
    its run drew for the provider in all, which limits are of. `reversible` is whether the rail that has paid
    it can take it back.

    Every attempt is a transfer of its own at the rail, under a `reference` of its own.
    """

    LIFECYCLE: ClassVar[Lifecycle] = PAYOUT
    # A rail is all tenants', and goes by it; no plan is to find payouts by this.
    RULES: ClassVar[tuple[Rule, ...]] = (Unique(("reference",), states=tuple(State), everywhere=True),)

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.DUE
    due_at: datetime | None = None
    provider_id: UUID
    rail: str
    payee: str
    currency: str
    amount_minor: int
    together_minor: int
    payment_id: UUID | None = None
    attempt: int = 1
    reference: UUID
    drawn_at: datetime
    drawn_by: UUID | None = None
    due_again_by: UUID | None = None
    approved_by: UUID | None = None
    reversible: bool = False
    rail_reference: str | None = None
    failure: str | None = None
    lookups: int = 0

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    def parties(self) -> tuple[UUID, ...]:
        return (self.provider_id,)


def transfer_reference(payout_id: UUID, attempt: int) -> UUID:
    return derive(payout_id, attempt)
