from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.providers.hours import HoursException, OpeningHours, open_periods, zone
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.period import Period

JOHANNESBURG, BERLIN, APIA = "Africa/Johannesburg", "Europe/Berlin", "Pacific/Apia"
MONDAY = date(2026, 3, 2)
SPRING_FORWARD = date(2026, 3, 29)  # Berlin: 02:00 becomes 03:00
FALL_BACK = date(2026, 10, 25)  # Berlin: 03:00 becomes 02:00


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


def utc(start: str, end: str) -> Period:
    return Period(instant(start), instant(end))


def around(day: date, days: int = 1) -> Period:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return Period(start, start + timedelta(days=days))


def openings_on(day: date, opens: str, closes: str, *, time_zone: str) -> tuple[Period, ...]:
    rules = (OpeningHours(day.weekday(), opens, closes),)
    return open_periods(hours=rules, exceptions=(), time_zone=time_zone, within=around(day))


class TestOpeningHours:
    @pytest.mark.parametrize("weekday", [-1, 7])
    def test_refuses_a_day_that_no_week_has(self, weekday: int) -> None:
        with pytest.raises(Invalid, match="weekday"):
            OpeningHours(weekday, "09:00", "17:00")

    @pytest.mark.parametrize(
        ("opens", "closes", "field"),
        [
            ("09:00", "09:00", "closes"),
            ("17:00", "09:00", "closes"),
            ("09:00", "33:01", "closes"),
            ("24:00", "25:00", "opens"),
            ("9:00", "17:00", "opens"),
            ("09:00", "17:60", "closes"),
            ("09:00", "१७:३४", "closes"),
        ],
    )
    def test_refuses_times_that_make_no_opening(self, opens: str, closes: str, field: str) -> None:
        with pytest.raises(Invalid) as refused:
            OpeningHours(0, opens, closes)

        assert refused.value.facts["field"] == field

    def test_may_last_a_whole_day_and_past_midnight(self) -> None:
        hours = [OpeningHours(0, "00:00", "24:00"), OpeningHours(4, "22:00", "46:00")]

        assert [one.closes for one in hours] == ["24:00", "46:00"]

    def test_is_stored_as_json_and_read_back(self) -> None:
        stored = (
            OpeningHours(0, "09:00", "26:00"),
            HoursException(MONDAY),
            HoursException(MONDAY, "10:00", "12:00"),
        )

        text = msgspec.json.encode(stored)

        assert msgspec.json.decode(text, type=tuple[OpeningHours, HoursException, HoursException]) == stored


class TestHoursException:
    @pytest.mark.parametrize(
        ("opens", "closes", "field"),
        [("09:00", None, "closes"), (None, "17:00", "opens"), ("17:00", "09:00", "closes")],
    )
    def test_refuses_half_an_opening(self, opens: str | None, closes: str | None, field: str) -> None:
        with pytest.raises(Invalid) as refused:
            HoursException(MONDAY, opens, closes)

        assert refused.value.facts["field"] == field


class TestZone:
    @pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "Africa", "UTC\0", "/etc/passwd"])
    def test_refuses_what_is_no_zone(self, name: str) -> None:
        with pytest.raises(Invalid, match="time_zone"):
            zone(name)


