import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.memory.store import MemoryStore
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.core.catalogue.service import State as ServiceState
from marketplace.core.providers.provider import State as ProviderState
from marketplace.entrypoints.blueprints import load, names
from marketplace.entrypoints.seed import seed

NOW = datetime(2026, 11, 20, 9, 7, tzinfo=UTC)


@pytest.mark.parametrize("name", names())
class TestSeedOnPostgres:
    async def test_makes_what_it_makes_in_memory_and_once(self, engine: AsyncEngine, name: str) -> None:
        store, blueprint = PostgresStore(engine), load(name)

        first = await seed(store=store, blueprint=blueprint, slug=name, now=NOW, entropy=bytes(32))
        second = await seed(
            store=store, blueprint=blueprint, slug=name, now=NOW + timedelta(days=1), entropy=bytes(32)
        )

        assert first == second
        assert first == await seed(
            store=MemoryStore(), blueprint=blueprint, slug=name, now=NOW, entropy=bytes(32)
        )

    async def test_lets_two_processes_seed_at_once(self, engine: AsyncEngine, name: str) -> None:
        store, blueprint, slug = PostgresStore(engine), load(name), f"{name}-twice"

        seeding = (
            seed(store=store, blueprint=blueprint, slug=slug, now=NOW, entropy=bytes(32)) for _ in range(3)
        )
        shops = await asyncio.gather(*seeding)

        last = await seed(store=store, blueprint=blueprint, slug=slug, now=NOW, entropy=bytes(32))
        assert all(shop.people == last.people for shop in shops)
        assert {provider.state for provider in last.providers} == {ProviderState.ACTIVE}
        assert {service.state for service in last.services} == {ServiceState.PUBLISHED}
