"""A matching decision from end to end: who is near, what is known of them, who is asked, and why, written."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from marketplace.adapters.memory.roads import GreatCircleRouter
from marketplace.core.dispatch.area import Area
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.marketplace import Desk
from marketplace.core.shared.errors import Unavailable
from marketplace.core.shared.ids import derive
from marketplace.entrypoints.bench.fleet import Fleet, withdraw_all
from marketplace.entrypoints.bench.load import Outcome
from marketplace.entrypoints.geography import assigner_of
from marketplace.ports.geo import LiveMap
from marketplace.ports.storage import Batch, Follow, Question, Store
from marketplace.ports.vendors import Vendors

CLIENTS = 8
# So many areas wait at a time; what is written for them is not counted.
AREAS_MAX = 200
_WINDOW, _PATIENCE = timedelta(minutes=90), timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """
    Of one job each; `p50_ms` and `p99_ms` one at a time, `per_s` by several at once.

    `asked_mean` is how many units were asked, `round_trips` how often the database was.
    """

    live_map: str
    units: int
    per_s: float
    p50_ms: float
    p99_ms: float
    asked_mean: float
    round_trips: float


@dataclass
class _Counted:
    """A store that counts its round trips."""

    store: Store
    round_trips: int = 0

    async def read(self, tenant_id: UUID, questions: Sequence[Question[Any]]) -> list[tuple[Any, ...]]:
        self.round_trips += 1
        return await self.store.read(tenant_id, questions)

    async def write(self, batch: Batch) -> None:
        self.round_trips += 1
        await self.store.write(batch)


async def measure_decisions(
    fleet: Fleet, *, store: Store, owner: AsyncConnection, live_map: LiveMap, named: str, seconds: float
) -> Decisions:
    """Raises Unavailable where nobody is ever asked: then nothing was measured."""
    bench = _Bench(fleet, store, owner, live_map)
    await bench.decide(clients=CLIENTS, seconds=seconds / 2)
    # As after its first minutes: before, PostgreSQL plans for empty tables.
    await owner.exec_driver_sql("ANALYZE")
    await bench.decide(clients=CLIENTS, seconds=seconds / 2)
    bench.counted.round_trips = bench.asked = 0
    single = await bench.decide(clients=1, seconds=seconds)
    asked, round_trips = bench.asked, bench.counted.round_trips
    several = await bench.decide(clients=CLIENTS, seconds=seconds)
    if not asked:
        raise Unavailable("nobody was asked in any decision")
    return Decisions(
        live_map=named,
        units=fleet.units,
        per_s=round(several.per_s, 1),
        p50_ms=round(single.percentile_ms(0.5), 3),
        p99_ms=round(single.percentile_ms(0.99), 3),
        asked_mean=round(asked / len(single.latencies), 2),
        round_trips=round(round_trips / len(single.latencies), 2),
    )


class _Bench:
    """The worker's way, but for the queue: what follows the tick of an area."""

    def __init__(self, fleet: Fleet, store: Store, owner: AsyncConnection, live_map: LiveMap) -> None:
        self._fleet, self._store, self._owner, self._live_map = fleet, store, owner, live_map
        self.counted, self.asked = _Counted(store), 0
        vendors = Vendors(
            rails={}, channels={}, live_map=live_map, router=GreatCircleRouter(), assigner=assigner_of()
        )
        self._desk = Desk(self.counted, vendors)

    async def decide(self, *, clients: int, seconds: float) -> Outcome:
        """In rounds: between them offers are taken back and other jobs wait, which is not counted."""
        outcome = Outcome()
        while outcome.seconds < seconds:
            waiting = iter(await self._waiting())
            began = time.perf_counter()
            await asyncio.gather(*(self._work(waiting, outcome) for _ in range(clients)))
            outcome.seconds += time.perf_counter() - began
            await self._take_back()
        return outcome

    async def _take_back(self) -> None:
        tenant_id = self._fleet.tenant.id
        for area_id, unit_id in await withdraw_all(self._owner, tenant_id):
            self.asked += 1
            await self._live_map.let_go(tenant_id=tenant_id, holder=area_id, units=(unit_id,))

    async def _work(self, waiting: Iterator[Area], outcome: Outcome) -> None:
        for area in waiting:
            began = time.perf_counter()
            call = self._fleet.call()
            ticked = Follow(
                tenant_id=area.tenant_id,
                event_id=uuid4(),
                name="area.ticked",
                subject_id=area.id,
                at=call.at,
                request_id=call.request_id,
            )
            await self._desk.follow(ticked, call)
            outcome.latencies.append(time.perf_counter() - began)

    async def _waiting(self) -> list[Area]:
        """Areas with one job each, no more at a time than a small country has units to hold."""
        run, now = uuid4(), datetime.now(UTC)
        areas = max(CLIENTS, min(AREAS_MAX, self._fleet.units // 10))
        pairs = [self._pair(run, number, now) for number in range(areas)]
        rows = tuple(row for pair in pairs for row in pair)
        await self._store.write(Batch(tenant_id=self._fleet.tenant.id, added=rows))
        return [area for area, _ in pairs]

    def _pair(self, run: UUID, number: int, now: datetime) -> tuple[Area, DispatchJob]:
        area = Area(
            id=derive(run, "area", number), tenant_id=self._fleet.tenant.id, version=1, cell=f"{run}/{number}"
        )
        job = DispatchJob(
            id=derive(run, "job", number),
            tenant_id=area.tenant_id,
            version=1,
            booking_id=derive(run, "booking", number),
            customer_id=derive(run, "customer", number),
            area_id=area.id,
            place=self._fleet.place(),
            skill=self._fleet.skill(),
            duration_minutes=30,
            window_start=now,
            window_end=now + _WINDOW,
            queued_at=now,
            give_up_at=now + _PATIENCE,
        )
        return area, job
