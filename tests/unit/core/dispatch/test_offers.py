"""Who is asked answers, or does not: the job goes to one, goes on, or is the customer's to decide on."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from marketplace.core.bookings.booking import State as BookingState
from marketplace.core.bookings.callout import SLIP_MAX
from marketplace.core.bookings.commands import AssignBooking, CancelBooking
from marketplace.core.bookings.guards import TooLate
from marketplace.core.dispatch.answering import AcceptOffer, AcknowledgeOffer, SeeOffer
from marketplace.core.dispatch.job import State as JobState
from marketplace.core.dispatch.offer import State
from marketplace.core.dispatch.searching import SearchOn
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.providers.provider import NotBookable
from marketplace.core.providers.reservation import SlotTaken
from marketplace.core.providers.usecases import MoveProvider
from marketplace.core.shared.errors import Invalid, MoveRefused, NotFound
from marketplace.core.tenants.dispatching import Wave

Open = Callable[..., Awaitable[Any]]
TWO_AT_ONCE = {"waves": (Wave(reach_metres=10_000, offers=2),)}


def states(offers: list[Any]) -> list[State]:
    return [offer.state for offer in offers]


class TestACallOut:
    async def test_is_paid_offered_taken_and_confirmed(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, 2_000)
        near, _ = fleet.crews

        key = await fleet.call()
        searching = fleet.job(key), fleet.asked(), (await fleet.world.booking(key)).state
        await fleet.accept(near)

        booking, job = await fleet.world.booking(key), fleet.job(key)
        (held,) = fleet.held(near)
        assert (searching[0].state, searching[1]) == (JobState.OFFERING, [near])
        assert searching[2] == BookingState.AWAITING_PROVIDER
        assert (booking.state, booking.provider_id) == (BookingState.CONFIRMED, near.provider_id)
        assert (job.state, job.unit_id) == (JobState.ASSIGNED, near.unit_id)
        assert (held.id, held.booking_id) == (booking.reservation_id, key)
        assert held.period.start + fleet.offer(near).travel == booking.starts_at
        assert (await fleet.world.payment(key)).state == PaymentState.SUCCEEDED
        assert await fleet.world.broken() == []

    async def test_for_later_is_looked_for_when_it_is_near(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, reach_minutes=90)
        start = fleet.world.lane.now + timedelta(hours=4)

        key = await fleet.call(starts_at=start)
        await fleet.world.until(start - timedelta(minutes=91))
        early = fleet.offers(key)
        await fleet.report()
        await fleet.world.until(start - timedelta(minutes=89))

        assert early == []
        assert [offer.starts_at for offer in fleet.offers(key)] == [start]
        assert fleet.job(key).give_up_at == start - timedelta(minutes=75)

    async def test_for_a_time_that_is_over_is_a_mistake(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        now = fleet.world.lane.now

        slipped = await fleet.call(starts_at=now - SLIP_MAX)
        with pytest.raises(Invalid, match="starts_at: is over"):
            await fleet.call(starts_at=fleet.world.lane.now - SLIP_MAX - timedelta(seconds=1))

        assert (await fleet.world.booking(slipped)).window_start == now

    async def test_for_later_is_taken_for_then(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, reach_minutes=480)
        (crew,) = fleet.crews
        start = fleet.world.lane.now + timedelta(hours=4)

        key = await fleet.taken(crew, starts_at=start)

        assert (await fleet.world.booking(key)).starts_at == start
        assert fleet.held(crew)[0].ends_at == start + timedelta(minutes=30)


class TestAnOffer:
    async def test_tells_how_far_it_has_come(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        (crew,) = fleet.crews
        await fleet.call()
        offer = fleet.offer(crew)

        delivered = await fleet.do(AcknowledgeOffer(offer_id=offer.id), crew.actor)
        seen = await fleet.do(SeeOffer(offer_id=offer.id), crew.actor)

        assert states([offer, delivered, seen]) == [State.SENT, State.DELIVERED, State.SEEN]
        assert (await fleet.accept(crew)).state == State.ACCEPTED

    async def test_is_not_there_for_others(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, 2_000)
        near, far = fleet.crews
        await fleet.call()

        refused = []
        for key in (fleet.offer(near).id, uuid4()):
            with pytest.raises(NotFound) as error:
                await fleet.do(AcceptOffer(offer_id=key), far.actor)
            refused.append(error.value.detail.replace(str(key), "ID"))

        # Whether it is another's, or there is none, nobody can tell.
        assert refused == ["no offer ID"] * 2

    @pytest.mark.parametrize("answer", ["decline", "silence"])
    async def test_that_is_not_taken_moves_on_at_once_and_further(
        self, open_fleet: Open, answer: str
    ) -> None:
        fleet = await open_fleet(1_000, 9_000, waves=(Wave(reach_metres=4_000), Wave(reach_metres=10_000)))
        near, far = fleet.crews
        key = await fleet.call()

        if answer == "decline":
            await fleet.decline(near)
        else:
            await fleet.world.until(fleet.offer(near).expires_at)
        await fleet.world.forward(seconds=1)

        assert fleet.asked() == [far]
        assert (fleet.job(key).wave, fleet.job(key).unfit) == (1, (near.unit_id,))
        assert await fleet.world.broken() == []

    async def test_stays_open_until_its_time_is_over(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        (crew,) = fleet.crews
        await fleet.call()

        await fleet.world.until(fleet.offer(crew).expires_at - timedelta(seconds=1))

        assert fleet.asked() == [crew]

    async def test_to_several_has_one_winner(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, 2_000, 3_000, **TWO_AT_ONCE)
        near, second, _ = fleet.crews
        key = await fleet.call()
        asked = fleet.asked()

        await fleet.accept(second)

        assert asked == [near, second]
        assert (fleet.offer(near).state, fleet.offer(second).state) == (State.WITHDRAWN, State.ACCEPTED)
        assert (await fleet.world.booking(key)).provider_id == second.provider_id
        with pytest.raises(MoveRefused):
            await fleet.accept(near)

    async def test_to_several_waits_for_the_last_no(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, 2_000, **TWO_AT_ONCE)
        near, second = fleet.crews
        key = await fleet.call()

        await fleet.decline(near)
        waiting = fleet.job(key).state
        await fleet.decline(second)

        assert (waiting, fleet.job(key).state) == (JobState.OFFERING, JobState.QUEUED)
        assert set(fleet.job(key).unfit) == {near.unit_id, second.unit_id}

    async def test_is_not_taken_by_whoever_was_suspended_meanwhile(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        (crew,) = fleet.crews
        await fleet.call()
        suspend = MoveProvider(provider_id=crew.provider_id, move="suspend", reason="test")
        await fleet.do(suspend, fleet.world.admin)

        with pytest.raises(NotBookable):
            await fleet.accept(crew)

    async def test_is_not_taken_for_a_time_that_is_gone(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        (crew,) = fleet.crews
        at = fleet.world.lane.now
        await fleet.call(until=at + timedelta(minutes=10))
        call = fleet.world.lane.call(crew.actor, skew=timedelta(minutes=9))

        with pytest.raises(TooLate):
            await fleet.run(AcceptOffer(offer_id=fleet.offer(crew).id), call)

    async def test_is_not_taken_twice_over(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, reach_minutes=480)
        (crew,) = fleet.crews
        other = await fleet.call(starts_at=fleet.world.lane.now + timedelta(hours=3))
        await fleet.accept(crew)
        key = await fleet.call(starts_at=fleet.world.lane.now + timedelta(hours=6))
        (held,) = [one for one in fleet.held(crew) if one.booking_id == other]
        await fleet.shift(held, to=fleet.offer(crew).starts_at)

        with pytest.raises(SlotTaken):
            await fleet.accept(crew)

        assert (await fleet.world.booking(key)).provider_id is None


class TestASearch:
    async def test_may_go_on_at_another_time(self, open_fleet: Open) -> None:
        fleet = await open_fleet()
        key = await fleet.call()
        await fleet.world.forward(minutes=16)
        start = fleet.world.lane.now + timedelta(hours=5)
        later = SearchOn(booking_id=key, starts_at=start, until=start + timedelta(hours=1))

        job = await fleet.do(later, fleet.world.customer)

        booking = await fleet.world.booking(key)
        assert (job.state, job.queued_at) == (JobState.QUEUED, start - timedelta(minutes=90))
        assert (booking.starts_at, booking.window_end) == (start, start + timedelta(hours=1))
        assert booking.accept_by == start + timedelta(hours=1)

    async def test_that_finds_nobody_is_the_customer_s_to_decide_on(self, open_fleet: Open) -> None:
        fleet = await open_fleet()

        key = await fleet.call()
        await fleet.world.forward(minutes=16)

        assert fleet.job(key).state == JobState.EXHAUSTED
        assert (await fleet.world.booking(key)).state == BookingState.AWAITING_PROVIDER
        assert await fleet.world.broken() == []

    async def test_goes_on_where_the_customer_waits(self, open_fleet: Open) -> None:
        fleet = await open_fleet()
        key = await fleet.call()
        await fleet.world.forward(minutes=85)

        await fleet.do(SearchOn(booking_id=key), fleet.world.customer)
        await fleet.world.forward(minutes=10)
        crew = await fleet.join(metres=1_000)
        await fleet.report()
        await fleet.world.forward(seconds=40)
        await fleet.accept(crew)

        booking = await fleet.world.booking(key)
        assert booking.state == BookingState.CONFIRMED
        assert booking.starts_at <= booking.window_end
        assert await fleet.world.broken() == []

    async def test_that_is_called_off_costs_nothing(self, open_fleet: Open) -> None:
        fleet = await open_fleet()
        key = await fleet.call()
        await fleet.world.forward(minutes=16)

        await fleet.do(CancelBooking(booking_id=key, reason="nobody comes"), fleet.world.customer)

        assert fleet.job(key).state == JobState.WITHDRAWN
        assert (await fleet.world.payment(key)).left_minor == 0
        assert [refund.amount_minor for refund in fleet.world.refunds()] == [18_000]

    async def test_that_nobody_ends_is_given_back_in_full(self, open_fleet: Open) -> None:
        fleet = await open_fleet()
        key = await fleet.call()

        await fleet.world.forward(minutes=91)

        assert (await fleet.world.booking(key)).state == BookingState.EXPIRED
        assert fleet.job(key).state == JobState.WITHDRAWN
        with pytest.raises(MoveRefused, match="booking is expired"):
            await fleet.do(SearchOn(booking_id=key), fleet.world.customer)
        assert [refund.amount_minor for refund in fleet.world.refunds()] == [18_000]
        assert await fleet.world.broken() == []

    async def test_called_off_takes_its_offers_back(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, 2_000, **TWO_AT_ONCE)
        key = await fleet.call()

        await fleet.do(CancelBooking(booking_id=key, reason="no need"), fleet.world.customer)

        assert states(fleet.offers(key)) == [State.WITHDRAWN] * 2
        assert fleet.job(key).state == JobState.WITHDRAWN

    async def test_ends_where_admin_assigns_by_hand(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, 2_000)
        near, far = fleet.crews
        key = await fleet.call()

        by_hand = AssignBooking(booking_id=key, provider_id=far.provider_id, reason="asked for")
        await fleet.do(by_hand, fleet.world.admin)

        assert (await fleet.world.booking(key)).provider_id == far.provider_id
        assert fleet.offer(near).state == State.WITHDRAWN
        assert fleet.job(key).state == JobState.WITHDRAWN
        with pytest.raises(MoveRefused):
            await fleet.accept(near)
        assert await fleet.world.broken() == []
