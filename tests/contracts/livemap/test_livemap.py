"""What every live map promises."""

import asyncio
import random
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.place import METRES_PER_DEGREE, Place, distance_metres
from marketplace.ports.geo import Room

HERE = Place(-33.92, 18.42)
STREET, SUBURB, TOWN = Place(-33.921, 18.421), Place(-33.95, 18.46), Place(-33.93, 19.2)
MINUTE = timedelta(minutes=1)


def east(metres: float, *, of: Place = HERE) -> Place:
    """Near enough, for short ways."""
    return Place(of.latitude, of.longitude + metres / 92_300)


class TestNear:
    async def test_finds_the_nearest_first(self, stage: Any) -> None:
        far, near, middle = await stage.report(SUBURB, STREET, east(900))

        found = await stage.map.near(stage.search())

        assert [one.unit_id for one in found] == [near, middle, far]
        assert [one.place for one in found] == [STREET, east(900), SUBURB]
        assert [one.metres for one in found] == pytest.approx(
            [distance_metres(HERE, place) for place in (STREET, east(900), SUBURB)], abs=0.01
        )

    async def test_finds_no_more_than_asked_for(self, stage: Any) -> None:
        units = await stage.report(*(east(metres) for metres in range(50, 3_000, 50)))

        assert await stage.near(limit=7) == units[:7]

    async def test_finds_nobody_out_of_reach(self, stage: Any) -> None:
        inside, _ = await stage.report(east(1_990), east(2_010))

        assert await stage.near(reach_metres=2_000) == [inside]

    async def test_finds_the_skill_that_is_asked_for(self, stage: Any) -> None:
        (both,) = await stage.report(HERE, skills=("wash", "wax"))
        (other,) = await stage.report(STREET, skills=("wax",))
        await stage.report(HERE, skills=())

        assert await stage.near(skill="wash") == [both]
        assert await stage.near(skill="wax") == [both, other]
        assert await stage.near(skill="tow") == []

    async def test_finds_the_room_that_is_asked_for(self, stage: Any) -> None:
        (idle,) = await stage.report(HERE, load=0, load_max=2)
        (busy,) = await stage.report(HERE, load=1, load_max=2)
        (full,) = await stage.report(HERE, load=2, load_max=2)

        now, after = [await stage.map.near(stage.search(room=room)) for room in (Room.NOW, Room.NEXT)]

        assert [(one.unit_id, one.load) for one in now] == [(idle, 0)]
        assert [(one.unit_id, one.load) for one in after] == [(busy, 1)]
        assert (await stage.where(full)).load == 2

    async def test_finds_only_who_was_seen_lately(self, stage: Any) -> None:
        (old,) = await stage.report(HERE, age=3 * MINUTE)
        (new,) = await stage.report(STREET, age=MINUTE)

        assert await stage.near(fresh=2 * MINUTE) == [new]
        assert await stage.near(fresh=4 * MINUTE) == [old, new]

    async def test_loses_sight_of_who_is_silent(self, stage: Any) -> None:
        (unit,) = await stage.report(HERE)
        assert await stage.near() == [unit]

        stage.time.forward(minutes=3)

        assert await stage.near() == []

    async def test_says_how_old_its_knowledge_is(self, stage: Any) -> None:
        await stage.report(HERE, age=timedelta(seconds=30))
        stage.time.forward(seconds=60)

        (found,) = await stage.map.near(stage.search())

        assert timedelta(seconds=90) <= found.age < timedelta(seconds=100)

    async def test_keeps_tenants_apart(self, stage: Any) -> None:
        await stage.report(HERE)
        (mine,) = await stage.report(HERE, tenant_id=(other := uuid4()))

        assert await stage.near(tenant_id=other) == [mine]

    async def test_finds_on_all_sides(self, stage: Any) -> None:
        corner = Place(-34.0, 19.0)
        around = [Place(-34 + up, 19 + right) for up in (-0.004, 0.003) for right in (-0.002, 0.001)]
        units = await stage.report(*around)
        nearest = sorted(zip(around, units, strict=True), key=lambda pair: distance_metres(corner, pair[0]))

        for limit in (1, 2, 3, 4):
            assert await stage.near(corner, limit=limit) == [unit for _, unit in nearest[:limit]]

    @pytest.mark.parametrize(
        ("here", "there"),
        [
            (Place(-16.8, 179.99), Place(-16.8, -179.99)),
            (Place(-16.8, -180.0), Place(-16.8, 180.0)),
            (Place(78.22, 15.64), Place(78.22, 15.68)),
            (Place(0.001, -0.001), Place(-0.001, 0.001)),
        ],
        ids=["over the date line", "on the date line", "far north", "where all begins"],
    )
    async def test_finds_wherever_it_is(self, stage: Any, here: Place, there: Place) -> None:
        (unit,) = await stage.report(there)

        (found,) = await stage.map.near(stage.search(here))

        assert found.unit_id == unit
        assert found.metres == pytest.approx(distance_metres(here, there), abs=0.01)

    async def test_reaches_as_far_as_it_is_asked_to(self, stage: Any) -> None:
        equator, reach = Place(0.0, 10.0), 500_000.0
        degrees = reach / METRES_PER_DEGREE
        inside, _ = await stage.report(Place(0.0, 10 + degrees - 3e-5), Place(0.0, 10 + degrees + 3e-5))

        assert await stage.near(equator, reach_metres=reach) == [inside]

    @pytest.mark.parametrize("reach", [400_000, 4_000_000, 14_000_000])
    async def test_finds_as_a_scan_of_the_globe_would(self, stage: Any, reach: int) -> None:
        chance = random.Random(1)
        places = [Place(chance.uniform(-80, 80), chance.uniform(-180, 180)) for _ in range(400)]
        await stage.report(*places)

        for start in places[:20]:
            found = await stage.map.near(stage.search(start, reach_metres=reach, limit=400))
            metres = sorted(distance_metres(start, place) for place in places)
            assert [one.metres for one in found] == pytest.approx([far for far in metres if far < reach])

    async def test_finds_somebody_far_away(self, stage: Any) -> None:
        (unit,) = await stage.report(Place(-32.9, 20.1))

        assert await stage.near(reach_metres=200_000) == [unit]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("limit", 0),
            ("limit", 1_001),
            ("reach_metres", 0.0),
            ("reach_metres", float("nan")),
            ("reach_metres", float("inf")),
            ("fresh", timedelta(hours=2)),
            ("fresh", -MINUTE),
            ("hold", -MINUTE),
        ],
    )
    async def test_refuses_what_cannot_be_meant(self, stage: Any, field: str, value: object) -> None:
        with pytest.raises(Invalid, match=field):
            stage.search(**{field: value})


