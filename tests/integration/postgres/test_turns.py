"""However much one marketplace has to be done, another's single job waits for few of them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres import jobs
from marketplace.adapters.postgres.engine import create_engine
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.adapters.postgres.turns import JOBS_BETWEEN, Turns
from marketplace.ports.storage import Alarm, Batch, Follow, Job

MANY = 10_000


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database_url)
    yield engine
    await engine.dispose()


def reaction(tenant_id: UUID) -> Follow:
    return Follow(
        tenant_id=tenant_id,
        event_id=uuid4(),
        name="booking.requested",
        subject_id=uuid4(),
        at=datetime.now(UTC),
        request_id="test",
    )


def tick(tenant_id: UUID, *, in_seconds: float = 0) -> Alarm:
    due_at = datetime.now(UTC) + timedelta(seconds=in_seconds)
    return Alarm(
        tenant_id=tenant_id, kind="area", subject_id=uuid4(), version=1, due_at=due_at, request_id="test"
    )


async def put(engine: AsyncEngine, *queued: Job) -> None:
    await PostgresStore(engine).write(Batch(tenant_id=queued[0].tenant_id, jobs=queued))


class TestASmallMarketplace:
    @pytest.mark.parametrize("kind", [reaction, tick])
    async def test_waits_for_a_few_of_anothers_ten_thousand_jobs(
        self, engine: AsyncEngine, kind: type
    ) -> None:
        large, small = uuid4(), uuid4()
        await put(engine, *(kind(large) for _ in range(MANY)))
        waited: list[int] = []
        done = 0

        async def carry_out(job: Job) -> None:
            nonlocal done
            done += 1
            if done == 1:
                await put(engine, tick(small))
            if job.tenant_id == small:
                waited.append(done)
                if len(waited) < 3:
                    # What a tick brings with it has its turn as soon.
                    await put(engine, reaction(small))

        await jobs.drain(engine=engine, follow=carry_out, ring=carry_out)

        assert done == MANY + 3
        # A hundred and those in hand; more where the machine is slow, and turns make themselves rare.
        assert waited[0] < MANY / 4
        assert waited[2] < MANY / 2

    async def test_waits_as_little_as_the_others_of_many(self, engine: AsyncEngine) -> None:
        tenants = [uuid4() for _ in range(50)]
        for tenant_id in tenants:
            await put(engine, *(reaction(tenant_id) for _ in range(40)))
        first: dict[UUID, int] = {}
        done = 0

        async def carry_out(job: Job) -> None:
            nonlocal done
            done += 1
            first.setdefault(job.tenant_id, done)

        await jobs.drain(engine=engine, follow=carry_out, ring=carry_out)

        assert done == 50 * 40
        assert max(first.values()) < done * 3 / 4


class TestAJobForLater:
    async def test_has_no_turn_before_its_time(self, engine: AsyncEngine) -> None:
        large, small = uuid4(), uuid4()
        await put(engine, tick(small, in_seconds=3600))
        await put(engine, *(reaction(large) for _ in range(500)))
        done: list[UUID] = []

        async def carry_out(job: Job) -> None:
            done.append(job.tenant_id)

        await jobs.drain(engine=engine, follow=carry_out, ring=carry_out)

        assert done == [large] * 500


class Pretended:
    """Counts what is sent to the database, which takes as long as it is told."""

    def __init__(self) -> None:
        self.sent, self.now, self.lasting = 0, 0.0, 0.001

    async def execute(self, _statement: str) -> str:
        self.sent, self.now = self.sent + 1, self.now + self.lasting
        return ""


class TestTurns:
    @pytest.fixture
    def database(self) -> Pretended:
        return Pretended()

    @pytest.fixture
    def turns(self, database: Any) -> Turns:
        return Turns(database, clock=lambda: database.now)

    async def test_come_first_and_then_after_so_many_jobs(self, turns: Turns, database: Pretended) -> None:
        for _ in range(10):
            await turns.take()
            turns.count(JOBS_BETWEEN // 5)
            database.now += 0.01

        assert database.sent == 2

    async def test_come_after_some_time_where_jobs_take_long(self, turns: Turns, database: Pretended) -> None:
        for _ in range(4):
            await turns.take()
            turns.count(1)
            database.now += 1

        assert database.sent == 4

    async def test_do_not_come_where_nothing_is_taken(self, turns: Turns, database: Pretended) -> None:
        for _ in range(4):
            await turns.take()
            database.now += 1

        assert database.sent == 1

    async def test_come_more_rarely_where_they_take_long(self, turns: Turns, database: Pretended) -> None:
        database.lasting = 0.01
        for _ in range(100):
            await turns.take()
            turns.count(JOBS_BETWEEN)
            database.now += 0.01

        assert database.sent == 5
