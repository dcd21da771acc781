from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from marketplace.adapters.memory.store import MemoryStore
from marketplace.core.shared.roles import SYSTEM
from marketplace.core.tenants.tenant import Mode, Tenant
from marketplace.entrypoints.blueprints import load
from marketplace.entrypoints.directory import Directory
from marketplace.ports.storage import Batch, Question

AHEAD = timedelta(days=3)


class Meddled(MemoryStore):
    """The clock is moved on, and the directory told, while the first reader is on its way back."""

    def __init__(self, tenant: Tenant) -> None:
        super().__init__()
        self.tenant, self.directory, self.reads = tenant, Directory(self), 0

    async def read(self, tenant_id: UUID, questions: Sequence[Question[Any]]) -> list[tuple[Any, ...]]:
        found = await super().read(tenant_id, questions)
        self.reads += 1
        if self.reads == 1:
            await move_clock(self, self.tenant)
            self.directory.forget(tenant_id)
        return found


async def move_clock(store: MemoryStore, tenant: Tenant) -> None:
    moved = replace(tenant, version=2, clock_ahead_seconds=int(AHEAD.total_seconds()))
    await store.write(Batch(tenant_id=tenant.id, saved=(moved,)))


async def opened(store: MemoryStore, tenant: Tenant) -> None:
    await store.write(Batch(tenant_id=tenant.id, added=(tenant,)))


def a_tenant() -> Tenant:
    key = uuid4()
    policy = load("curbside").policy
    return Tenant(id=key, tenant_id=key, version=1, slug="shop", mode=Mode.TEST, policy=policy)


class Ahead:
    """Ten minutes, once it has been looked at."""

    by = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by

    async def keep(self) -> None:
        self.by = timedelta(minutes=10)


class TestADirectory:
    async def test_goes_by_the_clock_that_all_processes_have(self) -> None:
        tenant, store = a_tenant(), MemoryStore()
        directory = Directory(store, Ahead())
        await opened(store, tenant)

        call = await directory.call(tenant.id, SYSTEM, "test")

        assert call.at - datetime.now(UTC) > timedelta(minutes=9)
        assert directory.now(tenant.id) >= call.at

    async def test_keeps_nothing_that_was_read_before_a_change(self) -> None:
        tenant = a_tenant()
        store = Meddled(tenant)
        await opened(store, tenant)

        await store.directory.tenant(tenant.id)

        assert (await store.directory.tenant(tenant.id)).clock_ahead_seconds == AHEAD.total_seconds()

    async def test_lets_no_clock_go_back_while_it_reads_again(self) -> None:
        tenant, store = replace(a_tenant(), clock_ahead_seconds=int(AHEAD.total_seconds())), MemoryStore()
        directory = Directory(store)
        await opened(store, tenant)
        await directory.tenant(tenant.id)

        directory.forget(tenant.id)

        assert directory.now(tenant.id) > datetime.now(UTC) + AHEAD / 2

    async def test_reads_again_after_a_change(self) -> None:
        tenant, store = a_tenant(), MemoryStore()
        directory = Directory(store)
        await opened(store, tenant)
        await directory.tenant(tenant.id)
        await move_clock(store, tenant)

        before = (await directory.tenant(tenant.id)).clock_ahead_seconds
        directory.forget(tenant.id)

        assert before == 0
        assert (await directory.tenant(tenant.id)).clock_ahead_seconds == AHEAD.total_seconds()
