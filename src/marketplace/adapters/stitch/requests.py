"""
What Stitch is told of a method that is to be saved, and no more: a card is typed in at Stitch's own page.

https://docs.stitch.money/api/types/inputs/create-payment-consent-request-input. A number that is no South
African identity number is not told, as a passport has a country that we do not know: Stitch's page asks.
"""

import re
from typing import Any
from uuid import UUID

from marketplace.adapters.stitch import mandates, standings
from marketplace.adapters.stitch.keeping import Kept
from marketplace.adapters.stitch.sources import CHANNELS
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.mandates import Payer
from marketplace.core.shared.methods import MethodKind
from marketplace.ports.payments import Setup

_IDENTITY = re.compile(r"[0-9]{13}")
# https://docs.stitch.money/api/types/inputs/debicheck-payer-bank-information-input
_ACCOUNT_TYPES = {
    "current": "current",
    "cheque": "current",
    "savings": "savings",
    "transmission": "transmission",
}


def consent_of(setup: Setup, kept: Kept) -> dict[str, Any]:
    """Raises Invalid for what Stitch cannot be told."""
    card = setup.kind is MethodKind.CARD
    return {
        "nonce": kept.nonce,
        "externalReference": kept.external_reference,
        "payerInformation": {"payerId": str(setup.customer_id)} | _person(setup.payer),
        "paymentMethods": _card(setup) if card else _mandate(setup),
    }


def amendment_of(consent_id: str, amendment: UUID, changed: dict[str, Any]) -> dict[str, Any]:
    return {
        "consentRequestId": consent_id,
        "nonce": amendment.hex,
        "reason": standings.reason_of(amendment),
        "debicheck": {"collection": changed},
    }


def _card(setup: Setup) -> dict[str, Any]:
    if setup.source is not None:
        raise Invalid("source", "is none of a card's: its holder types it in at Stitch", "none")
    return {"card": {"enabled": True}}


def _mandate(setup: Setup) -> dict[str, Any]:
    if setup.terms is None or setup.contract is None:
        raise Invalid("terms", "are missing for a debit order", "terms and a contract")
    details: dict[str, Any] = {
        "contractReference": setup.contract,
        "collection": mandates.collection_of(setup.terms),
    }
    if setup.payer is not None:
        details["payerBank"] = _bank(setup.payer)
    if setup.source is not None:
        details["authenticationChannel"] = CHANNELS[setup.source]
    return {"debicheck": {"enabled": True, "details": details}}


def _person(payer: Payer | None) -> dict[str, Any]:
    if payer is None:
        return {}
    named = {"fullName": payer.holder}
    if _IDENTITY.fullmatch(payer.identity_number) is None:
        return named
    document = {"identityDocument": {"country": "ZA", "number": payer.identity_number}}
    return {**named, "identifyingDocument": document}


def _bank(payer: Payer) -> dict[str, str]:
    account_type = _ACCOUNT_TYPES.get(payer.account_type.lower())
    if account_type is None:
        raise Invalid("payer.account_type", "is none that DebiCheck knows", ", ".join(_ACCOUNT_TYPES))
    return {
        "accountNumber": payer.account_number,
        "accountType": account_type,
        "branchCode": payer.branch_code,
    }
