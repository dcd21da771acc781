"""The live map of many processes, on Redis: one script finds and holds, by the server's clock."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from math import sqrt
from operator import attrgetter
from uuid import UUID

from marketplace.adapters.redis.areas import Keys, touched
from marketplace.adapters.redis.records import (
    KEPT_MICROSECONDS,
    Hit,
    found_of,
    hits,
    known,
    microseconds,
    packed_facts,
    packed_search,
    radius_of,
)
from marketplace.adapters.redis.server import Call, Plain, Server, script
from marketplace.adapters.redis.writing import Sight, Unit, Writing, flat
from marketplace.ports.geo import Found, Position, Search, Sighting, merged

Neighbourhood = tuple[UUID, str, float, float]  # of a tenant's skill, by place
_BATCH = 1_000
# Where more units than this are held or silent, those behind them are not found.
_EXAMINED_MAX = 5_000
# Of areas asked at once: the first search is at home, most end there.
_WAVE_MIN, _WAVE_MAX = 8, 64
# Where a search begins, and how much wider than the one before it at the same place.
_RADIUS_FIRST_METRES, _RADIUS_MIN_METRES, _AMPLE = 2_000.0, 50.0, 1.25
_SPREADS_MAX = 20_000

_age = attrgetter("age")


class RedisLiveMap:
    """
    One GEO set for each tenant, area and skill, holding only who has room, so that a search looks at few.

    A unit that crosses the border of an area is nowhere for a moment, which a hint may be, and never held
    twice. Reports of one unit by two processes at one moment may leave it in both areas until it is stale;
    a search that sees both answers with the younger.

    `ahead` is how far the map's time runs before the server's, for simulations; the same for all processes.
    """

    def __init__(
        self,
        *,
        url: str,
        prefix: str = "marketplace",
        timeout_seconds: float = 0.25,
        connections: int = 32,
        ahead: Callable[[], timedelta] = timedelta,
    ) -> None:
        self._server = Server(url=url, seconds=timeout_seconds, connections=connections)
        self._keys, self._ahead = Keys(prefix), ahead
        self._writing = Writing(server=self._server, keys=self._keys, ahead=ahead)
        # How far apart those found lay, by skill and neighbourhood.
        self._spreads: dict[Neighbourhood, float] = {}

    async def close(self) -> None:
        await self._server.close()

    async def report(self, sightings: Sequence[Sighting]) -> int:
        sights = {
            unit: Sight(one.place, one.age, packed_facts(one)) for unit, one in merged(sightings).items()
        }
        results = await self._write(sights, strangers=True)
        return sum(result == 1 for result in results.values())

    async def follow(self, positions: Sequence[Position]) -> tuple[UUID, ...]:
        sights = {unit: Sight(one.place, one.age, b"") for unit, one in merged(positions).items()}
        results = await self._write(sights, strangers=False)
        return tuple([unit_id for (_, unit_id), result in results.items() if result < 0])

    async def near(self, search: Search) -> tuple[Found, ...]:
        rings = touched(search.place, reach_metres=search.reach_metres)
        best: list[Hit] = []
        surplus: list[Hit] = []
        asked, width = 0, 1
        while asked < len(rings):
            # Once there are enough, only who is nearer than the last of them matters.
            reach = best[-1].metres if len(best) == search.limit else search.reach_metres
            wave = [area.name() for metres, area in rings[asked : asked + width] if metres <= reach]
            if not wave:
                break
            asked += len(wave)
            width = min(max(2 * width, _WAVE_MIN), _WAVE_MAX)
            best, more = _sorted_out(best, await self._ask(search, wave, max(reach, 1.0)), search.limit)
            surplus += more
        if surplus and search.hold:
            await self._give_back(search, surplus)
        return tuple([found_of(hit) for hit in best])

    async def let_go(self, *, tenant_id: UUID, holder: UUID, units: Sequence[UUID]) -> None:
        areas = await self._writing.areas(tenant_id, units, forget=False)
        await self._server.call_all(
            [
                self._letting_go(tenant_id, area, holder, [(unit_id.bytes, 0.0) for unit_id in there])
                for area, there in areas.items()
            ]
        )

    async def withdraw(self, *, tenant_id: UUID, units: Sequence[UUID]) -> None:
        areas = await self._writing.areas(tenant_id, units, forget=True)
        await self._writing.leave({(tenant_id, area): there for area, there in areas.items()})

    async def where(self, *, tenant_id: UUID, unit_id: UUID) -> Found | None:
        for area in await self._writing.areas(tenant_id, [unit_id], forget=False):
            keys = (self._keys.units(tenant_id, area),)
            asked = Call(script("where"), keys, [self._shift(), KEPT_MICROSECONDS, unit_id.bytes])
            answer = await self._server.call(asked)
            return None if answer is None else known(unit_id, answer)
        return None

    async def blank(self) -> bool:
        marks = await self._server.call_all([Plain("EXISTS", mark) for mark in self._keys.marks()])
        return not all(marks)

    async def drawn(self) -> None:
        await self._server.call_all([Plain("SET", mark, [1]) for mark in self._keys.marks()])

    async def _write(self, sights: dict[Unit, Sight], *, strangers: bool) -> dict[Unit, int]:
        units = list(sights)
        results: dict[Unit, int] = {}
        for first in range(0, len(units), _BATCH):
            batch = {unit: sights[unit] for unit in units[first : first + _BATCH]}
            results |= await self._writing.write(batch, strangers=strangers)
        return results

    async def _ask(self, search: Search, areas: Sequence[bytes], reach: float) -> list[Hit]:
        place, radius = search.place, self._spread(search) * sqrt(search.limit)
        numbers = packed_search(
            search,
            ahead=self._shift(),
            radius_metres=radius,
            reach_metres=reach,
            examined_max=_EXAMINED_MAX,
        )
        calls = [self._searching(search, area, numbers) for area in areas]
        if len(calls) == 1:
            # One by one is quicker than a pipeline of one.
            answer = await self._server.call(calls[0])
            found = hits(answer, area=areas[0], start=place)
            self._remember(search, found, radius_of(answer))
            return found
        answers = await self._server.call_all(calls)
        return [
            hit
            for area, answer in zip(areas, answers, strict=True)
            for hit in hits(answer, area=area, start=place)
        ]

    def _searching(self, search: Search, area: bytes, numbers: bytes) -> Call:
        spot = (search.tenant_id, area)
        skill = self._keys.sets(*spot) + search.skill.encode()
        keys = (skill, self._keys.units(*spot))
        return Call(script("near"), keys, (numbers, search.holder.bytes))

    def _spread(self, search: Search) -> float:
        """Of the same neighbourhood, or else of anywhere."""
        near, anywhere = _spread_keys(search)
        spread = self._spreads.get(near) or self._spreads.get(anywhere)
        return spread or _RADIUS_FIRST_METRES / sqrt(search.limit)

    def _remember(self, search: Search, found: Sequence[Hit], radius: float) -> None:
        if len(self._spreads) >= _SPREADS_MAX:
            self._spreads.clear()
        furthest = max([hit.metres for hit in found]) if len(found) == search.limit else radius
        near, anywhere = _spread_keys(search)
        spread = max(_AMPLE * furthest, _RADIUS_MIN_METRES) / sqrt(search.limit)
        self._spreads[near] = self._spreads[anywhere] = spread

    async def _give_back(self, search: Search, surplus: Iterable[Hit]) -> None:
        """As it was before: a hold that the holder had already keeps its length."""
        areas: dict[bytes, list[tuple[bytes, float]]] = defaultdict(list)
        for hit in surplus:
            areas[hit.area].append((hit.unit_id, hit.left))
        await self._server.call_all(
            [self._letting_go(search.tenant_id, area, search.holder, units) for area, units in areas.items()]
        )

    def _letting_go(
        self, tenant_id: UUID, area: bytes, holder: UUID, units: Iterable[tuple[bytes, float]]
    ) -> Call:
        keys = (self._keys.units(tenant_id, area),)
        return Call(script("let_go"), keys, [self._shift(), holder.bytes, *flat(units)])

    def _shift(self) -> int:
        return microseconds(self._ahead())


def _spread_keys(search: Search) -> tuple[Neighbourhood, Neighbourhood]:
    place = search.place
    near = (search.tenant_id, search.skill, round(place.latitude, 1), round(place.longitude, 1))
    return near, (search.tenant_id, search.skill, 0.0, 1_000.0)


def _sorted_out(best: list[Hit], more: list[Hit], limit: int) -> tuple[list[Hit], list[Hit]]:
    """The nearest, each once, and the rest. Of a unit found in two areas the younger sighting is true."""
    if not best and len({hit.area for hit in more}) <= 1:
        return sorted(more), []
    youngest: dict[bytes, Hit] = {}
    rest: list[Hit] = []
    for hit in sorted(best + more, key=_age):
        if hit.unit_id in youngest:
            rest.append(hit)
        else:
            youngest[hit.unit_id] = hit
    nearest = sorted(youngest.values())
    return nearest[:limit], nearest[limit:] + rest
