"""A rail that says no for good is believed at once: nobody waits for a timer, and no job fails for it."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from marketplace.core.bookings.booking import State
from marketplace.core.bookings.commands import RetryPayment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payouts.payout import State as PayoutState
from marketplace.core.payouts.usecases import (
    ApprovePayout,
    HoldPayout,
    ResumePayout,
    RetryPayout,
)
from marketplace.core.providers.usecases import AmendProvider


class TestAMethodThatTheRailDoesNotKnow:
    async def test_fails_the_payment_at_once(self, world: Any) -> None:
        await world.book("tok_mistyped")

        payment = await world.payment()
        assert payment.state == PaymentState.FAILED
        assert "tok_mistyped" in payment.failure
        assert await world.broken() == []

    async def test_leaves_room_for_another_one(self, world: Any) -> None:
        key = await world.book("tok_mistyped")

        again = RetryPayment(booking_id=key, payment_id=uuid4(), payment_method="tok_success")
        await world.do(again, world.customer)
        await world.settle()

        assert (await world.booking()).state == State.AWAITING_PROVIDER
        assert await world.broken() == []


class TestAnAccountThatTheRailDoesNotKnow:
    async def test_fails_the_payout_until_it_is_mended(self, make_world: Any) -> None:
        world = await make_world(payee="payee_mistyped")
        await self._earned(world)

        (payout,) = world.payouts()
        assert payout.state == PayoutState.FAILED
        assert "payee_mistyped" in payout.failure
        await self._mended(world)
        await world.do(RetryPayout(payout_id=payout.id, reason="mended"), world.admin)
        await world.do(ApprovePayout(payout_id=payout.id, reason="mended"), world.admin)
        await world.forward(minutes=1)
        assert [payout.state for payout in world.payouts()] == [PayoutState.PAID]
        assert await world.broken() == []

    async def test_is_mended_for_a_payout_that_was_held_back_too(self, make_world: Any) -> None:
        world = await make_world(payee="payee_rejected")
        await self._earned(world)
        (payout,) = world.payouts()

        await self._mended(world)
        for command in (HoldPayout, ResumePayout, ApprovePayout):
            await world.do(command(payout_id=payout.id, reason="reviewed"), world.admin)
        await world.forward(minutes=1)

        assert [payout.state for payout in world.payouts()] == [PayoutState.PAID]
        assert await world.broken() == []

    async def _earned(self, world: Any) -> None:
        await world.deliver()
        await world.forward(days=2)
        await world.pay_out()
        await world.until(world.lane.now + timedelta(hours=1))

    async def _mended(self, world: Any) -> None:
        provider_id = world.provider.provider_id
        await world.do(AmendProvider(provider_id=provider_id, payee="payee_ok"), world.provider)
