"""The live maps that keep the contract: in memory, on one Redis, on a cluster of three."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.adapters.memory.livemap import MemoryLiveMap
from marketplace.adapters.redis.livemap import RedisLiveMap
from marketplace.core.shared.place import Place
from marketplace.ports.geo import Found, LiveMap, Position, Search, Sighting

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
CAPE_TOWN = Place(-33.92, 18.42)
KINDS = ["memory", "redis", "cluster"]


@dataclass
class Time:
    """How much of it has passed, beyond what passes by itself."""

    passed: timedelta = timedelta()

    def forward(self, **span: float) -> None:
        self.passed += timedelta(**span)

    def now(self) -> datetime:
        return START + self.passed

    def ahead(self) -> timedelta:
        return self.passed


@dataclass(kw_only=True)
class Stage:
    """A map, another process's way to it, and shorthands for a tenant of its own."""

    map: LiveMap
    other: LiveMap
    time: Time
    tenant_id: UUID = field(default_factory=uuid4)

    def sighting(self, place: Place = CAPE_TOWN, **facts: Any) -> Sighting:
        given = {"tenant_id": self.tenant_id, "unit_id": uuid4(), "place": place, "skills": ("wash",)}
        return Sighting(**(given | facts))

    def position(self, place: Place, *, unit_id: UUID, **facts: Any) -> Position:
        return Position(**({"tenant_id": self.tenant_id, "unit_id": unit_id, "place": place} | facts))

    def search(self, place: Place = CAPE_TOWN, **facts: Any) -> Search:
        given = {
            "tenant_id": self.tenant_id,
            "place": place,
            "skill": "wash",
            "reach_metres": 10_000,
            "fresh": timedelta(minutes=2),
            "limit": 20,
            "holder": uuid4(),
        }
        return Search(**(given | facts))

    async def report(self, *places: Place, **facts: Any) -> list[UUID]:
        sightings = [self.sighting(place, **facts) for place in places]
        assert await self.map.report(sightings) == len({one.unit_id for one in sightings})
        return [one.unit_id for one in sightings]

    async def near(self, place: Place = CAPE_TOWN, **facts: Any) -> list[UUID]:
        return [found.unit_id for found in await self.map.near(self.search(place, **facts))]

    async def where(self, unit_id: UUID) -> Found | None:
        return await self.map.where(tenant_id=self.tenant_id, unit_id=unit_id)


@asynccontextmanager
async def staged(kind: str, ask: Callable[[str], Any]) -> AsyncIterator[Stage]:
    """`ask` is for fixtures: the servers of the Redis kinds."""
    time = Time()
    if kind == "memory":
        memory = MemoryLiveMap(now=time.now)
        yield Stage(map=memory, other=memory, time=time)
        return
    url = ask("redis_url")
    if kind == "cluster":
        url = f"redis+cluster://127.0.0.1:{ask('redis_cluster')[0].port}"
    # Patient, because a machine that is busy with other tests is no failure of the map.
    prefix = f"test-{uuid4().hex}"
    ways = [RedisLiveMap(url=url, prefix=prefix, timeout_seconds=5, ahead=time.ahead) for _ in range(2)]
    yield Stage(map=ways[0], other=ways[1], time=time)
    for way in ways:
        await way.close()


@pytest.fixture(params=KINDS)
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with staged(request.param, request.getfixturevalue) as opened:
        yield opened
