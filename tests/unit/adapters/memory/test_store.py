from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from marketplace.adapters.memory.store import MemoryStore
from marketplace.ports.storage import Alarm, Batch, Follow, Job

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TENANT = UUID(int=1)


def follow_at(at: datetime) -> Follow:
    return Follow(tenant_id=TENANT, event_id=uuid4(), name="x", subject_id=uuid4(), at=at, request_id="test")


def alarm_at(due_at: datetime) -> Alarm:
    return Alarm(
        tenant_id=TENANT, kind="booking", subject_id=uuid4(), version=1, due_at=due_at, request_id="test"
    )


async def store_with(*jobs: Job) -> MemoryStore:
    store = MemoryStore()
    await store.write(Batch(tenant_id=TENANT, jobs=jobs))
    return store


class TestDue:
    async def test_gives_jobs_when_their_time_has_come(self) -> None:
        alarm = alarm_at(NOON + HOUR)
        store = await store_with(alarm)

        assert store.due(NOON) == []
        assert store.next_due == NOON + HOUR
        assert store.due(NOON + HOUR) == [alarm]
        assert store.due(NOON + HOUR) == []

    async def test_gives_the_soonest_first_and_equals_in_the_order_they_came(self) -> None:
        late, first, second = alarm_at(NOON), follow_at(NOON - HOUR), follow_at(NOON - HOUR)
        store = await store_with(late, first, second)

        assert store.due(NOON) == [first, second, late]

    async def test_takes_a_job_back_for_later(self) -> None:
        job = follow_at(NOON)
        store = await store_with(job)
        store.due(NOON)

        store.enqueue(job, at=NOON + HOUR)
        store.enqueue(job, at=NOON + HOUR)

        assert store.due(NOON) == []
        assert store.due(NOON + HOUR) == [job]

    async def test_of_an_empty_store_is_never(self) -> None:
        assert MemoryStore().next_due is None
