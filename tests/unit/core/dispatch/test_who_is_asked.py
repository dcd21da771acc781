"""The nearest is asked, unless something keeps it away: each candidate's reason is kept."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.unit.core.dispatch.conftest import north

from marketplace.core.bookings.commands import CancelBooking, HandBack
from marketplace.core.dispatch.blocking import LiftBlock, SetBlock
from marketplace.core.dispatch.matching import JOBS_MAX
from marketplace.core.dispatch.presences import GoOffline, GoOnline, NotOnline
from marketplace.core.dispatch.scoring import Hindrance
from marketplace.core.dispatch.searching import OpenSearch
from marketplace.core.providers.hours import OpeningHours
from marketplace.core.providers.provider import NotBookable
from marketplace.core.providers.usecases import AmendProvider, MoveProvider
from marketplace.core.shared.errors import NotFound
from marketplace.core.shared.period import Period
from marketplace.core.subscriptions.usecases import EndMembership
from marketplace.core.tenants.dispatching import Wave, Weights
from marketplace.ports.storage import Follow

Open = Callable[..., Awaitable[Any]]


class TestABlock:
    @pytest.mark.parametrize("side", ["customer", "provider"])
    async def test_keeps_the_two_apart_whoever_set_it(self, open_fleet: Open, side: str) -> None:
        fleet = await open_fleet(1_000, 2_000)
        near, far = fleet.crews
        customer = fleet.world.customer
        await fleet.deal(near)
        if side == "customer":
            block = await fleet.do(SetBlock(provider_id=near.provider_id), customer)
        else:
            block = await fleet.do(SetBlock(customer_id=customer.user_id), near.actor)

        key = await fleet.call()

        assert fleet.asked() == [far]
        assert fleet.reason(key, near) == Hindrance.BLOCKED
        with pytest.raises(NotFound):
            await fleet.do(LiftBlock(block_id=block.id), near.actor if side == "customer" else customer)

    async def test_is_not_set_against_whom_a_provider_never_met(self, open_fleet: Open) -> None:
        """Nor does the answer tell whether there is such a customer."""
        fleet = await open_fleet(1_000, 2_000)
        near, far = fleet.crews
        await fleet.deal(far)
        refusals = []

        for key in (fleet.world.customer.user_id, uuid4()):
            with pytest.raises(NotFound) as refused:
                await fleet.do(SetBlock(customer_id=key), near.actor)
            refusals.append(str(refused.value).replace(str(key), "KEY"))

        assert refusals[0] == refusals[1]

    async def test_is_set_by_who_handed_the_job_back_whoever_has_it_now(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, 2_000)
        near, far = fleet.crews
        key = await fleet.taken(near)
        await fleet.do(HandBack(booking_id=key, reason="rude"), near.actor)
        at_once = await fleet.do(SetBlock(customer_id=fleet.world.customer.user_id), near.actor)
        await fleet.do(LiftBlock(block_id=at_once.id), near.actor)
        await fleet.world.forward(seconds=3)
        await fleet.accept(far)

        block = await fleet.do(SetBlock(customer_id=fleet.world.customer.user_id), near.actor)

        assert block.state == "standing"

    async def test_that_is_lifted_does_not(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, 2_000)
        near, _ = fleet.crews
        block = await fleet.do(SetBlock(provider_id=near.provider_id), fleet.world.customer)
        await fleet.do(LiftBlock(block_id=block.id), fleet.world.customer)

        await fleet.call()

        assert fleet.asked() == [near]


class TestAUnit:
    async def test_is_not_sent_beyond_its_area(self, open_fleet: Open) -> None:
        fleet = await open_fleet()
        await fleet.join(metres=1_000, base=north(6_000), reach_metres=5_000)
        await fleet.report()

        key = await fleet.call()

        assert (fleet.asked(), fleet.reason(key, fleet.crews[0])) == ([], Hindrance.OUTSIDE_ITS_AREA)

    async def test_without_the_skill_is_not_found(self, open_fleet: Open) -> None:
        fleet = await open_fleet()
        await fleet.join(metres=1_000, skills=("tyres",))

        await fleet.call()

        assert fleet.asked() == []

    async def test_is_not_asked_outside_its_hours(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        (crew,) = fleet.crews
        night = tuple(OpeningHours(day, "20:00", "24:00") for day in range(7))
        await fleet.do(AmendProvider(provider_id=crew.provider_id, hours=night), crew.actor)

        key = await fleet.call()

        assert (fleet.asked(), fleet.reason(key, crew)) == ([], Hindrance.CLOSED)

    async def test_is_not_asked_in_its_time_off(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        (crew,) = fleet.crews
        now = fleet.world.lane.now
        off = (Period(now, now + timedelta(hours=1)),)
        await fleet.do(AmendProvider(provider_id=crew.provider_id, time_off=off), crew.actor)

        key = await fleet.call()

        assert (fleet.asked(), fleet.reason(key, crew)) == ([], Hindrance.TIME_OFF)

    async def test_of_a_suspended_provider_is_not_asked(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        (crew,) = fleet.crews
        suspend = MoveProvider(provider_id=crew.provider_id, move="suspend", reason="test")
        await fleet.do(suspend, fleet.world.admin)

        key = await fleet.call()

        assert (fleet.asked(), fleet.reason(key, crew)) == ([], Hindrance.NOT_ACTIVE)
        with pytest.raises(NotBookable):
            await fleet.do(GoOnline(unit_id=crew.unit_id, place=crew.place), crew.actor)

    async def test_that_went_offline_is_not_asked(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        (crew,) = fleet.crews
        await fleet.do(GoOffline(unit_id=crew.unit_id), crew.actor)

        await fleet.call()

        assert fleet.asked() == []

    async def test_that_was_never_online_cannot_go_offline(self, open_fleet: Open) -> None:
        fleet = await open_fleet()
        crew = await fleet.join(metres=1_000, online=False)

        with pytest.raises(NotOnline, match="this unit has never been online"):
            await fleet.do(GoOffline(unit_id=crew.unit_id), crew.actor)

    async def test_that_fell_silent_is_not_asked(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        fleet.silent.add(fleet.crews[0].unit_id)
        await fleet.world.forward(minutes=3)

        await fleet.call()

        assert fleet.asked() == []

    async def test_that_comes_online_is_asked_for_who_waits(self, open_fleet: Open) -> None:
        fleet = await open_fleet(window_seconds_max=600)
        await fleet.call()
        await fleet.world.forward(minutes=1)

        crew = await fleet.join(metres=1_000)
        await fleet.world.forward(seconds=2)

        assert fleet.asked() == [crew]

    async def test_has_no_more_than_its_jobs(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, load_max=1)
        (crew,) = fleet.crews
        await fleet.taken(crew)

        await fleet.call(actor=fleet.world.market.customers[1])

        assert fleet.asked() == []

    async def test_is_asked_ahead_shortly_before_it_is_done(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, search_minutes=60)
        (crew,) = fleet.crews
        first = await fleet.taken(crew)
        ends_at = fleet.held(crew)[0].ends_at
        await fleet.world.forward(milliseconds=300)
        key = await fleet.call(actor=fleet.world.market.customers[1])
        early = fleet.reason(key, crew)

        await fleet.world.until(ends_at - timedelta(minutes=15))
        await fleet.world.forward(seconds=40)
        await fleet.accept(crew)

        one, other = sorted(fleet.held(crew), key=lambda held: held.starts_at)
        assert early == Hindrance.BUSY
        assert (one.booking_id, other.booking_id) == (first, key)
        assert one.ends_at <= other.starts_at <= one.ends_at + timedelta(seconds=1)
        assert await fleet.world.broken() == []

    async def test_that_is_idle_is_found_behind_those_that_are_not(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, 1_100, 1_200, candidates_max=3)
        for crew in fleet.crews:
            await fleet.taken(crew)
        idle = await fleet.join(metres=3_000)

        await fleet.call()

        assert fleet.asked() == [idle]

    async def test_is_asked_for_one_job_at_a_time(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        (crew,) = fleet.crews
        await fleet.call()

        key = await fleet.call(actor=fleet.world.market.customers[1])

        assert len([one for one in fleet.offers() if one.state == "sent"]) == 1
        assert fleet.reason(key, crew) in {Hindrance.ASKED_ALREADY, Hindrance.OTHERS_FIRST}


class TestANewcomer:
    async def test_is_asked_first_so_many_times_an_hour(self, open_fleet: Open) -> None:
        fleet = await open_fleet(
            1_000,
            1_500,
            waves=(Wave(reach_metres=4_000),),
            newcomer_offers_hour=2,
            weights=Weights(newcomer_seconds=600, idle_hour_seconds=0),
        )
        old, new = fleet.crews
        await fleet.experience(old, jobs=20)

        asked = []
        for number in range(3):
            customer = fleet.world.market.customers[number]
            key = await fleet.call(actor=customer)
            asked += fleet.asked()
            await fleet.accept(asked[-1])
            await fleet.do(CancelBooking(booking_id=key, reason="test"), customer)

        assert asked == [new, new, old]


class TestACrowd:
    async def test_that_nobody_can_serve_keeps_nobody_waiting(self, open_fleet: Open) -> None:
        fleet = await open_fleet(500, waves=(Wave(reach_metres=1_000),), window_seconds_max=1)
        for _ in range(JOBS_MAX + 40):
            await fleet.world.do(fleet.callout(uuid4(), place=north(10_000)), fleet.world.customer)
        await fleet.world.forward(seconds=5)

        await fleet.call(seconds=10, actor=fleet.world.market.customers[1])

        assert fleet.asked() == fleet.crews


class TestAMember:
    async def test_is_served_first_where_there_is_one_unit_for_two(self, open_fleet: Open) -> None:
        fleet = await open_fleet()
        plain = await fleet.call(seconds=100)
        customer = fleet.world.market.customers[1]
        await fleet.enrol(customer, level=3)
        member = await fleet.call(seconds=0, actor=customer)

        await fleet.join(metres=1_000)
        await fleet.world.forward(seconds=2)

        assert [offer.booking_id for offer in fleet.offers()] == [member]
        assert fleet.decisions(plain)[-1].verdicts[0].reason == Hindrance.OTHERS_FIRST

    async def test_of_before_goes_before_nobody(self, open_fleet: Open) -> None:
        fleet = await open_fleet()
        member = await fleet.enrol(fleet.world.customer, days=1)
        of_today, of_tomorrow = [
            await fleet.call(starts_at=fleet.world.lane.now + timedelta(hours=hours)) for hours in (2, 30)
        ]

        await fleet.do(EndMembership(membership_id=member.id, reason="test"), fleet.world.admin)
        afterwards = await fleet.call()

        priorities = [fleet.job(key).priority for key in (of_today, of_tomorrow, afterwards)]
        assert priorities == [1, 0, 0]

    async def test_that_is_let_down_is_one_when_the_search_begins_anew(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        (crew,) = fleet.crews
        key = await fleet.taken(crew)
        before = fleet.job(key).priority
        await fleet.enrol(fleet.world.customer, level=2)

        await fleet.do(HandBack(booking_id=key, reason="flat tyre"), crew.actor)

        assert (before, fleet.job(key).priority) == (0, 2)

    async def test_costs_no_round_trip_more(self, open_fleet: Open) -> None:
        """The call-out reads its service; the search its booking, then what it has to know, then its area."""
        fleet = await open_fleet()
        fleet.lose(lambda job: isinstance(job, Follow) and job.name == "booking.paid")
        with fleet.counting() as reads:
            await fleet.world.do(fleet.callout(key := uuid4()), fleet.world.customer)
        called = reads.copy()
        await fleet.world.settle()

        with fleet.counting() as reads:
            await fleet.world.do(OpenSearch(booking_id=key))

        assert (fleet.job(key).priority, called, reads) == (0, [1], [1, 2, 1])