class TestHold:
    async def test_keeps_others_from_finding_a_unit(self, stage: Any) -> None:
        first, second = await stage.report(HERE, STREET)

        assert await stage.near(limit=1, hold=MINUTE) == [first]
        assert [one.unit_id for one in await stage.other.near(stage.search(limit=1))] == [second]

    async def test_does_not_keep_its_holder_from_it(self, stage: Any) -> None:
        (unit,) = await stage.report(HERE)
        holder = uuid4()
        await stage.near(holder=holder, hold=MINUTE)

        assert await stage.near(holder=holder) == [unit]

    async def test_is_not_made_by_a_look(self, stage: Any) -> None:
        (unit,) = await stage.report(HERE)
        await stage.near()

        assert await stage.near() == [unit]

    async def test_ends(self, stage: Any) -> None:
        (unit,) = await stage.report(HERE)
        await stage.near(hold=MINUTE)
        assert await stage.near() == []

        stage.time.forward(seconds=61)

        assert await stage.near() == [unit]

    async def test_is_made_anew_by_its_holder(self, stage: Any) -> None:
        await stage.report(HERE)
        holder = uuid4()
        await stage.near(holder=holder, hold=MINUTE)
        stage.time.forward(seconds=40)

        await stage.near(holder=holder, hold=MINUTE)
        stage.time.forward(seconds=40)

        assert await stage.near() == []

    async def test_outlives_reports(self, stage: Any) -> None:
        (unit,) = await stage.report(HERE)
        await stage.near(hold=MINUTE)

        await stage.report(STREET, unit_id=unit)

        assert await stage.near() == []

    async def test_outlives_a_long_way(self, stage: Any) -> None:
        (unit,) = await stage.report(HERE)
        holder = uuid4()
        await stage.near(holder=holder, hold=MINUTE)

        await stage.report(TOWN, unit_id=unit)

        assert await stage.near(TOWN) == []
        assert await stage.near(TOWN, holder=holder) == [unit]
        stage.time.forward(seconds=61)
        assert await stage.near(TOWN) == [unit]

    async def test_is_let_go_by_its_holder_alone(self, stage: Any) -> None:
        (unit,) = await stage.report(HERE)
        holder = uuid4()
        await stage.near(holder=holder, hold=MINUTE)

        await stage.map.let_go(tenant_id=stage.tenant_id, holder=uuid4(), units=[unit])
        assert await stage.near() == []
        await stage.map.let_go(tenant_id=stage.tenant_id, holder=holder, units=[unit, uuid4()])

        assert await stage.near() == [unit]

    async def test_is_of_those_only_who_were_found(self, stage: Any) -> None:
        corner = Place(-34.0, 19.0)
        places = [Place(-34 + up, 19 + right) for up in (-0.004, 0.003) for right in (-0.002, 0.001)]
        units = await stage.report(*places)

        kept = await stage.near(corner, limit=2, hold=MINUTE)

        assert set(await stage.near(corner)) == set(units) - set(kept)

    async def test_of_before_stays_as_it_was_where_nearer_ones_are_found(self, stage: Any) -> None:
        corner, holder = Place(-34.0, 19.0), uuid4()
        (further,) = await stage.report(Place(-34.01, 19.01))
        await stage.near(corner, holder=holder, hold=2 * MINUTE, limit=1)
        (nearer,) = await stage.report(Place(-33.999, 18.999))

        assert await stage.near(corner, holder=holder, hold=4 * MINUTE, limit=1) == [nearer]

        assert await stage.near(corner) == []
        stage.time.forward(minutes=3)
        assert await stage.near(corner, fresh=10 * MINUTE) == [further]

    @pytest.mark.parametrize("units", [1, 37, 200, 230])
    async def test_has_one_holder_of_200_who_search_at_once(self, stage: Any, units: int) -> None:
        corner = Place(-34.0, 19.0)
        reported = await stage.report(*(east(-1_000 + 9 * number, of=corner) for number in range(units)))
        searches = [stage.search(corner, limit=1, hold=MINUTE) for _ in range(200)]

        answers = await asyncio.gather(
            *((stage.map, stage.other)[number % 2].near(one) for number, one in enumerate(searches))
        )

        held = [found.unit_id for answer in answers for found in answer]
        assert len(held) == len(set(held)) == min(units, 200)
        rest = await stage.near(corner, limit=300)
        assert set(held) | set(rest) == set(reported)
        assert not set(held) & set(rest)


