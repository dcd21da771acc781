"""A search outlives what happens while it is on: a hand-back, a lost tick, clocks that differ."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from marketplace.core.bookings.booking import State as BookingState
from marketplace.core.bookings.commands import AssignBooking, CancelBooking, HandBack, StartBooking
from marketplace.core.bookings.guards import START_TRIES_MAX
from marketplace.core.dispatch.area import Area
from marketplace.core.dispatch.area import State as AreaState
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.job import State as JobState
from marketplace.core.dispatch.matching import Match
from marketplace.core.dispatch.offer import OPEN, State
from marketplace.core.dispatch.presences import FinishJob
from marketplace.core.dispatch.scoring import Hindrance
from marketplace.core.dispatch.searching import CloseSearch, OpenSearch
from marketplace.core.notifications.notification import Notification
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.shared.errors import NotAllowed
from marketplace.core.shared.events import Event
from marketplace.core.tenants.policy import Capture
from marketplace.entrypoints.simulation.trouble import Trouble
from marketplace.ports.storage import Alarm, Follow

Open = Callable[..., Awaitable[Any]]
SKEW = timedelta(minutes=10)


class Apart(Trouble):
    """Every worker's clock is as far off as may be, to the same side."""

    def __init__(self, *, ahead: bool) -> None:
        super().__init__({"clock_skew": 1.0}, seed="apart")
        self._off = 1.0 if ahead else -1.0

    def between(self, _least: float, _most: float) -> float:
        return self._off


def hold_money(fleet: Any) -> None:
    """It is taken when somebody has said yes."""
    lane = fleet.world.lane
    policy = lane.tenant.policy
    payment = replace(policy.payment, capture=Capture.ON_CONFIRMATION)
    lane.tenant = replace(lane.tenant, policy=replace(policy, payment=payment))


def told(fleet: Any, event: str) -> list[Notification]:
    return [one for one in fleet.world.all(Notification) if one.template.startswith(event)]


