"""Whatever customers, crews and clocks do, in whatever order: one takes a job, and nobody is left waiting."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.decisions import unlike

from marketplace.core.bookings.booking import Booking
from marketplace.core.bookings.booking import State as BookingState
from marketplace.core.bookings.commands import AssignBooking, CancelBooking, HandBack
from marketplace.core.dispatch.area import Area
from marketplace.core.dispatch.area import State as AreaState
from marketplace.core.dispatch.decision import DispatchDecision
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.job import State as JobState
from marketplace.core.dispatch.offer import OPEN as OFFER_OPEN
from marketplace.core.dispatch.offer import State as OfferState
from marketplace.core.dispatch.presence import Presence
from marketplace.core.dispatch.presence import State as PresenceState
from marketplace.core.dispatch.presences import GoOffline, GoOnline
from marketplace.core.dispatch.searching import SearchOn
from marketplace.core.shared.errors import Refused
from marketplace.core.tenants.dispatching import Wave

CREWS = 4
crews = st.integers(0, CREWS - 1)
some = st.integers(0, 20)


class AnyOrder(RuleBasedStateMachine):
    """`make` is set by the test: what makes a fleet."""

    make: Callable[..., Awaitable[Any]]

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()

    def teardown(self) -> None:
        self._run(self.fleet.world.forward(hours=20))
        assert self._run(self.fleet.world.broken()) == []
        assert unlike(self.fleet.world.all(DispatchDecision)) == []
        open_still = [job.state for job in self.fleet.world.all(DispatchJob) if job.state in _OPEN]
        assert open_still == []
        self.loop.close()

    @initialize(offers=st.integers(1, 3), load_max=st.integers(1, 2))
    def open(self, offers: int, load_max: int) -> None:
        waves = (Wave(reach_metres=3_000), Wave(reach_metres=10_000, offers=offers))
        metres = [1_000.0 * (number + 1) for number in range(CREWS)]
        self.fleet = self._run(type(self).make(*metres, waves=waves, load_max=load_max))

    @rule(seconds=st.sampled_from([0, 0, 2, 30]), number=some)
    def call_out(self, seconds: float, number: int) -> None:
        customers = self.fleet.world.market.customers
        self._run(self.fleet.call(seconds=seconds, actor=customers[number % len(customers)]))

    @rule(crew=crews)
    def accept(self, crew: int) -> None:
        self._answer(self.fleet.accept, crew)

    @rule(crew=crews)
    def decline(self, crew: int) -> None:
        self._answer(self.fleet.decline, crew)

    def _answer(self, answer: Callable[[Any], Any], crew: int) -> None:
        if any(offer.unit_id == self.fleet.crews[crew].unit_id for offer in self.fleet.offers()):
            self._try(answer(self.fleet.crews[crew]))

    @rule(number=some)
    def hand_back(self, number: int) -> None:
        booking = self._some(number)
        if booking is not None and booking.provider_id is not None:
            crew = self._crew(booking)
            self._try(self.fleet.do(HandBack(booking_id=booking.id, reason="broke down"), crew.actor))

    @rule(number=some)
    def do_the_work(self, number: int) -> None:
        booking = self._some(number)
        if booking is not None and booking.state == BookingState.CONFIRMED:
            crew = self._crew(booking)
            self._try(self.fleet.begin(booking.id, crew))
            self._try(self.fleet.deliver(booking.id, crew))

    @rule(number=some)
    def cancel(self, number: int) -> None:
        booking = self._some(number)
        if booking is not None:
            by = self.fleet.world.admin
            self._try(self.fleet.do(CancelBooking(booking_id=booking.id, reason="no need"), by))

    @rule(number=some, crew=crews)
    def assign_by_hand(self, number: int, crew: int) -> None:
        booking = self._some(number)
        if booking is not None:
            provider_id = self.fleet.crews[crew].provider_id
            by_hand = AssignBooking(booking_id=booking.id, provider_id=provider_id, reason="test")
            self._try(self.fleet.do(by_hand, self.fleet.world.admin))

    @rule(number=some)
    def search_on(self, number: int) -> None:
        booking = self._some(number)
        if booking is not None:
            command = SearchOn(booking_id=booking.id, reason="test")
            self._try(self.fleet.do(command, self.fleet.world.admin))

    @rule(crew=crews)
    def go_online(self, crew: int) -> None:
        one = self.fleet.crews[crew]
        self._try(self.fleet.do(GoOnline(unit_id=one.unit_id, place=one.place), one.actor))

    @rule(crew=crews)
    def go_offline(self, crew: int) -> None:
        one = self.fleet.crews[crew]
        self._try(self.fleet.do(GoOffline(unit_id=one.unit_id), one.actor))

    @rule(minutes=st.sampled_from([0.05, 0.5, 1, 5, 20]))
    def wait(self, minutes: float) -> None:
        self._run(self.fleet.world.forward(minutes=minutes))

    @invariant()
    def one_has_a_job_and_no_unit_more_than_it_can(self) -> None:
        if hasattr(self, "fleet"):
            offers = self.fleet.offers()
            yeses = Counter(one.job_id for one in offers if one.state == OfferState.ACCEPTED)
            asked = Counter(one.unit_id for one in offers if one.state in OFFER_OPEN)
            assert set(yeses.values()) | set(asked.values()) <= {1}
            assert self._run(self.fleet.world.broken()) == []

    @invariant()
    def nobody_is_stuck(self) -> None:
        """What waits has a deadline; what is exhausted ends with its booking, which has one."""
        if hasattr(self, "fleet"):
            world = self.fleet.world
            bookings = {booking.id: booking for booking in world.all(Booking)}
            for job in world.all(DispatchJob):
                assert job.state != JobState.QUEUED or job.due_at is not None
                assert job.state != JobState.EXHAUSTED or bookings[job.booking_id].due_at is not None
                offering = [one for one in self.fleet.offers(job.booking_id) if one.state in OFFER_OPEN]
                assert job.state != JobState.OFFERING or offering
            assert all(one.due_at for one in self.fleet.offers() if one.state in OFFER_OPEN)
            assert all(one.due_at for one in world.all(Presence) if one.state == PresenceState.ONLINE)
            assert all(one.due_at for one in world.all(Area) if one.state == AreaState.GATHERING)

    def _some(self, number: int) -> Booking | None:
        bookings = self.fleet.world.all(Booking)
        return bookings[number % len(bookings)] if bookings else None

    def _crew(self, booking: Booking) -> Any:
        return next(crew for crew in self.fleet.crews if crew.provider_id == booking.provider_id)

    def _try(self, step: Coroutine[Any, Any, Any]) -> None:
        try:
            self._run(step)
        except Refused:
            return

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(coroutine)


_OPEN = {JobState.QUEUED, JobState.OFFERING, JobState.EXHAUSTED}


def test_has_one_winner_and_nobody_stuck(open_fleet: Any) -> None:
    machine: Any = type("Machine", (AnyOrder,), {"make": staticmethod(open_fleet)})
    runs = settings(
        max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
    )

    run_state_machine_as_test(machine, settings=runs)
