"""What a log line may hold: these fields, and of each only values in which no secret fits."""

import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

from marketplace.core.commands import EFFECTS, USE_CASES
from marketplace.core.lifecycles import EVENTS, LIFECYCLES
from marketplace.core.shared.errors import MarketplaceError
from marketplace.core.shared.roles import Role

# What a field may say, or None for what it may not.
Check = Callable[[Any], Any]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LEVELS = frozenset({"debug", "info", "warning", "error", "critical"})
# Names of parameters stand in braces; what a caller put in their place never fits.
_ROUTE = re.compile(r"/|(/(v[0-9]|[a-z][a-z-]{0,19}|[a-z-]+\.(json|js)|\{[a-z_]+(:[a-z]+)?\}))+")
_LOGGER = re.compile(r"[A-Za-z_]{1,24}(\.[A-Za-z_]{1,24}){0,6}")
_BUILT_IN_LOGGERS = frozenset({"root", "py"})
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z")
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}")
_WORD = re.compile(r"[a-z]{1,16}(-[a-z]{1,16}){0,2}")


def _number(value: Any) -> int | float | None:
    """A code is text, and stays out whatever it looks like; a phone number as a number is too large."""
    usable = isinstance(value, int | float) and math.isfinite(value) and abs(value) < 10**9
    return value if usable else None


def _id(value: Any) -> str | None:
    if isinstance(value, UUID):
        return str(value)
    try:
        return str(UUID(value))
    except (ValueError, AttributeError, TypeError):
        return None


def _one_of(words: Callable[[], frozenset[str]]) -> Check:
    return lambda value: str(value) if isinstance(value, str) and value in words() else None


def _shaped(pattern: re.Pattern[str]) -> Check:
    return lambda value: value if isinstance(value, str) and pattern.fullmatch(value) else None


def _request_id(value: Any) -> str | None:
    """Callers choose it, so it may be neither all digits nor hold the underscore of every token of ours."""
    return value if isinstance(value, str) and _REQUEST_ID.fullmatch(value) and not value.isdigit() else None


def _logger(value: Any) -> str | None:
    """Named for code that is loaded: anybody may make a logger with any name."""
    if not isinstance(value, str) or not _LOGGER.fullmatch(value):
        return None
    top = value.partition(".")[0]
    return value if top in sys.modules or top in _BUILT_IN_LOGGERS else None


@lru_cache(maxsize=1)
def _kinds() -> frozenset[str]:
    return frozenset(LIFECYCLES)


@lru_cache(maxsize=1)
def _moves() -> frozenset[str]:
    return frozenset(move.name for table in LIFECYCLES.values() for move in table.moves)


@lru_cache(maxsize=1)
def _states() -> frozenset[str]:
    return frozenset(str(state) for table in LIFECYCLES.values() for state in table.states)


@lru_cache(maxsize=1)
def _commands() -> frozenset[str]:
    return frozenset(kind.__name__ for kind in (*USE_CASES, *EFFECTS))


def _codes() -> frozenset[str]:
    """Not kept: adapters that are imported later bring errors of their own."""
    return frozenset(kind.code for kind in _errors(MarketplaceError))


def _errors(kind: type[MarketplaceError]) -> Iterator[type[MarketplaceError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _errors(narrower)


_IDS = (
    "tenant_id",
    "subject_id",
    "event_id",
    "booking_id",
    "payment_id",
    "provider_id",
    "user_id",
    "job_id",
    "actor_id",
)
_NUMBERS = (
    *("status", "milliseconds", "seconds", "attempt", "count", "rows", "bytes", "waiting", "late_seconds"),
    *("version", "port", "pid", "concurrency", "signal", "due", "parked"),
)

FIELDS: Mapping[str, Check] = {
    "timestamp": _shaped(_TIMESTAMP),
    "level": _one_of(lambda: _LEVELS),
    "logger": _logger,
    "request_id": _request_id,
    "method": _one_of(lambda: _METHODS),
    "route": _shaped(_ROUTE),
    "role": _one_of(lambda: frozenset(Role)),
    "kind": _one_of(_kinds),
    "name": _one_of(lambda: EVENTS),
    "move": _one_of(_moves),
    "state": _one_of(_states),
    "command": _one_of(_commands),
    "code": _one_of(_codes),
    "queue": _shaped(_WORD),
    "rail": _shaped(_WORD),
    "channel": _shaped(_WORD),
    **dict.fromkeys(_IDS, _id),
    **dict.fromkeys(_NUMBERS, _number),
}


def fit(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The listed fields whose values fit, in the order in which they came."""
    checked = ((name, FIELDS[name](value)) for name, value in fields.items() if name in FIELDS)
    return {name: value for name, value in checked if value is not None}
