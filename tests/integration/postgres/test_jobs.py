import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres import jobs
from marketplace.adapters.postgres.engine import create_engine, create_owner_engine
from marketplace.adapters.postgres.queue import backlog, discard, follow_clock, list_parked, requeue
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.core.shared.aggregate import create, move
from marketplace.core.shared.errors import Conflict, Unavailable
from marketplace.core.shared.roles import Actor, Role
from marketplace.core.tenants.tenant import Call, Mode, Tenant
from marketplace.ports.storage import Alarm, AlreadyThere, Batch, Follow, Job, Work

HOUR = timedelta(hours=1)
SECONDS_MAX = 60  # a machine may be busy with other tests


def follow_of(tenant_id: UUID, event_id: UUID | None = None) -> Follow:
    return Follow(
        tenant_id=tenant_id,
        event_id=event_id or uuid4(),
        name="booking.requested",
        subject_id=uuid4(),
        at=datetime.now(UTC),
        request_id="test",
    )


def alarm_of(tenant_id: UUID, due_at: datetime) -> Alarm:
    return Alarm(
        tenant_id=tenant_id, kind="booking", subject_id=uuid4(), version=1, due_at=due_at, request_id="test"
    )


class Desk:
    """Remembers what it was given; does with it what the test says."""

    def __init__(self) -> None:
        self.done: list[Job] = []
        self.some = asyncio.Event()
        self.act: Callable[[Job], Awaitable[None]] | None = None

    async def take(self, job: Job) -> None:
        self.done.append(job)
        self.some.set()
        if self.act is not None:
            await self.act(job)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def lender(database_url: str) -> AsyncIterator[AsyncEngine]:
    """The worker's own pool of one."""
    engine = create_engine(database_url, pool_size=1, application_name="worker")
    yield engine
    await engine.dispose()


@pytest.fixture
async def put(engine: AsyncEngine) -> Callable[..., Awaitable[None]]:
    async def put(*queued: Job) -> None:
        await PostgresStore(engine).write(Batch(tenant_id=queued[0].tenant_id, jobs=queued))

    return put


@pytest.fixture
async def drain(lender: AsyncEngine, desk: Desk) -> Callable[[], Awaitable[None]]:
    async def drain() -> None:
        await jobs.drain(engine=lender, follow=desk.take, ring=desk.take)

    return drain


async def sql(url: str, statement: str) -> Any:
    engine = create_owner_engine(url)
    async with engine.connect() as connection:
        result = await connection.exec_driver_sql(statement)
        rows = result.all() if result.returns_rows else None
    await engine.dispose()
    return rows


class TestDrain:
    async def test_carries_out_what_is_due_and_leaves_the_rest(
        self, put: Any, drain: Any, desk: Desk, engine: AsyncEngine
    ) -> None:
        tenant_id, now = uuid4(), datetime.now(UTC)
        follow, due = follow_of(tenant_id), alarm_of(tenant_id, now - HOUR)
        await put(follow, due, alarm_of(tenant_id, now + HOUR))

        await drain()

        assert sorted(desk.done, key=str) == sorted([follow, due], key=str)
        left = await backlog(engine=engine)
        assert (left.due, left.waiting, left.parked) == (0, 1, 0)

    async def test_carries_out_what_a_job_brings_with_it(self, put: Any, drain: Any, desk: Desk) -> None:
        first, second = (follow_of(uuid4()) for _ in range(2))

        async def bring(job: Job) -> None:
            if job == first:
                await put(second)

        desk.act = bring
        await put(first)

        await drain()

        assert desk.done == [first, second]

    async def test_ends_at_once_where_nothing_is_due(self, drain: Any, desk: Desk) -> None:
        await asyncio.wait_for(drain(), SECONDS_MAX)

        assert desk.done == []


