"""A slot that is shown can be booked, because showing and booking ask the same code."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.period import Period, merge


class SlotRefusal(StrEnum):
    PAST = "past"
    TOO_SOON = "too_soon"
    TOO_FAR = "too_far"
    OUTSIDE_HOURS = "outside_hours"
    OFF_GRID = "off_grid"
    TIME_OFF = "time_off"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class Slot:
    start: datetime
    end: datetime
    units_free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Diary:
    """
    The facts that decide whether a job may start, loaded for all of `reach`.

    `open_periods` come uncut from `providers.hours`: each one's start anchors a grid of `step`. The job
    itself lies within opening hours; with its buffers it keeps clear of time off and of every period in
    `busy`, and those, as reserved, have their own buffers in them already.
    """

    open_periods: Sequence[Period]
    units: Sequence[UUID]
    busy: Mapping[UUID, Sequence[Period]]
    time_off: Sequence[Period]
    duration: timedelta
    buffer_before: timedelta
    buffer_after: timedelta
    step: timedelta
    notice: timedelta
    horizon: timedelta
    now: datetime

    def __post_init__(self) -> None:
        for field in ("duration", "step"):
            if getattr(self, field) <= timedelta():
                raise Invalid(field, "is too short", "more than 0 minutes")
        for field in ("buffer_before", "buffer_after", "notice", "horizon"):
            if getattr(self, field) < timedelta():
                raise Invalid(field, "is negative", "0 minutes or more")


def reach(
    *, within: Period, duration: timedelta, buffer_before: timedelta, buffer_after: timedelta
) -> Period:
    """The period for which a diary needs its facts, to answer for starts within another."""
    return within.widened(buffer_before, duration + buffer_after)


def free_slots(diary: Diary, *, within: Period) -> tuple[Slot, ...]:
    """Every start in the period for which a unit is free, in order; a slot may end after the period."""
    free = _free(diary, first=within.start, last=within.end - datetime.resolution)
    return tuple(Slot(start, start + diary.duration, len(units)) for start, units in free if units)


def free_units(diary: Diary, *, start: datetime) -> tuple[UUID, ...]:
    """The units, in the diary's order, that can do a job which starts then."""
    return next((tuple(units) for _, units in _free(diary, first=start, last=start)), ())


def why_not(diary: Diary, *, start: datetime) -> SlotRefusal | None:
    """The first reason why no unit can start then; None exactly where `free_units` finds one."""
    if start < diary.now + diary.notice:
        return SlotRefusal.PAST if start < diary.now else SlotRefusal.TOO_SOON
    if start > diary.now + diary.horizon:
        return SlotRefusal.TOO_FAR
    if not any(run.start <= start <= run.end - diary.duration for run in merge(diary.open_periods)):
        return SlotRefusal.OUTSIDE_HOURS
    if not _starts(diary, first=start, last=start):
        return SlotRefusal.OFF_GRID
    if _overlapping(diary, [start], diary.time_off):
        return SlotRefusal.TIME_OFF
    return None if free_units(diary, start=start) else SlotRefusal.TAKEN


def _free(diary: Diary, *, first: datetime, last: datetime) -> Iterator[tuple[datetime, list[UUID]]]:
    """Each lawful start from first to last, both included, with the units that are free for it."""
    starts = _starts(diary, first=first, last=last)
    off = _overlapping(diary, starts, diary.time_off)
    free: list[list[UUID]] = [[] for _ in starts]
    for unit in diary.units:
        taken = off | _overlapping(diary, starts, diary.busy.get(unit, ()))
        for index, units in enumerate(free):
            if index not in taken:
                units.append(unit)
    return zip(starts, free, strict=True)


def _starts(diary: Diary, *, first: datetime, last: datetime) -> list[datetime]:
    """The points of the grid, in order, that hours, notice and horizon allow."""
    # Clamped before anything is added to it: a start asked for may lie at the limits of datetime.
    first, last = max(first, diary.now + diary.notice), min(last, diary.now + diary.horizon)
    if first > last:
        return []
    first, last = first.astimezone(UTC), last.astimezone(UTC)
    openings = sorted(diary.open_periods)
    starts: list[datetime] = []
    for run in merge(openings):
        inside = [opening for opening in openings if run.contains(opening)]
        starts += _grids(inside, step=diary.step, first=first, last=min(last, run.end - diary.duration))
    return sorted(starts)


def _grids(
    openings: Sequence[Period], *, step: timedelta, first: datetime, last: datetime
) -> Iterator[datetime]:
    """Each opening counts its steps from its own start; where openings overlap, the last begun counts."""
    for index, opening in enumerate(openings):
        later = [other for other in openings[index + 1 :] if opening.contains(other.start)]
        missed = max(first, opening.start) - opening.start
        start = opening.start - (-missed // step) * step
        while start < opening.end and start <= last:
            if not any(other.contains(start) for other in later):
                yield start
            start += step


def _overlapping(diary: Diary, starts: Sequence[datetime], periods: Iterable[Period]) -> set[int]:
    """Indexes of the starts whose job, with its buffers, would overlap any of the periods."""
    found: set[int] = set()
    after = diary.duration + diary.buffer_after
    for period in periods:
        low = bisect_right(starts, period.start - after)
        high = bisect_left(starts, period.end + diary.buffer_before)
        found.update(range(low, high))
    return found
