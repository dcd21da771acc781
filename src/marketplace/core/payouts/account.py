"""A provider is paid into an account only while its rail says that it can receive."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from marketplace.core.payments.payment import next_lookup
from marketplace.core.shared.aggregate import SECRET
from marketplace.core.shared.errors import Conflict
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.payees import BankAccount, PayeeKind
from marketplace.core.shared.roles import Role
from marketplace.core.shared.rules import Rule, Unique


class OpeningUnderWay(Conflict):
    """A provider opens one account at a time: `payout_account_id` is the one that is not done."""

    code = "opening_under_way"


class State(StrEnum):
    OPENING = "opening"
    NEEDS_ACTION = "needs_action"
    PENDING = "pending"
    ACTIVE = "active"
    RESTRICTED = "restricted"
    REJECTED = "rejected"
    CLOSED = "closed"


_RAIL = frozenset({Role.SYSTEM})
_OWNER = frozenset({Role.PROVIDER, Role.ADMIN})
UNDER_WAY = (State.OPENING, State.NEEDS_ACTION, State.PENDING)
OPENED = (State.ACTIVE, State.RESTRICTED)
_LIVE = (*UNDER_WAY, *OPENED)
GONE = frozenset({State.REJECTED, State.CLOSED})
# Whoever has not said by then what is required has given up.
ABANDONED_AFTER = timedelta(days=90)
_ABANDONED = (State.OPENING, State.NEEDS_ACTION)
_STANDING_PAUSE = timedelta(days=7)


def _next_look(account: Any, call: Any) -> datetime:
    """What stands is looked at now and then, as its rail tells when it falls; what does not stand soon."""
    return call.at + _STANDING_PAUSE if account.state == State.ACTIVE else next_lookup(account, call)


PAYOUT_ACCOUNT = Lifecycle(
    kind="payout_account",
    states=State,
    initial=State.OPENING,
    opening="payout_account.begun",
    moves=(
        Move(
            "ask",
            (State.OPENING, State.PENDING),
            State.NEEDS_ACTION,
            by=_RAIL,
            emits="payout_account.action_needed",
        ),
        Move(
            "submit",
            (State.OPENING, State.NEEDS_ACTION),
            State.PENDING,
            by=_RAIL,
            emits="payout_account.submitted",
        ),
        Move("activate", UNDER_WAY, State.ACTIVE, by=_RAIL, emits="payout_account.activated"),
        Move(
            "restrict",
            (*UNDER_WAY, State.ACTIVE),
            State.RESTRICTED,
            by=_RAIL,
            emits="payout_account.restricted",
        ),
        Move("reinstate", State.RESTRICTED, State.ACTIVE, by=_RAIL, emits="payout_account.reinstated"),
        *(Move("refresh", s, s, by=_RAIL, emits="payout_account.refreshed") for s in _LIVE),
        Move("reject", _LIVE, State.REJECTED, by=_RAIL, emits="payout_account.rejected"),
        Move("end", _LIVE, State.CLOSED, by=_RAIL, emits="payout_account.ended"),
        # Another one is paid into from now on.
        Move("replace", OPENED, State.CLOSED, by=_RAIL, emits="payout_account.replaced", implied=True),
        Move("lapse", _ABANDONED, State.CLOSED, by={Role.CLOCK}, emits="payout_account.lapsed"),
        Move("close", _LIVE, State.CLOSED, by=_OWNER, emits="payout_account.closed"),
        *(
            Move(
                "look_up",
                s,
                s,
                by={Role.CLOCK, Role.ADMIN},
                after="lookup_pause",
                emits="payout_account.lookup_due",
            )
            for s in _LIVE
        ),
    ),
    requires={State.ACTIVE: {"token"}},
    timers={"lookup_pause": _next_look},
)

_ADVICE: dict[State, str] = {
    State.OPENING: "wait until the rail has answered",
    State.NEEDS_ACTION: "say what is required on the rail's page: ask for a link to it",
    State.PENDING: "wait until the rail has looked at it",
    State.RESTRICTED: "say what is required on the rail's page, or open another account",
}
_ANOTHER = "open another account"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutAccount:
    """
    An account at a rail into which a provider is paid; its id is our reference there.

    `required` names what the rail still wants to know. The bank details are kept no longer than the rail
    needs to hear of them; of the number `label` has the last digits.
    """

    LIFECYCLE: ClassVar[Lifecycle] = PAYOUT_ACCOUNT
    RULES: ClassVar[tuple[Rule, ...]] = (Unique(("provider_id",), states=UNDER_WAY),)

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.OPENING
    due_at: datetime | None = None
    provider_id: UUID
    kind: PayeeKind
    rail: str
    opened_at: datetime
    country: str | None = None
    source: str | None = field(default=None, metadata=SECRET, repr=False)
    bank_account: BankAccount | None = field(default=None, metadata=SECRET, repr=False)
    token: str | None = field(default=None, metadata=SECRET, repr=False)
    label: str | None = None
    required: tuple[str, ...] = ()
    rail_reference: str | None = None
    failure: str | None = None
    lookups: int = 0

    @property
    def receives(self) -> bool:
        return self.state == State.ACTIVE

    def is_abandoned(self, at: datetime) -> bool:
        return self.state in _ABANDONED and at >= self.opened_at + ABANDONED_AFTER

    @property
    def advice(self) -> str | None:
        """What its owner can do where it is not paid into."""
        return None if self.receives else _ADVICE.get(self.state, _ANOTHER)

    def parties(self) -> tuple[UUID, ...]:
        return (self.provider_id,)
