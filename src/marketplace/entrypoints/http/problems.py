"""Every error leaves as a problem (RFC 9457): one table from error to status, and nothing of ours leaks."""

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.status_codes import HTTP_500_INTERNAL_SERVER_ERROR

from marketplace.core.shared.errors import (
    Conflict,
    Invalid,
    LimitReached,
    MarketplaceError,
    MoveRefused,
    NotAllowed,
    NotFound,
    NotSignedIn,
    OutcomeUnknown,
    Refused,
    Unavailable,
)
from marketplace.ports.storage import Broken

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
_OURS = "rule"  # what storage calls the rule that refused: for the log


class KeyReused(Refused):
    """The idempotency key stands under another question."""

    code = "idempotency_key_reused"


# The first that fits; a subclass stands before its parent.
STATUSES: tuple[tuple[type[MarketplaceError], int], ...] = (
    (Broken, 500),
    (KeyReused, 422),
    (Invalid, 400),
    (NotSignedIn, 401),
    (NotAllowed, 403),
    (NotFound, 404),
    (MoveRefused, 409),
    (Conflict, 409),
    (LimitReached, 429),
    (Refused, 400),
    (Unavailable, 503),
    (OutcomeUnknown, 503),
    (MarketplaceError, 500),
)


class Problem(msgspec.Struct, omit_defaults=True):
    """`code` is stable; `facts` help a program, `detail` a person."""

    title: str
    status: int
    code: str
    detail: str = ""
    type: str = "about:blank"
    request_id: str = ""
    facts: dict[str, Any] = {}


# Of each status: the title, and for documents its usual code and what it means.
_TITLES: Mapping[int, str] = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Key reused",
    429: "Too many requests",
    500: "Internal error",
    503: "Unavailable",
}
MEANINGS: Mapping[int, tuple[str, str]] = {
    400: ("invalid", "Something in the request is wrong; `facts` name the field and what is allowed."),
    401: ("not_signed_in", "There is no token, or it has expired, or it has ended."),
    403: ("not_allowed", "This role may not do this."),
    404: ("not_found", "It is not there, or not yours to see."),
    409: ("move_refused", "The object's state does not allow it, or somebody else was first."),
    413: ("too_large", "The body is too large."),
    422: ("idempotency_key_reused", "The Idempotency-Key stands under another request."),
    429: ("limit_reached", "Too many, too often; wait as long as Retry-After says."),
    500: ("internal", "Something broke here; it is logged under the request id."),
    503: (
        "unavailable",
        "It cannot be served just now; it is safe to try again unless the code is outcome_unknown.",
    ),
}


def title_of(status: int) -> str:
    return _TITLES.get(status, "Error")


def problem_of(error: Exception) -> tuple[Problem, Mapping[str, str]]:
    """The problem that an error is to the caller, and the headers that go with it."""
    if isinstance(error, MarketplaceError):
        status = next(status for kind, status in STATUSES if isinstance(error, kind))
        if status == HTTP_500_INTERNAL_SERVER_ERROR:
            return _internal()
        facts = {name: value for name, value in error.facts.items() if value is not None and name != _OURS}
        return _problem(status, error.code, error.detail, facts), _headers(error, status)
    if isinstance(error, HTTPException) and error.status_code < HTTP_500_INTERNAL_SERVER_ERROR:
        return _from_litestar(error), error.headers or {}
    return _internal()


def _internal() -> tuple[Problem, Mapping[str, str]]:
    return _problem(500, "internal", "Something broke here; it is logged under the request id.", {}), {}


def _problem(status: int, code: str, detail: str, facts: dict[str, Any]) -> Problem:
    return Problem(title=title_of(status), status=status, code=code, detail=detail, facts=facts)


def _headers(error: MarketplaceError, status: int) -> Mapping[str, str]:
    if status == 401:  # noqa: PLR2004 - the status that must name its scheme
        return {"WWW-Authenticate": 'Bearer realm="marketplace"'}
    if isinstance(error, Unavailable | OutcomeUnknown):
        return {"Retry-After": str(RETRY_AFTER_SECONDS)}
    if isinstance(error, LimitReached):
        return {"Retry-After": str(error.facts.get("retry_after_seconds", 60))}
    return {}


_LITESTAR = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def _from_litestar(error: HTTPException) -> Problem:
    status = error.status_code
    return _problem(status, _LITESTAR.get(status, "refused"), str(error.detail), {})


def respond(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The exception handler of both applications."""
    problem, headers = problem_of(error)
    problem.request_id = str(request.scope.get("state", {}).get("request_id", ""))
    if problem.status == HTTP_500_INTERNAL_SERVER_ERROR:
        log.error("request failed", code=problem.code, path=request.scope["path"], exc_info=error)
    elif problem.status > HTTP_500_INTERNAL_SERVER_ERROR:
        log.warning("request put off", code=problem.code, path=request.scope["path"])
    return Response(
        content=msgspec.json.encode(problem, enc_hook=str),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=dict(headers),
    )
