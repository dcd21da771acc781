from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.catalogue.slots import Diary, SlotRefusal, free_slots, free_units, reach, why_not
from marketplace.core.providers.hours import OpeningHours, open_periods
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.period import Period

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
DAY = Period(MIDNIGHT, MIDNIGHT + timedelta(days=1))
FIRST, SECOND, THIRD = UUID(int=1), UUID(int=2), UUID(int=3)
NOTHING = timedelta()


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


def at(clock: str) -> datetime:
    """Hours past 24 are those of the next day."""
    hour, minute = clock.split(":")
    return MIDNIGHT + timedelta(hours=int(hour), minutes=int(minute))


def period(start: str, end: str) -> Period:
    return Period(at(start), at(end))


ONE_UNIT = Diary(
    open_periods=(period("9:00", "12:00"),),
    units=(FIRST,),
    busy={},
    time_off=(),
    duration=minutes(60),
    buffer_before=NOTHING,
    buffer_after=NOTHING,
    step=minutes(30),
    notice=NOTHING,
    horizon=timedelta(days=60),
    now=MIDNIGHT - timedelta(days=1),
)


def starts(diary: Diary, within: Period = DAY) -> list[str]:
    return [f"{slot.start:%H:%M}" for slot in free_slots(diary, within=within)]


class TestDiary:
    @pytest.mark.parametrize(
        ("field", "too_short"),
        [
            ("duration", minutes(0)),
            ("step", minutes(0)),
            ("buffer_before", minutes(-1)),
            ("buffer_after", minutes(-1)),
            ("notice", minutes(-1)),
            ("horizon", minutes(-1)),
        ],
    )
    def test_refuses_lengths_that_make_no_sense(self, field: str, too_short: timedelta) -> None:
        with pytest.raises(Invalid, match=field):
            replace(ONE_UNIT, **{field: too_short})  # type: ignore[arg-type]


class TestFreeSlots:
    def test_fit_into_the_opening(self) -> None:
        slots = free_slots(ONE_UNIT, within=DAY)

        assert starts(ONE_UNIT) == ["09:00", "09:30", "10:00", "10:30", "11:00"]
        assert {(slot.end - slot.start, slot.units_free) for slot in slots} == {(minutes(60), 1)}

    def test_start_within_the_period_and_may_end_after_it(self) -> None:
        shown = starts(ONE_UNIT, within=period("9:15", "10:30"))

        assert shown == ["09:30", "10:00"]

    def test_count_the_units_that_are_free(self) -> None:
        busy = {FIRST: (period("9:00", "10:00"),), SECOND: (period("9:30", "10:30"),)}
        diary = replace(ONE_UNIT, units=(FIRST, SECOND), busy=busy)

        counts = {f"{slot.start:%H:%M}": slot.units_free for slot in free_slots(diary, within=DAY)}

        assert counts == {"10:00": 1, "10:30": 2, "11:00": 2}

    def test_keep_their_own_buffers_clear_of_what_is_reserved(self) -> None:
        busy = {FIRST: (period("10:00", "10:30"),)}
        diary = replace(
            ONE_UNIT, duration=minutes(30), busy=busy, buffer_before=minutes(15), buffer_after=minutes(30)
        )

        assert starts(diary) == ["09:00", "11:00", "11:30"]

    def test_leave_buffers_outside_the_opening(self) -> None:
        diary = replace(ONE_UNIT, buffer_before=minutes(90), buffer_after=minutes(90))

        assert starts(diary) == starts(ONE_UNIT)

    def test_keep_every_unit_clear_of_time_off(self) -> None:
        diary = replace(ONE_UNIT, units=(FIRST, SECOND), time_off=(period("10:00", "10:30"),))

        assert starts(diary) == ["09:00", "10:30", "11:00"]

    def test_respect_notice_and_horizon(self) -> None:
        diary = replace(ONE_UNIT, now=at("8:00"), notice=minutes(90), horizon=minutes(150))

        assert starts(diary) == ["09:30", "10:00", "10:30"]

    def test_span_openings_that_touch_and_follow_the_grid_of_the_last_begun(self) -> None:
        diary = replace(ONE_UNIT, open_periods=(period("9:00", "10:10"), period("10:10", "12:00")))

        assert starts(diary) == ["09:00", "09:30", "10:00", "10:10", "10:40"]

    def test_return_to_the_grid_of_the_opening_that_goes_on(self) -> None:
        diary = replace(ONE_UNIT, open_periods=(period("9:00", "12:00"), period("9:40", "10:10")))

        assert starts(diary) == ["09:00", "09:30", "09:40", "10:30", "11:00"]

    def test_are_none_without_units(self) -> None:
        assert starts(replace(ONE_UNIT, units=())) == []

    def test_keep_local_time_when_the_clocks_change(self) -> None:
        berlin = ZoneInfo("Europe/Berlin")
        sundays = (OpeningHours(6, "09:10", "11:00"),)
        within = Period(datetime(2026, 3, 22, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC))
        openings = open_periods(hours=sundays, exceptions=(), time_zone="Europe/Berlin", within=within)
        diary = replace(ONE_UNIT, open_periods=openings)

        shown = free_slots(diary, within=within)

        local = [f"{slot.start.astimezone(berlin):%d %H:%M}" for slot in shown]
        assert local == ["22 09:10", "22 09:40", "29 09:10", "29 09:40"]


