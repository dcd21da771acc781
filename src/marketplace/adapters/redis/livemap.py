"""The live map of many processes, on Redis: one script finds and holds, by the server's clock."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from math import sqrt
from uuid import UUID

from marketplace.adapters.redis.keys import Keys
from marketplace.adapters.redis.records import (
    KEPT_MICROSECONDS,
    found_in,
    known,
    microseconds,
    packed_facts,
    packed_place,
    packed_search,
    radius_of,
)
from marketplace.adapters.redis.server import Call, Plain, Server, script
from marketplace.ports.geo import Found, Position, Room, Search, Sighting, merged

Unit = tuple[UUID, UUID]  # of which tenant, and which
Sight = tuple[Position | Sighting, bytes]  # and its facts, none where they stay as they were
Neighbourhood = tuple[UUID, str, Room, float, float]  # of a tenant's skill and room, by place
_BATCH = 1_000
# Where more units than this are held or silent, those behind them are not found.
_EXAMINED_MAX = 5_000
# Where a search begins, and how much wider than those before it at the same place.
_RADIUS_FIRST_METRES, _RADIUS_MIN_METRES, _AMPLE = 2_000.0, 50.0, 1.2
# What one search counts among those before it: even where units are equally dense, the way to the twentieth
# varies by a tenth.
_NEWS = 0.25
_SPREADS_MAX = 20_000


class RedisLiveMap:
    """
    One GEO set for each tenant, skill and room, so that a search looks at few.

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
        # How far apart those found lay, by skill and neighbourhood.
        self._spreads: dict[Neighbourhood, float] = {}

    async def close(self) -> None:
        await self._server.close()

    async def report(self, sightings: Sequence[Sighting]) -> int:
        results = await self._write([(one, packed_facts(one)) for one in merged(sightings).values()])
        return sum(result == 1 for result in results.values())

    async def follow(self, positions: Sequence[Position]) -> tuple[UUID, ...]:
        results = await self._write([(one, b"") for one in merged(positions).values()])
        return tuple([unit_id for (_, unit_id), result in results.items() if result < 0])

    async def near(self, search: Search) -> tuple[Found, ...]:
        tenant_id, numbers = search.tenant_id, self._numbers(search)
        keys = (
            self._keys.able(tenant_id, search.skill, search.room),
            self._keys.units(tenant_id),
            self._keys.holds(tenant_id),
        )
        answer = await self._server.call(Call(script("near"), keys, (numbers, search.holder.bytes)))
        found = found_in(answer, start=search.place)
        self._remember(search, found, radius_of(answer))
        return tuple(found)

    async def let_go(self, *, tenant_id: UUID, holder: UUID, units: Sequence[UUID]) -> None:
        keys = (self._keys.holds(tenant_id),)
        await self._server.call_all(
            [Call(script("let_go"), keys, [holder.bytes, *some]) for some in _in_batches(units)]
        )

    async def withdraw(self, *, tenant_id: UUID, units: Sequence[UUID]) -> None:
        keys = (self._keys.units(tenant_id), self._keys.holds(tenant_id))
        await self._server.call_all(
            [Call(script("forget"), keys, [self._keys.sets(tenant_id), *some]) for some in _in_batches(units)]
        )

    async def where(self, *, tenant_id: UUID, unit_id: UUID) -> Found | None:
        keys = (self._keys.units(tenant_id),)
        arguments = (self._shift(), KEPT_MICROSECONDS, unit_id.bytes)
        answer = await self._server.call(Call(script("where"), keys, arguments))
        return None if answer is None else known(unit_id, answer)

    async def blank(self) -> bool:
        marks = await self._server.call_all([Plain("EXISTS", mark) for mark in self._keys.marks()])
        return not all(marks)

    async def drawn(self) -> None:
        await self._server.call_all([Plain("SET", mark, [1]) for mark in self._keys.marks()])

    async def _write(self, sights: Sequence[Sight]) -> dict[Unit, int]:
        """Of each unit: 1 where this was news, 0 where not, -1 where it is not known and not taken in."""
        results: dict[Unit, int] = {}
        for first in range(0, len(sights), _BATCH):
            tenants: dict[UUID, list[Sight]] = defaultdict(list)
            for sight in sights[first : first + _BATCH]:
                tenants[sight[0].tenant_id].append(sight)
            calls = [self._entering(tenant_id, there) for tenant_id, there in tenants.items()]
            answers = await self._server.call_all(calls)
            for (tenant_id, there), answer in zip(tenants.items(), answers, strict=True):
                units = [(tenant_id, one.unit_id) for one, _ in there]
                results.update(zip(units, answer, strict=True))
        return results

    def _entering(self, tenant_id: UUID, sights: Sequence[Sight]) -> Call:
        keys = (self._keys.units(tenant_id), self._keys.holds(tenant_id))
        arguments: list[bytes | float] = [self._shift(), KEPT_MICROSECONDS, self._keys.sets(tenant_id)]
        for one, facts in sights:
            arguments += (one.unit_id.bytes, microseconds(one.age), packed_place(one.place), facts)
        return Call(script("enter"), keys, arguments)

    def _numbers(self, search: Search) -> bytes:
        near, anywhere = _spread_keys(search)
        # Of the same neighbourhood, or else of anywhere.
        spread = self._spreads.get(near) or self._spreads.get(anywhere)
        return packed_search(
            search,
            ahead=self._shift(),
            radius_metres=_AMPLE * spread * sqrt(search.limit) if spread else _RADIUS_FIRST_METRES,
            examined_max=_EXAMINED_MAX,
        )

    def _remember(self, search: Search, found: Sequence[Found], radius: float) -> None:
        if len(self._spreads) >= _SPREADS_MAX:
            self._spreads.clear()
        reached = found[-1].metres if len(found) == search.limit else radius
        spread = max(reached, _RADIUS_MIN_METRES) / sqrt(search.limit)
        for where in _spread_keys(search):
            before = self._spreads.get(where, spread)
            self._spreads[where] = before + (spread - before) * _NEWS

    def _shift(self) -> int:
        return microseconds(self._ahead())


def _in_batches(units: Sequence[UUID]) -> list[list[bytes]]:
    return [
        [unit_id.bytes for unit_id in units[first : first + _BATCH]] for first in range(0, len(units), _BATCH)
    ]


def _spread_keys(search: Search) -> tuple[Neighbourhood, Neighbourhood]:
    place, whose = search.place, (search.tenant_id, search.skill, search.room)
    return (*whose, round(place.latitude, 1), round(place.longitude, 1)), (*whose, 0.0, 1_000.0)