class TestHandingBack:
    async def test_sends_somebody_else_and_tells_the_customer(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, 2_000)
        near, far = fleet.crews
        key = await fleet.call()
        await fleet.accept(near)

        await fleet.do(HandBack(booking_id=key, reason="broke down"), near.actor)
        await fleet.world.forward(seconds=2)
        reason, asked = fleet.reason(key, near), fleet.asked()
        await fleet.accept(far)

        assert (reason, asked) == (Hindrance.SAID_NO, [far])
        assert (fleet.held(near), len(fleet.held(far))) == ([], 1)
        assert [job.state for job in fleet.jobs(key)] == [JobState.ASSIGNED, JobState.ASSIGNED]
        assert (await fleet.world.booking(key)).provider_id == far.provider_id
        assert len(told(fleet, "booking.handed_back")) == 1
        assert await fleet.world.broken() == []

    async def test_while_its_money_is_being_taken_leaves_it_to_another(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, 2_000)
        near, far = fleet.crews
        hold_money(fleet)
        key = await fleet.call()
        fleet.lose(lambda job: isinstance(job, Follow) and job.name == "payment.capture_requested")
        await fleet.accept(near)
        await fleet.do(HandBack(booking_id=key, reason="broke down"), near.actor)
        before = (await fleet.world.payment(key)).state
        await fleet.world.forward(seconds=2)

        await fleet.accept(far)
        booking = await fleet.world.booking(key)
        await fleet.world.forward(minutes=1)

        assert (before, booking.provider_id) == (PaymentState.CAPTURING, far.provider_id)
        assert (await fleet.world.payment(key)).state == PaymentState.SUCCEEDED
        assert await fleet.world.broken() == []

    async def test_after_wrong_codes_leaves_all_tries_to_another(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, 2_000)
        near, far = fleet.crews
        key = await fleet.taken(near)
        code = (await fleet.world.booking(key)).start_code
        wrong = "0000" if code != "0000" else "1111"
        for _ in range(START_TRIES_MAX):
            await fleet.do(StartBooking(booking_id=key, start_code=wrong), near.actor)
        await fleet.do(HandBack(booking_id=key, reason="broke down"), near.actor)
        await fleet.world.forward(seconds=2)
        await fleet.accept(far)

        await fleet.begin(key, far)

        assert (await fleet.world.booking(key)).state == BookingState.UNDER_WAY

    async def test_leaves_nothing_to_call_off_to_who_did_it(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, 2_000)
        near, far = fleet.crews
        key = await fleet.taken(near)
        await fleet.do(HandBack(booking_id=key, reason="broke down"), near.actor)
        calling_off = CancelBooking(booking_id=key, reason="nobody else shall have it")

        with pytest.raises(NotAllowed):
            await fleet.do(calling_off, near.actor)
        await fleet.world.forward(seconds=2)

        assert fleet.asked() == [far]

    async def test_late_still_leaves_time_for_another(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        near = fleet.crews[0]
        key = await fleet.taken(near, until=fleet.world.lane.now + timedelta(minutes=20))
        await fleet.world.forward(minutes=25)
        far = await fleet.join(metres=2_000)

        await fleet.do(HandBack(booking_id=key, reason="broke down"), near.actor)
        await fleet.world.forward(seconds=2)

        assert fleet.asked() == [far]

    @pytest.mark.parametrize("read", [1, 2])
    async def test_while_the_first_search_is_being_closed_leaves_the_second_open(
        self, open_fleet: Open, read: int
    ) -> None:
        """Whoever hears late of the acceptance closes no search but the one that led to it."""
        fleet = await open_fleet(1_000, 2_000)
        near, far = fleet.crews
        key = await fleet.taken(near)
        handing_back = HandBack(booking_id=key, reason="broke down")

        fleet.world.between(lambda: fleet.do(handing_back, near.actor), read=read)
        await fleet.world.do(CloseSearch(booking_id=key))
        await fleet.world.forward(seconds=2)

        assert [job.state for job in fleet.jobs(key)] == [JobState.ASSIGNED, JobState.OFFERING]
        assert fleet.asked() == [far]

    async def test_before_the_search_was_closed_begins_it_anew(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, 2_000)
        near, far = fleet.crews
        key = await fleet.call()
        await fleet.enrol(fleet.world.customer, level=2)
        by_hand = AssignBooking(booking_id=key, provider_id=near.provider_id, reason="asked for")
        await fleet.world.do(by_hand, fleet.world.admin)
        await fleet.world.do(HandBack(booking_id=key, reason="broke down"), near.actor)

        await fleet.world.forward(seconds=2)

        (job,) = fleet.jobs(key)
        assert (job.state, job.unfit, job.priority) == (JobState.OFFERING, (near.provider_id,), 2)
        assert fleet.asked() == [far]
        assert await fleet.world.broken() == []

    async def test_again_before_an_exhausted_search_was_closed_begins_it_anew(self, open_fleet: Open) -> None:
        """Nobody but who was to do it by hand is there, and lets it down a second time."""
        fleet = await open_fleet(1_000)
        near = fleet.crews[0]
        key = await fleet.call()
        by_hand = AssignBooking(booking_id=key, provider_id=near.provider_id, reason="asked for")
        await fleet.do(by_hand, fleet.world.admin)
        await fleet.do(HandBack(booking_id=key, reason="broke down"), near.actor)
        await fleet.world.forward(minutes=fleet.world.lane.tenant.policy.dispatch.search_minutes + 1)
        exhausted = fleet.jobs(key)[-1].state
        await fleet.world.do(by_hand, fleet.world.admin)
        await fleet.world.do(HandBack(booking_id=key, reason="broke down"), near.actor)

        far = await fleet.join(metres=2_000)
        await fleet.world.forward(seconds=2)

        assert exhausted == JobState.EXHAUSTED
        assert fleet.asked() == [far]

    async def test_keeps_one_search_however_often_it_is_told(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        key = await fleet.call()
        before = fleet.job(key)

        for _ in range(3):
            await fleet.world.lane.desk.carry_out(OpenSearch(booking_id=key), fleet.world.lane.call())

        assert fleet.jobs(key) == [before]


class TestALostTick:
    async def test_costs_a_minute_and_no_job(self, open_fleet: Open) -> None:
        fleet = await open_fleet()
        fleet.lose(lambda job: isinstance(job, Alarm) and job.kind == "area")
        key = await fleet.call(seconds=0)
        await fleet.join(metres=1_000)

        await fleet.world.forward(seconds=59)
        lost = fleet.job(key).state
        await fleet.world.forward(seconds=3)

        assert (lost, fleet.job(key).state) == (JobState.QUEUED, JobState.OFFERING)

    async def test_of_a_round_too(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        key = await fleet.call(seconds=0)
        fleet.lose(lambda job: isinstance(job, Follow) and job.name == "area.ticked")

        await fleet.world.forward(seconds=62)

        assert fleet.job(key).state == JobState.OFFERING


class TestARound:
    async def test_that_is_told_twice_is_done_once(self, open_fleet: Open) -> None:
        fleet = await open_fleet()
        key = await fleet.call()
        ticked = next(event for event in fleet.world.all(Event) if event.name == "area.ticked")

        again = Match(area_id=ticked.subject_id, round_id=ticked.id)
        await fleet.world.lane.desk.carry_out(again, fleet.world.lane.call())

        assert len({decision.round_id for decision in fleet.decisions(key)}) == len(fleet.decisions(key))

    async def test_beside_another_asks_each_unit_once(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, 2_000)
        keys = [await fleet.call(seconds=0, actor=customer) for customer in fleet.world.market.customers[:2]]
        (area,) = fleet.world.all(Area)
        lane = fleet.world.lane

        one, other = [await fleet.match(Match(area_id=area.id, round_id=round_id)) for round_id in keys]
        for step in (one, other):
            await lane.desk.carry_out(step, lane.call())

        assert [offer.state for offer in fleet.offers()] == [State.SENT, State.SENT]
        assert len({offer.unit_id for offer in fleet.offers()}) == 2
        assert await fleet.world.broken() == []

    async def test_is_followed_by_another_while_somebody_waits(self, open_fleet: Open) -> None:
        fleet = await open_fleet()

        await fleet.call()

        (area,) = fleet.world.all(Area)
        most = fleet.world.lane.tenant.policy.dispatch.window_seconds_max
        assert area.state == AreaState.GATHERING
        assert area.tick_at <= fleet.world.lane.now + timedelta(seconds=most)

    async def test_that_leaves_nobody_idle_lets_the_next_one_gather(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, 2_000)
        for customer in fleet.world.market.customers[:3]:
            await fleet.call(seconds=0, actor=customer)

        await fleet.world.forward(seconds=1.5)

        (area,) = fleet.world.all(Area)
        assert len(fleet.asked()) == 2
        assert area.tick_at > fleet.world.lane.now + timedelta(seconds=10)


class TestMoneyThatIsGone:
    async def test_ends_the_search(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        (crew,) = fleet.crews

        key = await fleet.call(payment_method="tok_returned")
        asked = fleet.asked()
        await fleet.world.forward(minutes=2)

        assert (await fleet.world.booking(key)).state == BookingState.CANCELLED
        assert fleet.job(key).state == JobState.WITHDRAWN
        assert (asked, fleet.asked()) == ([crew], [])
        assert await fleet.world.broken() == []


class TestAJobThatEnds:
    async def test_early_frees_the_unit(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, load_max=1)
        (crew,) = fleet.crews
        first = await fleet.taken(crew)
        await fleet.begin(first, crew)
        other = await fleet.call(actor=fleet.world.market.customers[1])
        full = fleet.asked()

        await fleet.deliver(first, crew)
        await fleet.world.forward(seconds=40)

        assert full == []
        assert fleet.asked() == [crew]
        assert fleet.job(other).state == JobState.OFFERING
        assert await fleet.world.broken() == []

    async def test_is_counted_once(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        (crew,) = fleet.crews
        key = await fleet.taken(crew)
        await fleet.begin(key, crew)
        await fleet.deliver(key, crew)

        await fleet.do(FinishJob(booking_id=key))

        assert fleet.presence(crew).jobs_done == 1

    async def test_late_keeps_the_unit_busy(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, ahead_minutes=5)
        (crew,) = fleet.crews
        first = await fleet.taken(crew)
        await fleet.begin(first, crew)
        await fleet.world.forward(minutes=60)

        key = await fleet.call(actor=fleet.world.market.customers[1])

        assert (fleet.asked(), fleet.reason(key, crew)) == ([], Hindrance.BUSY)


class TestClocksThatDiffer:
    @pytest.mark.parametrize("skew", [-SKEW, SKEW])
    async def test_neither_end_an_offer_early_nor_lose_a_job(self, open_fleet: Open, skew: timedelta) -> None:
        fleet = await open_fleet(1_000)
        (crew,) = fleet.crews
        lane = fleet.world.lane
        lane.trouble, lane.skew_max = Apart(ahead=skew > timedelta()), SKEW

        key = await fleet.call(seconds=0)
        for _ in range(60 * 12):
            await fleet.world.forward(seconds=0 if fleet.offers(key) else 1)
        await fleet.world.forward(seconds=30)
        asked = fleet.asked()
        await fleet.accept(crew)

        assert asked == [crew]
        assert (await fleet.world.booking(key)).state == BookingState.CONFIRMED

    async def test_never_keep_an_offer_alive(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        (crew,) = fleet.crews
        await fleet.call()
        lane = fleet.world.lane
        lane.trouble, lane.skew_max = Apart(ahead=False), SKEW

        await fleet.world.until(fleet.offer(crew).expires_at)

        assert fleet.offer(crew).state not in OPEN

    async def test_at_random_lose_nobody(self, open_fleet: Open) -> None:
        fleet = await open_fleet(*range(1_000, 4_000, 200))
        lane = fleet.world.lane
        lane.trouble = lane.store.trouble = Trouble({"clock_skew": 0.5}, seed="skew")
        lane.skew_max = SKEW

        for number in range(12):
            await fleet.call(seconds=20, actor=fleet.world.market.customers[number % 3])
            for crew in fleet.asked():
                await fleet.accept(crew)
        await fleet.world.forward(minutes=150)

        assert lane.trouble.struck["clock_skew"] > 50
        assert not [job for job in fleet.world.all(DispatchJob) if job.state == JobState.OFFERING]
        assert await fleet.world.broken() == []


class TestAWrittenClose:
    async def test_leaves_a_search_that_is_wanted(self, open_fleet: Open) -> None:
        fleet = await open_fleet()
        key = await fleet.call()

        await fleet.do(CloseSearch(booking_id=key))

        assert fleet.job(key).state == JobState.QUEUED
