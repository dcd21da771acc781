"""
Consents at the played Stitch: the payer acts at a page of its own, its bank decides a minute later.

What is refused is what Stitch's documentation says is refused, and what an amendment asks of the payer is
what it says: `REAUTHENTICATED`.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from marketplace.core.shared.mandates import Payer

Json = dict[str, Any]
SOON = timedelta(minutes=1)
PENDING, GRANTED, FAILED = "PaymentConsentPending", "PaymentConsentGranted", "PaymentConsentFailed"
_PROCESSING, _PAUSED, _REVOKED = "PaymentConsentProcessing", "PaymentConsentPaused", "PaymentConsentRevoked"
_CANCELLED, _EXPIRED = "PaymentConsentCancelled", "PaymentConsentExpired"
_ENDED = {FAILED, _REVOKED, _CANCELLED, _EXPIRED}


@dataclass(frozen=True)
class Course:
    """Where a consent stands once its payer has agreed, and a minute later; what the bank says of it then."""

    agreed: str = GRANTED
    later: str | None = None
    status: str = "accepted"
    code: str | None = None
    amended: str = "SUCCESS"
    charges: str = "succeeds"


COURSES: Mapping[str, Course] = {
    "succeeds": Course(),
    "needs action": Course(),
    "succeeds later": Course(_PROCESSING, GRANTED),
    "is rejected": Course(_PROCESSING, FAILED, code="MD13"),
    "lapses": Course(_PROCESSING, FAILED, status="noResponse"),
    "is suspended": Course(GRANTED, _PAUSED),
    "is revoked at the bank": Course(GRANTED, _REVOKED),
    "declines charges": Course(charges="is declined"),
    "refuses amendments": Course(amended="FAILED"),
    "answers too late": Course(),
    "never arrives": Course(),
    "is down once": Course(),
}
# A card's holder is told to Stitch by our id alone, the payer of a mandate by its account.
CUSTOMERS = {outcome: UUID(int=index) for index, outcome in enumerate(COURSES, start=0xC0DE)}
ACCOUNTS = {outcome: f"62{index:09d}" for index, outcome in enumerate(COURSES)}
_BY_CUSTOMER = {str(customer): outcome for outcome, customer in CUSTOMERS.items()}
_BY_ACCOUNT = {account: outcome for outcome, account in ACCOUNTS.items()}
_TYPES = {"current", "savings", "transmission"}
REAUTHENTICATED = {
    "firstCollectionDate",
    "firstCollectionAmount",
    "collectionDay",
    "dayAdjustmentAllowed",
    "adjustmentAmount",
    "adjustmentRate",
}
_BY_ADJUSTMENT = {"maximumCollectionAmount", "instalmentAmount"}
_AMENDABLE = REAUTHENTICATED | _BY_ADJUSTMENT | {"amountAdjustmentFrequency"}


def payer(outcome: str = "succeeds") -> Payer:
    return Payer(
        holder="T Mokoena",
        identity_number="8001015009087",
        account_number=ACCOUNTS[outcome],
        branch_code="632005",
    )


@dataclass
class Consents:
    clock: Callable[[], datetime]
    books: dict[str, Json] = field(default_factory=dict)

    def outcome(self, asked: Json) -> str:
        methods = asked["paymentMethods"]
        if "card" in methods:
            return _BY_CUSTOMER.get(asked["payerInformation"]["payerId"], "succeeds")
        bank = methods["debicheck"]["details"].get("payerBank", {})
        return _BY_ACCOUNT.get(bank.get("accountNumber"), "succeeds")

    def create(self, asked: Json) -> Json | None:
        """None where it is refused."""
        if asked["nonce"] in self.books or not self._is_sound(asked):
            return None
        outcome = self.outcome(asked)
        charged = f"played/{COURSES[outcome].charges}/{asked['nonce']}"
        one = {
            **asked,
            "id": base64.b64encode(charged.encode()).decode(),
            "course": COURSES[outcome],
            "status": PENDING,
            "since": self.clock(),
        }
        self.books[asked["nonce"]] = one
        return self.shown(one)

    def amend(self, asked: Json) -> Json | None:
        one = self.by_id(asked["consentRequestId"])
        changed = asked["debicheck"]["collection"]
        amendments = one.setdefault("amendments", {}) if one else {}
        if one is None or self.status(one) != GRANTED or not changed or asked["nonce"] in amendments:
            return None
        assert set(changed) <= _AMENDABLE, changed
        before = one["paymentMethods"]["debicheck"]["details"]["collection"]
        never = before["amountAdjustmentFrequency"] == "never"
        asks = set(changed) & (REAUTHENTICATED | (_BY_ADJUSTMENT if never else set()))
        if "adjustmentAmount" in changed and "adjustmentRate" in changed:
            return None
        one["amendments"][asked["nonce"]] = changed
        one["amendment"] = {**asked, "asks": bool(asks), "since": self.clock()}
        return self.shown(one)

    def end(self, asked: Json, *, granted: bool) -> Json | None:
        """Cancel what is not granted yet, or revoke what is."""
        one = self.by_id(asked["consentRequestId"])
        assert asked["reason"]
        if (
            one is None
            or self.status(one) in _ENDED
            or (self.status(one) in {GRANTED, _PAUSED}) is not granted
        ):
            return None
        self.stand(one, _REVOKED if granted else _CANCELLED)
        return self.shown(one)

    def act(self, nonce: str, *, agrees: bool) -> None:
        """What the payer does at the page of a consent that waits for it."""
        one = self.books[nonce]
        if one["status"] == PENDING:
            self.stand(one, one["course"].agreed if agrees else FAILED)

    def lapse(self, nonce: str) -> None:
        """Nobody came to the page."""
        self.stand(self.books[nonce], _EXPIRED)

    def stand(self, one: Json, status: str) -> None:
        one |= {"status": status, "since": self.clock()}

    def by_id(self, key: str) -> Json | None:
        return next((one for one in self.books.values() if one["id"] == key), None)

    def status(self, one: Json) -> str:
        course: Course = one["course"]
        due = self.clock() >= one["since"] + SOON
        moves = one["status"] == course.agreed and course.later is not None and due
        return str(course.later if moves else one["status"])

    def shown(self, one: Json) -> Json:
        status = self.status(one)
        state: Json = {"__typename": status}
        if status == GRANTED:
            state["isPendingRevocation"] = False
        return {
            "id": one["id"],
            "nonce": one["nonce"],
            "url": f"https://secure.stitch.example/consent/{one['nonce']}",
            "statusReason": None,
            "status": state,
            "consentDetails": None if status == PENDING else self._details(one, status),
            "amendmentDetails": self._amendment(one),
        }

    def _details(self, one: Json, status: str) -> Json:
        course: Course = one["course"]
        if "card" in one["paymentMethods"]:
            card = {"network": "visa", "last4": "4242", "expiryYear": 2029, "expiryMonth": 12}
            return {"__typename": "CardPaymentConsentDetails", "card": card}
        settled = status in {course.later, GRANTED}
        return {
            "__typename": "DebicheckPaymentConsentDetails",
            "status": course.status if settled else "queued",
            "bankReasonCode": course.code if settled else None,
        }

    def _amendment(self, one: Json) -> Json | None:
        asked = one.get("amendment")
        if asked is None:
            return None
        waits = asked["asks"] and self.clock() < asked["since"] + SOON
        status = one["course"].amended if asked["asks"] else "SUCCESS"
        return {"status": "PENDING" if waits else status, "reason": asked["reason"], "expectedAction": None}

    def _is_sound(self, asked: Json) -> bool:
        debicheck = asked["paymentMethods"].get("debicheck")
        if debicheck is None:
            return bool(asked["paymentMethods"]["card"]["enabled"])
        details = debicheck["details"]
        contracts = {
            one["paymentMethods"]["debicheck"]["details"]["contractReference"]
            for one in self.books.values()
            if "debicheck" in one["paymentMethods"]
        }
        kinds = details.get("payerBank", {}).get("accountType", "current")
        fits = kinds in _TYPES and details["contractReference"] not in contracts
        return fits and _is_collection(details["collection"])


def _is_collection(told: Json) -> bool:
    most = Decimal(told["maximumCollectionAmount"]["quantity"])
    if ("firstCollectionDate" in told) is not ("firstCollectionAmount" in told):
        return False
    if told["debitValueType"] == "usageBased":
        return most <= Decimal(500_000)
    instalment = Decimal(told["instalmentAmount"]["quantity"]) if "instalmentAmount" in told else Decimal(0)
    return 0 < instalment <= most <= instalment * Decimal("1.5")
