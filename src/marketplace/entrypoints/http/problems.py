"""Every error leaves as a problem (RFC 9457): one table from error to status, and nothing of ours leaks."""

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
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

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2


class KeyReused(Refused):
    """The idempotency key stands under another question."""

    code = "idempotency_key_reused"


# The first that fits; a subclass stands before its parent.
STATUSES: tuple[tuple[type[MarketplaceError], int], ...] = (
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


_TITLES = {
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


def problem_of(error: Exception) -> tuple[Problem, Mapping[str, str]]:
    """The problem that an error is to the caller, and the headers that go with it."""
    if isinstance(error, MarketplaceError):
        status = next(status for kind, status in STATUSES if isinstance(error, kind))
        facts = {name: value for name, value in error.facts.items() if value is not None}
        return _problem(status, error.code, error.detail, facts), _headers(error, status)
    if isinstance(error, HTTPException) and error.status_code < HTTP_500_INTERNAL_SERVER_ERROR:
        return _from_litestar(error), {}
    return _problem(500, "internal", "Something broke here; it is logged under the request id.", {}), {}


def _problem(status: int, code: str, detail: str, facts: dict[str, Any]) -> Problem:
    return Problem(title=_TITLES.get(status, "Error"), status=status, code=code, detail=detail, facts=facts)


def _headers(error: MarketplaceError, status: int) -> Mapping[str, str]:
    if status == 401:  # noqa: PLR2004 - the status that must name its scheme
        return {"WWW-Authenticate": 'Bearer realm="marketplace"'}
    if isinstance(error, Unavailable | OutcomeUnknown):
        return {"Retry-After": str(RETRY_AFTER_SECONDS)}
    if isinstance(error, LimitReached):
        return {"Retry-After": str(error.facts.get("retry_after_seconds", 60))}
    return {}


def _from_litestar(error: HTTPException) -> Problem:
    if isinstance(error, ValidationException):
        faults = error.extra if isinstance(error.extra, list) else []
        fields = {str(fault.get("key", "body")): str(fault.get("message", "")) for fault in faults}
        sentence = "; ".join(f"{name}: {said}" for name, said in fields.items()) or error.detail
        return _problem(400, "invalid", sentence, {"fields": fields} if fields else {})
    code = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(error.status_code, "refused")
    return _problem(error.status_code, code, str(error.detail), {})


def respond(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The exception handler of both applications."""
    problem, headers = problem_of(error)
    problem.request_id = str(request.scope.get("state", {}).get("request_id", ""))
    if problem.status >= HTTP_500_INTERNAL_SERVER_ERROR:
        log.error("request failed", code=problem.code, path=request.scope["path"], exc_info=error)
    return Response(
        content=msgspec.json.encode(problem, enc_hook=str),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=dict(headers),
    )