class TestFreeUnits:
    def test_are_given_in_the_diary_s_order(self) -> None:
        busy = {SECOND: (period("9:00", "10:00"),)}
        diary = replace(ONE_UNIT, units=(THIRD, SECOND, FIRST), busy=busy)

        units = free_units(diary, start=at("9:30"))

        assert units == (THIRD, FIRST)

    def test_are_found_for_a_start_with_another_offset(self) -> None:
        local = at("9:30").astimezone(ZoneInfo("Africa/Johannesburg"))

        assert free_units(ONE_UNIT, start=local) == (FIRST,)

    @pytest.mark.parametrize("offset_hours", [-14, 14])
    def test_are_none_at_the_limits_of_datetime(self, offset_hours: int) -> None:
        zone = timezone(timedelta(hours=offset_hours))

        found = [
            (free_units(ONE_UNIT, start=start), why_not(ONE_UNIT, start=start))
            for start in (datetime.min.replace(tzinfo=zone), datetime.max.replace(tzinfo=zone))
        ]

        assert found == [((), SlotRefusal.PAST), ((), SlotRefusal.TOO_FAR)]


class TestWhyNot:
    @pytest.mark.parametrize(
        ("start", "reason"),
        [
            ("6:30", SlotRefusal.PAST),
            ("7:30", SlotRefusal.TOO_SOON),
            ("8:00", None),
            ("9:10", SlotRefusal.OFF_GRID),
            ("10:00", SlotRefusal.TIME_OFF),
            ("11:00", SlotRefusal.TAKEN),
            ("15:00", None),
            ("15:30", SlotRefusal.OUTSIDE_HOURS),
            ("17:00", SlotRefusal.OUTSIDE_HOURS),
            ("31:00", None),
            ("31:30", SlotRefusal.TOO_FAR),
        ],
    )
    def test_names_the_reason(self, start: str, reason: SlotRefusal | None) -> None:
        diary = replace(
            ONE_UNIT,
            now=at("7:00"),
            notice=minutes(60),
            horizon=timedelta(days=1),
            open_periods=(period("7:00", "16:00"), period("31:00", "40:00")),
            time_off=(period("10:15", "10:30"),),
            busy={FIRST: (period("11:30", "12:00"),)},
        )

        assert why_not(diary, start=at(start)) is reason


