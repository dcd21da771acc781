"""Whatever is reported, held, moved and forgotten: a map answers what a scan of everybody would answer."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.contracts.livemap.conftest import KINDS, Stage, Time, staged

from marketplace.adapters.memory.livemap import MemoryLiveMap
from marketplace.core.shared.place import Place, distance_metres
from marketplace.ports.geo import KEPT, Found, Position, Room, Search, Sighting, room_of

MINUTE = timedelta(minutes=1)
# A test takes time by itself. Ages end on ten seconds and other spans on thirty, so that it does not matter.
TEN = timedelta(seconds=10)
HALF = timedelta(seconds=30)
SAME_METRES = 2.0
SKILLS = ("wash", "wax", "tow")
# The Cape, where the equator meets Greenwich, over the date line, and the far north.
CENTRES = (Place(-34.0, 19.0), Place(0.0, 0.0), Place(-17.0, 180.0), Place(70.0, 19.0))


@dataclass
class Known:
    sighting: Sighting
    seen_at: timedelta
    holder: UUID | None = None
    held_until: timedelta = timedelta()


class PlainScan:
    """The rules, and no thought of speed."""

    def __init__(self) -> None:
        self.now = timedelta()
        self.units: dict[UUID, Known] = {}

    def report(self, sightings: Sequence[Sighting]) -> int:
        last = {sighting.unit_id: sighting for sighting in sightings}
        youngest = dict(last)
        for sighting in sightings:
            if sighting.age <= youngest[sighting.unit_id].age:
                youngest[sighting.unit_id] = sighting
        return sum(
            self._learn(replace(last[unit_id], place=one.place, age=one.age))
            for unit_id, one in youngest.items()
        )

    def _learn(self, sighting: Sighting) -> bool:
        known, seen_at = self.known(sighting.unit_id), self.now - sighting.age
        if known is None:
            if sighting.age <= KEPT:
                self.units[sighting.unit_id] = Known(sighting, seen_at)
            return sighting.age <= KEPT
        newer, before = seen_at >= known.seen_at, known.sighting
        known.sighting = sighting if newer else replace(sighting, place=before.place)
        known.seen_at = max(seen_at, known.seen_at)
        return newer or (_facts(before) != _facts(sighting))

    def follow(self, positions: Sequence[Position]) -> set[UUID]:
        for position in positions:
            known, seen_at = self.known(position.unit_id), self.now - position.age
            if known is not None and seen_at >= known.seen_at:
                known.sighting, known.seen_at = replace(known.sighting, place=position.place), seen_at
        return {position.unit_id for position in positions if self.known(position.unit_id) is None}

    def known(self, unit_id: UUID) -> Known | None:
        known = self.units.get(unit_id)
        return known if known is not None and self.now - known.seen_at <= KEPT else None

    def candidates(self, search: Search) -> list[tuple[float, UUID]]:
        """All that may be found, nearest first, a little further than the reach."""
        found = [
            (distance_metres(search.place, known.sighting.place), unit_id)
            for unit_id, known in self.units.items()
            if search.skill in known.sighting.skills
            and room_of(known.sighting.load, known.sighting.load_max) == search.room
            and self.now - known.seen_at <= search.fresh
            and (known.held_until <= self.now or known.holder == search.holder)
        ]
        return sorted(pair for pair in found if pair[0] <= search.reach_metres + SAME_METRES)

    def check(self, search: Search, answer: Sequence[Found]) -> None:
        candidates = self.candidates(search)
        metres = {unit_id: metres for metres, unit_id in candidates}
        sure = [one for one in candidates if one[0] < search.reach_metres - SAME_METRES]

        assert len({found.unit_id for found in answer}) == len(answer)
        assert min(search.limit, len(sure)) <= len(answer) <= min(search.limit, len(candidates))
        for found, (metres_of_scan, _) in zip(answer, candidates, strict=False):
            assert found.metres == pytest.approx(metres[found.unit_id], abs=0.01)
            assert found.metres == pytest.approx(metres_of_scan, abs=SAME_METRES)
            assert found.place == self.units[found.unit_id].sighting.place
            assert found.load == self.units[found.unit_id].sighting.load
            assert timedelta() <= found.age - (self.now - self.units[found.unit_id].seen_at) < TEN
        assert [found.metres for found in answer] == sorted(found.metres for found in answer)

    def hold(self, search: Search, answer: Sequence[Found]) -> None:
        """What was found in fact, as of two that are equally near either may be."""
        if search.hold:
            for found in answer:
                known = self.units[found.unit_id]
                known.holder, known.held_until = search.holder, self.now + search.hold

    def let_go(self, holder: UUID, units: Sequence[UUID]) -> None:
        for unit_id in units:
            known = self.units.get(unit_id)
            if known is not None and known.holder == holder:
                known.held_until = timedelta()


def _facts(sighting: Sighting) -> tuple[object, ...]:
    return (sighting.skills, sighting.load, sighting.load_max)


units = st.integers(0, 24).map(lambda number: UUID(int=number))
holders = st.integers(0, 2).map(lambda number: UUID(int=1_000 + number))


ages = st.one_of(
    st.just(TEN), st.integers(0, 30).map(lambda number: number * MINUTE + TEN), st.just(KEPT + TEN)
)


@st.composite
def places(draw: st.DrawFn, centre: Place) -> Place:
    up, right = draw(st.integers(-400, 400)), draw(st.integers(-400, 400))
    longitude = centre.longitude + right * 7e-5
    return Place(centre.latitude + up * 7e-5, longitude - 360 if longitude > 180 else longitude)


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[str, Any]]:
    place = places(draw(st.sampled_from(CENTRES)))
    sighting = st.fixed_dictionaries(
        {
            "unit_id": units,
            "place": place,
            "age": ages,
            "skills": st.lists(st.sampled_from(SKILLS), max_size=3, unique=True).map(tuple),
            "load": st.integers(0, 2),
            "load_max": st.integers(1, 2),
        }
    )
    position = st.fixed_dictionaries({"unit_id": units, "place": place, "age": ages})
    search = st.fixed_dictionaries(
        {
            "place": place,
            "skill": st.sampled_from(SKILLS),
            "room": st.sampled_from(Room),
            "reach_metres": st.sampled_from([70_000.0, 6_000.0, 6_000.0, 1_500.0, 300.0, 40.0]),
            "fresh": st.one_of(st.just(KEPT), st.integers(0, 20).map(lambda number: number * MINUTE + HALF)),
            "limit": st.integers(1, 12),
            "holder": holders,
            "hold": st.one_of(
                st.sampled_from([30, 9]).map(lambda number: number * MINUTE + HALF),
                st.integers(0, 9).map(lambda number: number * MINUTE + HALF),
                st.just(timedelta()),
            ),
        }
    )
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "near": search,
        "report": st.lists(sighting, min_size=1, max_size=12),
        "follow": st.lists(position, min_size=1, max_size=12),
        "let go": st.tuples(holders, st.lists(units, max_size=8)),
        "withdraw": st.lists(units, min_size=1, max_size=3),
        "wait": st.integers(1, 6).map(lambda number: number * MINUTE),
        "where": units,
    }
    # A hold shows only where a second search meets it, so half of what happens is searches.
    names = st.sampled_from([*kinds, *["near"] * (len(kinds) - 2)])
    step = names.flatmap(lambda name: st.tuples(st.just(name), kinds[name]))
    first = ("report", draw(st.lists(sighting, min_size=10, max_size=40)))
    return [first, *draw(st.lists(step, min_size=10, max_size=25))]


async def follow(stage: Stage, taken: Sequence[tuple[str, Any]]) -> None:
    # Time goes on from one example to the next; a new tenant knows nothing of that.
    stage.tenant_id, scan = uuid4(), PlainScan()
    for name, what in taken:
        await _take(stage, scan, name, what)


async def _take(stage: Stage, scan: PlainScan, name: str, what: Any) -> None:
    if name == "report":
        sightings = [stage.sighting(**facts) for facts in what]
        assert await stage.map.report(sightings) == scan.report(sightings)
    elif name == "follow":
        positions = [stage.position(**facts) for facts in what]
        assert set(await stage.map.follow(positions)) == scan.follow(positions)
    elif name == "near":
        search = stage.search(**what)
        answer = await stage.other.near(search)
        scan.check(search, answer)
        scan.hold(search, answer)
    elif name == "let go":
        holder, given_up = what
        await stage.map.let_go(tenant_id=stage.tenant_id, holder=holder, units=given_up)
        scan.let_go(holder, given_up)
    elif name == "withdraw":
        await stage.map.withdraw(tenant_id=stage.tenant_id, units=what)
        for unit_id in what:
            scan.units.pop(unit_id, None)
    elif name == "wait":
        stage.time.passed += what
        scan.now += what
    else:
        found, known = await stage.where(what), scan.known(what)
        assert (found and found.place) == (known and known.sighting.place)


@pytest.fixture(params=KINDS, scope="module")
def opened(request: pytest.FixtureRequest) -> Iterator[tuple[asyncio.Runner, Stage]]:
    """A map for all examples, and the loop that it lives on."""
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        stage = runner.run(stack.enter_async_context(staged(request.param, request.getfixturevalue)))
        yield runner, stage
        runner.run(stack.aclose())


class TestLiveMap:
    @settings(
        deadline=None,
        max_examples=100,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(taken=steps())
    def test_answers_as_a_scan_would(
        self, opened: tuple[asyncio.Runner, Stage], taken: list[tuple[str, Any]]
    ) -> None:
        runner, stage = opened

        runner.run(follow(stage, taken))


class Careless(MemoryLiveMap):
    """Finds and does not hold."""

    async def near(self, search: Search) -> tuple[Found, ...]:
        return await super().near(replace(search, hold=timedelta()))


class TestPlainScan:
    def test_notices_a_map_that_holds_nobody(self) -> None:
        time = Time()
        careless = Careless(now=time.now)
        stage = Stage(map=careless, other=careless, time=time)

        @settings(
            deadline=None,
            derandomize=True,
            max_examples=30,
            phases=[Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            report_multiple_bugs=False,
        )
        @given(taken=steps())
        def answer_as_a_scan_would(taken: list[tuple[str, Any]]) -> None:
            asyncio.run(follow(stage, taken))

        with pytest.raises((AssertionError, KeyError)):
            answer_as_a_scan_would()
