"""A period runs from its start up to, but without, its end, both instants in UTC."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from marketplace.core.shared.errors import Invalid

# Far enough for any booking, and far enough from datetime's own limits that arithmetic cannot overflow.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_MONTH = re.compile(r"(19[7-9][0-9]|2[01][0-9][0-9])-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Instants with another offset are kept as the same instants in UTC, where adding hours is safe."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for field in ("start", "end"):
            object.__setattr__(self, field, instant(getattr(self, field), field=field))
        if self.end <= self.start:
            raise Invalid("end", "must be after the start", f"later than {self.start.isoformat()}")

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def overlaps(self, other: "Period") -> bool:
        return self.start < other.end and other.start < self.end

    def contains(self, other: "Period | datetime") -> bool:
        if isinstance(other, Period):
            return self.start <= other.start and other.end <= self.end
        return self.start <= other < self.end

    def shifted(self, by: timedelta) -> "Period":
        return Period(self.start + by, self.end + by)

    def widened(self, before: timedelta, after: timedelta) -> "Period":
        return Period(self.start - before, self.end + after)

    def intersection(self, other: "Period") -> "Period | None":
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end) if start < end else None


def month(text: str, zone: tzinfo) -> Period:
    """The calendar month of a text like 2026-11, from its first local midnight to the next month's."""
    if _MONTH.fullmatch(text) is None:
        raise Invalid("month", "is no month", "like 2026-11")
    year, number = map(int, text.split("-"))
    following = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
    return Period(datetime(year, number, 1, tzinfo=zone), following)


def days(first: date, last: date, zone: tzinfo) -> Period:
    """Whole local days, both of them included."""
    if last < first:
        raise Invalid("to", "is before `from`", f"{first} or later")
    midnight = time(tzinfo=zone)
    return Period(datetime.combine(first, midnight), datetime.combine(last + timedelta(days=1), midnight))


def merge(periods: Iterable[Period]) -> tuple[Period, ...]:
    """The same instants in the fewest periods, in order; periods that only touch become one."""
    merged: list[Period] = []
    for period in sorted(periods):
        if merged and period.start <= merged[-1].end:
            merged[-1] = Period(merged[-1].start, max(merged[-1].end, period.end))
        else:
            merged.append(period)
    return tuple(merged)


def subtract(period: Period, busy: Iterable[Period]) -> tuple[Period, ...]:
    """What is left of a period, in order, once everything busy is taken out of it."""
    left: list[Period] = []
    start = period.start
    for taken in merge(busy):
        if start < min(taken.start, period.end):
            left.append(Period(start, min(taken.start, period.end)))
        start = max(start, taken.end)
    if start < period.end:
        left.append(Period(start, period.end))
    return tuple(left)


def instant(given: datetime, *, field: str) -> datetime:
    """The same instant in UTC; raises Invalid, naming the field, for one without offset or out of range."""
    if given.utcoffset() is None:
        raise Invalid(field, "must carry an offset from UTC", "a time like 2026-03-01T09:00:00Z")
    if not EARLIEST <= given <= LATEST:
        raise Invalid(field, "is out of range", f"{EARLIEST.isoformat()} to {LATEST.isoformat()}")
    return given if given.tzinfo is UTC else given.astimezone(UTC)
