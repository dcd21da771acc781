"""
A log line holds words that stand in the source and fields that are listed, so a secret has no way in.

The words of a message are shown where they are plain words and a literal of the code that logs them, its
arguments never; of an exception its type, its codes and where it happened, never what it says.
"""

import logging
import re
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from traceback import walk_tb
from types import FrameType, TracebackType
from typing import Any, NamedTuple, TextIO

import msgspec
import structlog
from structlog.contextvars import get_contextvars, merge_contextvars

from marketplace.core.shared.errors import MarketplaceError
from marketplace.entrypoints.log_fields import fit
from marketplace.entrypoints.settings import LogFormat, LogLevel

WITHHELD = "(words withheld)"
# No digits, no underscores, no long words: what every code, number, card and token has.
_PLAIN_WORDS = re.compile(r"[A-Za-z,.:;'()%/-]{1,20}( [A-Za-z,.:;'()%/-]{1,20}){0,15}")
_FRAMES_MAX = 12
_FAILURES_MAX = 6
_SQLSTATE_LENGTH = 5
# They tell of every request, statement or step at "info", which the API's own lines do already.
_TALKATIVE = ("alembic", "asyncio", "httpcore", "httpx", "sqlalchemy", "uvicorn")

Line = MutableMapping[str, Any]


class Failure(NamedTuple):
    """An exception without its message: innermost place first."""

    type: str
    code: str | None
    sqlstate: str | None
    at: list[str]


def configure(
    *, log_format: LogFormat, level: LogLevel = LogLevel.INFO, stream: TextIO | None = None
) -> None:
    """
    Send every line of this process, the standard library's too, through one filter to stderr.

    Libraries that set up handlers of their own must be told not to (uvicorn and Litestar: no log config).
    Bind a request's id by `structlog.contextvars.bound_contextvars(request_id=…)`.
    """
    least = logging.getLevelNamesMapping()[level.upper()]
    render = _RENDERERS[log_format]
    out = structlog.WriteLogger(stream or sys.stderr)
    structlog.configure(
        processors=[merge_contextvars, _filtered, lambda _, __, line: render(line)],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=lambda *_: out,
        cache_logger_on_first_use=True,
    )
    _take_over_standard_library(_Relay(out, render), least)
    _take_over_crashes()


def _take_over_standard_library(relay: logging.Handler, least: int) -> None:
    loggers = (one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger))
    for logger in loggers:
        logger.handlers.clear()
        logger.propagate = True
    logging.root.handlers = [relay]
    logging.root.setLevel(least)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(least, logging.WARNING))
    logging.captureWarnings(capture=True)


def _take_over_crashes() -> None:
    """What Python would print by itself when nobody catches an exception, message and all."""
    sys.excepthook = lambda _kind, error, _trace: _crashed(error)
    threading.excepthook = lambda crash: _crashed(crash.exc_value)
    sys.unraisablehook = lambda crash: _crashed(crash.exc_value)


def _crashed(error: BaseException | None) -> None:
    structlog.get_logger().critical("nobody caught an exception", exc_info=error)


class _Relay(logging.Handler):
    """Carries the standard library's records through the same filter."""

    def __init__(self, out: structlog.WriteLogger, render: Callable[[Line], str]) -> None:
        super().__init__()
        self._out = out
        self._render = render

    def emit(self, record: logging.LogRecord) -> None:
        frame = _frame_of(record)
        try:
            line = _line(
                words=record.msg,
                said_in=frame,
                fields={**get_contextvars(), **vars(record), "name": None, "logger": record.name},
                level=record.levelname,
                error=record.exc_info,
            )
            self._out.msg(self._render(line))
        except Exception:  # noqa: BLE001 - logging's own answer would print the message and its arguments
            self._out.msg("a line of the log was lost")


def _filtered(_logger: Any, level: str, line: Line) -> Line:
    frame = _caller()
    fields = {**line, "logger": frame.f_globals.get("__name__") if frame else None}
    return _line(
        words=line.get("event"), said_in=frame, fields=fields, level=level, error=line.get("exc_info")
    )


