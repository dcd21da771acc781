"""On PostgreSQL a simulation goes exactly as it does in memory, and keeps to a database of its own."""

import os

from marketplace.adapters.postgres.engine import create_owner_engine
from marketplace.entrypoints.simulation.engine import Report, simulate
from marketplace.entrypoints.simulation.storages import in_memory, on_postgres

LIVES = 48


async def _databases(url: str) -> set[str]:
    engine = create_owner_engine(url)
    async with engine.connect() as connection:
        found = await connection.exec_driver_sql(
            "SELECT datname FROM pg_database WHERE datname LIKE 'marketplace_simulation_%%'"
        )
        names = {name for (name,) in found}
    await engine.dispose()
    return names


async def test_goes_as_in_memory_and_leaves_nothing_behind(shared_url: str) -> None:
    before = await _databases(shared_url)

    async with on_postgres(shared_url) as storage:
        stored = await simulate(bookings=LIVES, seed=5, faults=True, storage=storage)
        during = await _databases(shared_url)
    async with in_memory() as storage:
        remembered = await simulate(bookings=LIVES, seed=5, faults=True, storage=storage)

    assert stored.violations == []
    assert _without_time(stored) == _without_time(remembered)
    assert len(during - before) == 1 or os.environ.get("PYTEST_XDIST_WORKER")
    assert not (during - before) & await _databases(shared_url)


def _without_time(report: Report) -> tuple[str, int, dict[str, int]]:
    return report.history, report.moves, report.faults
