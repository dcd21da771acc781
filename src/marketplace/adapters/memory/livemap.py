"""The live map of one process: nothing awaits between finding and holding, so a unit is held once."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from operator import itemgetter
from uuid import UUID

from marketplace.adapters.memory.grid import Grid, Home, metres_of, square_of, vector
from marketplace.core.shared.place import Place
from marketplace.ports.geo import KEPT, Found, Position, Room, Search, Sighting, merged, room_of

Facts = tuple[tuple[str, ...], int, int]  # skills, load, load_max
Key = tuple[UUID, Room, str]  # a tenant's room and skill
_distance = itemgetter(0)


class _Unit:
    """What is known of a unit; `grids` are the keys of those that it is in, none while it has no room."""

    __slots__ = ("facts", "grids", "held_until", "holder", "home", "load", "place", "seen_at", "unit_id")

    def __init__(self, unit_id: UUID, *, facts: Facts, place: Place, seen_at: datetime) -> None:
        self.unit_id, self.facts, self.load = unit_id, facts, facts[1]
        self.place, self.seen_at = place, seen_at
        self.home: Home = (place.latitude, place.longitude)
        self.grids: tuple[Key, ...] = ()
        self.holder: UUID | None = None
        self.held_until: datetime | None = None


class MemoryLiveMap:
    """A grid for each tenant, room and skill. `now` is any clock, a simulation's too."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self._now = now
        # In the order in which they were last seen, so that those that fell silent stand first.
        self._units: OrderedDict[tuple[UUID, UUID], _Unit] = OrderedDict()
        self._grids: dict[Key, Grid[_Unit]] = {}
        self._blank = True

    async def report(self, sightings: Sequence[Sighting]) -> int:
        now = self._now()
        self._forget(now)
        return sum([self._learn(sighting, now) for sighting in merged(sightings).values()])

    async def follow(self, positions: Sequence[Position]) -> tuple[UUID, ...]:
        now = self._now()
        self._forget(now)
        unknown: list[UUID] = []
        for position in merged(positions).values():
            unit = self._known(position.tenant_id, position.unit_id, now)
            if unit is None:
                unknown.append(position.unit_id)
            elif now - position.age >= unit.seen_at:
                self._change(position.tenant_id, unit, unit.facts, position.place)
                self._see(position.tenant_id, unit, now - position.age)
        return tuple(unknown)

    async def near(self, search: Search) -> tuple[Found, ...]:
        now = self._now()
        found = self._nearest(search, now)
        if search.hold:
            until = now + search.hold
            for _, unit in found:
                unit.holder, unit.held_until = search.holder, until
        # A function call for each would cost a fifth of the whole search, and names a twentieth.
        return tuple(
            [
                Found(unit.unit_id, unit.place, metres_of(square), now - unit.seen_at, unit.load)
                for square, unit in found
            ]
        )

    async def let_go(self, *, tenant_id: UUID, holder: UUID, units: Sequence[UUID]) -> None:
        for unit_id in units:
            unit = self._units.get((tenant_id, unit_id))
            if unit is not None and unit.holder == holder:
                unit.holder = unit.held_until = None

    async def withdraw(self, *, tenant_id: UUID, units: Sequence[UUID]) -> None:
        for unit_id in units:
            self._drop(tenant_id, unit_id)

    async def where(self, *, tenant_id: UUID, unit_id: UUID) -> Found | None:
        now = self._now()
        unit = self._known(tenant_id, unit_id, now)
        if unit is None:
            return None
        return Found(unit_id=unit_id, place=unit.place, metres=0.0, age=now - unit.seen_at, load=unit.load)

    async def blank(self) -> bool:
        return self._blank

    async def drawn(self) -> None:
        self._blank = False

    def forget_all(self) -> None:
        """As a restart would."""
        self._units.clear()
        self._grids.clear()
        self._blank = True

    def _learn(self, sighting: Sighting, now: datetime) -> bool:
        tenant_id, seen_at = sighting.tenant_id, now - sighting.age
        # A skill named twice is one.
        facts = (tuple(dict.fromkeys(sighting.skills)), sighting.load, sighting.load_max)
        unit = self._known(tenant_id, sighting.unit_id, now)
        if unit is None:
            if sighting.age > KEPT:
                return False
            unit = _Unit(sighting.unit_id, facts=facts, place=sighting.place, seen_at=seen_at)
            self._units[tenant_id, sighting.unit_id] = unit
        newer = seen_at >= unit.seen_at
        if not newer and facts == unit.facts:
            return False
        self._change(tenant_id, unit, facts, sighting.place if newer else unit.place)
        if newer:
            self._see(tenant_id, unit, seen_at)
        return True

    def _change(self, tenant_id: UUID, unit: _Unit, facts: Facts, place: Place) -> None:
        room = room_of(facts[1], facts[2])
        grids = () if room is None else tuple([(tenant_id, room, skill) for skill in facts[0]])
        home = (place.latitude, place.longitude)
        if grids != unit.grids or home != unit.home:
            self._take_out(unit)
            unit.grids, unit.home = grids, home
            at = vector(*home)
            for key in grids:
                grid = self._grids.get(key)
                if grid is None:
                    grid = self._grids[key] = Grid()
                grid.put(unit, at=at)
        unit.facts, unit.load, unit.place = facts, facts[1], place

    def _see(self, tenant_id: UUID, unit: _Unit, seen_at: datetime) -> None:
        unit.seen_at = seen_at
        self._units.move_to_end((tenant_id, unit.unit_id))

    def _take_out(self, unit: _Unit) -> None:
        for key in unit.grids:
            grid = self._grids[key]
            grid.take(unit)
            if not len(grid):
                del self._grids[key]
        unit.grids = ()

    def _nearest(self, search: Search, now: datetime) -> list[tuple[float, _Unit]]:
        """The hot loop: squares of chords, which sort like distances and cost three products each."""
        grid = self._grids.get((search.tenant_id, search.room, search.skill))
        if grid is None:
            return []
        home = (search.place.latitude, search.place.longitude)
        x, y, z = vector(*home)
        limit, holder, oldest = search.limit, search.holder, now - search.fresh
        found: list[tuple[float, _Unit]] = []
        waiting: list[tuple[float, _Unit]] = []
        for metres, cells in grid.around(home, reach_metres=search.reach_metres, few=limit):
            waiting += [
                ((a := x_there - x) * a + (b := y_there - y) * b + (c := z_there - z) * c, unit)
                for cell in cells
                for x_there, y_there, z_there, unit in zip(cell.xs, cell.ys, cell.zs, cell.there, strict=True)
            ]
            certain = square_of(metres)
            waiting.sort(key=_distance)
            weighed = 0
            for square, unit in waiting:
                if square > certain:
                    break
                weighed += 1
                if unit.seen_at >= oldest and (
                    unit.held_until is None or unit.held_until <= now or unit.holder == holder
                ):
                    found.append((square, unit))
                    if len(found) == limit:
                        return found
            del waiting[:weighed]
        return found

    def _known(self, tenant_id: UUID, unit_id: UUID, now: datetime) -> _Unit | None:
        unit = self._units.get((tenant_id, unit_id))
        if unit is not None and unit.seen_at < now - KEPT:
            self._drop(tenant_id, unit_id)
            return None
        return unit

    def _forget(self, now: datetime) -> None:
        before = now - KEPT
        while self._units:
            (tenant_id, unit_id), unit = next(iter(self._units.items()))
            if unit.seen_at >= before:
                return
            self._drop(tenant_id, unit_id)

    def _drop(self, tenant_id: UUID, unit_id: UUID) -> None:
        unit = self._units.pop((tenant_id, unit_id), None)
        if unit is not None:
            self._take_out(unit)
