"""
What Stitch's errors mean to us: nothing happened, perhaps something did, or we asked wrongly.

httpx.HTTPError     not reached: Unavailable; broken off or too late: OutcomeUnknown
429                 nothing was begun: Unavailable
other statuses      OutcomeUnknown, but 401 and 403: KeyRefused
errors of GraphQL   by their code: KeyRefused, Invalid, else OutcomeUnknown

A refusal of an order is not the last word: a repeated nonce is refused too, so it is looked up first.
"""

from collections.abc import Mapping
from typing import Any

import httpx

from marketplace.core.shared.errors import Invalid, MarketplaceError, OutcomeUnknown, Unavailable

# Raised before a byte of the request has left.
_NOT_REACHED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
UNAUTHENTICATED = "UNAUTHENTICATED"
_NOT_ALLOWED = frozenset({UNAUTHENTICATED, "FORBIDDEN"})
_ASKED_WRONGLY = frozenset({"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"})


class KeyRefused(Unavailable):
    """Stitch does not take our client's secret, or not for this: an operator has to help."""

    code = "stitch_key_refused"


class Refused(Exception):
    """Stitch refused what it was asked, with the `code` of its answer; nothing of its words is repeated."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def meaning(self) -> MarketplaceError:
        """Where the nonce is surely not known."""
        if self.code in _NOT_ALLOWED:
            return KeyRefused("Stitch refuses the client", reason=self.code)
        if self.code in _ASKED_WRONGLY:
            return Invalid("request", f"Stitch refuses it: {self.code}")
        return OutcomeUnknown("Stitch failed", reason=self.code)


def broken(error: httpx.HTTPError) -> MarketplaceError:
    reason = type(error).__name__
    if isinstance(error, _NOT_REACHED):
        return Unavailable("Stitch cannot be reached", reason=reason)
    return OutcomeUnknown("Stitch did not answer", reason=reason)


def failed(status: int) -> MarketplaceError | None:
    """None where the answer is to be read."""
    match status:
        case httpx.codes.OK | httpx.codes.BAD_REQUEST:
            return None
        case httpx.codes.UNAUTHORIZED | httpx.codes.FORBIDDEN:
            return KeyRefused("Stitch refuses the client", status=status)
        case httpx.codes.TOO_MANY_REQUESTS:
            return Unavailable("Stitch asks to slow down")
        case _:
            return OutcomeUnknown("Stitch failed", status=status)


def code_of(error: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """
    Of an error or, as in Stitch's own example of a token that has ended, of the answer around it.

    https://docs.stitch.money/authentication/token-lifetimes
    """
    for place in (error, answer):
        extensions = place.get("extensions")
        if isinstance(extensions, dict) and isinstance(extensions.get("code"), str):
            return str(extensions["code"])[:60]
    message = str(error.get("message", ""))
    return UNAUTHENTICATED if message.startswith(UNAUTHENTICATED) else "UNKNOWN"
