"""Why a card was declined is said in our words: what helps the customer, and nothing that helps a thief."""

from collections.abc import Mapping
from types import MappingProxyType

DECLINED = "card_declined"

# https://docs.stripe.com/declines/codes. Of a card that is lost, stolen or thought a fraud Stripe asks to
# say no more than that it was declined, so these stand for every code that is not here.
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "insufficient_funds": "insufficient_funds",
        "expired_card": "card_expired",
        "invalid_expiry_month": "card_expired",
        "invalid_expiry_year": "card_expired",
        "incorrect_number": "card_number_wrong",
        "invalid_number": "card_number_wrong",
        "invalid_account": "card_number_wrong",
        "incorrect_cvc": "security_code_wrong",
        "invalid_cvc": "security_code_wrong",
        "incorrect_address": "address_wrong",
        "incorrect_zip": "address_wrong",
        "incorrect_postal_code": "address_wrong",
        "authentication_required": "authentication_required",
        "authentication_not_handled": "authentication_required",
        "online_or_offline_pin_required": "authentication_required",
        "payment_intent_authentication_failure": "authentication_failed",
        "setup_intent_authentication_failure": "authentication_failed",
        "card_not_supported": "card_not_supported",
        "currency_not_supported": "card_not_supported",
        "not_permitted": "card_not_supported",
        "transaction_not_allowed": "card_not_supported",
        "card_velocity_exceeded": "limit_of_the_card",
        "withdrawal_count_limit_exceeded": "limit_of_the_card",
        "amount_too_large": "limit_of_the_card",
        "issuer_not_available": "try_again_later",
        "processing_error": "try_again_later",
        "reenter_transaction": "try_again_later",
        "try_again_later": "try_again_later",
        "duplicate_transaction": "charged_already",
    }
)


def failure_of(*codes: str | None) -> str:
    """Our word for the first of the codes that has one of its own, the closest to the cause first."""
    return next((_WORDS[code] for code in codes if code is not None and code in _WORDS), DECLINED)
