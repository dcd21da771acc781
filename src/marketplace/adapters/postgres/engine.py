"""Every connection works in UTC, gives up after five seconds, and commits each statement by itself."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from marketplace.adapters.postgres.schema import APP_ROLE
from marketplace.core.shared.errors import Invalid, Unavailable

STATEMENT_TIMEOUT_SECONDS = 5
KEPT_SESSIONS_MAX = 2
_SCHEMES = {"postgres", "postgresql", "postgresql+asyncpg"}
# What libpq calls it, and what asyncpg does.
_OPTIONS = {"host": "host", "port": "port", "sslmode": "ssl", "ssl": "ssl"}


def create_engine(
    url: str,
    *,
    pool_size: int = 8,
    wait_seconds: float = 2,
    statement_seconds: float = STATEMENT_TIMEOUT_SECONDS,
    application_name: str = "marketplace",
) -> AsyncEngine:
    """Connections in the role that owns nothing; who finds none free within `wait_seconds` is refused."""
    settings = {
        "role": APP_ROLE,
        "statement_timeout": f"{round(statement_seconds * 1000)}ms",
        "idle_in_transaction_session_timeout": "30s",
        # A plan for each shape of statement, made once. Small tables that have just been analysed would
        # otherwise teach it to read them whole, for ever: every table has the index that its rows need.
        "plan_cache_mode": "force_generic_plan",
        "enable_seqscan": "off",
        "jit": "off",
        # So that the server notices a client whose machine is gone, and lets go of its locks and leases.
        "tcp_keepalives_idle": "30",
        "tcp_keepalives_interval": "10",
        "tcp_keepalives_count": "3",
    }
    return create_async_engine(
        parse_url(url),
        isolation_level="AUTOCOMMIT",
        pool_size=pool_size,
        # Beside those that statements share, the sessions that are kept: a queue's, a lease's.
        max_overflow=KEPT_SESSIONS_MAX,
        pool_timeout=wait_seconds,
        # Every statement has committed by itself: there is nothing to roll back.
        pool_reset_on_return=None,
        execution_options={"lanes": pool_size, "wait_seconds": wait_seconds},
        connect_args=_connect_arguments(settings, application_name, command_seconds=2 * statement_seconds),
    )


def create_owner_engine(url: str, *, application_name: str = "marketplace owner") -> AsyncEngine:
    """Unpooled connections as whom the URL names, whom row-level security doesn't bind: for migrations."""
    return create_async_engine(
        parse_url(url),
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        connect_args=_connect_arguments({}, application_name, command_seconds=None),
    )


def parse_url(url: str) -> URL:
    """Raises Invalid for a URL that is no PostgreSQL's; never shows its password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise Invalid(
            "database_url", "cannot be read", "postgresql://user:password@host:5432/name"
        ) from error
    if parsed.drivername not in _SCHEMES:
        raise Invalid("database_url", f"is a {parsed.drivername} URL", "postgresql://…")
    return parsed.set(drivername="postgresql+asyncpg", query=_query(parsed.query))


def unreachable(url: str, error: Exception) -> Unavailable:
    """The same in one sentence that names the database and the reason, and no password."""
    where = make_url(url)
    host = where.host or where.query.get("host") or "the local socket"
    cause = getattr(error, "orig", None) or error
    reason = getattr(cause, "strerror", None) or str(cause).splitlines()[0]
    # SQLAlchemy puts the class in front of what the server said.
    said = reason.partition("): ")[2] or str(reason).rpartition(">: ")[2]
    return Unavailable(f"the database {where.database} at {host}:{where.port or 5432} cannot be used: {said}")


def _query(options: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise Invalid("database_url", f"option {unknown[0]} is not known", ", ".join(_OPTIONS))
    return {_OPTIONS[name]: value for name, value in options.items()}


def _connect_arguments(
    settings: Mapping[str, str], application_name: str, *, command_seconds: float | None
) -> dict[str, Any]:
    return {
        "server_settings": {"application_name": application_name, "timezone": "UTC", **settings},
        # The server gives up first; this is for a network that swallows the answer.
        "command_timeout": command_seconds,
        "timeout": 10,
        # Statements depend on nothing but their shape: keep them, however long, for the connection's life.
        "statement_cache_size": 500,
        "max_cached_statement_lifetime": 0,
        "max_cacheable_statement_size": 0,
    }
