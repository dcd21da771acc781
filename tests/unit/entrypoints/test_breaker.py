"""When a breaker lets something through, whatever happened before, in whatever order."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from marketplace.entrypoints.breaker import Breaker, Limits, Standing, Ticket

LIMITS = Limits(failures=3, window_seconds=60, pause_seconds=10, pause_seconds_max=40, trickle_seconds=1)


@dataclass
class Stage:
    now: float = 1_000.0
    breaker: Breaker = field(init=False)

    def __post_init__(self) -> None:
        self.breaker = Breaker(clock=lambda: self.now, limits=LIMITS)

    def fail(self, times: int = 1, *, after: float = 0.0) -> None:
        for _ in range(times):
            ticket = self.ordered()
            self.now += after
            self.breaker.failed(ticket, "unavailable")

    def succeed(self, times: int = 1) -> None:
        for _ in range(times):
            self.breaker.succeeded(self.ordered())

    def ordered(self) -> Ticket:
        ticket = self.breaker.order()
        assert ticket is not None
        return ticket


@pytest.fixture
def stage() -> Stage:
    return Stage()


class TestABreaker:
    def test_opens_at_so_many_failures(self, stage: Stage) -> None:
        stage.fail(2)
        before = stage.breaker.standing
        stage.fail()

        assert (before, stage.breaker.standing) == (Standing.CLOSED, Standing.OPEN)
        assert stage.breaker.order() is None

    def test_stays_closed_while_more_succeeds_than_fails(self, stage: Stage) -> None:
        stage.succeed(4)
        stage.fail(3)

        assert stage.breaker.standing is Standing.CLOSED

    def test_forgets_what_is_older_than_its_window(self, stage: Stage) -> None:
        stage.fail(2)
        stage.now += LIMITS.window_seconds
        stage.fail(2)

        assert stage.breaker.standing is Standing.CLOSED
        assert stage.breaker.figures().failures == 2

    def test_is_opened_by_looks_that_fail_and_not_kept_closed_by_those_that_succeed(
        self, stage: Stage
    ) -> None:
        for _ in range(10):
            looked = stage.breaker.look()
            assert looked is not None
            stage.breaker.succeeded(looked)
        looked = stage.breaker.look()
        assert looked is not None
        stage.breaker.failed(looked, "unavailable")
        stage.fail(2)

        assert stage.breaker.standing is Standing.OPEN

    def test_lets_one_order_through_after_its_pause(self, stage: Stage) -> None:
        stage.fail(3)
        stage.now += LIMITS.pause_seconds

        assert stage.breaker.standing is Standing.HALF_OPEN
        assert [stage.breaker.order() is None for _ in range(3)] == [False, True, True]

    def test_closes_when_that_one_succeeds(self, stage: Stage) -> None:
        stage.fail(3)
        stage.now += LIMITS.pause_seconds
        stage.succeed()

        assert stage.breaker.standing is Standing.CLOSED
        stage.fail(2)  # what failed before it closed counts no more
        assert stage.breaker.standing is Standing.CLOSED

    @pytest.mark.parametrize(("turns", "seconds"), [(1, 20), (2, 40), (3, 40), (60, 40)])
    def test_pauses_twice_as_long_each_time_it_fails_again(
        self, stage: Stage, turns: int, seconds: float
    ) -> None:
        stage.fail(3)
        for _ in range(turns):
            stage.now += stage.breaker.open_seconds
            stage.fail()

        assert stage.breaker.open_seconds == seconds

    def test_is_not_closed_by_an_order_that_began_before_it_opened(self, stage: Stage) -> None:
        slow = stage.ordered()
        stage.fail(3)
        stage.breaker.succeeded(slow)

        assert stage.breaker.standing is Standing.OPEN

    def test_lets_looks_trickle_while_it_is_open(self, stage: Stage) -> None:
        stage.fail(3)
        stage.now += 5

        at_once = [stage.breaker.look() is None for _ in range(3)]
        stage.now += LIMITS.trickle_seconds

        assert at_once == [False, True, True]
        assert stage.breaker.look() is not None

    def test_is_not_closed_by_a_look(self, stage: Stage) -> None:
        stage.fail(3)
        stage.now += LIMITS.pause_seconds
        looked = stage.breaker.look()
        assert looked is not None
        stage.breaker.succeeded(looked)

        assert stage.breaker.standing is Standing.HALF_OPEN

    def test_tries_another_when_of_one_nothing_is_heard(self, stage: Stage) -> None:
        stage.fail(3)
        stage.now += LIMITS.pause_seconds
        hanging = stage.ordered()
        stage.now += LIMITS.pause_seconds
        stage.succeed()

        stage.breaker.failed(hanging, "unavailable")

        assert stage.breaker.standing is Standing.CLOSED

    def test_tries_another_when_one_is_dropped(self, stage: Stage) -> None:
        stage.fail(3)
        stage.now += LIMITS.pause_seconds
        stage.breaker.dropped(stage.ordered())

        assert stage.breaker.order() is not None

    def test_tells_what_it_saw(self, stage: Stage) -> None:
        for seconds in (1, 2, 3):
            ticket = stage.ordered()
            stage.now += seconds
            stage.breaker.succeeded(ticket)
        stage.fail(after=9)
        figures = stage.breaker.figures()

        assert (figures.calls, figures.failures, figures.failure) == (4, 1, "unavailable")
        assert (figures.p50_seconds, figures.p99_seconds) == (2, 3)
        assert (figures.succeeded_at, figures.failed_at) == (stage.now - 9, stage.now)


class AnyOrder(RuleBasedStateMachine):
    """Orders and looks begin and end as they like, while time goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage()
        self.under_way: list[Ticket] = []
        self.opened_at: float | None = None
        self.failures: list[float] = []

    @property
    def breaker(self) -> Breaker:
        return self.stage.breaker

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 9.0, 10.0, 39.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.stage.now += seconds

    @rule()
    def order(self) -> None:
        standing = self.breaker.standing
        ticket = self.breaker.order()
        assert (ticket is None) or standing is not Standing.OPEN
        assert (ticket is not None) or standing is not Standing.CLOSED
        assert ticket is None or ticket.probe == (standing is Standing.HALF_OPEN)
        self.under_way += [] if ticket is None else [ticket]

    @rule()
    def look(self) -> None:
        ticket = self.breaker.look()
        assert (ticket is not None) or self.breaker.standing is not Standing.CLOSED
        self.under_way += [] if ticket is None else [ticket]

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), how=st.sampled_from(["succeeded", "failed", "dropped"]))
    def end(self, data: st.DataObject, how: str) -> None:
        ticket = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        before = self.breaker.standing
        if how == "failed":
            self.failures.append(self.stage.now)
            self.breaker.failed(ticket, "unavailable")
        else:
            getattr(self.breaker, how)(ticket)
        after = self.breaker.standing
        if after is Standing.CLOSED and before is not Standing.CLOSED:
            assert (how, ticket.probe) == ("succeeded", True)
        if after is Standing.OPEN and before is Standing.CLOSED:
            recent = [at for at in self.failures if at > self.stage.now - LIMITS.window_seconds]
            assert len(recent) >= LIMITS.failures
        if after is Standing.OPEN and before is Standing.HALF_OPEN:
            assert (how, ticket.probe) == ("failed", True)

    @invariant()
    def comes_back_by_itself(self) -> None:
        """Whatever happened, nobody waits longer than the longest pause for the next try."""
        assert self.breaker.open_seconds <= LIMITS.pause_seconds_max
        assert (self.breaker.standing is Standing.OPEN) == (self.breaker.open_seconds > 0)


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestInAnyOrder = AnyOrder.TestCase


class TestEverybodyAtOnce:
    @given(st.lists(st.booleans(), min_size=1, max_size=30))
    @settings(max_examples=100, deadline=None)
    def test_finds_one_that_tries(self, outcomes: list[bool]) -> None:
        stage = Stage()
        stage.fail(3)
        for succeeds in outcomes:
            stage.now += stage.breaker.open_seconds
            tries = [ticket for ticket in (stage.breaker.order() for _ in range(5)) if ticket is not None]
            assert len(tries) == 1 or stage.breaker.standing is Standing.CLOSED
            for ticket in tries:
                stage.breaker.succeeded(ticket) if succeeds else stage.breaker.failed(ticket, "unavailable")
            assert (stage.breaker.standing is Standing.CLOSED) or not succeeds
