"""What the promises mean in the states' own words, so that every storage's audit proves the same ones."""

from datetime import timedelta
from enum import StrEnum
from typing import Any

from marketplace.core.bookings.booking import CLOSED_UNDONE
from marketplace.core.bookings.booking import State as BookingState
from marketplace.core.lifecycles import LIFECYCLES
from marketplace.core.payments.method import State as MethodState
from marketplace.core.payments.payment import HELD
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.refund import State as RefundState
from marketplace.core.payouts.payout import State as PayoutState
from marketplace.core.settlements.settlement import State as SettlementState


class Name(StrEnum):
    LEDGER = "ledger_balances"
    HOLDS = "holds_resolve_once"
    CAPACITY = "capacity_sold_once"
    HISTORIES = "histories_lawful"
    VENDOR_EVENTS = "vendor_events_count_once"
    CUSTOMER_FUNDS = "customer_funds_explained"
    CLEARING = "clearing_matches_rails"
    EARNINGS = "earnings_paid_once"
    PROVIDER_PAYABLE = "provider_payable_explained"
    REFUNDS_PAYABLE = "refunds_payable_explained"
    DISPUTE_HOLD = "dispute_hold_explained"
    REVERSALS = "reversals_explained"
    SEARCHES = "call_outs_assigned_once"
    STARS = "stars_counted_once"
    STUCK = "nobody_stuck"
    MESSAGES = "messages_sent_once"


# How long a deadline may be past, or the money of a closed booking wait, before something is wrong.
PATIENCE = timedelta(minutes=15)

# The customer's money is still there: ours to give or release, or with the bank that asks for it.
HOLDING = HELD | {PaymentState.DISPUTED}
# Promised back, and not paid yet.
UNPAID = frozenset({RefundState.REQUESTED, RefundState.PENDING, RefundState.FAILED, RefundState.BOUNCED})
ENDED = frozenset({BookingState.COMPLETED, BookingState.NO_SHOW})
CLOSED = CLOSED_UNDONE

# States with a timer in which an aggregate may be without a deadline all the same; bookings once released.
RESTING: dict[str, frozenset[str]] = {
    "payment": frozenset(map(str, HELD)),
    "payment_method": frozenset({str(MethodState.ACTIVE), str(MethodState.SUSPENDED)}),
    "payout": frozenset({str(PayoutState.PAID)}),
    "refund": frozenset({str(RefundState.SUCCEEDED)}),
    "settlement": frozenset({str(SettlementState.BREAK)}),
}

TIMED: dict[str, frozenset[str]] = {
    kind: frozenset(str(state) for state in table.states if table.clock_move(state) is not None)
    for kind, table in LIFECYCLES.items()
    if table.timers
}


def waits_for_somebody(booking: Any) -> bool:
    """Whether a search may be on for it."""
    return booking.state == BookingState.AWAITING_PROVIDER and booking.reservation_id is None


def is_closed(booking: Any) -> bool:
    """Whether its money has gone where it belongs, or never came."""
    return booking.state in CLOSED or booking.released_at is not None


def may_rest(kind: str, subject: Any) -> bool:
    """Whether it may be in a state with a timer and yet have no deadline."""
    if kind == "booking":
        return subject.released_at is not None
    return str(subject.state) in RESTING.get(kind, ())


def lawful_steps() -> frozenset[tuple[str, str | None, str]]:
    """(kind, before, after) of every step that a history may hold; before is None at its beginning."""
    births = {(kind, None, str(state)) for kind, table in LIFECYCLES.items() for state in table.initials}
    moves = {(kind, before, after) for kind, table in LIFECYCLES.items() for before, after in table.pairs()}
    return frozenset(births | moves)
