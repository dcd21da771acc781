"""
What Stripe's errors mean to us: nothing happened, perhaps something did, or we asked wrongly.

stripe.StripeError
├ APIConnectionError   not reached: Unavailable; broken off: OutcomeUnknown
├ RateLimitError, 409  nothing was begun: Unavailable
├ APIError (5xx)       AnsweredInVain: an OutcomeUnknown that the key is used up by
├ IdempotencyError     the same: this key was used for a call that looked otherwise
├ CardError            Declined
├ InvalidRequestError, an account that we may not see
│                      Invalid, naming our field; NotCovered where the balance does not suffice yet
└ Authentication-, PermissionError  KeyRefused: an operator has to help
"""

from collections.abc import Awaitable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import httpx
import stripe

from marketplace.adapters.stripe.objects import read
from marketplace.core.shared.errors import Invalid, MarketplaceError, OutcomeUnknown, Unavailable

T = TypeVar("T")

_CONFLICT = 409
# Raised before a byte of the request has left.
_NOT_REACHED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class KeyRefused(Unavailable):
    """Stripe does not take our key, or not for this: nothing happens until an operator has helped."""

    code = "stripe_key_refused"


class NotCovered(Unavailable):
    """Not enough of the platform's balance is available yet; this answer is kept for the key too."""

    code = "stripe_balance_too_low"


class AnsweredInVain(OutcomeUnknown):
    """
    Stripe answered with an error of its own, and repeats that answer for the key for a day and more.

    https://docs.stripe.com/api/idempotent_requests: the first answer is kept, 500s too. So the truth is
    looked up, and what is surely not there is sent again under another key.
    """


# After these the same key would only be answered the same.
KEPT = (AnsweredInVain, NotCovered)


class Declined(Exception):
    """The bank said no; `intent_id` is the intent in which it said so, where there is one."""

    def __init__(self, intent_id: str | None) -> None:
        super().__init__("the card was declined")
        self.intent_id = intent_id


# Stripe's parameter, without what stands in brackets → the field of our order.
_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "amount": "amount",
        "amount_to_capture": "amount",
        "country": "country",
        "currency": "currency",
        "customer": "method",
        "payment_method": "method",
        "destination": "payee",
        "source_transaction": "charge",
        "intent": "reference",
        "payment_intent": "reference",
        "charge": "reference",
        "evidence": "text",
        "starting_after": "after",
        "ending_before": "after",
    }
)
# Where the code alone says which field is meant.
_CODES: Mapping[str, str] = MappingProxyType(
    {
        "account_invalid": "payee",
        "account_closed": "payee",
        "country_unsupported": "country",
        "amount_too_large": "amount",
        "amount_too_small": "amount",
        "charge_already_refunded": "amount",
        "charge_disputed": "amount",
        "insufficient_capabilities_for_transfer": "payee",
        "payment_method_unexpected_state": "method",
        "transfers_not_allowed": "payee",
    }
)


async def asked(answer: Awaitable[Any], kind: type[T]) -> T:
    """What Stripe answers to a question; raises Unavailable where it does not: nothing was moved."""
    try:
        return read(await answer, kind)
    except stripe.StripeError as error:
        failure = failed(error)
        if isinstance(failure, OutcomeUnknown):
            raise Unavailable("Stripe does not answer", reason=type(error).__name__) from error
        raise failure from None


async def done(answer: Awaitable[Any], kind: type[T]) -> T:
    """What Stripe answers to an order; raises what `failed` makes of its errors."""
    try:
        return read(await answer, kind)
    except stripe.StripeError as error:
        raise failed(error) from None


def failed(error: stripe.StripeError) -> MarketplaceError | Declined:
    """Never with Stripe's own words: they may repeat what we sent, and part of the key."""
    failure: MarketplaceError | Declined
    match error:
        case stripe.APIConnectionError():
            failure = _broken(error)
        case stripe.RateLimitError():
            failure = Unavailable("Stripe asks to slow down", reason=error.code or "rate_limit")
        case stripe.PermissionError() if _code_in(error) in _CODES:
            failure = Invalid(_CODES[_code_in(error)], "is not ours to see")
        case stripe.AuthenticationError() | stripe.PermissionError():
            failure = KeyRefused("Stripe refuses the key", reason=type(error).__name__)
        case stripe.CardError():
            failure = Declined(_intent_id(error))
        case stripe.IdempotencyError():
            failure = AnsweredInVain("Stripe has seen this key with another order")
        case stripe.InvalidRequestError():
            failure = _invalid(error)
        case _ if error.http_status == _CONFLICT:
            failure = Unavailable("another call about this is under way at Stripe", reason=error.code)
        case _:
            failure = AnsweredInVain("Stripe failed", status=error.http_status)
    return failure


def _broken(error: stripe.APIConnectionError) -> MarketplaceError:
    cause = error.__cause__
    if isinstance(cause, _NOT_REACHED):
        return Unavailable("Stripe cannot be reached", reason=type(cause).__name__)
    return OutcomeUnknown("Stripe did not answer", reason=type(cause).__name__)


def _invalid(error: stripe.InvalidRequestError) -> MarketplaceError:
    code = error.code or "invalid_request"
    if code == "balance_insufficient":
        return NotCovered("Stripe's balance does not cover it yet")
    parameter = (error.param or "").partition("[")[0]
    return Invalid(_CODES.get(code) or _FIELDS.get(parameter, "request"), f"Stripe refuses it: {code}")


def _code_in(error: stripe.StripeError) -> str:
    """The library leaves it out where Stripe lets us not in."""
    body = error.json_body if isinstance(error.json_body, dict) else {}
    return body.get("error", {}).get("code") or ""


def _intent_id(error: stripe.CardError) -> str | None:
    body = error.json_body if isinstance(error.json_body, dict) else {}
    intent = body.get("error", {}).get("payment_intent") or {}
    found: str | None = intent.get("id")
    return found
