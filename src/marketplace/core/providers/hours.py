"""Opening hours are local wall time, and stay so when the clocks change."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.limits import Between, Word
from marketplace.core.shared.period import Period, merge

_WALL_TIME = re.compile(r"([0-9]{2}):([0-5][0-9])")
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Weekly, from `weekday` (0 is Monday); `closes` counts on past midnight, as GTFS does: 24:00, 26:30."""

    weekday: Annotated[int, Between(0, 6)]
    opens: Word
    closes: Word

    def __post_init__(self) -> None:
        if not 0 <= self.weekday <= 6:  # noqa: PLR2004 - the days of a week
            raise Invalid("weekday", "is no day of the week", "0 (Monday) to 6 (Sunday)")
        _check_times(opens=self.opens, closes=self.closes)


@dataclass(frozen=True, slots=True)
class HoursException:
    """Replaces the weekly hours of one date: closed without times; several for one date add up."""

    day: date
    opens: Word | None = None
    closes: Word | None = None

    def __post_init__(self) -> None:
        if self.opens is not None and self.closes is not None:
            _check_times(opens=self.opens, closes=self.closes)
        elif self.opens is not None or self.closes is not None:
            missing = "opens" if self.opens is None else "closes"
            raise Invalid(missing, "is missing beside the other time", "both times, or neither for closed")


def zone(time_zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(time_zone)
    # Beside the unknown name, zoneinfo lets through what the file system says about a path.
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid("time_zone", "is not known", "an IANA name like Africa/Johannesburg") from error


def open_periods(
    *,
    hours: Sequence[OpeningHours],
    exceptions: Sequence[HoursException],
    time_zone: str,
    within: Period,
) -> tuple[Period, ...]:
    """
    Every opening that overlaps `within`, whole, in order.

    Hours of one day that overlap or touch become one opening. Openings of different days stay apart and
    uncut, because each one's start anchors the grid of slots: cut, that grid would depend on the question.
    """
    found: list[Period] = []
    for day in _days(local=zone(time_zone), within=within):
        openings = _openings(day, tuple(_times(day, hours, exceptions)), time_zone)
        found += [opening for opening in openings if opening.overlaps(within)]
    return tuple(sorted(found))


# Every booking of a day asks for the same openings, and finding them is most of what it computes.
@lru_cache(maxsize=8192)
def _openings(day: date, times: tuple[tuple[str, str], ...], time_zone: str) -> tuple[Period, ...]:
    """A day's openings, merged."""
    local = zone(time_zone)
    return merge(filter(None, (_period(day, opens, closes, local) for opens, closes in times)))


def _days(*, local: ZoneInfo, within: Period) -> Iterator[date]:
    """Local dates whose hours may reach into the period: an opening lasts to the end of the second day."""
    day = within.start.astimezone(local).date() - timedelta(days=2)
    last = within.end.astimezone(local).date()
    while day <= last:
        yield day
        day += timedelta(days=1)


def _times(
    day: date, hours: Sequence[OpeningHours], exceptions: Sequence[HoursException]
) -> Iterator[tuple[str, str]]:
    special = [exception for exception in exceptions if exception.day == day]
    if special:
        yield from ((one.opens, one.closes) for one in special if one.opens and one.closes)
    else:
        yield from ((one.opens, one.closes) for one in hours if one.weekday == day.weekday())


def _period(day: date, opens: str, closes: str, local: ZoneInfo) -> Period | None:
    """None where the whole opening falls into the hour that the clocks skip."""
    start = _instant(_wall(day, opens), local=local, fold=0)
    end = _instant(_wall(day, closes), local=local, fold=1)
    return Period(start, end) if start < end else None


def _wall(day: date, clock: str) -> datetime:
    return datetime.combine(day, time()) + timedelta(minutes=_minutes("opens", clock))


def _instant(wall: datetime, *, local: ZoneInfo, fold: int) -> datetime:
    """The instant of a wall time; of two the one that `fold` names, of none the first after the gap."""
    instant = wall.replace(tzinfo=local, fold=fold).astimezone(UTC)
    if instant.astimezone(local).replace(tzinfo=None) == wall:
        return instant
    return _end_of_gap(wall, local=local)


def _end_of_gap(wall: datetime, *, local: ZoneInfo) -> datetime:
    """PEP 495: read with the offset after the change a skipped time lies before it, and the reverse."""
    before = wall.replace(tzinfo=local, fold=1).astimezone(UTC)
    after = wall.replace(tzinfo=local, fold=0).astimezone(UTC)
    offset_before = before.astimezone(local).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(local).utcoffset() == offset_before:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def _check_times(*, opens: str, closes: str) -> None:
    opens_minutes, closes_minutes = _minutes("opens", opens), _minutes("closes", closes)
    if opens_minutes >= _DAY_MINUTES:
        raise Invalid("opens", "is past the day", "00:00 to 23:59")
    if not opens_minutes < closes_minutes <= opens_minutes + _DAY_MINUTES:
        allowed = "within 24 hours after opening; past midnight counts on, as in 26:00"
        raise Invalid("closes", f"does not follow {opens}", allowed)


# Whoever reads a provider checks its week anew, and a marketplace knows few times of day.
@lru_cache(maxsize=4096)
def _minutes(field: str, clock: str) -> int:
    match = _WALL_TIME.fullmatch(clock)
    if not match:
        raise Invalid(field, "is not a time of day", "HH:MM")
    return int(match[1]) * 60 + int(match[2])
