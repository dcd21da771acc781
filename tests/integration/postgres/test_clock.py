"""Whose machine is minutes ahead or behind tells the database's time all the same."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres import clock as module
from marketplace.adapters.postgres.clock import DatabaseClock
from marketplace.adapters.postgres.engine import create_engine
from marketplace.core.shared.errors import Unavailable

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
SLOW = timedelta(seconds=5)  # a machine may be busy with other tests


class Behind(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return datetime.now(tz) - timedelta(minutes=10)


@pytest.fixture(autouse=True)
def machine_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "datetime", Behind)


class TestTheDatabasesClock:
    async def test_is_the_machines_until_it_is_read(self, engine: AsyncEngine) -> None:
        clock = DatabaseClock(engine)

        before, _ = clock.now(), await clock.keep()

        assert before < datetime.now(UTC) - timedelta(minutes=9)
        assert abs(clock.now() - datetime.now(UTC)) < SLOW

    async def test_goes_on_where_the_database_is_lost(self, engine: AsyncEngine) -> None:
        clock = DatabaseClock(engine)
        await clock.keep()
        clock.engine, clock._due = create_engine(NOWHERE, wait_seconds=0.1), 0.0

        await clock.keep()

        assert abs(clock.now() - datetime.now(UTC)) < SLOW
        await clock.engine.dispose()

    async def test_is_not_guessed_where_it_could_never_be_read(self) -> None:
        clock = DatabaseClock(create_engine(NOWHERE, wait_seconds=0.1))

        with pytest.raises(Unavailable):
            await clock.keep()
        await clock.engine.dispose()

    async def test_is_read_again_when_that_is_due(self, engine: AsyncEngine) -> None:
        """As on a machine that slept: its count of seconds stood still."""
        clock = DatabaseClock(engine)
        await clock.keep()
        assert clock._read is not None
        clock._read = clock._read[0] + 600, clock._read[1]

        await clock.keep()
        soon, clock._due = clock.now(), 0.0
        await clock.keep()

        assert soon < datetime.now(UTC) - timedelta(minutes=9)
        assert abs(clock.now() - datetime.now(UTC)) < SLOW