class TestReport:
    async def test_moves_a_unit(self, stage: Any) -> None:
        (unit,) = await stage.report(HERE)

        await stage.report(east(3_000), unit_id=unit)

        (found,) = await stage.map.near(stage.search())
        assert (found.unit_id, found.place) == (unit, east(3_000))
        assert (await stage.where(unit)).place == east(3_000)

    async def test_moves_a_unit_to_another_town(self, stage: Any) -> None:
        (unit,) = await stage.report(HERE)

        await stage.report(TOWN, unit_id=unit)

        assert await stage.near(HERE) == []
        assert await stage.near(TOWN) == [unit]
        assert (await stage.where(unit)).place == TOWN

    async def test_changes_skills(self, stage: Any) -> None:
        (unit,) = await stage.report(HERE, skills=("wash", "wax"))

        await stage.report(HERE, unit_id=unit, skills=("wax", "tow"))

        assert await stage.near(skill="wash") == []
        assert await stage.near(skill="wax") == [unit]
        assert await stage.near(skill="tow") == [unit]

    async def test_takes_and_makes_room(self, stage: Any) -> None:
        (unit,) = await stage.report(HERE)
        await stage.report(HERE, unit_id=unit, load=1)
        assert await stage.near() == []

        await stage.report(HERE, unit_id=unit, load=0)

        assert await stage.near() == [unit]

    @pytest.mark.parametrize("late", [STREET, TOWN])
    async def test_changes_nothing_by_what_is_older(self, stage: Any, late: Place) -> None:
        (unit,) = await stage.report(HERE, age=MINUTE)

        news = await stage.map.report([stage.sighting(late, unit_id=unit, age=2 * MINUTE)])

        assert news == 0
        assert (await stage.where(unit)).place == HERE
        assert await stage.near(late, reach_metres=50, fresh=5 * MINUTE) == []

    @pytest.mark.parametrize("late", [STREET, TOWN])
    async def test_learns_of_skills_and_load_even_with_an_older_place(self, stage: Any, late: Place) -> None:
        (unit,) = await stage.report(HERE, skills=("wash",), load=1, load_max=2)

        await stage.report(late, unit_id=unit, age=MINUTE, skills=("wax",), load=0, load_max=1)

        assert await stage.near(skill="wash") == []
        (found,) = await stage.map.near(stage.search(skill="wax"))
        assert (found.unit_id, found.place, found.load) == (unit, HERE, 0)
        assert found.age < timedelta(seconds=30)
        await stage.report(late, unit_id=unit, age=MINUTE, skills=("wax",), load=1, load_max=1)
        assert await stage.near(skill="wax") == []

    async def test_takes_the_youngest_place_and_the_last_load_of_a_batch(self, stage: Any) -> None:
        unit, ages = uuid4(), (3, 1, 2)
        batch = [stage.sighting(east(age), unit_id=unit, age=age * MINUTE, load=-age) for age in ages]

        assert await stage.map.report(batch) == 1

        found = await stage.where(unit)
        assert (found.place, found.load) == (east(1), -2)

    async def test_is_no_news_of_what_would_be_forgotten(self, stage: Any) -> None:
        old = stage.sighting(age=timedelta(minutes=61))

        assert await stage.map.report([old]) == 0
        assert await stage.where(old.unit_id) is None

    async def test_takes_thousands_at_once(self, stage: Any) -> None:
        places = [east(number) for number in range(2_500)]
        units = await stage.report(*places)

        assert await stage.near(east(1_000), limit=1) == [units[1_000]]
        assert await stage.map.report([]) == 0

    async def test_of_many_at_once_leaves_each_unit_once(self, stage: Any) -> None:
        units = await stage.report(*(east(metres) for metres in range(0, 1_000, 100)))

        for place in (TOWN, SUBURB, HERE):
            await asyncio.gather(
                *(stage.map.report([stage.sighting(place, unit_id=unit_id)]) for unit_id in units)
            )

        assert await stage.near(TOWN) == []
        assert sorted(await stage.near(HERE)) == sorted(units)

    async def test_refuses_a_sighting_from_the_future(self, stage: Any) -> None:
        with pytest.raises(Invalid, match="age"):
            stage.sighting(age=-MINUTE)


