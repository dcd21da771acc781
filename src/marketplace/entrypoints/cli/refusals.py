"""What is refused is said in one sentence, and the exit code tells whose turn it is."""

import errno
from collections.abc import Mapping

import msgspec
import rich_click as click

from marketplace.adapters.embedded.refusals import EmbeddedError
from marketplace.core.shared.errors import MarketplaceError, Unavailable

FAILED, MISUSED, UNSOUND, INTERRUPTED = 1, 2, 3, 130
# Of settings and surroundings, by code: they are put right before the command is given again.
_OURS = "rule"  # what storage calls the rule that refused
_SURROUNDINGS = frozenset({"bad_setting", "database_newer", "database_older", "no_database"})
_OF_THE_SYSTEM = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR}
)


class NoDatabase(MarketplaceError):
    """There is nothing to look into yet."""

    code = "no_database"


class DatabaseOlder(MarketplaceError):
    """The schema is of an earlier version than this program."""

    code = "database_older"


def exit_code(error: Exception) -> int | None:
    """1 for what was refused, 2 for settings and surroundings; None for what is a bug."""
    if isinstance(error, MarketplaceError):
        outside = error.code in _SURROUNDINGS or isinstance(error, Unavailable)
        return MISUSED if outside else FAILED
    if isinstance(error, EmbeddedError):
        return MISUSED
    return MISUSED if isinstance(error, OSError) and error.errno in _OF_THE_SYSTEM else None


def sentence(error: Exception) -> str:
    """What happened, and the facts that it does not say already."""
    if isinstance(error, OSError):
        return f"{error.filename or 'the disk'}: {error.strerror}"
    if not isinstance(error, MarketplaceError):
        return str(error)
    told = {name: value for name, value in error.facts.items() if name != _OURS}
    facts = [f"{name} {value}" for name, value in told.items() if _is_news(value, error.detail)]
    return error.detail + (f" ({', '.join(facts)})" if facts else "")


def problem(error: Exception) -> str:
    """The same for a program, as the API would say it."""
    code = error.code if isinstance(error, MarketplaceError) else "surroundings"
    facts = error.facts if isinstance(error, MarketplaceError) else {}
    return _encoded(code, sentence(error) if not facts else str(error), facts)


def misuse(error: click.UsageError) -> str:
    """The problem that is a command given wrongly."""
    parameter = getattr(error, "param", None)
    field = getattr(error, "option_name", None) or (parameter and parameter.opts[0])
    return _encoded("misused", error.format_message(), {"field": field})


def _encoded(code: str, detail: str, facts: Mapping[str, object]) -> str:
    known = {name: value for name, value in facts.items() if value is not None and name != _OURS}
    said = {"code": code, "detail": detail} | ({"facts": known} if known else {})
    return msgspec.json.encode(said, enc_hook=str).decode()


def _is_news(value: object, said: str) -> bool:
    return value not in {None, ()} and not isinstance(value, tuple) and str(value) not in said
