"""Without a map of the roads a way is the great circle, made longer by their turns, at the hour's speed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.place import Place, distance_metres

_HOURS = 24
_METRES_PER_KILOMETRE = 1000
_SPEED_MAX = 200
_DETOUR_MAX = 5
# km/h of a city, our own estimate: free at night, slow when people go to work and come back. Weekends are not
# told apart; who needs better runs a router that knows the roads.
_NIGHT, _DAY, _SHOULDER, _PEAK = 40.0, 30.0, 26.0, 22.0
_CITY = (
    *[_NIGHT] * 6,
    *[_SHOULDER, _PEAK, _PEAK, _SHOULDER],  # 6 to 10
    *[_DAY] * 5,
    *[_SHOULDER, _PEAK, _PEAK, _SHOULDER],  # 15 to 19
    *[_DAY] * 3,
    *[_NIGHT] * 2,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """
    How fast a city moves: `speeds` in km/h for each hour of the local day, from midnight.

    `detour` is how much longer the road is than the great circle: 1.2 between points of a city at random
    (Newell 1980), more the shorter the way (Giacomin and Levinson 2015), and ours are short.
    """

    speeds: tuple[float, ...] = _CITY
    detour: float = 1.3

    def __post_init__(self) -> None:
        # Written so that NaN is refused too.
        if len(self.speeds) != _HOURS or not all(1 <= speed <= _SPEED_MAX for speed in self.speeds):
            raise Invalid("speeds", "are not those of a day", f"{_HOURS} numbers from 1 to {_SPEED_MAX} km/h")
        if not 1 <= self.detour <= _DETOUR_MAX:
            raise Invalid("detour", "is no factor of a road's length", f"1 to {_DETOUR_MAX}")


@dataclass(frozen=True, slots=True)
class GreatCircleRouter:
    """
    Never Unavailable, and a road leads from everywhere.

    A way goes through the hours that it lasts, each at its own speed, so that nobody who leaves later arrives
    earlier (Ichoua, Gendreau and Potvin 2003). That a clock is put forward meanwhile is left out.
    """

    profile: Profile = Profile()

    async def travel(self, *, starts: Sequence[Place], end: Place, at: datetime) -> tuple[timedelta, ...]:
        return tuple(
            _lasting(distance_metres(start, end) * self.profile.detour, at, self.profile) for start in starts
        )


def _lasting(metres: float, at: datetime, profile: Profile) -> timedelta:
    hour, spent = at.hour, 0.0
    left = 1 - (at - at.replace(minute=0, second=0, microsecond=0)) / timedelta(hours=1)
    while (reached := profile.speeds[hour] * _METRES_PER_KILOMETRE * left) < metres:
        metres, spent = metres - reached, spent + left
        hour, left = (hour + 1) % _HOURS, 1.0
    return timedelta(hours=spent + metres / (profile.speeds[hour] * _METRES_PER_KILOMETRE))
