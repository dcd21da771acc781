"""What PostgreSQL or its driver refuses becomes an error of the storage port, and a bug stays a bug."""

from collections.abc import Callable

from marketplace.core.shared.errors import Invalid, MarketplaceError, OutcomeUnknown, Unavailable
from marketplace.ports.storage import AlreadyThere, Broken, Overlap, Stale

# Our own states, raised by functions in the schema: SQL leaves classes from I to Z to whoever wants one.
STATE_STALE = "MP001"
STATE_BROKEN = "MP002"

Meaning = Callable[[BaseException, str | None], MarketplaceError]


def _stale(_: BaseException, __: str | None) -> MarketplaceError:
    return Stale("what this was decided on has changed meanwhile")


def _overlap(_: BaseException, rule: str | None) -> MarketplaceError:
    return Overlap("taken in that period", rule=rule)


def _taken(_: BaseException, rule: str | None) -> MarketplaceError:
    return AlreadyThere("something with this id or name stands already", rule=rule)


def _broken(error: BaseException, rule: str | None) -> MarketplaceError:
    return Broken(f"storage refused it: {error}", rule=rule)


def _unfit(_: BaseException, __: str | None) -> MarketplaceError:
    return Invalid("text", "holds a character that cannot be stored", "text without U+0000")


def _too_big(_: BaseException, __: str | None) -> MarketplaceError:
    return Invalid("number", "is too large to be stored", "64 bits")


def _busy(error: BaseException, _: str | None) -> MarketplaceError:
    return Unavailable(f"the database is busy: {error}")


_MEANINGS: dict[str, Meaning] = {
    STATE_STALE: _stale,
    "40001": _stale,  # serialization_failure
    "40P01": _stale,  # deadlock_detected
    "23P01": _overlap,  # exclusion_violation
    "23505": _taken,  # unique_violation
    STATE_BROKEN: _broken,
    "23514": _broken,  # check_violation
    "23502": _broken,  # not_null_violation
    "42501": _broken,  # insufficient_privilege: row-level security too
    "22P05": _unfit,  # untranslatable_character: U+0000 in JSON
    "22021": _unfit,  # character_not_in_repertoire
    "22003": _too_big,  # numeric_value_out_of_range
    "57014": _busy,  # query_canceled: the statement timeout
    "55P03": _busy,  # lock_not_available
    "53000": _busy,  # insufficient_resources
    "53100": _busy,  # disk_full
    "53200": _busy,  # out_of_memory
    "53300": _busy,  # too_many_connections
    "25006": _busy,  # read_only_sql_transaction: a standby
}
_LOST = {"57P01", "57P02", "57P03", "57P05"}  # the server is going, gone or starting


def refusal(error: BaseException) -> MarketplaceError | None:
    """What the database said no to, or None where the error says no such thing."""
    state: str = getattr(error, "sqlstate", None) or ""
    rule: str | None = getattr(error, "constraint_name", None)
    meaning = _MEANINGS.get(state)
    return None if meaning is None else meaning(error, rule)


def lost(error: BaseException) -> bool:
    """Whether the connection is gone, or gave no answer in time."""
    state: str | None = getattr(error, "sqlstate", None)
    if state is not None:
        return state in _LOST or state.startswith("08")
    return isinstance(error, OSError | TimeoutError) or unsent(error)


def unsent(error: BaseException) -> bool:
    """Whether the driver refused to send, because it knew that the connection was closed."""
    return type(error).__name__ == "InterfaceError" and "closed" in str(error)


def reading_failed(error: BaseException) -> MarketplaceError | None:
    return Unavailable("the database cannot be reached") if lost(error) else refusal(error)


def writing_failed(error: BaseException) -> MarketplaceError | None:
    """As for reading, but a connection that is lost after the statement left says nothing of its outcome."""
    if unsent(error):
        return Unavailable("the database cannot be reached")
    if lost(error):
        return OutcomeUnknown("the database was lost while it wrote; read what stands before trying again")
    return refusal(error)
