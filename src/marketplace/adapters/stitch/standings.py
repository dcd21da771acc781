"""Where a consent stands at Stitch is told in the port's words."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from uuid import UUID

from marketplace.adapters.stitch.consents import Amendment, Card, Consent
from marketplace.adapters.stitch.keeping import Kept
from marketplace.core.shared.methods import MethodKind
from marketplace.ports.payments import SetupReport, SetupStanding
from marketplace.ports.reasons import DECLINED, WORDS

# https://docs.stitch.money/api/types/unions/payment-consent-status. What is new to us is no end of anything.
_STANDINGS: Mapping[str, SetupStanding] = MappingProxyType(
    {
        "PaymentConsentPending": SetupStanding.NEEDS_ACTION,
        "PaymentConsentProcessing": SetupStanding.PENDING,
        "PaymentConsentGranted": SetupStanding.ACTIVE,
        "PaymentConsentPaused": SetupStanding.SUSPENDED,
        "PaymentConsentFailed": SetupStanding.REJECTED,
        "PaymentConsentExpired": SetupStanding.EXPIRED,
        "PaymentConsentCancelled": SetupStanding.CANCELLED,
        "PaymentConsentRevoked": SetupStanding.CANCELLED,
    }
)
# https://docs.stitch.money/api/types/enums/amendment-status-enum
_AMENDED: Mapping[str, SetupStanding] = MappingProxyType(
    {"SUCCESS": SetupStanding.ACTIVE, "FAILED": SetupStanding.REJECTED}
)
_FAILURES: Mapping[SetupStanding, str] = MappingProxyType(
    {
        SetupStanding.REJECTED: DECLINED,
        SetupStanding.EXPIRED: "no_response",
        SetupStanding.SUSPENDED: "suspended_by_bank",
        SetupStanding.CANCELLED: "revoked",
    }
)
# DebicheckStatusEnum: the bank asks its customer, who did not answer, or it could not ask.
_ASKING, _SILENT, _BROKEN = "pendingAuthorisation", "noResponse", frozenset({"internalError", "systemError"})
_UNVERIFIED = "AccountVerificationFailed"
OVER = frozenset({SetupStanding.REJECTED, SetupStanding.EXPIRED, SetupStanding.CANCELLED})
_STOOD = frozenset({SetupStanding.ACTIVE, SetupStanding.SUSPENDED})
_OURS = re.compile(r"marketplace:(?P<amendment>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_CENTURY = 100


def of_consent(kept: Kept, found: Consent) -> SetupReport:
    standing = standing_of(kept, found)
    amendment = amendment_of(found.amendment)
    amended = None if amendment is None or found.amendment is None else _amended(found.amendment)
    asked = found.url if standing is SetupStanding.NEEDS_ACTION else None
    if amended is SetupStanding.NEEDS_ACTION and found.amendment is not None:
        asked = asked or found.amendment.expected_action
    card = found.details.card if found.details else None
    return SetupReport(
        reference=kept.reference,
        rail_reference=found.id,
        standing=standing,
        token=_token(kept, found) if standing in _STOOD else None,
        label=_label(card) or kept.label,
        next_action=asked,
        expires_at=_end(card),
        failure=_failure(standing, found),
        amendment=amendment,
        amended=amended,
    )


def of_revoked(kept: Kept) -> SetupReport:
    """Of one that Stitch never heard of, and now never will."""
    cancelled = SetupStanding.CANCELLED
    return SetupReport(
        reference=kept.reference,
        rail_reference=f"setup_{kept.reference.hex}",
        standing=cancelled,
        label=kept.label,
        failure=_FAILURES[cancelled],
    )


def of_account(kept: Kept) -> SetupReport:
    """Terms of an account hold as soon as they are kept: nobody is asked."""
    if kept.revoked:
        return of_revoked(kept)
    return SetupReport(
        reference=kept.reference,
        rail_reference=f"setup_{kept.reference.hex}",
        standing=SetupStanding.ACTIVE,
        token=f"account:{kept.reference}",
        label=kept.label,
        amendment=kept.amendment,
        amended=None if kept.amendment is None else SetupStanding.ACTIVE,
    )


def standing_of(kept: Kept, found: Consent) -> SetupStanding:
    """Nothing is collected by one whose revocation is under way, whoever began that."""
    status = found.details.status if found.details else None
    match _STANDINGS.get(found.status.kind, SetupStanding.PENDING):
        case SetupStanding.ACTIVE if found.status.pending_revocation:
            return SetupStanding.CANCELLED if kept.revoked else SetupStanding.SUSPENDED
        case SetupStanding.REJECTED if status == _SILENT:
            return SetupStanding.EXPIRED
        case SetupStanding.PENDING if status == _ASKING:
            return SetupStanding.NEEDS_ACTION
        case standing:
            return standing


def amendment_of(amendment: Amendment | None) -> UUID | None:
    """Which of ours it is; None where it is nobody's we know."""
    found = _OURS.fullmatch(amendment.reason) if amendment else None
    return None if found is None else UUID(found["amendment"])


def reason_of(amendment: UUID) -> str:
    """Stitch keeps the reason with an amendment, and not its nonce."""
    return f"marketplace:{amendment}"


def _amended(amendment: Amendment) -> SetupStanding:
    waits = SetupStanding.NEEDS_ACTION if amendment.expected_action else SetupStanding.PENDING
    return _AMENDED.get(amendment.status, waits)


def _failure(standing: SetupStanding, found: Consent) -> str | None:
    status, code = (found.details.status, found.details.bank_reason) if found.details else (None, None)
    if code is not None and code in WORDS and standing not in {SetupStanding.ACTIVE, SetupStanding.PENDING}:
        return WORDS[code]
    if standing is SetupStanding.REJECTED and status in _BROKEN:
        return "try_again_later"
    if found.status.details is not None and found.status.details.kind == _UNVERIFIED:
        return "account_wrong"
    return _FAILURES.get(standing)


def _token(kept: Kept, found: Consent) -> str:
    if kept.kind is MethodKind.CARD:
        return f"consent:{found.id}"
    return f"mandate:{found.id}:{kept.contract}"


def _label(card: Card | None) -> str | None:
    if card is None or card.last4 is None:
        return None
    return f"{(card.network or 'card').capitalize()} {card.last4}"


def _end(card: Card | None) -> datetime | None:
    """A card is good until its month is over; a year may be told in two digits."""
    if card is None or card.expiry_year is None or card.expiry_month is None:
        return None
    year = card.expiry_year + (2_000 if card.expiry_year < _CENTURY else 0)
    month = card.expiry_month
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
