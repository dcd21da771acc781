"""The globe is cut into areas of one degree; what a tenant has in one lies in one slot of a cluster."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from math import asin, cos, floor, radians, sin
from uuid import UUID

from redis.crc import key_slot

from marketplace.core.shared.place import EARTH_RADIUS_METRES, METRES_PER_DEGREE, Place, degrees_around

_DEGREES = 1.0
_ROWS, _COLUMNS = 180, 360
_SLOTS, _MARKS = 16_384, 64


@dataclass(frozen=True, slots=True)
class Area:
    row: int
    column: int

    def name(self) -> bytes:
        return b"%d,%d" % (self.row, self.column)


def area_of(place: Place) -> Area:
    return Area(
        min(floor((place.latitude + 90) / _DEGREES), _ROWS - 1),
        floor((place.longitude + 180) / _DEGREES) % _COLUMNS,
    )


def touched(place: Place, *, reach_metres: float) -> list[tuple[float, Area]]:
    """The areas within reach, nearest first, each with the metres to its border, or a little less."""
    rise, turn = degrees_around(place.latitude, metres=reach_metres)
    low = floor((place.longitude - turn + 180) / _DEGREES)
    high = floor((place.longitude + turn + 180) / _DEGREES)
    rows = range(
        max(0, floor((place.latitude - rise + 90) / _DEGREES)),
        min(_ROWS - 1, floor((place.latitude + rise + 90) / _DEGREES)) + 1,
    )
    columns = range(low, min(high, low + _COLUMNS - 1) + 1)
    home = area_of(place)
    found = (
        (_metres_to(place, area) if area != home else 0.0, area)
        for area in (Area(row, column % _COLUMNS) for row in rows for column in columns)
    )
    return sorted((pair for pair in found if pair[0] <= reach_metres), key=lambda pair: pair[0])


def _metres_to(place: Place, area: Area) -> float:
    """To the parallel or the meridian of its border, whichever is further: never more than the true way."""
    south, west = area.row * _DEGREES - 90, area.column * _DEGREES - 180
    up = max(0.0, south - place.latitude, place.latitude - south - _DEGREES)
    east = (west - place.longitude) % 360
    past = (place.longitude - west - _DEGREES) % 360
    across = 0.0 if (place.longitude - west) % 360 <= _DEGREES else min(east, past)
    sideways = asin(cos(radians(place.latitude)) * sin(radians(min(across, 90))))
    return max(up * METRES_PER_DEGREE, sideways * EARTH_RADIUS_METRES)


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of everything that the map keeps. What stands in braces decides the slot."""

    prefix: str

    def units(self, tenant_id: UUID, area: bytes) -> bytes:
        return self._in(tenant_id, area) + b"units"

    def sets(self, tenant_id: UUID, area: bytes) -> bytes:
        """The beginning of the names of an area's sets; a skill follows."""
        return self._in(tenant_id, area) + b"skill:"

    def points(self, tenant_id: UUID, bucket: int) -> bytes:
        return f"{self.prefix}:map:{{{tenant_id.hex}:{bucket}}}:in".encode()

    def marks(self) -> Iterator[bytes]:
        """Keys all over the slots: a server that lost its data lost some of them, whichever it is."""
        return (f"{self.prefix}:map:{{{word}}}:drawn".encode() for word in _marks())

    def _in(self, tenant_id: UUID, area: bytes) -> bytes:
        return f"{self.prefix}:map:{{{tenant_id.hex}:".encode() + area + b"}:"


@cache
def _marks() -> tuple[str, ...]:
    """One word for each 64th of the slots."""
    words: dict[int, str] = {}
    for number in count():
        words.setdefault(key_slot(str(number).encode()) * _MARKS // _SLOTS, str(number))
        if len(words) == _MARKS:
            return tuple(words.values())
    raise AssertionError  # count() does not end
