"""
Debits are sent once a day, some time before Stitch's cut-off, and fall due on the next day that is no Sunday.

Assumed, as nothing says when: the hour of the cut-off is a setting. A public holiday is not known here: the
bank moves such a debit, and the REPLY tells the day.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Africa/Johannesburg")
_LEAD = timedelta(minutes=30)
_DAY = timedelta(days=1)
_SUNDAY = 6


@dataclass(frozen=True, slots=True)
class Calendar:
    """`cut_off` is the local time until which a file is still for the next day."""

    cut_off: time

    def sending_after(self, now: datetime) -> datetime:
        """When what is ordered now is sent: today, or tomorrow when that is over."""
        today = self._cut_off_on(now.astimezone(ZONE).date()) - _LEAD
        return today if now <= today else today + _DAY

    def debit_day(self, now: datetime) -> date:
        """When a file that is sent now may debit."""
        local = now.astimezone(ZONE).date()
        day = local + (_DAY if now <= self._cut_off_on(local) else 2 * _DAY)
        return day + _DAY if day.weekday() == _SUNDAY else day

    def _cut_off_on(self, day: date) -> datetime:
        return datetime.combine(day, self.cut_off, ZONE)
