"""What every kind of lease promises."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.memory.leases import MemoryLeases
from marketplace.adapters.postgres.engine import create_engine, create_owner_engine
from marketplace.adapters.postgres.leases import PostgresLeases
from marketplace.core.shared.errors import Unavailable
from marketplace.ports.storage import Leases


@pytest.fixture(params=["memory", "postgres"])
async def offices(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Leases, Leases]]:
    """Two processes' ways to the same leases."""
    if request.param == "memory":
        leases = MemoryLeases()
        yield leases, leases
        return
    url = request.getfixturevalue("shared_url")
    engines = [create_engine(url, pool_size=1) for _ in range(2)]
    first, second = (PostgresLeases(engine) for engine in engines)
    yield first, second
    for leases, engine in zip((first, second), engines, strict=True):
        await leases.close()
        await engine.dispose()


class TestLeases:
    async def test_have_one_holder(self, offices: tuple[Leases, Leases]) -> None:
        one, other = offices

        lease = await one.take("payouts")

        assert lease is not None
        assert await lease.held()
        assert await one.take("payouts") is None
        assert await other.take("payouts") is None

    async def test_have_one_holder_of_many_who_try(self, offices: tuple[Leases, Leases]) -> None:
        taken = await asyncio.gather(*(offices[number % 2].take("race") for number in range(20)))

        assert sum(lease is not None for lease in taken) == 1

    async def test_are_free_once_let_go(self, offices: tuple[Leases, Leases]) -> None:
        one, other = offices
        lease = await one.take("payouts")
        assert lease is not None

        await lease.release()
        await lease.release()

        assert not await lease.held()
        assert await other.take("payouts") is not None

    async def test_of_other_names_are_apart(self, offices: tuple[Leases, Leases]) -> None:
        one, other = offices

        assert await one.take("payouts") is not None
        assert await one.take("settlement") is not None
        assert await other.take("reports") is not None


class TestPostgresLeases:
    async def test_end_with_the_session_that_holds_them(self, engine: AsyncEngine, shared_url: str) -> None:
        leases, heir = PostgresLeases(engine), PostgresLeases(engine)
        lease = await leases.take("payouts")
        assert lease is not None
        killer = create_owner_engine(shared_url)
        async with killer.connect() as connection:
            await connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid, 1000) FROM pg_locks"
                " WHERE locktype = 'advisory' AND database ="
                " (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
        await killer.dispose()

        inherited = await heir.take("payouts")

        assert not await lease.held()
        assert inherited is not None
        assert await leases.take("payouts") is None
        await lease.release()
        assert await inherited.held()
        await leases.close()
        await heir.close()

    async def test_cannot_be_asked_for_without_a_database(self) -> None:
        engine = create_engine("postgresql://nobody@127.0.0.1:1/none")

        with pytest.raises(Unavailable):
            await PostgresLeases(engine).take("payouts")

        await engine.dispose()
