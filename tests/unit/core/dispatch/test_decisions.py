"""What is kept of a round makes the same decision again."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from tests.decisions import unlike
from tests.unit.core.dispatch.conftest import north

from marketplace.core.bookings.commands import CancelBooking
from marketplace.core.dispatch.area import Area
from marketplace.core.dispatch.decision import DispatchDecision
from marketplace.core.dispatch.matching import Match
from marketplace.core.tenants.dispatching import Wave

Open = Callable[..., Awaitable[Any]]


class TestADecision:
    @pytest.mark.parametrize("seed", range(8))
    async def test_is_made_again_from_what_is_kept(self, open_fleet: Open, seed: int) -> None:
        random = Random(seed)
        metres = [random.uniform(100, 9_000) for _ in range(6)]
        fleet = await open_fleet(*metres, waves=(Wave(reach_metres=10_000, offers=2),))

        for number in range(10):
            customer = fleet.world.market.customers[number % 3]
            place = north(random.uniform(-3_000, 3_000))
            await fleet.call(seconds=random.choice([0, 1, 20]), place=place, actor=customer)
            for crew in fleet.asked():
                if crew in fleet.asked():
                    await random.choice([fleet.accept, fleet.decline])(crew)
        await fleet.world.forward(minutes=20)

        assert len(fleet.world.all(DispatchDecision)) >= 10
        assert unlike(fleet.world.all(DispatchDecision)) == []
        assert await fleet.world.broken() == []

    async def test_on_a_job_that_moved_meanwhile_is_kept_too(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, 2_000)
        customers = fleet.world.market.customers
        first, _ = [await fleet.call(seconds=0, actor=customer) for customer in customers[:2]]
        (area,) = fleet.world.all(Area)
        decided = await fleet.match(Match(area_id=area.id, round_id=uuid4()))
        await fleet.do(CancelBooking(booking_id=first, reason="no need"), customers[0])

        await fleet.do(decided)

        assert fleet.offers(first) == []
        assert sorted(part.carried_out for part in fleet.world.all(DispatchDecision)) == [False, True]
        assert unlike(fleet.world.all(DispatchDecision)) == []

    async def test_of_a_tick_that_was_half_forgotten_belongs_to_a_round_of_its_own(
        self, open_fleet: Open
    ) -> None:
        """Whoever decided it died before that was marked, and another job waits by now."""
        fleet = await open_fleet(1_000, 2_000)
        customers = fleet.world.market.customers
        await fleet.call(seconds=0, actor=customers[0])
        (area,) = fleet.world.all(Area)
        tick = Match(area_id=area.id, round_id=uuid4())
        await fleet.do(await fleet.match(tick))
        await fleet.call(seconds=0, actor=customers[1])

        await fleet.do(await fleet.match(tick))

        first, second = fleet.world.all(DispatchDecision)
        assert (first.place, second.place) == (0, 0)
        assert first.round_id != second.round_id
        assert fleet.asked() == fleet.crews
