"""The schema is brought to this code's version at start, by one process at a time, and never backwards."""

from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from marketplace.adapters.postgres.engine import create_owner_engine, unreachable
from marketplace.core.shared.errors import MarketplaceError

_DIRECTORY = Path(__file__).parent / "migrations"
_LOCK = 0x6D61726B  # "mark", one key of the advisory locks that take a number
_WITH_ROWS = """
SELECT oid::regclass::text FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
"""
_FROM_THE_FUTURE = """
SELECT coalesce(bool_or((
    SELECT e.xact FROM event AS e WHERE e.tenant_id = t.id ORDER BY e.xact DESC, e.seq DESC LIMIT 1
) >= pg_snapshot_xmax(pg_current_snapshot())), false) FROM tenant AS t
"""
_SETTLE = (
    "ALTER TABLE event DISABLE TRIGGER event_append_only",
    "UPDATE event SET xact = '3' WHERE xact >= pg_snapshot_xmax(pg_current_snapshot())",
    "ALTER TABLE event ENABLE TRIGGER event_append_only",
)
_NOT_PERMITTED = "42501"
VERSION_TABLE = "schema_version"
VERSIONS = tuple(sorted(path.name[:4] for path in (_DIRECTORY / "versions").glob("[0-9]*.py")))
HEAD = VERSIONS[-1]


class DatabaseNewer(MarketplaceError):
    """The database was written by a newer version of this program."""

    code = "database_newer"


class NotPermitted(MarketplaceError):
    """The role that the URL names may not do what the set-up needs; docs/running.md says which rights."""

    code = "not_permitted"


async def migrate(url: str) -> str:
    """The schema's version, once it is this code's; raises DatabaseNewer or Unavailable."""
    engine = create_owner_engine(url)
    try:
        async with engine.connect() as connection:
            await _bring_to_head(connection)
    except (OSError, SQLAlchemyError) as error:
        raise unreachable(url, error) from error
    except Exception as error:
        # The script of a migration is sent by the driver itself, and so are its refusals.
        if getattr(error, "sqlstate", None) != _NOT_PERMITTED:
            raise
        raise NotPermitted(f"the database's owner lacks a right that the set-up needs: {error}") from error
    finally:
        await engine.dispose()
    return HEAD


async def schema_version(engine: AsyncEngine) -> str | None:
    """The version that stands in the database, None for an empty one."""
    async with engine.connect() as connection:
        return await _standing(connection)


async def _bring_to_head(connection: AsyncConnection) -> None:
    # Held by the session, so that it ends with it, whatever happens.
    await connection.exec_driver_sql(f"SELECT pg_advisory_lock({_LOCK})")
    standing = await _standing(connection)
    if standing is not None and standing not in VERSIONS:
        raise DatabaseNewer(f"the database is of version {standing}, this program knows {HEAD}")
    if standing != HEAD:
        async with connection.engine.connect() as worker:
            await worker.execution_options(isolation_level="READ COMMITTED")
            await worker.run_sync(_upgrade)
        await analyse(connection)
    await _settle_restored(connection)


async def _settle_restored(connection: AsyncConnection) -> None:
    """
    After a restore into another cluster events carry transaction ids that are yet to come there.

    The feed holds back what may still be under way, and would hide them; their order among each other is
    that of `seq`, so they may all carry the oldest id there is.
    """
    restored = await connection.exec_driver_sql(_FROM_THE_FUTURE)
    if restored.scalar_one():
        async with connection.engine.connect() as worker:
            await worker.execution_options(isolation_level="READ COMMITTED")
            for statement in _SETTLE:
                await worker.exec_driver_sql(statement)
            await worker.commit()


async def analyse(connection: AsyncConnection) -> None:
    """
    Fresh statistics of every table that has rows.

    An empty table is left alone: of one that was never analysed PostgreSQL assumes some rows, of one found
    empty none at all, and then any index looks as good as the primary key, for as long as the plan lives.
    """
    tables = (await connection.exec_driver_sql(_WITH_ROWS)).scalars().all()
    for table in tables:
        await connection.exec_driver_sql(f"ANALYZE {table}")


async def _standing(connection: AsyncConnection) -> str | None:
    found = await connection.exec_driver_sql(f"SELECT to_regclass('{VERSION_TABLE}') IS NOT NULL")
    if not found.scalar_one():
        return None
    rows = await connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - our own name
    version: str | None = rows.scalar_one_or_none()
    return version


def _upgrade(connection: Connection) -> None:
    # Imported where it is needed: a process whose schema is up to date never pays for Alembic.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_DIRECTORY))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
