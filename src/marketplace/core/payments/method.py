"""A saved method pays only while its rail says that it stands, and nobody has removed it here."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from marketplace.core.payments.payment import next_lookup, next_second_look
from marketplace.core.shared.aggregate import SECRET
from marketplace.core.shared.errors import Conflict, Invalid, Refused
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.mandates import MandateTerms, Payer
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.roles import Role
from marketplace.core.shared.rules import Rule, Unique


class MethodUnusable(Conflict):
    """A saved method does not pay now; `advice` is what the customer can do about it."""

    code = "method_unusable"


class State(StrEnum):
    DRAFT = "draft"
    PENDING_AUTH = "pending_auth"
    ACTIVE = "active"
    AMENDED = "amended"
    SUSPENDED = "suspended"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"


_RAIL = frozenset({Role.SYSTEM})
_OWNER = frozenset({Role.CUSTOMER, Role.ADMIN})
_BEGUN = (State.DRAFT, State.PENDING_AUTH)
_STANDING = (State.ACTIVE, State.AMENDED, State.SUSPENDED)
_LIVE = (*_BEGUN, *_STANDING)


def _next_look(method: Any, call: Any) -> datetime | None:
    """What stands is looked at as money that is here, and at its end; what waits until its time is up."""
    soonest: datetime | None = next_lookup(method, call)
    if method.state in {State.ACTIVE, State.SUSPENDED}:
        ends_at = method.expires_at if method.expires_at and method.expires_at > call.at else None
        soonest = next_second_look(method, call) or ends_at
    elif method.state in _BEGUN and soonest is not None:
        soonest = min(soonest, max(method.authorise_by, call.at))
    return soonest


def _terms_to_amend(method: Any, _: Any) -> Refused | None:
    return None if method.terms is not None else Invalid("terms", "are none of a card's", "a debit order")


METHOD = Lifecycle(
    kind="payment_method",
    states=State,
    initial=State.DRAFT,
    opening="payment_method.begun",
    moves=(
        Move("submit", State.DRAFT, State.PENDING_AUTH, by=_RAIL, emits="payment_method.submitted"),
        # Another next action than before, as where the bank first queues it and then asks the payer.
        *(
            Move("ask_payer", s, s, by=_RAIL, emits="payment_method.payer_asked")
            for s in (State.PENDING_AUTH, State.AMENDED)
        ),
        Move("activate", _BEGUN, State.ACTIVE, by=_RAIL, emits="payment_method.activated"),
        Move("reject", _BEGUN, State.REJECTED, by=_RAIL, emits="payment_method.rejected"),
        Move("refresh", State.ACTIVE, State.ACTIVE, by=_RAIL, emits="payment_method.refreshed"),
        Move(
            "amend",
            State.ACTIVE,
            State.AMENDED,
            by={Role.CUSTOMER},
            emits="payment_method.amendment_requested",
        ),
        Move("apply", State.AMENDED, State.ACTIVE, by=_RAIL, emits="payment_method.amended"),
        Move("keep", State.AMENDED, State.ACTIVE, by=_RAIL, emits="payment_method.amendment_refused"),
        Move(
            "suspend",
            (*_BEGUN, State.ACTIVE, State.AMENDED),
            State.SUSPENDED,
            by=_RAIL,
            emits="payment_method.suspended",
        ),
        Move("resume", State.SUSPENDED, State.ACTIVE, by=_RAIL, emits="payment_method.resumed"),
        # An amendment that was under way when it was suspended is under way still.
        Move("go_on", State.SUSPENDED, State.AMENDED, by=_RAIL, emits="payment_method.went_on"),
        Move("expire", _LIVE, State.EXPIRED, by={Role.SYSTEM, Role.CLOCK}, emits="payment_method.expired"),
        Move("remove", _LIVE, State.CANCELLING, by=_OWNER, emits="payment_method.removed"),
        Move(
            "cancel", (*_LIVE, State.CANCELLING), State.CANCELLED, by=_RAIL, emits="payment_method.cancelled"
        ),
        *(
            Move(
                "look_up",
                s,
                s,
                by={Role.CLOCK, Role.ADMIN},
                after="lookup_pause",
                emits="payment_method.lookup_due",
            )
            for s in (*_LIVE, State.CANCELLING)
        ),
    ),
    requires={State.ACTIVE: {"token"}},
    timers={"lookup_pause": _next_look},
    guards={"amend": _terms_to_amend},
)

GONE = frozenset({State.CANCELLED, State.EXPIRED, State.REJECTED})
USABLE = frozenset({State.ACTIVE, State.AMENDED})

_ADVICE: dict[State, str] = {
    State.DRAFT: "wait until it is active, or pay another way",
    State.PENDING_AUTH: "authorise it with the bank, or pay another way",
    State.SUSPENDED: "ask the bank to let it pay again, or pay another way",
}
_ANOTHER = "save a new one, or pay another way"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethod:
    """
    A card or a mandate that pays again; its id is our reference at the rail.

    `contract` names the mandate to its bank. `wanted` are the terms of an `amendment_id` that the rail has
    still to decide; until then those that stand go on. The account of its payer is kept no longer than the
    rail needs to hear of it.
    """

    LIFECYCLE: ClassVar[Lifecycle] = METHOD
    RULES: ClassVar[tuple[Rule, ...]] = (Unique(("contract",)),)

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.DRAFT
    due_at: datetime | None = None
    customer_id: UUID
    kind: MethodKind
    rail: str
    created_at: datetime
    authorise_by: datetime
    source: str | None = field(default=None, metadata=SECRET, repr=False)
    payer: Payer | None = field(default=None, metadata=SECRET, repr=False)
    terms: MandateTerms | None = None
    contract: str | None = None
    wanted: MandateTerms | None = None
    amendment_id: UUID | None = None
    token: str | None = field(default=None, metadata=SECRET, repr=False)
    label: str | None = None
    rail_reference: str | None = None
    next_action: str | None = field(default=None, metadata=SECRET, repr=False)
    expires_at: datetime | None = None
    failure: str | None = None
    lookups: int = 0

    @property
    def usable(self) -> bool:
        return self.state in USABLE

    @property
    def advice(self) -> str | None:
        """What its owner can do where it does not pay now."""
        return None if self.usable else _ADVICE.get(self.state, _ANOTHER)

    def check_usable(self) -> None:
        """Raises MethodUnusable."""
        if not self.usable:
            detail = f"this payment method is {self.state}: {self.advice}"
            raise MethodUnusable(detail, state=str(self.state), advice=self.advice)

    def parties(self) -> tuple[UUID, ...]:
        return (self.customer_id,)
