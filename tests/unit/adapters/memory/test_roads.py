"""How long a way takes by the great circle and the clock on the wall."""

from datetime import UTC, datetime, timedelta
from math import inf, nan
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.adapters.memory.roads import GreatCircleRouter, Profile
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.place import Place, distance_metres

HOME = Place(-26.2041, 28.0473)
# As far north as makes a road of 26 km at the detour of 1.3: 20 km of great circle.
FAR = Place(HOME.latitude + 20_000 / 111_195.08, HOME.longitude)
MIDNIGHT = datetime(2026, 11, 2, tzinfo=ZoneInfo("Africa/Johannesburg"))
EVEN = Profile(speeds=(30.0,) * 24)


async def lasting(at: datetime, profile: Profile = EVEN, start: Place = FAR) -> timedelta:
    (found,) = await GreatCircleRouter(profile).travel(starts=[start], end=HOME, at=at)
    return found


class TestTravel:
    async def test_is_the_great_circle_times_the_detour_over_the_speed(self) -> None:
        found = await lasting(MIDNIGHT)

        road = distance_metres(FAR, HOME) * 1.3
        assert found.total_seconds() == pytest.approx(road / 30_000 * 3600, abs=1e-3)
        assert found.total_seconds() == pytest.approx(52 * 60, abs=1)

    async def test_answers_for_each_start_in_their_order(self) -> None:
        found = await GreatCircleRouter(EVEN).travel(starts=[FAR, HOME, FAR], end=HOME, at=MIDNIGHT)

        assert found == (found[0], timedelta(), found[0])

    async def test_answers_nothing_for_nobody(self) -> None:
        assert await GreatCircleRouter().travel(starts=[], end=HOME, at=MIDNIGHT) == ()

    async def test_takes_longer_in_the_morning_peak_than_at_night(self) -> None:
        peak, night = [await lasting(MIDNIGHT.replace(hour=hour), Profile()) for hour in (7, 1)]

        assert peak > 1.5 * night

    async def test_goes_by_the_clock_of_the_place(self) -> None:
        peak = MIDNIGHT.replace(hour=7)

        assert await lasting(peak, Profile()) != await lasting(peak.astimezone(UTC), Profile())

    async def test_changes_speed_when_the_hour_does(self) -> None:
        # Half an hour at 20 km/h is 10 of the 26 km; the other 16 take 24 minutes at 40.
        profile = Profile(speeds=(20.0, 40.0) * 12)

        found = await lasting(MIDNIGHT + timedelta(minutes=30), profile)

        assert found.total_seconds() == pytest.approx(54 * 60, abs=1)

    async def test_goes_on_after_midnight(self) -> None:
        profile = Profile(speeds=(40.0, *[20.0] * 23))

        found = await lasting(MIDNIGHT + timedelta(hours=23, minutes=30), profile)

        assert found.total_seconds() == pytest.approx(54 * 60, abs=1)

    @given(minute=st.integers(0, 1439), later=st.integers(1, 240), degrees=st.floats(0, 3))
    async def test_lets_nobody_who_leaves_later_arrive_earlier(
        self, minute: int, later: int, degrees: float
    ) -> None:
        first = MIDNIGHT + timedelta(minutes=minute)
        second = first + timedelta(minutes=later)
        start = Place(HOME.latitude + degrees, HOME.longitude)

        arrivals = [at + await lasting(at, Profile(), start) for at in (first, second)]

        assert arrivals[0] <= arrivals[1] + timedelta(microseconds=10)


class TestProfile:
    @pytest.mark.parametrize("speeds", [(), (30.0,) * 23, (0.0,) * 24, (nan,) * 24, (inf,) * 24])
    def test_refuses_speeds_that_are_not_those_of_a_day(self, speeds: tuple[float, ...]) -> None:
        with pytest.raises(Invalid, match="speeds"):
            Profile(speeds=speeds)

    @pytest.mark.parametrize("detour", [0.9, nan, inf])
    def test_refuses_a_road_shorter_than_the_great_circle(self, detour: float) -> None:
        with pytest.raises(Invalid, match="detour"):
            Profile(detour=detour)
