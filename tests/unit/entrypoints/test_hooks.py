"""A webhook is written down once; what is told again is known, and what failed is told again for a reason."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.adapters.memory.store import MemoryStore
from marketplace.core.shared.errors import OutcomeUnknown
from marketplace.core.shared.roles import SYSTEM
from marketplace.core.tenants.policy import CancellationTerms, CancellationTier, Policy
from marketplace.core.tenants.tenant import Call, Mode, Tenant
from marketplace.entrypoints.hooks import Heard, hear
from marketplace.ports.payments import Hint
from marketplace.ports.storage import Batch

TENANT = UUID(int=7)
POLICY = Policy(
    blueprint="home-services",
    currency="ZAR",
    locale="en_ZA",
    country="ZA",
    time_zone="Africa/Johannesburg",
    cancellation=CancellationTerms((CancellationTier(0, 5_000),)),
)


class CountingStore(MemoryStore):
    """Counts writes, and loses the first answers."""

    def __init__(self, *, lost: int = 0) -> None:
        super().__init__()
        self.writes, self._lost = 0, lost

    async def write(self, batch: Batch) -> None:
        self.writes += 1
        await super().write(batch)
        if self.writes <= self._lost:
            raise OutcomeUnknown("the answer is lost")


async def call_for(tenant_id: UUID) -> Call:
    tenant = Tenant(id=tenant_id, tenant_id=tenant_id, slug="hooks", mode=Mode.TEST, policy=POLICY)
    return Call(actor=SYSTEM, tenant=tenant, at=datetime(2026, 11, 20, tzinfo=UTC), request_id="test")


def hint(event_id: str, tenant_id: UUID = TENANT) -> Hint:
    return Hint(event_id=event_id, tenant_id=tenant_id, reference=uuid4(), subject="charge")


async def told(store: Any, heard: Heard, *hints: Hint, rail: str = "sandbox") -> int:
    return await hear(hints, rail=rail, call_for=call_for, store=store, heard=heard)


class TestHear:
    async def test_asks_the_database_once_for_what_is_told_again(self) -> None:
        store, heard, one = CountingStore(), Heard(), hint("evt_1")

        new = [await told(store, heard, one) for _ in range(3)]

        assert (new, store.writes) == ([1, 0, 0], 1)

    async def test_asks_it_where_another_process_was_first(self) -> None:
        store, one = CountingStore(), hint("evt_1")

        new = [await told(store, Heard(), one) for _ in range(2)]

        assert (new, store.writes) == ([1, 0], 2)

    async def test_tells_marketplaces_and_rails_apart(self) -> None:
        store, heard = CountingStore(), Heard()

        new = await told(store, heard, hint("evt_1"), hint("evt_1", UUID(int=8)))
        new += await told(store, heard, hint("evt_1"), rail="another")

        assert new == 3

    async def test_does_not_count_on_what_it_does_not_know(self) -> None:
        store, heard, one = CountingStore(lost=1), Heard(), hint("evt_1")

        with pytest.raises(OutcomeUnknown):
            await told(store, heard, one)
        new = await told(store, heard, one)

        assert (new, store.writes) == (0, 2)

    async def test_forgets_the_oldest(self) -> None:
        store, heard = CountingStore(), Heard(most=2)

        for name in ("evt_1", "evt_2", "evt_3", "evt_3", "evt_1"):
            await told(store, heard, hint(name))

        assert store.writes == 4
