"""A unit goes out of service when there is nothing more for it to do."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from marketplace.core.bookings.commands import CancelBooking
from marketplace.core.providers.provider import UnitBooked, UnitState
from marketplace.core.providers.usecases import RetireUnit

Open = Callable[..., Awaitable[Any]]


class TestAUnit:
    async def test_with_a_call_out_is_not_retired_and_is_told_when_it_is(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        (crew,) = fleet.crews
        key = await fleet.taken(crew)
        (held,) = fleet.held(crew)

        with pytest.raises(UnitBooked) as refused:
            await fleet.do(RetireUnit(unit_id=crew.unit_id), crew.actor)

        assert refused.value.facts == {
            "booked_from": held.starts_at.isoformat(),
            "booking_id": str(key),
        }
        assert held.starts_at.isoformat(timespec="minutes") in str(refused.value)

    async def test_with_slots_is_told_of_the_first(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        (crew,) = fleet.crews
        for minutes in ((300, 360), (120, 180)):
            await fleet.hold(crew, minutes=minutes)
        soon = fleet.world.lane.now + timedelta(minutes=120)

        with pytest.raises(UnitBooked) as refused:
            await fleet.do(RetireUnit(unit_id=crew.unit_id, reason="test"), fleet.world.admin)

        assert refused.value.facts["booked_from"] == soon.isoformat()

    async def test_that_is_late_with_a_call_out_is_still_on_it(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        (crew,) = fleet.crews
        key = await fleet.taken(crew)
        await fleet.begin(key, crew)
        (held,) = fleet.held(crew)
        await fleet.world.until(held.ends_at + timedelta(minutes=30))

        with pytest.raises(UnitBooked):
            await fleet.do(RetireUnit(unit_id=crew.unit_id), crew.actor)
        await fleet.deliver(key, crew)
        retired = await fleet.do(RetireUnit(unit_id=crew.unit_id), crew.actor)

        assert retired.state == UnitState.RETIRED

    async def test_is_retired_once_its_work_is_called_off_or_over(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        (crew,) = fleet.crews
        await fleet.hold(crew, minutes=(-120, -60))
        key = await fleet.taken(crew)
        await fleet.do(CancelBooking(booking_id=key, reason="test"), fleet.world.admin)

        retired = await fleet.do(RetireUnit(unit_id=crew.unit_id), crew.actor)

        assert retired.state == UnitState.RETIRED
