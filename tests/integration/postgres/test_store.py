import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from marketplace.adapters.postgres.connections import connection_of
from marketplace.adapters.postgres.engine import create_engine
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.core.providers.provider import Unit, UnitState
from marketplace.core.shared.errors import Invalid, OutcomeUnknown, Unavailable
from marketplace.ports.storage import Batch, One, Stale

LOCK = "LOCK TABLE unit IN ACCESS EXCLUSIVE MODE"
WAITING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def unit_of(tenant_id: UUID, **fields: Any) -> Unit:
    return Unit(
        **{"id": uuid4(), "tenant_id": tenant_id, "version": 1, "provider_id": uuid4(), "name": "Crew"}
        | {"added_at": datetime.now(UTC)}
        | fields
    )


async def waiting(connection: AsyncConnection) -> int:
    """The process that waits for a lock, once there is one."""
    for _ in range(500):
        if found := (await connection.exec_driver_sql(WAITING)).scalars().first():
            return int(found)
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits for a lock")


class TestDoubt:
    async def test_is_said_of_a_write_whose_connection_is_lost(
        self, engine: AsyncEngine, owner: AsyncEngine
    ) -> None:
        store, tenant_id = PostgresStore(engine), uuid4()
        async with owner.connect() as blocker, owner.connect() as killer:
            await blocker.execution_options(isolation_level="READ COMMITTED")
            await blocker.exec_driver_sql(LOCK)
            write = asyncio.create_task(store.write(Batch(tenant_id=tenant_id, added=(unit_of(tenant_id),))))
            await killer.exec_driver_sql(f"SELECT pg_terminate_backend({await waiting(killer)})")

            with pytest.raises(OutcomeUnknown):
                await write

    async def test_is_no_matter_for_a_read(self, engine: AsyncEngine, owner: AsyncEngine) -> None:
        store = PostgresStore(engine)
        async with owner.connect() as blocker, owner.connect() as killer:
            await blocker.execution_options(isolation_level="READ COMMITTED")
            await blocker.exec_driver_sql(LOCK)
            read = asyncio.create_task(store.read(uuid4(), [One(Unit, uuid4())]))
            await killer.exec_driver_sql(f"SELECT pg_terminate_backend({await waiting(killer)})")

            with pytest.raises(Unavailable):
                await read

    async def test_is_none_where_the_server_gave_up_in_time(
        self, engines: Callable[..., AsyncEngine], owner: AsyncEngine
    ) -> None:
        engine, tenant_id = engines(pool_size=1), uuid4()
        async with connection_of(engine, tenant_id) as connection:
            await connection.execute("SET statement_timeout = '50ms'")
        async with owner.connect() as blocker:
            await blocker.execution_options(isolation_level="READ COMMITTED")
            await blocker.exec_driver_sql(LOCK)

            with pytest.raises(Unavailable):
                await PostgresStore(engine).write(Batch(tenant_id=tenant_id, added=(unit_of(tenant_id),)))

    async def test_does_not_spoil_the_next_write(
        self, engines: Callable[..., AsyncEngine], owner: AsyncEngine
    ) -> None:
        engine, tenant_id = engines(pool_size=1), uuid4()
        store, unit = PostgresStore(engine), unit_of(tenant_id)
        async with connection_of(engine, tenant_id) as connection:
            idle = await connection.fetchval("SELECT pg_backend_pid()")
        async with owner.connect() as killer:
            await killer.exec_driver_sql(f"SELECT pg_terminate_backend({idle}, 60000)")
        await asyncio.sleep(0.05)

        await store.write(Batch(tenant_id=tenant_id, added=(unit,)))

        assert await store.read(tenant_id, [One(Unit, unit.id)]) == [(unit,)]

    async def test_is_none_after_a_write_that_was_interrupted_in_time(
        self, engines: Callable[..., AsyncEngine], owner: AsyncEngine
    ) -> None:
        engine, tenant_id = engines(pool_size=1), uuid4()
        store, unit = PostgresStore(engine), unit_of(tenant_id)
        async with owner.connect() as blocker:
            await blocker.execution_options(isolation_level="READ COMMITTED")
            await blocker.exec_driver_sql(LOCK)
            write = asyncio.create_task(store.write(Batch(tenant_id=tenant_id, added=(unit,))))
            async with owner.connect() as watcher:
                await waiting(watcher)
            write.cancel()
            with suppress(asyncio.CancelledError):
                await write

        assert await store.read(tenant_id, [One(Unit, unit.id)]) == [()]


