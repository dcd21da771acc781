"""A unit is in one area: before it is written into another it is taken out of that where it was."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from marketplace.adapters.redis.areas import Keys, area_of
from marketplace.adapters.redis.records import KEPT_MICROSECONDS, microseconds, packed_place
from marketplace.adapters.redis.server import Call, Plain, Server, script
from marketplace.core.shared.place import Place

Unit = tuple[UUID, UUID]  # of which tenant, and which
Spot = tuple[UUID, bytes]  # a tenant's area

# Hashes that say in which area a unit is: few enough for a batch to fill them, many enough to spread.
_BUCKETS = 64


@dataclass(frozen=True, slots=True)
class Sight:
    """The youngest place of a unit in a batch; no `facts` where they stay as they were."""

    place: Place
    age: timedelta
    facts: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written: no place where an older one came, no facts where they stay as they were."""

    unit_id: UUID
    age: timedelta
    place: bytes
    facts: bytes
    hold: bytes = b""


class Writing:
    """`ahead` is how far the map's time runs before the server's."""

    def __init__(self, *, server: Server, keys: Keys, ahead: Callable[[], timedelta]) -> None:
        self._server, self._keys, self._ahead = server, keys, ahead

    async def write(self, sights: Mapping[Unit, Sight], *, strangers: bool) -> dict[Unit, int]:
        """Of each unit: 1 where this was news, 0 where not, -1 where it is not known and not taken in."""
        results = dict.fromkeys(sights, -1)
        before = await self._point(sights, strangers=strangers)
        entries: dict[Unit, tuple[Spot, Entry]] = {}
        moved: dict[Spot, list[UUID]] = defaultdict(list)
        for unit, (area_before, youngest) in before.items():
            (tenant_id, unit_id), sight = unit, sights[unit]
            area = area_of(sight.place).name()
            if (not youngest and not area_before) or (not strangers and not area_before):
                continue
            # An older place counts in the same area only: if that was lost, it is better than none.
            stays = area if youngest else area_before
            place = packed_place(sight.place) if stays == area else b""
            entries[unit] = (tenant_id, stays), Entry(unit_id, sight.age, place, sight.facts)
            if area_before not in {b"", stays}:
                moved[tenant_id, area_before].append(unit_id)
        luggage = await self.leave(moved)
        for unit, (facts, hold) in luggage.items():
            spot, entry = entries[unit]
            entries[unit] = spot, Entry(entry.unit_id, entry.age, entry.place, entry.facts or facts, hold)
        return results | await self._enter(entries)

    async def leave(self, moved: Mapping[Spot, Sequence[UUID]]) -> dict[Unit, tuple[bytes, bytes]]:
        """The facts and the holds that the units take along."""
        answers = await self._server.call_all(
            [
                Call(
                    script("leave"),
                    (self._keys.units(*spot),),
                    [self._shift(), self._keys.sets(*spot), *(unit_id.bytes for unit_id in units)],
                )
                for spot, units in moved.items()
            ]
        )
        return {
            (tenant_id, unit_id): (facts, hold)
            for ((tenant_id, _), units), answer in zip(moved.items(), answers, strict=True)
            for unit_id, facts, hold in zip(units, answer[::2], answer[1::2], strict=True)
        }

    async def areas(self, tenant_id: UUID, units: Sequence[UUID], *, forget: bool) -> dict[bytes, list[UUID]]:
        """Those units that the map knows, by where they are."""
        buckets: dict[int, list[UUID]] = defaultdict(list)
        for unit_id in units:
            buckets[unit_id.int % _BUCKETS].append(unit_id)
        asked = [
            (self._keys.points(tenant_id, bucket), [unit_id.bytes for unit_id in there])
            for bucket, there in buckets.items()
        ]
        answers = await self._server.call_all([Plain("HMGET", *ask) for ask in asked])
        if forget:
            await self._server.call_all([Plain("HDEL", *ask) for ask in asked])
        areas: dict[bytes, list[UUID]] = defaultdict(list)
        for there, pointers in zip(buckets.values(), answers, strict=True):
            for unit_id, pointer in zip(there, pointers, strict=True):
                if pointer is not None:
                    areas[pointer[8:]].append(unit_id)
        return areas

    async def _point(
        self, sights: Mapping[Unit, Sight], *, strangers: bool
    ) -> dict[Unit, tuple[bytes, bool]]:
        """In which area each unit was, and whether this is its youngest sighting."""
        groups: dict[tuple[UUID, int], list[Unit]] = defaultdict(list)
        for tenant_id, unit_id in sights:
            groups[tenant_id, unit_id.int % _BUCKETS].append((tenant_id, unit_id))
        answers = await self._server.call_all(
            [
                Call(
                    script("point"),
                    (self._keys.points(*group),),
                    [
                        self._shift(),
                        KEPT_MICROSECONDS,
                        int(strangers),
                        *flat(
                            (
                                unit[1].bytes,
                                microseconds(sights[unit].age),
                                area_of(sights[unit].place).name(),
                            )
                            for unit in units
                        ),
                    ],
                )
                for group, units in groups.items()
            ]
        )
        return {
            unit: (area, bool(youngest))
            for units, answer in zip(groups.values(), answers, strict=True)
            for unit, area, youngest in zip(units, answer[::2], answer[1::2], strict=True)
        }

    async def _enter(self, entries: Mapping[Unit, tuple[Spot, Entry]]) -> dict[Unit, int]:
        spots: dict[Spot, list[Entry]] = defaultdict(list)
        for spot, entry in entries.values():
            spots[spot].append(entry)
        answers = await self._server.call_all(
            [
                Call(
                    script("enter"),
                    (self._keys.units(*spot),),
                    [
                        self._shift(),
                        KEPT_MICROSECONDS,
                        self._keys.sets(*spot),
                        *flat(
                            (one.unit_id.bytes, microseconds(one.age), one.place, one.facts, one.hold)
                            for one in there
                        ),
                    ],
                )
                for spot, there in spots.items()
            ]
        )
        return {
            (tenant_id, entry.unit_id): result
            for ((tenant_id, _), there), results in zip(spots.items(), answers, strict=True)
            for entry, result in zip(there, results, strict=True)
        }

    def _shift(self) -> int:
        return microseconds(self._ahead())


def flat(groups: Iterable[Iterable[bytes | float]]) -> list[bytes | float]:
    return [argument for group in groups for argument in group]
