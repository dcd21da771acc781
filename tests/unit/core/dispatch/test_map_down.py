"""A round without the live map: storage says who is near, and the rest is decided as ever."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.unit.core.dispatch.conftest import HERE, SKILL, north

from marketplace.adapters.memory.deaf import DeafLiveMap
from marketplace.core.dispatch.matching import Match
from marketplace.core.dispatch.presences import GoOffline, KeepPlace
from marketplace.core.dispatch.whereabouts import KEPT_FRESH, find_stored
from marketplace.core.shared.errors import Unavailable
from marketplace.core.shared.place import Place
from marketplace.core.tenants.dispatching import Wave
from marketplace.entrypoints.tracker import STANDING_SECONDS
from marketplace.ports.geo import Search

Open = Callable[..., Awaitable[Any]]


def lose_map(fleet: Any) -> None:
    lane = fleet.world.lane
    lane.desk = replace(
        lane.desk, vendors=replace(lane.desk.vendors, live_map=DeafLiveMap(now=lambda: lane.now))
    )


async def refuse(**_: Any) -> None:
    raise Unavailable("gone by now")


async def find(fleet: Any, place: Place = HERE, **asked: Any) -> list[UUID]:
    lane = fleet.world.lane
    given = {"skill": SKILL, "reach_metres": 20_000, "fresh": timedelta(minutes=2), "limit": 10} | asked
    search = Search(tenant_id=lane.tenant.id, place=place, holder=UUID(int=1), **given)
    found = await find_stored(search, call=lane.call(), work=fleet.work())
    return [one.unit_id for one in found]


class TestACallOut:
    async def test_is_offered_to_the_nearest_and_taken(self, open_fleet: Open) -> None:
        fleet = await open_fleet(9_000, 2_000)
        lose_map(fleet)

        key = await fleet.call()
        (asked,) = fleet.asked()
        await fleet.accept(asked)

        assert asked == fleet.crews[1]
        assert fleet.job(key).state == "assigned"

    async def test_reaches_as_far_as_its_wave_and_no_further(self, open_fleet: Open) -> None:
        fleet = await open_fleet(9_000, waves=(Wave(reach_metres=8_000),))
        lose_map(fleet)

        await fleet.call()

        assert fleet.asked() == []

    async def test_is_decided_on_where_units_were_last(self, open_fleet: Open) -> None:
        fleet = await open_fleet(2_000, 3_000)
        lose_map(fleet)
        near, far = fleet.crews
        moved = KeepPlace(
            unit_id=near.unit_id, place=north(9_000), placed_at=fleet.world.lane.now + timedelta(seconds=1)
        )
        await fleet.world.forward(seconds=2)
        await fleet.do(moved, near.actor)

        await fleet.call()

        assert fleet.asked() == [far]

    async def test_is_asked_of_the_map_where_only_the_end_of_a_hold_fails(self, open_fleet: Open) -> None:
        fleet = await open_fleet(2_000, 3_000)
        key = await fleet.call(seconds=0)
        fleet.world.lane.desk.vendors.live_map.let_go = refuse

        recorded = await fleet.match(Match(area_id=fleet.job(key).area_id, round_id=UUID(int=1)))

        assert len(recorded.deliberated[0].asked.candidates) == 2


class TestStorage:
    async def test_finds_the_nearest_first_however_far_the_next_are(self, open_fleet: Open) -> None:
        fleet = await open_fleet(15_000, 300, 8_000)
        middle, near, far = fleet.crews[1], fleet.crews[2], fleet.crews[0]

        assert await find(fleet) == [middle.unit_id, near.unit_id, far.unit_id]
        assert await find(fleet, limit=1) == [middle.unit_id]
        assert await find(fleet, reach_metres=10_000) == [middle.unit_id, near.unit_id]

    async def test_finds_nobody_offline_without_the_skill_or_silent_for_long(self, open_fleet: Open) -> None:
        fleet = await open_fleet(300, 400)
        await fleet.join(metres=500, skills=("tyres",))
        here, gone, _ = fleet.crews
        await fleet.do(GoOffline(unit_id=gone.unit_id), gone.actor)

        before = await find(fleet)
        await fleet.world.forward(seconds=KEPT_FRESH.total_seconds() + 1)

        assert before == [here.unit_id]
        assert await find(fleet) == []
        assert await find(fleet, fresh=timedelta(minutes=50)) == [here.unit_id]

    async def test_finds_nobody_who_is_full(self, open_fleet: Open) -> None:
        fleet = await open_fleet(300, 5_000, load_max=1)
        near, far = fleet.crews
        await fleet.call()
        await fleet.accept(near)

        assert await find(fleet, limit=1) == [far.unit_id]

    def test_believes_a_unit_that_stands_as_long_as_one_is_written_down(self) -> None:
        assert timedelta(seconds=STANDING_SECONDS + 60) <= KEPT_FRESH
