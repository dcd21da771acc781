"""Where an object at Stripe stands is told in the port's words, with the amount that this is about."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from marketplace.adapters.stripe.amounts import from_stripe
from marketplace.adapters.stripe.declines import failure_of
from marketplace.adapters.stripe.objects import Dispute, Intent, Refund, Reversal, Transfer
from marketplace.adapters.stripe.orders import Order
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Report, Standing, Subject

# https://docs.stripe.com/payments/paymentintents/lifecycle. An intent that asks for another method has been
# declined: nobody is given the means to try again with the same one.
_STANDINGS: Mapping[str, Standing] = MappingProxyType(
    {
        "requires_payment_method": Standing.FAILED,
        "requires_confirmation": Standing.PENDING,
        "requires_action": Standing.NEEDS_ACTION,
        "processing": Standing.PENDING,
        "requires_capture": Standing.AUTHORISED,
        "canceled": Standing.CANCELLED,
        "succeeded": Standing.SUCCEEDED,
    }
)
# https://docs.stripe.com/disputes/how-disputes-work. An inquiry, `warning_…`, has taken no money.
_DISPUTES: Mapping[str, Standing] = MappingProxyType(
    {
        "needs_response": Standing.DISPUTED,
        "under_review": Standing.DISPUTED,
        "won": Standing.WON,
        "lost": Standing.LOST,
    }
)
# What Stripe tells as a lost dispute, and is a debit that the bank did not pay.
_UNPAID = frozenset({"insufficient_funds", "incorrect_account_details", "bank_cannot_process"})
_REFUNDS: Mapping[str | None, Standing] = MappingProxyType(
    {
        None: Standing.SUCCEEDED,
        "succeeded": Standing.SUCCEEDED,
        "pending": Standing.PENDING,
        "requires_action": Standing.PENDING,
        "failed": Standing.FAILED,
        "canceled": Standing.FAILED,
    }
)
_EXPIRED = frozenset({"automatic", "expired"})
OPEN = frozenset({"needs_response", "under_review"})


def of_charge(order: Order, intent: Intent, disputes: Sequence[Dispute] = ()) -> Report:
    contested = contested_by(disputes)
    if contested is not None:
        return _contested(order, intent, contested)
    standing = _STANDINGS.get(intent.status, Standing.PENDING)
    return Report(
        reference=order.reference,
        rail_reference=intent.id,
        standing=standing,
        amount=from_stripe(_count(intent, standing), intent.currency),
        failure=_failure(intent, standing),
        next_action=_next_action(intent) if standing is Standing.NEEDS_ACTION else None,
        hold_until=_hold_until(intent) if standing is Standing.AUTHORISED else None,
    )


def undecided(order: Order, intent: Intent) -> Report:
    return Report(
        reference=order.reference,
        rail_reference=intent.id,
        standing=Standing.PENDING,
        amount=order.amount,
    )


def voided(order: Order) -> Report:
    """A charge that was called back before Stripe heard of it, or of which Stripe took no intent."""
    return Report(
        reference=order.reference,
        rail_reference=f"void_{order.reference.hex}",
        standing=Standing.CANCELLED if order.failure is None else Standing.FAILED,
        amount=order.amount,
        failure=order.failure or "voided",
    )


def of_refund(order: Order, refund: Refund) -> Report:
    standing = _REFUNDS.get(refund.status, Standing.PENDING)
    failure = f"refund_{refund.failure_reason or refund.status}" if standing is Standing.FAILED else None
    return Report(
        reference=order.reference,
        rail_reference=refund.id,
        standing=standing,
        amount=from_stripe(refund.amount, refund.currency),
        subject=Subject.REFUND,
        failure=failure,
    )


def of_reversal(order: Order, reversal: Reversal) -> Report:
    return Report(
        reference=order.reference,
        rail_reference=reversal.id,
        standing=Standing.SUCCEEDED,
        amount=from_stripe(reversal.amount, reversal.currency),
        subject=Subject.TRANSFER_REVERSAL,
    )


def of_transfer(order: Order, transfer: Transfer) -> Report:
    """Of a transfer that somebody reversed whole in Stripe's dashboard the money is back."""
    return Report(
        reference=order.reference,
        rail_reference=transfer.id,
        standing=Standing.RETURNED if transfer.came_back else Standing.SUCCEEDED,
        amount=from_stripe(transfer.amount, transfer.currency),
        subject=Subject.TRANSFER,
        failure="reversed" if transfer.came_back else None,
    )


def left(order: Order, intent: Intent, disputes: Sequence[Dispute]) -> Money:
    """What of a charge may still be given back; none while a bank has it."""
    contested = contested_by(disputes)
    taken = intent.amount_received if intent.status == "succeeded" else 0
    given = 0 if intent.charge is None else intent.charge.amount_refunded
    if contested is not None and contested.status in OPEN:
        return Money(0, order.currency)
    lost = contested.amount if contested is not None and contested.status == "lost" else 0
    return from_stripe(max(0, taken - given - lost), intent.currency)


def contested_by(disputes: Sequence[Dispute]) -> Dispute | None:
    """The dispute that counts: one that is open, else the last; inquiries do not."""
    real = [one for one in disputes if one.status in _DISPUTES]
    return max(real, key=lambda one: (one.status in OPEN, one.created, one.id), default=None)


def _contested(order: Order, intent: Intent, dispute: Dispute) -> Report:
    standing = _DISPUTES[dispute.status]
    if standing is Standing.LOST and dispute.reason in _UNPAID:
        standing = Standing.RETURNED
    return Report(
        reference=order.reference,
        rail_reference=intent.id,
        standing=standing,
        amount=from_stripe(dispute.amount, dispute.currency),
        failure=dispute.reason or None,
    )


def _count(intent: Intent, standing: Standing) -> int:
    match standing:
        case Standing.SUCCEEDED:
            return intent.amount_received
        case Standing.AUTHORISED:
            return intent.amount_capturable
        case _:
            return intent.amount


def _failure(intent: Intent, standing: Standing) -> str | None:
    if standing is Standing.CANCELLED:
        return "hold_expired" if intent.cancellation_reason in _EXPIRED else "voided"
    if standing is not Standing.FAILED:
        return None
    error = intent.last_payment_error
    return failure_of() if error is None else failure_of(error.decline_code, error.code)


def _next_action(intent: Intent) -> str | None:
    redirect = None if intent.next_action is None else intent.next_action.redirect_to_url
    return None if redirect is None else redirect.url


def _hold_until(intent: Intent) -> datetime | None:
    """https://docs.stripe.com/payments/place-a-hold-on-a-payment-method: how long depends on the card."""
    details = None if intent.charge is None else intent.charge.payment_method_details
    card = None if details is None else details.card
    if card is None or card.capture_before is None:
        return None
    return datetime.fromtimestamp(card.capture_before, UTC)