class TestReach:
    def test_covers_the_buffers_of_the_first_and_the_whole_of_the_last_job(self) -> None:
        span = reach(
            within=period("9:00", "10:00"),
            duration=minutes(60),
            buffer_before=minutes(15),
            buffer_after=minutes(30),
        )

        assert span == period("8:45", "11:30")


short = st.integers(0, 12).map(lambda count: minutes(5 * count))
longer = st.integers(1, 30).map(lambda count: minutes(5 * count))
moments = st.integers(0, 48 * 12).map(lambda count: MIDNIGHT + minutes(5 * count))
some_periods = st.lists(
    st.builds(lambda start, lasts: Period(start, start + lasts), moments, longer.map(lambda one: one * 3)),
    max_size=6,
)
diaries = st.builds(
    Diary,
    open_periods=some_periods,
    units=st.sampled_from([(), (FIRST,), (FIRST, SECOND), (THIRD, FIRST, SECOND)]),
    busy=st.dictionaries(st.sampled_from([FIRST, SECOND, THIRD]), some_periods),
    time_off=some_periods.map(lambda periods: periods[:1]),
    duration=longer,
    buffer_before=short,
    buffer_after=short,
    step=longer,
    notice=short,
    horizon=st.sampled_from([timedelta(hours=12), timedelta(days=30)]),
    now=moments.map(lambda moment: moment - timedelta(hours=12)),
)
windows = st.builds(
    lambda start, hours: Period(start, start + timedelta(hours=hours)), moments, st.integers(1, 48)
)


class TestWhatIsShown:
    @given(diary=diaries, within=windows)
    def test_is_exactly_what_can_be_booked(self, diary: Diary, within: Period) -> None:
        moment, bookable = within.start, {}
        while moment < within.end:
            bookable[moment] = free_units(diary, start=moment)
            moment += minutes(5)

        shown = {slot.start: slot.units_free for slot in free_slots(diary, within=within)}

        assert shown == {start: len(units) for start, units in bookable.items() if units}

    @given(diary=diaries, start=moments)
    def test_has_a_reason_exactly_where_nothing_is_free(self, diary: Diary, start: datetime) -> None:
        units = free_units(diary, start=start)

        assert (why_not(diary, start=start) is None) == bool(units)

    @given(diary=diaries, within=windows)
    def test_overlaps_nothing_by_the_plain_definition(self, diary: Diary, within: Period) -> None:
        for slot in free_slots(diary, within=within):
            job = Period(slot.start, slot.end)
            reserved = job.widened(diary.buffer_before, diary.buffer_after)

            free = [
                unit
                for unit in diary.units
                if not any(reserved.overlaps(taken) for taken in (*diary.busy.get(unit, ()), *diary.time_off))
            ]

            assert slot.units_free == len(free) > 0
            assert within.contains(slot.start)
            assert diary.now + diary.notice <= slot.start <= diary.now + diary.horizon

    @given(
        day=st.integers(0, 364), opens=st.integers(0, 23), lasts=st.integers(1, 24), cut=st.integers(1, 47)
    )
    def test_does_not_depend_on_the_period_asked_for(
        self, day: int, opens: int, lasts: int, cut: int
    ) -> None:
        hours = [OpeningHours(n, f"{opens:02d}:10", f"{opens + lasts:02d}:10") for n in range(7)]
        start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
        middle, end = start + timedelta(hours=cut), start + timedelta(days=2)

        def shown(within: Period) -> list[datetime]:
            span = reach(
                within=within, duration=minutes(150), buffer_before=NOTHING, buffer_after=minutes(20)
            )
            openings = open_periods(hours=hours, exceptions=(), time_zone="Europe/Berlin", within=span)
            diary = replace(
                ONE_UNIT, open_periods=openings, duration=minutes(150), step=minutes(35), now=start
            )
            return [slot.start for slot in free_slots(diary, within=within)]

        parts = shown(Period(start, middle)) + shown(Period(middle, end))

        assert parts == shown(Period(start, end))
