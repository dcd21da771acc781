"""A provider is told what keeps its unit from being asked, and of customers nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from marketplace.core.dispatch.area import area_id, areas_around, cell_of
from marketplace.core.dispatch.chances import Obstacle, Standing, last_seen, obstacles, told
from marketplace.core.dispatch.presence import State
from marketplace.core.dispatch.scoring import Hindrance
from marketplace.core.providers.hours import OpeningHours
from marketplace.core.providers.provider import Provider, Unit, UnitState
from marketplace.core.providers.provider import State as ProviderState
from marketplace.core.shared.period import Period
from marketplace.core.shared.place import Place
from marketplace.ports.geo import Found

Open = Callable[..., Awaitable[Any]]
HERE = Place(-26.125, 28.125)


async def ready(fleet: Any, **given: Any) -> Standing:
    """A crew that could be asked, but for what is given."""
    (crew,) = fleet.crews
    unit = await fleet.world.get(Unit, crew.unit_id)
    standing = Standing(
        unit=unit,
        provider=await fleet.world.get(Provider, crew.provider_id),
        presence=fleet.presence(crew),
        seen=Found(unit_id=unit.id, place=HERE, metres=0.0, age=timedelta(seconds=5), load=0),
        held=(),
        offers=(),
        asked=frozenset(unit.skills),
    )
    return replace(standing, **given)


def found(fleet: Any, standing: Standing) -> tuple[Obstacle, ...]:
    lane = fleet.world.lane
    return obstacles(standing, policy=lane.tenant.policy.dispatch, at=lane.now)


class TestObstacles:
    async def test_are_none_where_nothing_is_in_the_way(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)

        assert found(fleet, await ready(fleet)) == ()

    async def test_are_all_told_at_once(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        whole, now = await ready(fleet), fleet.world.lane.now
        assert whole.presence is not None
        closed = (OpeningHours((now.weekday() + 3) % 7, "08:00", "09:00"),)
        off = (Period(now - timedelta(hours=1), now + timedelta(hours=1)),)

        standing = await ready(
            fleet,
            unit=replace(whole.unit, state=UnitState.RETIRED, skills=()),
            provider=replace(whole.provider, state=ProviderState.SUSPENDED, hours=closed, time_off=off),
            presence=replace(whole.presence, state=State.OFFLINE),
            seen=None,
        )

        assert found(fleet, standing) == (
            Obstacle.RETIRED,
            Obstacle.NOT_ACTIVE,
            Obstacle.NO_SKILL,
            Obstacle.OFFLINE,
            Obstacle.CLOSED,
            Obstacle.TIME_OFF,
        )

    @pytest.mark.parametrize("age", [None, timedelta(minutes=10)])
    async def test_are_that_nobody_has_seen_it_for_long(self, open_fleet: Open, age: Any) -> None:
        fleet = await open_fleet(1_000)
        seen = age and Found(unit_id=fleet.crews[0].unit_id, place=HERE, metres=0.0, age=age, load=0)

        standing = await ready(fleet, seen=seen)

        assert found(fleet, standing) == (Obstacle.NOT_SEEN,)
        assert last_seen(standing, at=fleet.world.lane.now) is not None

    async def test_are_skills_that_no_service_asks_for(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)

        assert found(fleet, await ready(fleet, asked=frozenset())) == (Obstacle.SKILL_UNASKED,)

    async def test_are_jobs_that_it_has_and_offers_that_it_has_not_answered(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, load_max=1)
        await fleet.call()
        (offer,) = fleet.offers()
        asked = found(fleet, await ready(fleet, offers=(offer,)))
        await fleet.accept(fleet.crews[0])

        full = found(fleet, await ready(fleet, held=fleet.held(fleet.crews[0]), offers=fleet.offers()))

        assert (asked, full) == ((Obstacle.ASKED_ALREADY,), (Obstacle.FULL,))


class TestReasons:
    def test_do_not_tell_that_a_customer_keeps_it_away(self) -> None:
        counts = told({Hindrance.BLOCKED: 2, Hindrance.OTHERS_FIRST: 1, Hindrance.FULL: 3})

        assert counts == {Hindrance.OTHERS_FIRST: 3, Hindrance.FULL: 3}
        assert told({Hindrance.BLOCKED: 1}) == {Hindrance.OTHERS_FIRST: 1}


class TestAreasAround:
    @pytest.mark.parametrize(
        ("place", "neighbour"),
        [
            (Place(-26.125, 28.125), Place(-26.3, 28.3)),
            (Place(10.0, 179.9), Place(10.0, -179.9)),
            (Place(10.0, -179.9), Place(10.0, 179.9)),
        ],
    )
    async def test_are_nine_and_cross_the_date_line(
        self, open_fleet: Open, place: Place, neighbour: Place
    ) -> None:
        tenant_id = (await open_fleet()).world.lane.tenant.id

        areas = areas_around(tenant_id, place)

        assert len(set(areas)) == 9
        assert {area_id(tenant_id, cell_of(one)) for one in (place, neighbour)} <= set(areas)
