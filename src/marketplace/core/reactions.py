"""What follows an event, and what the clock asks for: two tables, and nothing follows that is not in them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from marketplace.core.bookings.commands import AbsorbLoss, AdvanceBooking, ClockBooking, SettleBooking
from marketplace.core.dispatch.answering import ClockOffer
from marketplace.core.dispatch.matching import Match
from marketplace.core.dispatch.presences import ClockPresence, FinishJob, ShowFreed, ShowPresence, ShowUnit
from marketplace.core.dispatch.searching import (
    ClockArea,
    ClockJob,
    CloseSearch,
    OpenSearch,
    WakeArea,
    WakeFreed,
)
from marketplace.core.identity.authentication import ExpireSession, ExpireSignIn
from marketplace.core.identity.usecases import EndSessions
from marketplace.core.lifecycles import EVENTS, LIFECYCLES
from marketplace.core.notifications.effects import FindMessage, SendMessage
from marketplace.core.notifications.messages import (
    ACCOUNT_MESSAGES,
    MESSAGES,
    METHOD_MESSAGES,
    REFUND_MESSAGES,
)
from marketplace.core.notifications.usecases import BeginSending, ClockMessage, PlanMessages
from marketplace.core.payments.effects import AskRail, AskRailAboutRefund, AskRailForRefund, SendEvidence
from marketplace.core.payments.refunding import DropRefund, LookUpRefund
from marketplace.core.payments.saving import LookUpMethod
from marketplace.core.payments.saving_effects import AskRailForMethod
from marketplace.core.payments.usecases import LookUpPayment
from marketplace.core.payouts.effects import AskRailAboutTransfer, AskRailForPayout, DrawPayouts
from marketplace.core.payouts.opening import LookUpPayoutAccount, SendWaiting
from marketplace.core.payouts.opening_effects import AskRailForAccount
from marketplace.core.payouts.reversing import AskRailForReversal, LookUpReversal
from marketplace.core.payouts.usecases import LookUpPayout
from marketplace.core.reviews.usecases import CountReview
from marketplace.core.settlements.effects import AskForLines, AskRailAboutBreak
from marketplace.core.settlements.usecases import RecheckSettlement
from marketplace.core.subscriptions.usecases import ClockMembership
from marketplace.ports.storage import Follow

Reaction = Callable[[Follow], Any]


def _ask_rail(event: Follow) -> AskRail:
    return AskRail(payment_id=event.subject_id)


def _send_evidence(event: Follow) -> SendEvidence:
    return SendEvidence(payment_id=event.subject_id)


def _ask_rail_for_refund(event: Follow) -> AskRailForRefund:
    return AskRailForRefund(refund_id=event.subject_id)


def _drop_refund(event: Follow) -> DropRefund:
    return DropRefund(refund_id=event.subject_id)


def _ask_rail_for_payout(event: Follow) -> AskRailForPayout:
    return AskRailForPayout(payout_id=event.subject_id)


def _ask_rail_for_reversal(event: Follow) -> AskRailForReversal:
    return AskRailForReversal(payout_reversal_id=event.subject_id)


def _ask_rail_about_refund(event: Follow) -> AskRailAboutRefund:
    return AskRailAboutRefund(reference=event.subject_id)


def _ask_rail_about_transfer(event: Follow) -> AskRailAboutTransfer:
    return AskRailAboutTransfer(reference=event.subject_id)


def _ask_rail_for_method(event: Follow) -> AskRailForMethod:
    return AskRailForMethod(payment_method_id=event.subject_id)


def _ask_rail_for_account(event: Follow) -> AskRailForAccount:
    return AskRailForAccount(payout_account_id=event.subject_id)


def _send_waiting(event: Follow) -> SendWaiting:
    return SendWaiting(payout_account_id=event.subject_id)


def _draw_payouts(event: Follow) -> DrawPayouts:
    return DrawPayouts(run_id=event.subject_id)


def _ask_for_lines(event: Follow) -> AskForLines:
    return AskForLines(statement_id=event.subject_id)


def _ask_rail_about_break(event: Follow) -> AskRailAboutBreak:
    return AskRailAboutBreak(settlement_id=event.subject_id)


def _advance(event: Follow) -> AdvanceBooking:
    return AdvanceBooking(payment_id=event.subject_id)


def _settle(event: Follow) -> SettleBooking:
    return SettleBooking(booking_id=event.subject_id)


def _absorb(event: Follow) -> AbsorbLoss:
    return AbsorbLoss(payment_id=event.subject_id)


def _tell(event: Follow) -> PlanMessages:
    return PlanMessages(event_id=event.event_id, event=event.name, subject_id=event.subject_id)


def _search(event: Follow) -> OpenSearch:
    return OpenSearch(booking_id=event.subject_id)


def _search_no_more(event: Follow) -> CloseSearch:
    return CloseSearch(booking_id=event.subject_id)


def _match(event: Follow) -> Match:
    return Match(area_id=event.subject_id, round_id=event.event_id)


def _show(event: Follow) -> ShowPresence:
    return ShowPresence(presence_id=event.subject_id)


def _show_unit(event: Follow) -> ShowUnit:
    return ShowUnit(unit_id=event.subject_id)


def _wake(event: Follow) -> WakeArea:
    return WakeArea(presence_id=event.subject_id)


def _show_freed(event: Follow) -> ShowFreed:
    return ShowFreed(reservation_id=event.subject_id)


def _wake_freed(event: Follow) -> WakeFreed:
    return WakeFreed(reservation_id=event.subject_id)


def _count(event: Follow) -> FinishJob:
    return FinishJob(booking_id=event.subject_id)


def _rate(event: Follow) -> CountReview:
    return CountReview(review_id=event.subject_id)


def _end_sessions(event: Follow) -> EndSessions:
    return EndSessions(user_id=event.subject_id)


def _begin_sending(event: Follow) -> BeginSending:
    return BeginSending(notification_id=event.subject_id)


def _find(event: Follow) -> FindMessage:
    return FindMessage(notification_id=event.subject_id)


def _send(event: Follow) -> SendMessage:
    return SendMessage(notification_id=event.subject_id)


# What a verified webhook told of; its subject is the reference at the rail.
_HEARD: dict[str, tuple[Reaction, ...]] = {
    "vendor.charge_heard": (_ask_rail,),
    "vendor.refund_heard": (_ask_rail_about_refund,),
    "vendor.transfer_heard": (_ask_rail_about_transfer,),
    "vendor.transfer_reversal_heard": (_ask_rail_for_reversal,),
    "vendor.method_heard": (_ask_rail_for_method,),
    "vendor.payee_heard": (_ask_rail_for_account,),
}

_MONEY: dict[str, tuple[Reaction, ...]] = {
    "payment.created": (_ask_rail,),
    "payment.rerouted": (_ask_rail,),
    "payment.capture_requested": (_ask_rail,),
    "payment.void_requested": (_ask_rail,),
    "payment.lookup_due": (_ask_rail,),
    "payment.evidence_submitted": (_send_evidence,),
    "payment.promised": (_advance,),
    "payment.charge_due": (_ask_rail,),
    "payment.action_needed": (_advance,),
    "payment.authorised": (_advance,),
    "payment.succeeded": (_advance,),
    "payment.caught_up": (_advance, _ask_rail),
    "payment.failed": (_advance,),
    "payment.cancelled": (_advance,),
    "payment.dispute_won": (_advance,),
    "payment.dispute_part_lost": (_advance,),
    "payment.returned": (_absorb, _advance),
    "payment.dispute_lost": (_absorb, _advance),
    "refund.requested": (_ask_rail_for_refund,),
    "refund.requested_again": (_ask_rail_for_refund,),
    "refund.failed": (_drop_refund,),
    "refund.bounced": (_drop_refund,),
    "refund.lookup_due": (_ask_rail_for_refund,),
    "payment_method.begun": (_ask_rail_for_method,),
    "payment_method.amendment_requested": (_ask_rail_for_method,),
    "payment_method.removed": (_ask_rail_for_method,),
    "payment_method.expired": (_ask_rail_for_method,),
    "payment_method.lookup_due": (_ask_rail_for_method,),
    "payout_account.begun": (_ask_rail_for_account,),
    "payout_account.activated": (_send_waiting,),
    "payout_account.reinstated": (_send_waiting,),
    "payout_account.lookup_due": (_ask_rail_for_account,),
    "payout_run.started": (_draw_payouts,),
    "payout_run.went_on": (_draw_payouts,),
    "payout.drawn": (_ask_rail_for_payout,),
    "payout.approved": (_ask_rail_for_payout,),
    "payout.lookup_due": (_ask_rail_for_payout,),
    "payout_reversal.requested": (_ask_rail_for_reversal,),
    "payout_reversal.lookup_due": (_ask_rail_for_reversal,),
    "rail_statement.asked_for": (_ask_for_lines,),
    "rail_statement.asked_for_again": (_ask_for_lines,),
    "rail_statement.went_on": (_ask_for_lines,),
    "settlement.recheck_due": (_ask_rail_about_break,),
    "booking.expired": (_settle, _search_no_more),
    "booking.declined": (_settle, _search_no_more),
    "booking.cancelled": (_settle, _search_no_more),
    "booking.paid": (_search,),
    "booking.handed_back": (_search,),
    "booking.confirmed": (_search_no_more,),
    "booking.delivered": (_count,),
    "review.published": (_rate,),
    "review.hidden": (_rate,),
    "review.restored": (_rate,),
    "user.granted": (_end_sessions,),
    "user.blocked": (_end_sessions,),
    "area.ticked": (_match,),
    "presence.online": (_show, _wake),
    "presence.offline": (_show,),
    "presence.lapsed": (_show,),
    "presence.answered": (_show, _wake),
    "reservation.released": (_show_freed, _wake_freed),
    "unit.amended": (_show_unit,),
    "unit.retired": (_show_unit,),
    "notification.planned": (_begin_sending, _send),
    "notification.lookup_due": (_find, _send),
}


def _reactions() -> dict[str, tuple[Reaction, ...]]:
    table = dict(_MONEY)
    for event in (*MESSAGES, *METHOD_MESSAGES, *REFUND_MESSAGES, *ACCOUNT_MESSAGES):
        table[event] = (*table.get(event, ()), _tell)
    unknown = table.keys() - EVENTS
    if unknown:
        raise ValueError(f"reactions to events that nothing emits: {sorted(unknown)}")
    return table | _HEARD


# In order; a reaction may count on those before it, and each may be repeated.
REACTIONS: dict[str, tuple[Reaction, ...]] = _reactions()

CLOCK: dict[str, Callable[[UUID], Any]] = {
    "booking": lambda key: ClockBooking(booking_id=key),
    "payment": lambda key: LookUpPayment(payment_id=key),
    "payment_method": lambda key: LookUpMethod(payment_method_id=key),
    "refund": lambda key: LookUpRefund(refund_id=key),
    "payout_account": lambda key: LookUpPayoutAccount(payout_account_id=key),
    "payout": lambda key: LookUpPayout(payout_id=key),
    "payout_reversal": lambda key: LookUpReversal(payout_reversal_id=key),
    "settlement": lambda key: RecheckSettlement(settlement_id=key),
    "sign_in": lambda key: ExpireSignIn(sign_in_id=key),
    "session": lambda key: ExpireSession(session_id=key),
    "membership": lambda key: ClockMembership(membership_id=key),
    "area": lambda key: ClockArea(area_id=key),
    "dispatch_job": lambda key: ClockJob(job_id=key),
    "dispatch_offer": lambda key: ClockOffer(offer_id=key),
    "presence": lambda key: ClockPresence(presence_id=key),
    "notification": lambda key: ClockMessage(notification_id=key),
}

_timed = {kind for kind, table in LIFECYCLES.items() if table.timers}
if _timed != CLOCK.keys():
    raise ValueError(f"timers without a command, or the other way round: {sorted(_timed ^ CLOCK.keys())}")
