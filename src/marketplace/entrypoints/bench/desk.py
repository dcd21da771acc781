"""What dispatch decides, and what operators answer, is measured on a database of its own."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from marketplace.adapters.embedded.postgres import DURABLE
from marketplace.adapters.memory.livemap import MemoryLiveMap
from marketplace.adapters.memory.roads import GreatCircleRouter
from marketplace.adapters.postgres.engine import create_engine, create_owner_engine
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.adapters.redis.livemap import RedisLiveMap
from marketplace.core.dispatch.redrawing import redraw
from marketplace.entrypoints import scratch
from marketplace.entrypoints.bench.acceptance import RACERS, Lane, Races, measure_races
from marketplace.entrypoints.bench.decisions import Decisions, measure_decisions
from marketplace.entrypoints.bench.fleet import Fleet, Member, join
from marketplace.entrypoints.geography import assigner_of, close
from marketplace.ports.geo import LiveMap
from marketplace.ports.storage import Batch, Store
from marketplace.ports.vendors import Vendors

CONNECTIONS = 16
_BATCH = 5_000
Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A fleet on the road, and beside it, on no map, those who race for jobs; `owner` sees all rows."""

    fleet: Fleet
    store: Store
    owner: AsyncConnection
    members: list[Member]
    lane: Lane


async def measure_desk(
    *,
    units: int,
    seconds: float,
    seed: int,
    database_url: str | None = None,
    redis_url: str | None = None,
    races: int | None = None,
    told: Told = lambda _: None,
) -> dict[str, object]:
    """On the given server, or on an embedded one for the while; `races` instead of as many as time allows."""
    with scratch.server(database_url, settings=DURABLE) as server:
        told(f"writing {units:,} units")
        async with opened(server, units=units, seed=seed) as field:
            redraw_s = await _redraw(field, redis_url, told)
            decisions = await _decisions(field, redis_url, seconds, told)
            told("races for a job, and for a unit")
            raced = await measure_races(field.lane, seconds=seconds, races=races)
    return {"redraw_s": redraw_s} | _report(decisions, raced)


def _report(decisions: list[Decisions], raced: Races) -> dict[str, object]:
    """The two figures of decisions are those with the map in memory, as it is without a Redis."""
    return {
        "decisions": [asdict(one) for one in decisions],
        "decisions_per_s": decisions[0].per_s,
        "decision_p99_ms": decisions[0].p99_ms,
        "accept_races_per_s": raced.per_s,
        "accept_races": raced.races,
        "double_assignments": raced.double_assignments,
    }


@contextlib.asynccontextmanager
async def opened(server_url: str, *, units: int, seed: int) -> AsyncIterator[Field]:
    async with scratch.database(server_url, purpose="bench") as url:
        # Thousands of rows in a statement take longer than a command may.
        engine = create_engine(url, pool_size=CONNECTIONS, wait_seconds=30, statement_seconds=60)
        owner_engine = create_owner_engine(url)
        try:
            async with owner_engine.connect() as owner:
                yield await _filled(PostgresStore(engine), owner, units, seed)
        finally:
            await engine.dispose()
            await owner_engine.dispose()


async def _filled(store: Store, owner: AsyncConnection, units: int, seed: int) -> Field:
    fleet = Fleet(units=units, seed=seed)
    await store.write(Batch(tenant_id=fleet.tenant.id, added=(fleet.tenant,)))
    members = await join(store, fleet.members(units, named="operator"))
    racers = await join(store, fleet.members(RACERS, named="racer"))
    await owner.exec_driver_sql("VACUUM ANALYZE")
    return Field(
        fleet=fleet,
        store=store,
        owner=owner,
        members=members,
        lane=Lane(fleet=fleet, store=store, owner=owner, racers=racers),
    )


async def _redraw(field: Field, redis_url: str | None, told: Told) -> float:
    """Seconds in which a map that has lost everything shows it again: that on Redis where there is one."""
    *_, (name, live_map) = _maps(redis_url).items()
    vendors = Vendors(
        rails={}, channels={}, live_map=live_map, router=GreatCircleRouter(), assigner=assigner_of()
    )
    began = time.perf_counter()
    try:
        shown = await redraw(call=field.fleet.call(), store=field.store, vendors=vendors)
    finally:
        await close(live_map)
    seconds = round(time.perf_counter() - began, 2)
    told(f"{name}: {shown:,} units drawn in {seconds} s")
    return seconds


async def _decisions(field: Field, redis_url: str | None, seconds: float, told: Told) -> list[Decisions]:
    figures = []
    for name, live_map in _maps(redis_url).items():
        told(f"decisions, the live map in {name}")
        try:
            await _show(field.members, live_map)
            one = await measure_decisions(
                field.fleet,
                store=field.store,
                owner=field.owner,
                live_map=live_map,
                named=name,
                seconds=seconds,
            )
        finally:
            await close(live_map)
        told(f"{name}: {one.per_s:,.0f}/s, one at a time p99 {one.p99_ms} ms")
        figures.append(one)
    return figures


def _maps(redis_url: str | None) -> dict[str, LiveMap]:
    maps: dict[str, LiveMap] = {"memory": MemoryLiveMap(now=lambda: datetime.now(UTC))}
    if redis_url is not None:
        # What is left in Redis expires within the hour.
        maps["redis"] = RedisLiveMap(url=redis_url, prefix=f"bench-{uuid4().hex}", timeout_seconds=5)
    return maps


async def _show(members: list[Member], live_map: LiveMap) -> None:
    for start in range(0, len(members), _BATCH):
        await live_map.report([one.sighting() for one in members[start : start + _BATCH]])
