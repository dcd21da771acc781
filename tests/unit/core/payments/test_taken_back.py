"""What a bank takes back, gives back and takes again is booked each time, and borne by whoever should."""

from dataclasses import replace
from typing import Any

import pytest

from marketplace.core.bookings.commands import ResolveDispute
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.refund import State as RefundState
from marketplace.core.payments.refunding import PayRefundByHand
from marketplace.core.payments.usecases import LookUpPayment, RecordPayment
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Report, Standing

PRICE, PROVIDER = 50_000, 41_375


async def told(world: Any, standing: Standing, minor: int = PRICE) -> Payment:
    """The rail reports of the payment, and what follows has followed."""
    payment = await world.payment()
    report = Report(
        reference=payment.id,
        rail_reference="rail",
        standing=standing,
        amount=Money(minor, payment.currency),
    )
    await world.do(RecordPayment(report=report))
    await world.settle()
    return replace(await world.payment())


class TestADisputeThatWasWon:
    async def test_is_over_however_often_it_is_looked_at(self, world: Any) -> None:
        await world.confirm("tok_chargeback_won")
        await world.forward(minutes=2)
        await world.lane.rail.submit_evidence((await world.payment()).id, text="photo")
        await world.forward(days=2)
        won = await world.payment()

        await world.do(LookUpPayment(payment_id=won.id, reason="sure?"), world.admin)
        await world.settle()

        assert won.state == PaymentState.WON
        assert (await world.payment()).state == PaymentState.WON
        assert await world.broken() == []

    async def test_is_disputed_again_and_lost(self, world: Any) -> None:
        await world.confirm()

        states = [
            (await told(world, standing)).state
            for standing in (Standing.DISPUTED, Standing.WON, Standing.DISPUTED)
        ]
        held = world.accounts()
        lost = await told(world, Standing.LOST)

        assert states == [PaymentState.DISPUTED, PaymentState.WON, PaymentState.DISPUTED]
        assert held["dispute_hold"] == PRICE
        assert "psp_clearing" not in held
        assert lost.state == PaymentState.LOST
        assert world.accounts() == {}


class TestALoss:
    async def test_of_what_was_given_back_by_hand_is_the_platform_s(self, world: Any) -> None:
        key = await world.dispute("tok_refund_fails_once")
        await world.do(ResolveDispute(booking_id=key, refund_minor=PRICE, reason="yes"), world.admin)
        await world.settle()
        (refund,) = world.refunds()
        await world.do(PayRefundByHand(refund_id=refund.id, reason="by EFT"), world.admin)

        await told(world, Standing.DISPUTED)
        await told(world, Standing.LOST)

        # Once from our bank and once from theirs: the customer has it twice.
        assert world.accounts() == {"bank": -PRICE, "chargeback_loss": PRICE}

    async def test_of_a_refund_that_the_bank_ignored_is_the_platform_s(self, world: Any) -> None:
        key = await world.dispute()
        await world.do(ResolveDispute(booking_id=key, refund_minor=PRICE, reason="yes"), world.admin)
        await world.settle()

        await told(world, Standing.DISPUTED)
        await told(world, Standing.LOST)

        assert world.refunds()[0].state == RefundState.SUCCEEDED
        assert world.accounts() == {"psp_clearing": -PRICE, "chargeback_loss": PRICE}

    @pytest.mark.parametrize("standing", [Standing.DISPUTED, Standing.RETURNED])
    async def test_of_a_part_is_refused_where_it_cannot_be_booked(
        self, world: Any, standing: Standing
    ) -> None:
        await world.confirm()

        with pytest.raises(Invalid):
            await told(world, standing, minor=PRICE - 1)

        assert (await world.payment()).state == PaymentState.SUCCEEDED