def _line(
    *, words: Any, said_in: FrameType | None, fields: Mapping[str, Any], level: str, error: Any
) -> Line:
    known = fit({**fields, "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z", "level": level.lower()})
    head = {"timestamp": known.pop("timestamp"), "level": known.pop("level", "info")}
    line: Line = {**head, "event": words if _is_literal(words, said_in) else WITHHELD, **known}
    if failures := _failures(_exception(error)):
        line["error"] = failures
    return line


def _is_literal(words: Any, frame: FrameType | None) -> bool:
    if not isinstance(words, str) or frame is None or _PLAIN_WORDS.fullmatch(words) is None:
        return False
    return words in frame.f_code.co_consts


def _caller() -> FrameType | None:
    """The first frame beyond structlog's, seen from a processor."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - the only way to a caller's code
    while frame is not None and frame.f_globals.get("__name__", "").startswith("structlog."):
        frame = frame.f_back
    return frame


def _frame_of(record: logging.LogRecord) -> FrameType | None:
    """The frame that made a record; None where the record comes from another thread."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the only way to a caller's code
    while frame is not None:
        if frame.f_lineno == record.lineno and frame.f_code.co_filename == record.pathname:
            return frame
        frame = frame.f_back
    return None


def _exception(given: Any) -> BaseException | None:
    """What `exc_info` may be: an exception, the triple of sys.exc_info, or true for the one at hand."""
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return given[1] if isinstance(given[1], BaseException) else None
    return sys.exception() if given else None


def _failures(error: BaseException | None) -> list[Failure]:
    """The exception, what caused it, and the members of a group."""
    found: list[Failure] = []
    waiting = [error]
    while waiting and len(found) < _FAILURES_MAX:
        error = waiting.pop(0)
        if error is not None:
            found.append(_failure(error))
            waiting += error.exceptions if isinstance(error, BaseExceptionGroup) else ()
            waiting.append(error.__cause__ or (None if error.__suppress_context__ else error.__context__))
    return found


def _failure(error: BaseException) -> Failure:
    kind = type(error)
    code = error.code if isinstance(error, MarketplaceError) else None
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    return Failure(name, code, _sqlstate(error), _places(error.__traceback__))


def _sqlstate(error: BaseException) -> str | None:
    code = getattr(error, "sqlstate", None)
    sound = isinstance(code, str) and len(code) == _SQLSTATE_LENGTH and code.isalnum()
    return code if sound else None


def _places(trace: TracebackType | None) -> list[str]:
    places = [
        f"{frame.f_globals.get('__name__', '?')}:{number} {frame.f_code.co_name}"
        for frame, number in walk_tb(trace)
    ]
    return places[: -_FRAMES_MAX - 1 : -1]


def _as_json(line: Line) -> str:
    return msgspec.json.encode({**line, "error": _objects(line)} if "error" in line else line).decode()


def _objects(line: Line) -> list[dict[str, Any]]:
    return [{k: v for k, v in one._asdict().items() if v} for one in line["error"]]


def _as_text(line: Line) -> str:
    shown = {k: v for k, v in line.items() if k not in {"timestamp", "level", "event", "error"}}
    head = f"{line['timestamp'][11:23]} {line['level']:<8} {line['event']}"
    text = "  ".join([head, *(f"{name}={value}" for name, value in shown.items())])
    return "\n".join([text, *(_failure_as_text(one) for one in line.get("error", ()))])


def _failure_as_text(one: Failure) -> str:
    codes = " ".join(filter(None, (one.code, one.sqlstate)))
    return "\n      at ".join([f"    {one.type} {codes}".rstrip(), *one.at])


_RENDERERS: Mapping[LogFormat, Callable[[Line], str]] = {
    LogFormat.JSON: _as_json,
    LogFormat.CONSOLE: _as_text,
}
