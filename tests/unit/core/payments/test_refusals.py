"""A rail that says no for good is believed at once: nobody waits for a timer, and no job fails for it."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from marketplace.core.bookings.booking import State
from marketplace.core.bookings.commands import CancelBooking, RetryPayment, SettleBooking
from marketplace.core.payments.effects import AskRailForRefund, ask_rail_for_refund
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.refund import State as RefundState
from marketplace.core.payments.refunding import RetryRefund
from marketplace.core.payouts.drawing import ContinuePayoutRun, StartPayoutRun
from marketplace.core.payouts.effects import AskRailForPayout, ask_rail_for_payout
from marketplace.core.payouts.payout import State as PayoutState
from marketplace.core.payouts.usecases import (
    ApprovePayout,
    HoldPayout,
    ResumePayout,
    RetryPayout,
)
from marketplace.core.providers.usecases import AmendProvider
from marketplace.core.shared.errors import Invalid
from marketplace.ports.storage import Work


async def asked(world: Any, effect: Any, ask: Any) -> Any:
    """What the rail's answer comes to, at a worker that is slow to write it."""
    work, lane = Work(world.storage, world.lane.tenant.id), world.lane
    return await ask(effect, call=lane.call(), work=work, vendors=lane.desk.vendors)


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


class TestARefusalThatIsHeardLate:
    """By then another worker has heard it, and somebody has tried again."""

    async def test_leaves_the_next_try_of_a_payout_alone(self, make_world: Any) -> None:
        world = await make_world(payee="payee_mistyped")
        await world.deliver()
        await world.forward(days=2)
        run_id = uuid4()
        await world.do(StartPayoutRun(run_id=run_id))
        await world.do(ContinuePayoutRun(run_id=run_id))
        (payout,) = world.payouts()
        late = await asked(world, AskRailForPayout(payout_id=payout.id), ask_rail_for_payout)
        await world.settle()
        mended = AmendProvider(provider_id=world.provider.provider_id, payee="payee_ok")
        await world.do(mended, world.provider)
        await world.do(RetryPayout(payout_id=payout.id, reason="mended"), world.admin)
        await world.do(ApprovePayout(payout_id=payout.id, reason="mended"), world.admin)

        await world.do(late)

        assert [payout.state for payout in world.payouts()] == [PayoutState.APPROVED]
        await world.forward(minutes=1)
        assert await world.broken() == []

    async def test_leaves_the_next_try_of_a_refund_alone(self, world: Any) -> None:
        key = await world.confirm()
        world.lane.rail.refund = refused
        await world.do(CancelBooking(booking_id=key, reason="moved"), world.customer)
        await world.do(SettleBooking(booking_id=key))
        (refund,) = world.refunds()
        late = await asked(world, AskRailForRefund(refund_id=refund.id), ask_rail_for_refund)
        await world.settle()
        await world.do(RetryRefund(refund_id=refund.id, reason="there is money again"), world.admin)

        await world.do(late)

        assert [refund.state for refund in world.refunds()] == [RefundState.REQUESTED]


async def refused(*_: Any, **__: Any) -> None:
    raise Invalid("amount", "is more than the account at the rail has")
