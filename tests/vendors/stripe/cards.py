"""The payment methods and accounts that tests name, and what they play."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

Json = dict[str, Any]
WEEK = timedelta(days=7)
SOON = timedelta(minutes=1)


class Refusal(Exception):
    """An error of Stripe's: its status, and its `error` object."""

    def __init__(self, status: int, **error: Any) -> None:
        super().__init__(error.get("code"))
        self.status, self.error = status, error


def invalid(code: str, param: str | None = None) -> Refusal:
    return Refusal(400, type="invalid_request_error", code=code, param=param, message=f"no: {code}")


@dataclass(frozen=True, kw_only=True)
class Card:
    """
    How a test payment method behaves; https://docs.stripe.com/testing names those of Stripe's own.

    `asks` is whether its bank wants to see the customer each time, `saves` that it declines charges only.
    """

    decline: str | None = None
    asks: bool = False
    asks_on_setup: bool = False
    saves: bool = False
    dispute: str | None = None
    wins: bool = False
    hold: timedelta = WEEK
    refund: tuple[str, ...] = ("succeeded",)
    refund_after: timedelta = SOON
    fault: str | None = None


CARDS = {
    "pm_card_visa": Card(),
    "pm_card_visa_chargeDeclined": Card(decline="generic_decline"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": Card(decline="insufficient_funds"),
    "pm_card_visa_chargeDeclinedStolenCard": Card(decline="stolen_card"),
    "pm_card_authenticationRequired": Card(asks=True),
    "pm_card_authenticationRequiredOnSetup": Card(asks_on_setup=True),
    "pm_card_chargeCustomerFail": Card(decline="generic_decline", saves=True),
    "pm_card_createDispute": Card(dispute="fraudulent"),
    "pm_card_createDisputeProductNotReceived": Card(dispute="product_not_received", wins=True),
    "pm_card_createDisputeInquiry": Card(dispute="inquiry"),
    "pm_card_pendingRefund": Card(refund=("pending", "succeeded")),
    # Not Stripe's: trouble that it does not play.
    "pm_played_refundFailsLater": Card(refund=("pending", "failed")),
    "pm_played_refundBounces": Card(refund=("succeeded", "failed"), refund_after=timedelta(days=20)),
    "pm_played_holdsBriefly": Card(hold=SOON),
    "pm_played_answersTooLate": Card(fault="drop_after"),
    "pm_played_neverArrives": Card(fault="drop_before"),
    "pm_played_slowDown": Card(fault="429"),
}
DESTINATIONS = {
    "acct_1032D82eZvKYlo2C": None,
    "acct_1AnswersTooLate": "drop_after",
    "acct_1NeverArrives": "drop_before",
    "acct_1SlowDown": "429",
}
RESTRICTED, SPENT = "acct_1Restricted", "acct_1HasSpentIt"
# What strikes the calls that take a transfer to it back.
TAKEN_BACK_FROM = {"acct_1TakenBackTooLate": "drop_after", "acct_1TakenBackNever": "drop_before"}