class TestFailingJobs:
    async def test_are_put_off_for_a_second_and_then_longer(
        self, put: Any, drain: Any, desk: Desk, database_url: str
    ) -> None:
        async def fail(job: Job) -> None:
            raise Conflict("not yet")

        desk.act = fail
        await put(follow_of(uuid4()))

        waits = []
        for _ in range(3):
            await drain()
            ((wait,),) = await sql(
                database_url, "SELECT round(extract(epoch FROM execute_after - updated)) FROM pgqueuer"
            )
            waits.append(int(wait))
            await sql(database_url, "UPDATE pgqueuer SET execute_after = now()")

        assert waits == [1, 2, 4]

    async def test_are_parked_after_ten_tries_where_an_operator_sees_why(
        self, put: Any, drain: Any, desk: Desk, database_url: str, engine: AsyncEngine
    ) -> None:
        async def fail(job: Job) -> None:
            raise Conflict("never")

        desk.act = fail
        job = follow_of(uuid4())
        await put(job)
        await sql(database_url, "UPDATE pgqueuer SET attempts = 9")

        await drain()

        (parked,) = await list_parked(engine=engine)
        assert (parked.queue, parked.tenant_id, parked.tries) == ("reaction", job.tenant_id, 10)
        assert (parked.error, parked.why) == ("Conflict", "never")
        assert parked.job["event_id"] == str(job.event_id)

    async def test_are_not_parked_while_a_vendor_is_merely_out_of_reach(
        self, put: Any, drain: Any, desk: Desk, database_url: str, engine: AsyncEngine
    ) -> None:
        async def fail(job: Job) -> None:
            raise Unavailable("the rail is down")

        desk.act = fail
        await put(follow_of(uuid4()))
        await sql(database_url, "UPDATE pgqueuer SET attempts = 100")

        await drain()

        ((wait,),) = await sql(
            database_url, "SELECT round(extract(epoch FROM execute_after - updated)) FROM pgqueuer"
        )
        assert await list_parked(engine=engine) == ()
        assert int(wait) == 600

    async def test_are_parked_when_a_day_has_not_helped(
        self, put: Any, drain: Any, desk: Desk, database_url: str, engine: AsyncEngine
    ) -> None:
        async def fail(job: Job) -> None:
            raise Unavailable("the rail is down")

        desk.act = fail
        await put(follow_of(uuid4()))
        await sql(database_url, "UPDATE pgqueuer SET attempts = 149")

        await drain()

        assert len(await list_parked(engine=engine)) == 1

    async def test_can_be_sent_again_or_given_up(
        self, put: Any, drain: Any, desk: Desk, database_url: str, engine: AsyncEngine
    ) -> None:
        tenant_id = uuid4()
        await put(follow_of(tenant_id), follow_of(tenant_id))
        await sql(database_url, "UPDATE pgqueuer SET status = 'failed'")
        one, other = await list_parked(engine=engine)
        by = uuid4()

        sent = await requeue(engine=engine, ids=[one.id], by=by, reason="the rail is back")
        given_up = await discard(engine=engine, ids=[other.id], by=by, reason="settled by hand")
        ((logged,),) = await sql(
            database_url,
            f"SELECT string_agg(traceback::text, '|') FROM pgqueuer_log WHERE traceback::text ~ '{by}'",
        )
        await drain()

        assert (sent, given_up, len(desk.done)) == (1, 1, 1)
        assert "the rail is back" in logged
        assert "settled by hand" in logged
        assert await list_parked(engine=engine) == ()

    async def test_are_each_tenant_s_own(self, put: Any, database_url: str, engine: AsyncEngine) -> None:
        tenant_id, stranger = uuid4(), uuid4()
        await put(follow_of(tenant_id))
        await sql(database_url, "UPDATE pgqueuer SET status = 'failed'")
        (parked,) = await list_parked(engine=engine, tenant_id=tenant_id)

        assert await list_parked(engine=engine, tenant_id=stranger) == ()
        assert await requeue(engine=engine, ids=[parked.id], tenant_id=stranger, by=None, reason="x") == 0
        assert await discard(engine=engine, ids=[parked.id], tenant_id=stranger, by=None, reason="x") == 0


