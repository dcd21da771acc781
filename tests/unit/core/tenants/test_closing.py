"""A marketplace that closes begins nothing new, and owes nobody anything in the end."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from marketplace.core.shared.errors import MoveRefused
from marketplace.core.tenants.tenant import MarketplaceClosed, State
from marketplace.core.tenants.usecases import AmendPolicy, CloseTenant, ReopenTenant


async def close(world: Any) -> None:
    world.lane.tenant = await world.do(CloseTenant(reason="the season is over"), world.admin)


class TestAClosedMarketplace:
    async def test_takes_no_bookings_until_it_opens_again(self, world: Any) -> None:
        await close(world)

        with pytest.raises(MarketplaceClosed) as refused:
            await world.book()
        world.lane.tenant = await world.do(ReopenTenant(reason="spring"), world.admin)
        await world.book(start=world.start + timedelta(hours=2))

        assert refused.value.code == "closed"
        assert (await world.booking()).state == "awaiting_provider"

    async def test_finishes_what_is_booked_and_pays_it_out(self, world: Any) -> None:
        await world.confirm()
        await close(world)

        booking = await world.booking()
        await world.until(booking.ends_at + timedelta(days=3))
        await world.pay_out()

        assert world.lane.tenant.state == State.CLOSED
        assert await world.broken() == []

    async def test_is_not_amended(self, world: Any) -> None:
        await close(world)

        with pytest.raises(MoveRefused):
            await world.do(AmendPolicy(policy=world.lane.tenant.policy, reason=str(uuid4())), world.admin)
