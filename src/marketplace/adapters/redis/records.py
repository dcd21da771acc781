"""What stands in Redis of a unit, byte for byte as the scripts cut it."""

import struct
from datetime import timedelta
from math import asin, cos, radians, sin, sqrt
from operator import attrgetter
from uuid import UUID, SafeUUID

from marketplace.core.shared.place import EARTH_RADIUS_METRES, Place
from marketplace.ports.geo import KEPT, Found, Search, Sighting

_MICROSECOND = timedelta(microseconds=1)
_PLACE = struct.Struct("<dd")
_LOAD = struct.Struct("<ii")
_HIT = struct.Struct("<16sdddi")  # id, when seen, place, load
_SEARCH = struct.Struct("<10d")
_ENDED = struct.Struct("<dd")  # radius, the time
_KNOWN = struct.Struct("<dddi")  # age, place, load
_INTEGER_MAX = 2**31 - 1
_metres = attrgetter("metres")
# As far north and south as a GEO set goes. Distances are taken from the record, which holds the true place.
_LATITUDE_MAX = 85.05
# A GEO set takes the globe for a little larger than it is.
_METRES_IN_SET = 6_372_797.560856 / EARTH_RADIUS_METRES


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


def packed_search(search: Search, *, ahead: int, radius_metres: float, examined_max: int) -> bytes:
    """In the order in which `near` takes it apart."""
    return _SEARCH.pack(
        ahead,
        KEPT_MICROSECONDS,
        *point_in_set(search.place),
        radius_metres * _METRES_IN_SET,
        # A set knows where a unit is to half a metre.
        max(search.reach_metres, 1.0) * _METRES_IN_SET,
        search.limit,
        microseconds(search.fresh),
        microseconds(search.hold),
        examined_max,
    )


def found_in(answer: bytes, *, start: Place) -> list[Found]:
    """Nearest first. `distance_metres` is written out: every unit of every search comes through here."""
    north, east = radians(start.latitude), radians(start.longitude)
    across = cos(north)
    _, now = _ENDED.unpack_from(answer)
    found = []
    for raw, seen, latitude, longitude, load in _HIT.iter_unpack(memoryview(answer)[_ENDED.size :]):
        there = radians(latitude)
        rise, turn = sin((there - north) / 2), sin((radians(longitude) - east) / 2)
        chord = rise * rise + across * cos(there) * turn * turn
        metres = 2 * EARTH_RADIUS_METRES * asin(sqrt(min(1.0, chord)))
        age = timedelta(0, 0, int(now - seen))
        found.append(Found(_unit_id(raw), Place(latitude, longitude), metres, age, load))
    found.sort(key=_metres)
    return found


def radius_of(answer: bytes) -> float:
    """Up to where it was searched."""
    radius, _ = _ENDED.unpack_from(answer)
    return float(radius) / _METRES_IN_SET


def _unit_id(raw: bytes) -> UUID:
    """`UUID(bytes=raw)` past its checks, which cost a tenth of a search; kept ones are dearer to look up."""
    unit_id = object.__new__(UUID)
    object.__setattr__(unit_id, "int", int.from_bytes(raw, "big"))
    object.__setattr__(unit_id, "is_safe", SafeUUID.unknown)
    return unit_id


def known(unit_id: UUID, answer: bytes) -> Found:
    age, latitude, longitude, load = _KNOWN.unpack(answer)
    place = Place(latitude, longitude)
    return Found(unit_id=unit_id, place=place, metres=0.0, age=timedelta(microseconds=age), load=load)
