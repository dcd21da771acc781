"""A place is a point on the globe (WGS 84), and strangers see it only to about a kilometre."""

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

from marketplace.core.shared.errors import Invalid

_EARTH_RADIUS_METRES = 6_371_008.8  # mean radius, IUGG
_DECIMALS_SHOWN = 2  # 0.01 degree of latitude is 1.1 km


@dataclass(frozen=True, slots=True)
class Place:
    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        _check_degrees("latitude", self.latitude, limit=90)
        _check_degrees("longitude", self.longitude, limit=180)

    def rounded(self) -> "Place":
        """The same answer for everyone nearby; noise would give the point away to who asks often."""
        return Place(round(self.latitude, _DECIMALS_SHOWN), round(self.longitude, _DECIMALS_SHOWN))


def distance_metres(start: Place, end: Place) -> float:
    """Great-circle distance by the haversine formula, within 0.5 % of the ellipsoid."""
    latitude_start, latitude_end = radians(start.latitude), radians(end.latitude)
    rise = sin((latitude_end - latitude_start) / 2) ** 2
    turn = sin(radians(end.longitude - start.longitude) / 2) ** 2
    chord = rise + cos(latitude_start) * cos(latitude_end) * turn
    return 2 * _EARTH_RADIUS_METRES * asin(sqrt(min(1.0, chord)))


def _check_degrees(field: str, degrees: float, *, limit: int) -> None:
    # Written so that NaN, which compares false with everything, is refused too.
    if not -limit <= degrees <= limit:
        raise Invalid(field, "is not on the globe", f"{-limit} to {limit} degrees")