class TestOpenPeriods:
    def test_reads_hours_in_local_time(self) -> None:
        found = openings_on(MONDAY, "09:00", "17:00", time_zone=JOHANNESBURG)

        assert found == (utc("2026-03-02T07:00", "2026-03-02T15:00"),)

    def test_keeps_wall_time_when_the_clocks_change(self) -> None:
        sundays = (OpeningHours(6, "09:00", "10:00"),)

        found = open_periods(
            hours=sundays, exceptions=(), time_zone=BERLIN, within=around(date(2026, 3, 22), 8)
        )

        assert found == (
            utc("2026-03-22T08:00", "2026-03-22T09:00"),
            utc("2026-03-29T07:00", "2026-03-29T08:00"),
        )

    def test_opens_after_the_gap_where_the_clocks_skip_its_time(self) -> None:
        found = openings_on(SPRING_FORWARD, "02:30", "05:00", time_zone=BERLIN)

        assert found == (utc("2026-03-29T01:00", "2026-03-29T03:00"),)

    def test_closes_at_the_gap_where_the_clocks_skip_its_time(self) -> None:
        found = openings_on(SPRING_FORWARD, "00:00", "02:30", time_zone=BERLIN)

        assert found == (utc("2026-03-28T23:00", "2026-03-29T01:00"),)

    def test_leaves_out_an_opening_that_the_clocks_skip(self) -> None:
        found = openings_on(SPRING_FORWARD, "02:10", "02:50", time_zone=BERLIN)

        assert found == ()

    def test_leaves_out_a_day_that_the_calendar_skips(self) -> None:
        daily = tuple(OpeningHours(weekday, "09:00", "17:00") for weekday in range(7))

        found = open_periods(hours=daily, exceptions=(), time_zone=APIA, within=around(date(2011, 12, 29), 4))

        local_days = [opening.start.astimezone(ZoneInfo(APIA)).day for opening in found]
        assert local_days == [28, 29, 31, 1, 2]

    def test_opens_at_the_first_and_closes_at_the_second_of_two_equal_times(self) -> None:
        opening = openings_on(FALL_BACK, "02:30", "05:00", time_zone=BERLIN)
        closing = openings_on(FALL_BACK, "01:00", "02:30", time_zone=BERLIN)

        assert opening == (utc("2026-10-25T00:30", "2026-10-25T04:00"),)
        assert closing == (utc("2026-10-24T23:00", "2026-10-25T01:30"),)

    def test_counts_past_midnight_into_the_next_day(self) -> None:
        friday = (OpeningHours(4, "22:00", "27:00"),)

        found = open_periods(
            hours=friday, exceptions=(), time_zone=JOHANNESBURG, within=around(date(2026, 3, 7))
        )

        assert found == (utc("2026-03-06T20:00", "2026-03-07T01:00"),)

    def test_merges_hours_of_one_day_that_overlap_or_touch(self) -> None:
        hours = (
            OpeningHours(0, "12:00", "17:00"),
            OpeningHours(0, "09:00", "12:00"),
            OpeningHours(0, "10:00", "13:00"),
        )

        found = open_periods(hours=hours, exceptions=(), time_zone=JOHANNESBURG, within=around(MONDAY))

        assert found == (utc("2026-03-02T07:00", "2026-03-02T15:00"),)

    def test_replaces_the_weekly_hours_by_exceptions_for_the_date(self) -> None:
        mondays = (OpeningHours(0, "09:00", "17:00"),)
        split_day = (HoursException(MONDAY, "18:00", "19:00"), HoursException(MONDAY, "08:00", "09:00"))

        found = open_periods(
            hours=mondays, exceptions=split_day, time_zone=JOHANNESBURG, within=around(MONDAY)
        )

        assert found == (
            utc("2026-03-02T06:00", "2026-03-02T07:00"),
            utc("2026-03-02T16:00", "2026-03-02T17:00"),
        )

    def test_stays_closed_on_a_date_without_times(self) -> None:
        mondays = (OpeningHours(0, "09:00", "17:00"),)

        found = open_periods(
            hours=mondays,
            exceptions=(HoursException(MONDAY),),
            time_zone=JOHANNESBURG,
            within=around(MONDAY, 8),
        )

        assert found == (utc("2026-03-09T07:00", "2026-03-09T15:00"),)

    def test_refuses_an_unknown_zone(self) -> None:
        with pytest.raises(Invalid, match="time_zone"):
            open_periods(hours=(), exceptions=(), time_zone="Mars/Olympus", within=around(MONDAY))


minutes_of_day = st.integers(0, 23 * 60 + 59)


def clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


@st.composite
def weekly_hours(draw: st.DrawFn) -> OpeningHours:
    opens = draw(minutes_of_day)
    lasts = draw(st.integers(1, 24 * 60))
    return OpeningHours(draw(st.integers(0, 6)), clock(opens), clock(opens + lasts))


weeks = st.lists(weekly_hours(), max_size=6)
zones = st.sampled_from([JOHANNESBURG, BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
days_of_2026 = st.integers(0, 364).map(lambda days: date(2026, 1, 1) + timedelta(days=days))


class TestOpenPeriodsAnywhere:
    @given(hours=weeks, time_zone=zones, day=days_of_2026)
    def test_is_open_at_an_instant_exactly_where_the_wall_clock_is_in_the_hours(
        self, hours: list[OpeningHours], time_zone: str, day: date
    ) -> None:
        noon = datetime(day.year, day.month, day.day, 12, 0, 30, tzinfo=UTC)
        within = Period(noon, noon + timedelta(minutes=1))

        found = open_periods(hours=hours, exceptions=(), time_zone=time_zone, within=within)

        # Noon UTC is near no change of clocks in these zones, so the plain comparison holds.
        local = noon.astimezone(ZoneInfo(time_zone))
        assert any(one.contains(noon) for one in found) == any(is_open(one, local) for one in hours)

    @given(hours=weeks, time_zone=zones, day=days_of_2026, cut=st.integers(1, 95))
    def test_finds_the_same_openings_whatever_the_question(
        self, hours: list[OpeningHours], time_zone: str, day: date, cut: int
    ) -> None:
        whole = around(day, 4)
        middle = whole.start + timedelta(hours=cut)
        parts = (Period(whole.start, middle), Period(middle, whole.end))

        found = [open_periods(hours=hours, exceptions=(), time_zone=time_zone, within=part) for part in parts]

        asked_whole = open_periods(hours=hours, exceptions=(), time_zone=time_zone, within=whole)
        assert set(found[0]) | set(found[1]) == set(asked_whole)


def is_open(hours: OpeningHours, local: datetime) -> bool:
    since_midnight = local.hour * 60 + local.minute
    opens, closes = (int(text[:2]) * 60 + int(text[3:]) for text in (hours.opens, hours.closes))
    days_ago = (local.weekday() - hours.weekday) % 7
    return opens <= since_midnight + days_ago * 24 * 60 < closes
