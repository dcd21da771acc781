"""A call-out begins a booking and its payment, and so only where bookings are taken."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from marketplace.core.payments.payment import Payment
from marketplace.core.shared.errors import Invalid
from marketplace.core.tenants.tenant import MarketplaceClosed
from marketplace.core.tenants.usecases import CloseTenant


class TestACallOut:
    async def test_is_not_taken_where_the_marketplace_is_closed(
        self, open_fleet: Callable[..., Awaitable[Any]]
    ) -> None:
        fleet = await open_fleet(500)
        world = fleet.world
        world.lane.tenant = await world.do(CloseTenant(reason="the season is over"), world.admin)

        with pytest.raises(MarketplaceClosed):
            await fleet.call()

        assert world.all(Payment) == []

    async def test_is_not_kept_open_for_longer_than_the_marketplace_looks_ahead(
        self, open_fleet: Callable[..., Awaitable[Any]]
    ) -> None:
        fleet = await open_fleet(500)
        booking = fleet.world.lane.tenant.policy.booking
        far = fleet.world.lane.now + timedelta(days=booking.horizon_days + 1)

        with pytest.raises(Invalid, match="until"):
            await fleet.call(until=far)

        assert fleet.world.all(Payment) == []