class TestWorkOff:
    async def test_takes_up_a_job_as_it_is_written(self, put: Any, desk: Desk, lender: AsyncEngine) -> None:
        stop = asyncio.Event()
        work = asyncio.create_task(jobs.work_off(engine=lender, follow=desk.take, ring=desk.take, stop=stop))
        await asyncio.sleep(0.2)

        await put(follow_of(uuid4()))
        await asyncio.wait_for(desk.some.wait(), SECONDS_MAX)
        stop.set()

        await asyncio.wait_for(work, SECONDS_MAX)

    async def test_finishes_what_is_in_hand_before_it_stops(
        self, put: Any, desk: Desk, lender: AsyncEngine, engine: AsyncEngine
    ) -> None:
        begun, go_on, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()
        finished = []

        async def slowly(job: Job) -> None:
            begun.set()
            await go_on.wait()
            finished.append(job)

        desk.act = slowly
        await put(follow_of(uuid4()))
        work = asyncio.create_task(jobs.work_off(engine=lender, follow=desk.take, ring=desk.take, stop=stop))
        await asyncio.wait_for(begun.wait(), SECONDS_MAX)

        stop.set()
        await asyncio.sleep(0.05)
        assert not work.done()
        go_on.set()
        await asyncio.wait_for(work, SECONDS_MAX)

        left = await backlog(engine=engine)
        assert (len(finished), left.in_hand, left.due) == (1, 0, 0)

    async def test_goes_on_after_the_database_was_gone(
        self, put: Any, desk: Desk, lender: AsyncEngine, database_url: str
    ) -> None:
        stop = asyncio.Event()
        work = asyncio.create_task(jobs.work_off(engine=lender, follow=desk.take, ring=desk.take, stop=stop))
        await asyncio.sleep(0.2)
        await sql(
            database_url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'worker'",
        )

        await put(follow_of(uuid4()))
        await asyncio.wait_for(desk.some.wait(), SECONDS_MAX)
        stop.set()

        await asyncio.wait_for(work, SECONDS_MAX)


class TestQueue:
    async def test_takes_each_job_once(self, put: Any) -> None:
        job = follow_of(uuid4())
        await put(job)

        with pytest.raises(AlreadyThere):
            await put(job)

    async def test_forgets_the_jobs_of_a_refused_write(self, engine: AsyncEngine) -> None:
        store, tenant_id = PostgresStore(engine), uuid4()
        job = follow_of(tenant_id)
        await store.write(Batch(tenant_id=tenant_id, jobs=(job,)))

        with pytest.raises(AlreadyThere):
            await store.write(Batch(tenant_id=tenant_id, jobs=(follow_of(tenant_id), job)))

        assert (await backlog(engine=engine)).due == 1

    async def test_says_how_long_the_oldest_has_been_due(self, put: Any, engine: AsyncEngine) -> None:
        await put(alarm_of(uuid4(), datetime.now(UTC) - HOUR))

        assert 3600 <= (await backlog(engine=engine)).oldest_seconds < 3700


class TestClock:
    async def test_of_a_test_tenant_that_is_ahead_pulls_its_timers_forward(
        self, engine: AsyncEngine, drain: Any, desk: Desk, example: Callable[..., Any]
    ) -> None:
        store, key = PostgresStore(engine), uuid4()
        admin = Actor(Role.ADMIN)
        tenant = Tenant(id=key, tenant_id=key, slug=key.hex, mode=Mode.TEST, policy=example(Tenant).policy)
        call = Call(actor=admin, tenant=tenant, at=datetime.now(UTC), request_id="test")
        opening = Work(store, key)
        opened = opening.add(create(tenant, call))
        waiting = alarm_of(key, datetime.now(UTC) + HOUR)
        await store.write(opening.batch([waiting]))

        moving = Work(store, key)
        moving.save(move(opened, "move_clock", call, clock_ahead_seconds=7200))
        await store.write(moving.batch([]))
        await drain()
        assert desk.done == []
        assert await follow_clock(engine=engine, tenant_id=key) == 1
        await drain()
        assert desk.done == [waiting]

        later = alarm_of(key, datetime.now(UTC) + HOUR)
        await store.write(Batch(tenant_id=key, jobs=(later,)))
        await drain()
        assert desk.done == [waiting, later]

    async def test_of_another_tenant_moves_nothing(self, put: Any, engine: AsyncEngine) -> None:
        await put(alarm_of(uuid4(), datetime.now(UTC) + HOUR))

        assert await follow_clock(engine=engine, tenant_id=uuid4()) == 0
