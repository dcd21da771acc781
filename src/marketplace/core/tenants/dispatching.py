"""How a marketplace that sends its providers out looks for them: all of it policy."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.limits import Between, Length, check_range

REACH_METRES_MAX = 200_000
OFFERS_MAX = 50
_SECONDS_MAX = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """How far one round of offers reaches, and to how many at once."""

    reach_metres: Annotated[int, Between(100, REACH_METRES_MAX)]
    offers: Annotated[int, Between(1, OFFERS_MAX)] = 1

    def __post_init__(self) -> None:
        check_range("reach_metres", self.reach_metres, least=100, most=REACH_METRES_MAX)
        check_range("offers", self.offers, least=1, most=OFFERS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """
    What counts beside the way there, each in the seconds of travel that it is worth.

    `job_ahead` for each job that the unit has still to end, beside the time that it is planned for: nobody
    knows when it ends (in a simulated city of 300, a next job pays where nobody idle is near); `star` for
    each star short of five; `expertise` for somebody who has done this often; `idle_hour` for each hour
    without a job; `newcomer` for somebody who has not had the first few jobs; `member` for each level of a
    member's priority.
    """

    job_ahead_seconds: Annotated[int, Between(0, _SECONDS_MAX)] = 600
    star_seconds: Annotated[int, Between(0, _SECONDS_MAX)] = 120
    expertise_seconds: Annotated[int, Between(0, _SECONDS_MAX)] = 60
    idle_hour_seconds: Annotated[int, Between(0, _SECONDS_MAX)] = 60
    newcomer_seconds: Annotated[int, Between(0, _SECONDS_MAX)] = 120
    member_seconds: Annotated[int, Between(0, _SECONDS_MAX)] = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchPolicy:
    """
    Jobs of one area are decided together: at once while somebody is idle, and where idle providers are
    scarce after a window that grows up to its longest.

    `reach_minutes` is how long "now" may take to begin, `search_minutes` how long the platform looks before
    the customer chooses, `fresh_seconds` how old a sighting may be. A unit has `load_max` jobs at a time, the
    next one from `ahead_minutes` before it is done with the last; where that is so, two fifths of a job's
    `candidates_max` are units that have one. A newcomer gets its advantage for its first `newcomer_jobs`,
    and at most `newcomer_offers_hour` offers an hour by it.
    """

    offer_seconds: Annotated[int, Between(5, 3600)] = 45
    waves: Annotated[tuple[Wave, ...], Length(10, least=1)] = (
        Wave(reach_metres=4_000),
        Wave(reach_metres=10_000),
        Wave(reach_metres=20_000, offers=3),
    )
    candidates_max: Annotated[int, Between(1, 100)] = 20
    reach_minutes: Annotated[int, Between(5, 1440)] = 90
    search_minutes: Annotated[int, Between(1, 1440)] = 15
    window_seconds: Annotated[int, Between(0, 300)] = 1
    window_seconds_max: Annotated[int, Between(0, 600)] = 30
    fresh_seconds: Annotated[int, Between(5, 3600)] = 120
    load_max: Annotated[int, Between(1, 10)] = 2
    ahead_minutes: Annotated[int, Between(0, 240)] = 15
    newcomer_jobs: Annotated[int, Between(0, 1000)] = 10
    newcomer_offers_hour: Annotated[int, Between(0, 60)] = 3
    weights: Weights = Weights()

    def __post_init__(self) -> None:
        for index, (near, far) in enumerate(pairwise(self.waves), start=1):
            if far.reach_metres < near.reach_metres or far.offers < near.offers:
                raise Invalid(f"waves[{index}]", "is narrower than the one before", "widening waves")
        for index, wave in enumerate(self.waves):
            if wave.offers > self.candidates_max:
                allowed = f"1 to candidates_max, {self.candidates_max}"
                raise Invalid(f"waves[{index}].offers", "are more than are looked at", allowed)
        if self.window_seconds > self.window_seconds_max:
            raise Invalid("window_seconds", "is over the longest", f"0 to {self.window_seconds_max}")
