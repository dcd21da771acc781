import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from marketplace.adapters.postgres import migrate as migrations
from marketplace.adapters.postgres.engine import create_engine, create_owner_engine
from marketplace.adapters.postgres.feed import TOLD, Cursor, Feed
from marketplace.adapters.postgres.migrate import HEAD, DatabaseNewer, migrate, schema_version
from marketplace.adapters.postgres.reads import Reads
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.core.shared.errors import Unavailable
from marketplace.entrypoints.blueprints import load
from marketplace.entrypoints.seed import seed


async def versions(url: str) -> list[str]:
    engine = create_owner_engine(url)
    async with engine.connect() as connection:
        found = list((await connection.exec_driver_sql("SELECT version_num FROM schema_version")).scalars())
    await engine.dispose()
    return found


class TestMigrate:
    async def test_brings_an_empty_database_to_the_head_once(self, empty_url: str) -> None:
        standing = await asyncio.gather(*(migrate(empty_url) for _ in range(4)))

        assert standing == [HEAD] * 4
        assert await versions(empty_url) == [HEAD]

    async def test_changes_nothing_the_second_time(self, database_url: str) -> None:
        assert await migrate(database_url) == HEAD
        assert await versions(database_url) == [HEAD]

    async def test_refuses_a_database_of_a_newer_version(self, database_url: str) -> None:
        engine = create_owner_engine(database_url)
        async with engine.connect() as connection:
            await connection.exec_driver_sql("UPDATE schema_version SET version_num = '9999'")
        await engine.dispose()

        with pytest.raises(DatabaseNewer, match="9999"):
            await migrate(database_url)

    async def test_says_that_there_is_no_database(self) -> None:
        with pytest.raises(Unavailable):
            await migrate("postgresql://nobody:secret@127.0.0.1:1/none")

    def test_knows_the_head_without_alembic(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent / "migrations"))

        assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


class TestSchemaVersion:
    async def test_is_readable_by_the_application(self, shared_url: str) -> None:
        engine = create_engine(shared_url)

        assert await schema_version(engine) == HEAD

        await engine.dispose()

    async def test_of_an_empty_database_is_none(self, template: str, empty_url: str) -> None:
        engine = create_owner_engine(empty_url)
        async with engine.connect() as connection:
            await connection.exec_driver_sql("DROP TABLE IF EXISTS schema_version")

        assert await schema_version(engine) is None

        await engine.dispose()


class TestRestored:
    async def test_tells_events_of_another_clusters_life_as_old_ones(self, database_url: str) -> None:
        """
        pg_restore brings transaction ids along that are yet to come in the new cluster.

        What the feed tells before is no measure: another database's transaction may hold it back.
        """
        now, slug = datetime.now(UTC), "restored"
        engine, owner = create_engine(database_url), create_owner_engine(database_url)
        feed = Feed(Reads(engine))
        seeded = await seed(
            store=PostgresStore(engine), blueprint=load("curbside"), slug=slug, now=now, entropy=bytes(32)
        )
        async with owner.connect() as connection:
            await connection.exec_driver_sql("ALTER TABLE event DISABLE TRIGGER event_append_only")
            await connection.exec_driver_sql("UPDATE event SET xact = '900000000000'")
            await connection.exec_driver_sql("ALTER TABLE event ENABLE TRIGGER event_append_only")
            stored = await connection.exec_driver_sql(
                "SELECT id FROM event WHERE kind = ANY ($1) ORDER BY seq", (list(TOLD),)
            )
        hidden = await feed.after(seeded.tenant.id, Cursor(0, 0))

        await migrate(database_url)

        told = await feed.after(seeded.tenant.id, Cursor(0, 0))
        assert not hidden
        assert [event.id for event in told] == list(stored.scalars())
        assert not await feed.after(seeded.tenant.id, await feed.now(seeded.tenant.id))
        for one in (engine, owner):
            await one.dispose()
