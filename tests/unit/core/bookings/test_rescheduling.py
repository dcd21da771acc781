"""A new time needs both sides, and is taken only if it is still free when they agree."""

from datetime import timedelta
from typing import Any

import pytest

from marketplace.core.bookings.commands import AcceptTime, DeclineTime, ProposeTime
from marketplace.core.providers.reservation import Reservation, SlotTaken
from marketplace.core.providers.reservation import State as ReservationState
from marketplace.core.shared.errors import Conflict, NotAllowed

LATER = timedelta(hours=1)


class TestAnotherTime:
    @pytest.mark.parametrize(("asks", "agrees"), [("customer", "provider"), ("provider", "customer")])
    async def test_holds_once_the_other_side_agrees(self, world: Any, asks: str, agrees: str) -> None:
        key = await world.confirm()

        await world.do(ProposeTime(booking_id=key, starts_at=world.start + LATER), getattr(world, asks))
        with pytest.raises(NotAllowed):
            await world.do(AcceptTime(booking_id=key), getattr(world, asks))
        moved = await world.do(AcceptTime(booking_id=key), getattr(world, agrees))

        (held,) = world.all(Reservation)
        assert (moved.starts_at, held.starts_at) == (world.start + LATER, world.start + LATER)
        assert moved.proposed_starts_at is None
        assert moved.due_at > moved.ends_at
        assert await world.broken() == []

    async def test_may_overlap_the_one_that_is_given_up(self, make_world: Any) -> None:
        world = await make_world(units=1)
        key = await world.confirm()

        quarter = timedelta(minutes=15)
        await world.do(ProposeTime(booking_id=key, starts_at=world.start + quarter), world.customer)

        assert (await world.do(AcceptTime(booking_id=key), world.provider)).starts_at == world.start + quarter

    async def test_is_refused_where_it_is_taken_already(self, make_world: Any) -> None:
        world = await make_world(units=1)
        key = await world.confirm()
        await world.book(start=world.start + timedelta(hours=3))

        with pytest.raises(SlotTaken):
            await world.do(ProposeTime(booking_id=key, starts_at=world.start + 3 * LATER), world.customer)

    async def test_is_lost_to_whoever_took_it_meanwhile(self, make_world: Any) -> None:
        world = await make_world(units=1)
        key = await world.confirm()
        await world.do(ProposeTime(booking_id=key, starts_at=world.start + 3 * LATER), world.customer)
        await world.book(start=world.start + timedelta(hours=3))

        with pytest.raises(SlotTaken):
            await world.do(AcceptTime(booking_id=key), world.provider)

        first = await world.booking(key)
        assert first.starts_at == world.start
        assert [held.state for held in world.all(Reservation)] == [ReservationState.HELD] * 2

    async def test_is_forgotten_when_it_is_declined(self, world: Any) -> None:
        key = await world.confirm()
        await world.do(ProposeTime(booking_id=key, starts_at=world.start + LATER), world.customer)

        await world.do(DeclineTime(booking_id=key), world.provider)

        with pytest.raises(Conflict):
            await world.do(AcceptTime(booking_id=key), world.provider)