class TestFollow:
    @pytest.mark.parametrize("there", [STREET, TOWN])
    async def test_moves_a_unit_and_leaves_the_rest(self, stage: Any, there: Place) -> None:
        (unit,) = await stage.report(HERE, skills=("wash", "wax"), load=1, load_max=3)
        holder = uuid4()
        await stage.near(room=Room.NEXT, holder=holder, hold=MINUTE)

        assert await stage.map.follow([stage.position(there, unit_id=unit)]) == ()

        assert await stage.near(there, room=Room.NEXT) == []
        for skill in ("wash", "wax"):
            search = stage.search(there, skill=skill, room=Room.NEXT, holder=holder)
            (found,) = await stage.map.near(search)
            assert (found.unit_id, found.place, found.load) == (unit, there, 1)
        assert await stage.near(HERE, room=Room.NEXT, reach_metres=50, holder=holder) == []

    @pytest.mark.parametrize("there", [STREET, TOWN])
    async def test_hides_whoever_has_no_room_wherever_it_goes(self, stage: Any, there: Place) -> None:
        (unit,) = await stage.report(HERE, load=1)

        await stage.map.follow([stage.position(there, unit_id=unit)])
        assert await stage.near(there) == []
        await stage.report(there, unit_id=unit, load=0)

        assert await stage.near(there) == [unit]

    async def test_tells_whom_it_does_not_know(self, stage: Any) -> None:
        (known,) = await stage.report(HERE)
        strangers = [uuid4(), uuid4()]
        positions = [stage.position(STREET, unit_id=unit_id) for unit_id in [strangers[0], known, *strangers]]

        assert set(await stage.map.follow(positions)) == set(strangers)

        assert await stage.where(strangers[0]) is None
        assert await stage.near() == [known]

    @pytest.mark.parametrize("seen", [STREET, TOWN])
    async def test_knows_a_stranger_once_it_is_introduced(self, stage: Any, seen: Place) -> None:
        unit = uuid4()
        await stage.map.follow([stage.position(seen, unit_id=unit)])

        await stage.report(HERE, unit_id=unit, age=MINUTE)

        assert await stage.map.follow([stage.position(STREET, unit_id=unit)]) == ()
        assert (await stage.where(unit)).place == STREET

    @pytest.mark.parametrize("late", [STREET, TOWN])
    async def test_changes_nothing_by_what_is_older(self, stage: Any, late: Place) -> None:
        (unit,) = await stage.report(HERE, age=MINUTE)

        assert await stage.map.follow([stage.position(late, unit_id=unit, age=2 * MINUTE)]) == ()

        assert (await stage.where(unit)).place == HERE
        assert await stage.near() == [unit]

    async def test_takes_the_youngest_of_a_batch(self, stage: Any) -> None:
        (unit,) = await stage.report(HERE, age=5 * MINUTE)

        await stage.map.follow(
            [stage.position(east(age), unit_id=unit, age=age * MINUTE) for age in (3, 1, 2)]
        )

        assert (await stage.where(unit)).place == east(1)

    async def test_does_not_know_whoever_was_silent_too_long(self, stage: Any) -> None:
        (unit,) = await stage.report(HERE)
        stage.time.forward(minutes=61)

        assert await stage.map.follow([stage.position(STREET, unit_id=unit)]) == (unit,)
        assert await stage.near() == []

    async def test_does_not_know_whoever_withdrew(self, stage: Any) -> None:
        (unit,) = await stage.report(HERE)
        await stage.map.withdraw(tenant_id=stage.tenant_id, units=[unit])

        assert await stage.map.follow([stage.position(STREET, unit_id=unit)]) == (unit,)

    async def test_takes_thousands_at_once(self, stage: Any) -> None:
        units = await stage.report(*(east(number) for number in range(1_500)))
        moved = [stage.position(east(20 * number), unit_id=unit) for number, unit in enumerate(units)]

        assert await stage.map.follow(moved) == ()

        assert await stage.near(east(20_000), limit=1) == [units[1_000]]
        assert await stage.map.follow([]) == ()


