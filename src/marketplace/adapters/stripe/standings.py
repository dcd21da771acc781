"""Where a saved card stands is told in the port's words, with what a charge names it by, and its owner."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from uuid import UUID

from marketplace.adapters.stripe.declines import failure_of
from marketplace.adapters.stripe.objects import Card, SetupIntent
from marketplace.ports.payments import SetupReport, SetupStanding

_MONTHS = 12
# https://docs.stripe.com/payments/setup-intents/lifecycle. What has succeeded stands while it is attached.
_STANDINGS: Mapping[str, SetupStanding] = MappingProxyType(
    {
        "requires_payment_method": SetupStanding.REJECTED,
        "requires_confirmation": SetupStanding.PENDING,
        "requires_action": SetupStanding.NEEDS_ACTION,
        "processing": SetupStanding.PENDING,
        "canceled": SetupStanding.CANCELLED,
    }
)
# https://docs.stripe.com/api/payment_methods/object, where it is not the word with a capital letter.
_BRANDS: Mapping[str, str] = MappingProxyType(
    {
        "amex": "American Express",
        "cartes_bancaires": "Cartes Bancaires",
        "diners": "Diners Club",
        "eftpos_au": "Eftpos",
        "jcb": "JCB",
        "unionpay": "UnionPay",
        "unknown": "Card",
    }
)


def of_setup(reference: UUID, intent: SetupIntent, *, by_app: bool, now: datetime) -> SetupReport:
    """`by_app` is whether the app confirms the intent by itself: then it may try another card with it."""
    card = None if intent.method is None else intent.method.card
    expires_at = None if card is None else _end_of(card)
    standing = _standing(intent, by_app=by_app, expired=expires_at is not None and expires_at <= now)
    return SetupReport(
        reference=reference,
        rail_reference=intent.id,
        standing=standing,
        token=token(intent) if standing is SetupStanding.ACTIVE else None,
        label=None if card is None else _label(card),
        next_action=_next_action(intent, by_app=by_app) if standing is SetupStanding.NEEDS_ACTION else None,
        expires_at=expires_at,
        failure=_failure(intent, standing),
    )


def revoked(reference: UUID) -> SetupReport:
    """One that was called back before Stripe heard of it."""
    return SetupReport(
        reference=reference,
        rail_reference=f"void_{reference.hex}",
        standing=SetupStanding.CANCELLED,
        failure="revoked",
    )


def token(intent: SetupIntent) -> str | None:
    """What a charge names: without its customer a saved card cannot be charged."""
    if intent.method is None or intent.customer is None:
        return None
    return f"{intent.customer}/{intent.method.id}"


def is_attached(intent: SetupIntent) -> bool:
    """Whether it can be charged: what is detached never can again, whoever detached it."""
    attached = intent.method is not None and intent.method.customer is not None
    return attached and intent.status == "succeeded"


def _standing(intent: SetupIntent, *, by_app: bool, expired: bool) -> SetupStanding:
    if intent.status == "succeeded":
        if not is_attached(intent):
            return SetupStanding.CANCELLED
        return SetupStanding.EXPIRED if expired else SetupStanding.ACTIVE
    if by_app and intent.status in {"requires_payment_method", "requires_confirmation"}:
        return SetupStanding.NEEDS_ACTION
    return _STANDINGS.get(intent.status, SetupStanding.PENDING)


def _next_action(intent: SetupIntent, *, by_app: bool) -> str | None:
    """The page at the bank; for an app that confirms by itself what it hands to Stripe's own form."""
    redirect = None if intent.next_action is None else intent.next_action.redirect_to_url
    return intent.client_secret if by_app or redirect is None else redirect.url


def _failure(intent: SetupIntent, standing: SetupStanding) -> str | None:
    match standing:
        case SetupStanding.CANCELLED:
            return "revoked"
        case SetupStanding.EXPIRED:
            return failure_of("expired_card")
        case SetupStanding.REJECTED:
            error = intent.last_setup_error
            return failure_of() if error is None else failure_of(error.decline_code, error.code)
        case _:
            return None


def _label(card: Card) -> str:
    brand = card.display_brand or card.brand
    return f"{_BRANDS.get(brand, brand.capitalize())} {card.last4}"


def _end_of(card: Card) -> datetime:
    """A card pays to the end of the month that is printed on it."""
    years, month = divmod(card.exp_month, _MONTHS)
    return datetime(card.exp_year + years, month + 1, 1, tzinfo=UTC)
