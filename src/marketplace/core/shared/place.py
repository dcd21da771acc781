"""A place is a point on the globe (WGS 84), and strangers see it only to about a kilometre."""

from dataclasses import dataclass
from math import asin, cos, degrees, pi, radians, sin, sqrt

from marketplace.core.shared.errors import Invalid

EARTH_RADIUS_METRES = 6_371_008.8  # mean radius, IUGG
METRES_PER_DEGREE = EARTH_RADIUS_METRES * pi / 180  # of latitude
_POLE = 89.99
_DECIMALS_SHOWN = 2  # 0.01 degree of latitude is 1.1 km


@dataclass(frozen=True, slots=True)
class Place:
    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        # Written so that NaN, which compares false with everything, is refused too.
        if not -90 <= self.latitude <= 90:  # noqa: PLR2004 - degrees
            raise _off_the_globe("latitude", limit=90)
        if not -180 <= self.longitude <= 180:  # noqa: PLR2004 - degrees
            raise _off_the_globe("longitude", limit=180)

    def rounded(self) -> "Place":
        """The same answer for everyone nearby; noise would give the point away to who asks often."""
        return Place(round(self.latitude, _DECIMALS_SHOWN), round(self.longitude, _DECIMALS_SHOWN))


def distance_metres(start: Place, end: Place) -> float:
    """Great-circle distance by the haversine formula, within 0.5 % of the ellipsoid."""
    latitude_start, latitude_end = radians(start.latitude), radians(end.latitude)
    rise = sin((latitude_end - latitude_start) / 2) ** 2
    turn = sin(radians(end.longitude - start.longitude) / 2) ** 2
    chord = rise + cos(latitude_start) * cos(latitude_end) * turn
    return 2 * EARTH_RADIUS_METRES * asin(sqrt(min(1.0, chord)))


def degrees_around(latitude: float, *, metres: float) -> tuple[float, float]:
    """How far a circle reaches to the north and to the east; to the east all around where it holds a pole."""
    angle = metres / EARTH_RADIUS_METRES
    if degrees(angle) + abs(latitude) >= _POLE:
        return degrees(angle), 180.0
    return degrees(angle), degrees(asin(min(1.0, sin(angle) / cos(radians(latitude)))))


def _off_the_globe(field: str, *, limit: int) -> Invalid:
    return Invalid(field, "is not on the globe", f"{-limit} to {limit} degrees")
