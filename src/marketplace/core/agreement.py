"""Of each reference a rail has to say what we say of it: how it stands, and of how much."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from marketplace.core.payments.payment import Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.refund import Refund
from marketplace.core.payments.refund import State as RefundState
from marketplace.core.payouts.payout import Payout
from marketplace.core.payouts.payout import State as PayoutState
from marketplace.core.payouts.reversal import PayoutReversal
from marketplace.core.payouts.reversal import State as ReversalState
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Report, Standing

# The promise that is proved only where rails are asked.
RAILS_AGREE = "rails_agree"

# What stands at a rail under a reference of ours, and which of its fields says since when.
Asked = Payment | Refund | Payout | PayoutReversal
ASKED: Mapping[type[Asked], str] = MappingProxyType(
    {Payment: "created_at", Refund: "requested_at", Payout: "drawn_at", PayoutReversal: "requested_at"}
)

_S = Standing
_UNKNOWN = None  # the rail has never heard of it
_Agreeing = frozenset[Standing | None]


def _any(*standings: Standing | None) -> _Agreeing:
    return frozenset(standings)


_PAYMENT: Mapping[PaymentState, _Agreeing] = MappingProxyType(
    {
        PaymentState.CREATED: _any(_UNKNOWN),
        PaymentState.PROMISED: _any(_UNKNOWN),
        PaymentState.UNKNOWN: _any(_UNKNOWN),
        PaymentState.NEEDS_ACTION: _any(_S.NEEDS_ACTION),
        PaymentState.SUBMITTED: _any(_S.PENDING),
        PaymentState.TRACKING: _any(_S.PENDING),
        PaymentState.AUTHORISED: _any(_S.AUTHORISED),
        PaymentState.CAPTURING: _any(_S.AUTHORISED),
        PaymentState.VOIDING: _any(_UNKNOWN, _S.NEEDS_ACTION, _S.PENDING, _S.AUTHORISED),
        PaymentState.SUCCEEDED: _any(_S.SUCCEEDED),
        PaymentState.SETTLED: _any(_S.SUCCEEDED),
        PaymentState.FAILED: _any(_UNKNOWN, _S.FAILED, _S.CANCELLED),
        PaymentState.CANCELLED: _any(_UNKNOWN, _S.FAILED, _S.CANCELLED),
        PaymentState.RETURNED: _any(_S.RETURNED),
        PaymentState.DISPUTED: _any(_S.DISPUTED),
        PaymentState.WON: _any(_S.WON),
        PaymentState.LOST: _any(_S.LOST),
        PaymentState.PART_LOST: _any(_S.LOST),
    }
)
_REFUND: Mapping[RefundState, _Agreeing] = MappingProxyType(
    {
        RefundState.REQUESTED: _any(_UNKNOWN),
        RefundState.PENDING: _any(_S.PENDING),
        RefundState.SUCCEEDED: _any(_S.SUCCEEDED),
        RefundState.FAILED: _any(_UNKNOWN, _S.FAILED),
        RefundState.BOUNCED: _any(_S.FAILED),
        RefundState.CANCELLED: _any(_UNKNOWN, _S.FAILED),
    }
)
_NOTHING_PAID = _any(_UNKNOWN, _S.FAILED, _S.CANCELLED, _S.RETURNED)
_PAYOUT: Mapping[PayoutState, _Agreeing] = MappingProxyType(
    {
        # Of an attempt that has failed the reference stands until another is made.
        PayoutState.DUE: _NOTHING_PAID,
        PayoutState.HELD: _NOTHING_PAID,
        PayoutState.FAILED: _NOTHING_PAID,
        PayoutState.APPROVED: _any(_UNKNOWN),
        PayoutState.SENT: _any(_S.PENDING),
        PayoutState.PAID: _any(_S.SUCCEEDED),
    }
)
_REVERSAL: Mapping[ReversalState, _Agreeing] = MappingProxyType(
    {
        ReversalState.REQUESTED: _any(_UNKNOWN),
        ReversalState.SUCCEEDED: _any(_S.SUCCEEDED),
        ReversalState.REFUSED: _any(_UNKNOWN, _S.FAILED, _S.CANCELLED),
    }
)
AGREEING: Mapping[type, Mapping[Any, _Agreeing]] = MappingProxyType(
    {Payment: _PAYMENT, Refund: _REFUND, Payout: _PAYOUT, PayoutReversal: _REVERSAL}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """
    What we say of a `reference` at a rail, and since when.

    It may stand there as any of `agrees`, None for what the rail has never heard of. `amount` is None where
    nothing has moved, or ever will.
    """

    kind: type[Asked]
    subject_id: UUID
    tenant_id: UUID
    rail: str
    reference: UUID
    state: str
    since: datetime
    agrees: frozenset[Standing | None]
    amount: Money | None

    def __str__(self) -> str:
        return f"{self.kind.LIFECYCLE.kind} {self.subject_id}"


def claim_of(row: Any, *, since: datetime) -> Claim | None:
    """None for a refund that somebody paid by hand: no rail knows of it."""
    if isinstance(row, Refund) and row.by_hand:
        return None
    return Claim(
        kind=type(row),
        subject_id=row.id,
        tenant_id=row.tenant_id,
        rail=row.rail,
        reference=row.reference if isinstance(row, Refund | Payout) else row.id,
        state=str(row.state),
        since=since,
        agrees=AGREEING[type(row)][row.state],
        amount=_amount(row),
    )


def _amount(row: Any) -> Money | None:
    if not isinstance(row, Payment):
        return Money(row.amount_minor, row.currency)
    minor = _PAYMENT_MINOR.get(row.state, _contested)(row)
    return None if minor is None else Money(minor, row.currency)


def _ordered(payment: Payment) -> int | None:
    return payment.amount_minor


def _captured(payment: Payment) -> int | None:
    return payment.captured_minor


def _contested(payment: Payment) -> int | None:
    return payment.contested_minor


def _nothing(_: Payment) -> int | None:
    return None


# What a report of the same standing is about; of what a bank asks for again that is what it contests.
_PAYMENT_MINOR: Mapping[PaymentState, Callable[[Payment], int | None]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                PaymentState.NEEDS_ACTION,
                PaymentState.SUBMITTED,
                PaymentState.TRACKING,
                PaymentState.AUTHORISED,
                PaymentState.CAPTURING,
            ),
            _ordered,
        ),
        **dict.fromkeys((PaymentState.SUCCEEDED, PaymentState.SETTLED), _captured),
        **dict.fromkeys(
            (
                PaymentState.CREATED,
                PaymentState.PROMISED,
                PaymentState.UNKNOWN,
                PaymentState.VOIDING,
                PaymentState.FAILED,
                PaymentState.CANCELLED,
            ),
            _nothing,
        ),
    }
)


def difference(claim: Claim, report: Report | None) -> str | None:
    """A sentence for what the rail says otherwise; None where it says the same."""
    standing = None if report is None else report.standing
    if standing not in claim.agrees:
        there = "has never heard of it" if standing is None else f"has it {standing}"
        return f"{claim} is {claim.state}, {claim.rail} {there}"
    if report is None or claim.amount is None or report.amount == claim.amount:
        return None
    here, there = (f"{one.minor} {one.currency}" for one in (claim.amount, report.amount))
    return f"{claim} is {claim.state} with {here}, {claim.rail} says {there}"