class TestWithdraw:
    async def test_forgets_the_unit(self, stage: Any) -> None:
        gone, stays = await stage.report(HERE, STREET)

        await stage.map.withdraw(tenant_id=stage.tenant_id, units=[gone, uuid4()])

        assert await stage.near() == [stays]
        assert await stage.where(gone) is None

    async def test_forgets_its_hold_and_its_age(self, stage: Any) -> None:
        (unit,) = await stage.report(HERE)
        await stage.near(hold=MINUTE)
        await stage.map.withdraw(tenant_id=stage.tenant_id, units=[unit])

        await stage.report(HERE, unit_id=unit, age=MINUTE)

        assert await stage.near() == [unit]

    async def test_leaves_other_tenants_units(self, stage: Any) -> None:
        (unit,) = await stage.report(HERE)

        await stage.map.withdraw(tenant_id=uuid4(), units=[unit])

        assert await stage.near() == [unit]


class TestWhere:
    async def test_forgets_in_time(self, stage: Any) -> None:
        (unit,) = await stage.report(HERE, load=1)
        stage.time.forward(minutes=59)
        known = await stage.where(unit)

        stage.time.forward(minutes=2)

        assert known is not None
        assert known._replace(age=timedelta()) == known._replace(age=timedelta(), metres=0, load=1)
        assert await stage.where(unit) is None

    async def test_knows_no_stranger(self, stage: Any) -> None:
        assert await stage.where(UUID(int=1)) is None


class TestBlank:
    async def test_is_so_until_drawn(self, stage: Any) -> None:
        assert await stage.map.blank()

        await stage.map.drawn()

        assert not await stage.map.blank()
        assert not await stage.other.blank()
