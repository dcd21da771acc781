"""A breaker leaves alone what fails again and again, and lets one order find out whether it is back."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic

# So much is remembered of a window at the most.
_CALLS_MAX = 2_000


class Standing(StrEnum):
    """
    Open is left alone, half open is tried by one order at a time.

    What people read says it of the rail: it answers, is down, or is being tried.
    """

    CLOSED = "answers"
    OPEN = "down"
    HALF_OPEN = "trying"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    It opens at so many failures in the window, where they are that share of what was ordered, or more.

    The pause doubles with each order that finds it still down. Between two looks at what is not closed lies
    `trickle_seconds`.
    """

    failures: int = 5
    share: float = 0.5
    window_seconds: float = 60.0
    pause_seconds: float = 15.0
    pause_seconds_max: float = 240.0
    trickle_seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A call that was let through; `probe` is the one whose outcome decides."""

    began_at: float
    orders: bool
    probe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of the window, and of ever; `_at` by the breaker's clock, None for what was not yet."""

    standing: Standing
    calls: int
    failures: int
    p50_seconds: float | None
    p99_seconds: float | None
    succeeded_at: float | None
    failed_at: float | None
    failure: str | None


@dataclass(frozen=True, slots=True)
class _Seen:
    at: float
    seconds: float
    orders: bool
    failed: bool


@dataclass(slots=True, kw_only=True)
class Breaker:
    """
    An order changes something and can wait; a look asks how that stands, and is never kept from it for long.

    What looks find does not say that orders work: they neither close it nor speak for it while it is closed.
    """

    clock: Callable[[], float] = monotonic
    limits: Limits = field(default_factory=Limits)
    _calls: deque[_Seen] = field(default_factory=lambda: deque(maxlen=_CALLS_MAX), init=False)
    _closed_at: float = field(default=float("-inf"), init=False)
    _opened_at: float | None = field(default=None, init=False)
    _openings: int = field(default=0, init=False)
    _probe: Ticket | None = field(default=None, init=False)
    _looked_at: float = field(default=float("-inf"), init=False)
    _succeeded_at: float | None = field(default=None, init=False)
    _failed_at: float | None = field(default=None, init=False)
    _failure: str | None = field(default=None, init=False)

    @property
    def standing(self) -> Standing:
        if self._opened_at is None:
            return Standing.CLOSED
        return Standing.OPEN if self.open_seconds > 0 else Standing.HALF_OPEN

    @property
    def open_seconds(self) -> float:
        """For how much longer it is left alone."""
        if self._opened_at is None:
            return 0.0
        pause = self.limits.pause_seconds * 2.0 ** min(self._openings - 1, 20)
        return max(0.0, self._opened_at + min(pause, self.limits.pause_seconds_max) - self.clock())

    def order(self) -> Ticket | None:
        """None where it has to wait: nothing was sent."""
        standing, now = self.standing, self.clock()
        if standing is Standing.CLOSED:
            return Ticket(began_at=now, orders=True)
        if standing is Standing.OPEN or self._is_probed(now):
            return None
        self._probe = Ticket(began_at=now, orders=True, probe=True)
        return self._probe

    def look(self) -> Ticket | None:
        now = self.clock()
        if self._opened_at is not None:
            if now < self._looked_at + self.limits.trickle_seconds:
                return None
            self._looked_at = now
        return Ticket(began_at=now, orders=False)

    def _is_probed(self, now: float) -> bool:
        """A probe of which nothing is heard for a pause was the last of its process's, or hangs."""
        return self._probe is not None and now < self._probe.began_at + self.limits.pause_seconds

    def succeeded(self, ticket: Ticket) -> None:
        now = self._seen(ticket, failed=False)
        self._succeeded_at = now
        if ticket is self._probe:
            self._probe, self._opened_at, self._openings, self._closed_at = None, None, 0, now

    def failed(self, ticket: Ticket, failure: str) -> None:
        now = self._seen(ticket, failed=True)
        self._failed_at, self._failure = now, failure
        if ticket is self._probe or (self._opened_at is None and self._too_many(now)):
            self._probe, self._opened_at, self._openings = None, now, self._openings + 1

    def dropped(self, ticket: Ticket) -> None:
        """It ended in a way that says nothing of the other side: given up by us, or by a defect."""
        if ticket is self._probe:
            self._probe = None

    def figures(self) -> Figures:
        now = self.clock()
        calls = [one for one in self._calls if one.at > now - self.limits.window_seconds]
        took = sorted(one.seconds for one in calls)
        return Figures(
            standing=self.standing,
            calls=len(calls),
            failures=sum(one.failed for one in calls),
            p50_seconds=_percentile(took, 50),
            p99_seconds=_percentile(took, 99),
            succeeded_at=self._succeeded_at,
            failed_at=self._failed_at,
            failure=self._failure,
        )

    def _seen(self, ticket: Ticket, *, failed: bool) -> float:
        now = self.clock()
        self._calls.append(_Seen(at=now, seconds=now - ticket.began_at, orders=ticket.orders, failed=failed))
        return now

    def _too_many(self, now: float) -> bool:
        since = max(self._closed_at, now - self.limits.window_seconds)
        counted = [one for one in self._calls if one.at > since and (one.orders or one.failed)]
        failures = sum(one.failed for one in counted)
        return failures >= self.limits.failures and failures >= self.limits.share * len(counted)


def _percentile(sorted_: list[float], percent: int) -> float | None:
    return sorted_[(len(sorted_) - 1) * percent // 100] if sorted_ else None
