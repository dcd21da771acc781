"""Whether a database is fit for us: its version, its clock, and the walls between the marketplaces."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from marketplace.adapters.postgres.engine import create_owner_engine, unreachable
from marketplace.adapters.postgres.schema import APP_ROLE

SERVER_VERSION_MIN = 150_000
_FACTS = f"""
SELECT current_setting('server_version_num')::int AS server_version,
       current_setting('server_version') AS server_version_name,
       clock_timestamp() AS at,
       (SELECT pg_has_role(oid, 'MEMBER') FROM pg_roles WHERE rolname = '{APP_ROLE}') AS may_take_role,
       (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = '{APP_ROLE}') AS role_sees_all,
       (SELECT coalesce(array_agg(c.relname::text ORDER BY 1), '{{}}') FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
          AND NOT c.relrowsecurity) AS unwalled,
       (SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'marketplace worker') AS worker_connections
"""  # noqa: S608 - a name of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Soundness:
    """`clock_ahead_seconds` is the server's clock less ours; `unwalled` tables hide no tenant's rows."""

    server_version: int
    server_version_name: str
    clock_ahead_seconds: float
    may_take_role: bool
    role_sees_all: bool
    unwalled: tuple[str, ...]
    worker_connections: int


async def examine(url: str) -> Soundness:
    """As whom the URL names; raises Unavailable."""
    engine = create_owner_engine(url, application_name="marketplace doctor")
    try:
        async with engine.connect() as connection:
            before = datetime.now(UTC)
            row = dict((await connection.exec_driver_sql(_FACTS)).mappings().one())
            after = datetime.now(UTC)
    except (OSError, SQLAlchemyError) as error:
        raise unreachable(url, error) from error
    finally:
        await engine.dispose()
    # It read its clock about half way between our two readings.
    ahead = (row.pop("at") - before - (after - before) / 2).total_seconds()
    row["unwalled"] = tuple(row["unwalled"])
    row["may_take_role"], row["role_sees_all"] = bool(row["may_take_role"]), bool(row["role_sees_all"])
    return Soundness(clock_ahead_seconds=ahead, **row)
