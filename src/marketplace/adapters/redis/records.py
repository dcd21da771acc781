"""What stands in Redis of a unit, byte for byte as the scripts cut it."""

import struct
from datetime import timedelta
from functools import lru_cache
from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple
from uuid import UUID

from marketplace.core.shared.place import EARTH_RADIUS_METRES, Place
from marketplace.ports.geo import KEPT, Found, Search, Sighting

_MICROSECOND = timedelta(microseconds=1)
_PLACE = struct.Struct("<dd")
_LOAD = struct.Struct("<ii")
_HIT = struct.Struct("<16sddddi")  # id, when seen, until when held before, place, load
_SEARCH = struct.Struct("<10d")
_ENDED = struct.Struct("<dd")  # radius, the time
_KNOWN = struct.Struct("<dddi")  # age, place, load
_INTEGER_MAX = 2**31 - 1
_IDS_KEPT = 100_000
# As far north and south as a GEO set goes. Distances are taken from the record, which holds the true place.
_LATITUDE_MAX = 85.05


def microseconds(span: timedelta) -> int:
    return span // _MICROSECOND


KEPT_MICROSECONDS = microseconds(KEPT)


def packed_place(place: Place) -> bytes:
    return _PLACE.pack(place.latitude, place.longitude)


def packed_facts(sighting: Sighting) -> bytes:
    load = _LOAD.pack(min(sighting.load, _INTEGER_MAX), min(sighting.load_max, _INTEGER_MAX))
    return load + "\0".join(dict.fromkeys(sighting.skills)).encode()


def point_in_set(place: Place) -> tuple[float, float]:
    """Longitude and latitude, as `enter` has them: a set takes the date line's two names for two places."""
    return (
        -180.0 if place.longitude == 180 else place.longitude,  # noqa: PLR2004 - degrees
        min(max(place.latitude, -_LATITUDE_MAX), _LATITUDE_MAX),
    )


def packed_search(
    search: Search, *, ahead: int, radius_metres: float, reach_metres: float, examined_max: int
) -> bytes:
    """In the order in which `near` takes it apart."""
    return _SEARCH.pack(
        ahead,
        KEPT_MICROSECONDS,
        *point_in_set(search.place),
        radius_metres,
        reach_metres,
        search.limit,
        microseconds(search.fresh),
        microseconds(search.hold),
        examined_max,
    )


class Hit(NamedTuple):
    """A unit that an area answered with; `left` microseconds remain of a hold that its finder had before."""

    metres: float
    age: float
    unit_id: bytes
    area: bytes
    left: float
    latitude: float
    longitude: float
    load: int


def hits(answer: bytes, *, area: bytes, start: Place) -> list[Hit]:
    """With `distance_metres` written out: every found unit of every search comes through here."""
    north, east = radians(start.latitude), radians(start.longitude)
    across = cos(north)
    _, now = _ENDED.unpack_from(answer)
    found = []
    for unit_id, seen, held, latitude, longitude, load in _HIT.iter_unpack(memoryview(answer)[_ENDED.size :]):
        there = radians(latitude)
        rise, turn = sin((there - north) / 2), sin((radians(longitude) - east) / 2)
        chord = rise * rise + across * cos(there) * turn * turn
        metres = 2 * EARTH_RADIUS_METRES * asin(sqrt(min(1.0, chord)))
        left = held - now if held > now else 0.0
        found.append(Hit(metres, now - seen, unit_id, area, left, latitude, longitude, load))
    return found


def radius_of(answer: bytes) -> float:
    """Up to where the area was searched."""
    radius, _ = _ENDED.unpack_from(answer)
    return float(radius)


@lru_cache(_IDS_KEPT)
def _unit_id(raw: bytes) -> UUID:
    """Kept, as the same units are found again and again."""
    return UUID(bytes=raw)


def found_of(hit: Hit) -> Found:
    metres, age, unit_id, _, _, latitude, longitude, load = hit
    return Found(_unit_id(unit_id), Place(latitude, longitude), metres, timedelta(0, 0, int(age)), load)


def known(unit_id: UUID, answer: bytes) -> Found:
    age, latitude, longitude, load = _KNOWN.unpack(answer)
    place = Place(latitude, longitude)
    return Found(unit_id=unit_id, place=place, metres=0.0, age=timedelta(microseconds=age), load=load)
