"""When nothing moves any more everything has come to an end, or somebody was forgotten."""

from collections.abc import Iterator, Mapping
from uuid import UUID

from marketplace.core.bookings.booking import CLOSED_UNDONE
from marketplace.core.dispatch.area import State as AreaState
from marketplace.core.dispatch.job import State as JobState
from marketplace.core.dispatch.offer import OPEN as OFFER_OPEN
from marketplace.core.dispatch.offer import State as OfferState
from marketplace.core.dispatch.presence import State as PresenceState
from marketplace.core.notifications.notification import State as NotificationState
from marketplace.core.payments.method import GONE
from marketplace.core.payments.payment import DEAD, HELD
from marketplace.core.payments.refund import State as RefundState
from marketplace.core.payouts.payout import State as PayoutState
from marketplace.core.payouts.reversal import State as ReversalState
from marketplace.core.payouts.run import State as RunState
from marketplace.core.promises import ENDED
from marketplace.core.settlements.settlement import State as SettlementState
from marketplace.core.settlements.statement import State as StatementState

_N = NotificationState
# A booking that has ended with work done is released, or the audit finds it without a deadline.
ENDS: Mapping[str, frozenset[str]] = {
    kind: frozenset(map(str, states))
    for kind, states in {
        "booking": CLOSED_UNDONE | ENDED,
        "payment": DEAD | HELD,
        "payment_method": GONE,
        "refund": {RefundState.SUCCEEDED, RefundState.CANCELLED},
        "payout": {PayoutState.PAID},
        "payout_reversal": {ReversalState.SUCCEEDED, ReversalState.REFUSED},
        "payout_run": {RunState.FINISHED},
        "rail_statement": {StatementState.READ},
        "settlement": {SettlementState.BOOKED},
        "dispatch_job": {JobState.ASSIGNED, JobState.WITHDRAWN},
        "dispatch_offer": set(OfferState) - set(OFFER_OPEN),
        "presence": {PresenceState.OFFLINE},
        "area": {AreaState.QUIET},
        "notification": {_N.ACCEPTED, _N.DELIVERED, _N.READ, _N.FAILED, _N.SUPPRESSED, _N.EXPIRED},
    }.items()
}


def unfinished(standing: Mapping[tuple[str, UUID], str]) -> Iterator[str]:
    """`standing` is the state in which each aggregate was seen last."""
    for (kind, key), state in standing.items():
        if kind in ENDS and state not in ENDS[kind]:
            yield f"{kind} {key} is stuck: it is {state}, and nothing moves any more"
