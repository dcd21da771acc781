from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.period import Period, merge, subtract

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
HOURS = range(24)


def hours(start: int, end: int) -> Period:
    return Period(MIDNIGHT + timedelta(hours=start), MIDNIGHT + timedelta(hours=end))


def covered(periods: tuple[Period, ...] | list[Period]) -> set[int]:
    """Periods on whole hours, as the set of hours in them: the plain model of the algebra."""
    return {hour for hour in HOURS if any(p.contains(hours(hour, hour + 1)) for p in periods)}


some_hours = st.tuples(st.integers(0, 23), st.integers(1, 8)).map(
    lambda pair: hours(pair[0], min(24, pair[0] + pair[1]))
)
day_parts = st.lists(some_hours, max_size=8)


class TestPeriod:
    def test_keeps_instants_in_utc(self) -> None:
        johannesburg = datetime(2026, 3, 2, 2, tzinfo=ZoneInfo("Africa/Johannesburg"))

        period = Period(johannesburg, johannesburg + timedelta(hours=1))

        assert period == hours(0, 1)
        assert period.start.tzinfo is UTC

    def test_refuses_instants_without_an_offset(self) -> None:
        with pytest.raises(Invalid, match="start"):
            Period(datetime(2026, 3, 2), MIDNIGHT)  # noqa: DTZ001 - what is refused

    def test_refuses_an_end_that_is_not_after_the_start(self) -> None:
        with pytest.raises(Invalid, match="end"):
            hours(5, 5)

    @pytest.mark.parametrize("offset_hours", [-14, 0, 14])
    def test_refuses_instants_at_the_limits_of_datetime(self, offset_hours: int) -> None:
        zone = timezone(timedelta(hours=offset_hours))

        with pytest.raises(Invalid, match="start"):
            Period(datetime.min.replace(tzinfo=zone), MIDNIGHT)
        with pytest.raises(Invalid, match="end"):
            Period(MIDNIGHT, datetime.max.replace(tzinfo=zone))

    def test_leaves_its_end_to_the_next_one(self) -> None:
        morning, afternoon = hours(8, 12), hours(12, 17)

        assert not morning.overlaps(afternoon)
        assert not morning.contains(afternoon.start)
        assert afternoon.contains(afternoon.start)
        assert morning.intersection(afternoon) is None

    def test_contains_itself(self) -> None:
        period = hours(8, 12)

        assert period.contains(period)
        assert not period.contains(hours(8, 13))

    def test_is_shifted_and_widened(self) -> None:
        period = hours(8, 12)

        moved = period.shifted(timedelta(hours=2))
        wider = period.widened(timedelta(hours=1), timedelta(hours=3))

        assert (moved, wider) == (hours(10, 14), hours(7, 15))
        assert wider.length == timedelta(hours=8)

    @given(one=some_hours, other=some_hours)
    def test_overlaps_what_it_shares_an_instant_with(self, one: Period, other: Period) -> None:
        shared = covered([one]) & covered([other])

        common = one.intersection(other)

        assert one.overlaps(other) == bool(shared)
        assert covered([common] if common else []) == shared


class TestMerge:
    def test_joins_periods_that_touch(self) -> None:
        merged = merge([hours(12, 17), hours(8, 12), hours(20, 21)])

        assert merged == (hours(8, 17), hours(20, 21))

    @given(periods=day_parts)
    def test_covers_the_same_hours_with_gaps_between(self, periods: list[Period]) -> None:
        merged = merge(periods)

        assert covered(merged) == covered(periods)
        assert all(one.end < next_.start for one, next_ in pairwise(merged))


class TestSubtract:
    def test_leaves_what_is_not_busy(self) -> None:
        left = subtract(hours(8, 17), [hours(7, 9), hours(12, 13), hours(16, 18)])

        assert left == (hours(9, 12), hours(13, 16))

    @given(period=some_hours, busy=day_parts)
    def test_is_the_difference_of_the_hours(self, period: Period, busy: list[Period]) -> None:
        left = subtract(period, busy)

        assert covered(left) == covered([period]) - covered(busy)
        assert left == merge(left)