class TestUnavailable:
    async def test_is_a_database_that_does_not_answer(self) -> None:
        engine = create_engine("postgresql://nobody@127.0.0.1:1/none")

        with pytest.raises(Unavailable):
            await PostgresStore(engine).read(uuid4(), [One(Unit, uuid4())])

        await engine.dispose()

    async def test_is_a_pool_with_no_connection_free(self, engines: Callable[..., AsyncEngine]) -> None:
        engine = engines(pool_size=1, wait_seconds=0.05)

        async with connection_of(engine, None):
            with pytest.raises(Unavailable):
                await PostgresStore(engine).read(uuid4(), [One(Unit, uuid4())])


class TestUnfitValues:
    @pytest.mark.parametrize("name", ["a\0b", "\0"])
    async def test_are_the_caller_s_fault(self, engine: AsyncEngine, name: str) -> None:
        tenant_id = uuid4()

        with pytest.raises(Invalid):
            await PostgresStore(engine).write(
                Batch(tenant_id=tenant_id, added=(unit_of(tenant_id, name=name),))
            )

    async def test_come_back_to_the_letter_where_they_only_look_odd(self, engine: AsyncEngine) -> None:
        store, tenant_id = PostgresStore(engine), uuid4()
        unit = unit_of(tenant_id, name="'; DROP TABLE unit; -- \\ \" {} $1 é 😀 \u2028")

        await store.write(Batch(tenant_id=tenant_id, added=(unit,)))

        assert await store.read(tenant_id, [One(Unit, unit.id)]) == [(unit,)]


class TestGuards:
    async def test_hold_against_writers_who_each_rely_on_what_the_other_moves(
        self, engine: AsyncEngine, owner: AsyncEngine
    ) -> None:
        store, tenant_id = PostgresStore(engine), uuid4()

        async def attempt(mine: Unit, relied_on: Unit) -> bool:
            moved = replace(mine, version=2, state=UnitState.RETIRED)
            guarded = ((Unit, relied_on.id, relied_on.version),)
            try:
                await store.write(Batch(tenant_id=tenant_id, saved=(moved,), guarded=guarded))
            except Stale:
                return False
            return True

        winners = []
        for _ in range(3):
            one, other = unit_of(tenant_id), unit_of(tenant_id)
            await store.write(Batch(tenant_id=tenant_id, added=(one, other)))
            async with owner.connect() as blocker:
                # Both statements begin before either can go on.
                await blocker.execution_options(isolation_level="READ COMMITTED")
                await blocker.exec_driver_sql("LOCK TABLE unit IN EXCLUSIVE MODE")
                both = asyncio.gather(attempt(one, other), attempt(other, one))
                await waiting(blocker)
                await asyncio.sleep(0.05)
            winners.append(sum(await both))

        assert max(winners) <= 1

    async def test_do_not_hold_up_those_who_rely_on_the_same(self, engine: AsyncEngine) -> None:
        store, tenant_id = PostgresStore(engine), uuid4()
        relied_on = unit_of(tenant_id)
        await store.write(Batch(tenant_id=tenant_id, added=(relied_on,)))
        guarded = ((Unit, relied_on.id, 1),)

        await asyncio.gather(
            *(
                store.write(Batch(tenant_id=tenant_id, added=(unit_of(tenant_id),), guarded=guarded))
                for _ in range(20)
            )
        )
