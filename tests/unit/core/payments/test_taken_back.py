"""What a bank takes back, gives back and takes again is booked each time, and borne by whoever should."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from marketplace.adapters.sandbox.faults import Fault, Operation
from marketplace.adapters.sandbox.rail import CAPABILITIES
from marketplace.core.bookings.commands import ResolveDispute
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.refund import State as RefundState
from marketplace.core.payments.refunding import PayRefundByHand, RecordRefund
from marketplace.core.payments.usecases import LookUpPayment, RecordPayment, SubmitEvidence
from marketplace.core.shared.errors import Invalid, MoveRefused
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Report, Standing, Subject

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


class TestEvidence:
    async def test_of_admin_reaches_the_bank_and_wins(self, world: Any) -> None:
        await world.confirm("tok_chargeback_won")
        await world.forward(minutes=2)
        payment_id = (await world.payment()).id
        submit = SubmitEvidence(payment_id=payment_id, text="Signed for.", reason="the photos came")

        disputed = await world.do(submit, world.admin)
        await world.forward(days=2)

        won = await world.payment()
        assert (disputed.state, won.state) == (PaymentState.DISPUTED, PaymentState.WON)
        assert won.evidence == "Signed for."
        assert await world.broken() == []

    async def test_is_sent_again_where_the_rail_was_in_doubt(self, world: Any) -> None:
        await world.confirm("tok_chargeback_won")
        await world.forward(minutes=2)
        doubts = iter([Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER])
        world.lane.books.faults = lambda operation, _: (
            next(doubts, None) if operation is Operation.EVIDENCE else None
        )
        payment_id = (await world.payment()).id

        await world.do(SubmitEvidence(payment_id=payment_id, text="Signed for.", reason="x"), world.admin)
        await world.forward(days=2)

        assert next(doubts, None) is None
        assert (await world.payment()).state == PaymentState.WON

    async def test_comes_too_late_where_it_is_decided(self, world: Any) -> None:
        await world.confirm("tok_chargeback")
        await world.forward(days=40)
        lost = await world.payment()

        with pytest.raises(MoveRefused):
            await world.do(SubmitEvidence(payment_id=lost.id, text="Signed for.", reason="x"), world.admin)


class TestLookingAgain:
    async def test_by_people_takes_no_look_of_the_clocks_away(self, world: Any) -> None:
        await world.confirm()
        before = await world.payment()

        for _ in range(5):
            await world.do(LookUpPayment(payment_id=before.id, reason="the customer calls"), world.admin)
            await world.settle()

        after = await world.payment()
        assert before.due_at is not None
        assert after.due_at == before.due_at


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

    async def test_of_what_was_given_back_by_hand_is_found_though_nobody_tells_of_it(
        self, make_world: Any
    ) -> None:
        world = await make_world(able=replace(CAPABILITIES, refunds=False))
        world.lane.books.faults = lambda operation, _: (
            Fault.WEBHOOK_LOST if operation is Operation.WEBHOOK else None
        )
        await world.book("tok_debit_returned")
        await world.forward(days=3)
        (refund,) = world.refunds()
        await world.do(PayRefundByHand(refund_id=refund.id, reason="by EFT"), world.admin)

        await world.forward(days=14)

        (payment,) = world.all(Payment)
        assert payment.state == PaymentState.RETURNED
        assert world.accounts() == {"bank": -PRICE, "chargeback_loss": PRICE}
        assert await world.broken() == []

    async def test_of_a_refund_that_the_bank_ignored_is_the_platform_s(self, world: Any) -> None:
        key = await world.dispute()
        await world.do(ResolveDispute(booking_id=key, refund_minor=PRICE, reason="yes"), world.admin)
        await world.settle()

        await told(world, Standing.DISPUTED)
        await told(world, Standing.LOST)

        assert world.refunds()[0].state == RefundState.SUCCEEDED
        assert world.accounts() == {"psp_clearing": -PRICE, "chargeback_loss": PRICE}

    async def test_of_a_part_of_a_debit_order_is_refused(self, world: Any) -> None:
        await world.confirm()

        with pytest.raises(Invalid):
            await told(world, Standing.RETURNED, minor=PRICE - 1)

        assert (await world.payment()).state == PaymentState.SUCCEEDED


class TestALossOfAPart:
    async def test_of_what_is_held_leaves_the_rest_to_be_released(self, world: Any) -> None:
        key = await world.deliver("tok_chargeback_part")
        await world.forward(days=10)

        payment = await world.payment(key)
        assert (payment.state, payment.lost_minor, payment.left_minor) == (PaymentState.PART_LOST, 12_500, 0)
        assert payment.released_minor == PRICE - 12_500
        assert "customer_funds" not in world.accounts()
        assert await world.broken() == []

    async def test_is_over_however_often_it_is_looked_at(self, world: Any) -> None:
        await world.deliver("tok_chargeback_part")
        await world.forward(days=10)
        before = await world.payment()

        await world.do(LookUpPayment(payment_id=before.id, reason="sure?"), world.admin)
        await world.settle()

        assert (await world.payment()).state == PaymentState.PART_LOST
        assert await world.broken() == []

    async def test_leaves_the_rest_to_be_given_back(self, world: Any) -> None:
        key = await world.dispute("tok_chargeback_part")
        await world.until(world.lane.now + timedelta(days=8, minutes=5))
        booking = await world.booking(key)

        payment = await world.payment()

        assert booking.released_at is not None
        assert payment.refunded_minor + payment.released_minor + payment.lost_minor == PRICE
        assert await world.broken() == []

    async def test_beyond_what_is_held_is_clawed_back_in_shares(self, world: Any) -> None:
        await world.deliver()
        await world.forward(days=2)

        await told(world, Standing.DISPUTED, minor=PRICE // 2)
        await told(world, Standing.LOST, minor=PRICE // 2)

        accounts = world.accounts()
        assert accounts["provider_payable"] == -(PROVIDER - PROVIDER // 2) + 1
        assert accounts["chargeback_loss"] == PRICE // 2 - (PROVIDER // 2 + 1)
        assert (await world.payment()).state == PaymentState.LOST

    async def test_that_is_won_after_all_moves_nothing(self, world: Any) -> None:
        await world.confirm()

        await told(world, Standing.DISPUTED, minor=1)
        await told(world, Standing.WON, minor=1)

        assert world.accounts() == {"psp_clearing": PRICE, "customer_funds": -PRICE}


class TestARefundThatTheBankWasFasterThan:
    async def test_is_our_loss_where_the_rail_carries_it_out_all_the_same(self, world: Any) -> None:
        key = await world.dispute("tok_refund_pending")
        await world.do(ResolveDispute(booking_id=key, refund_minor=PRICE, reason="yes"), world.admin)
        await world.settle()
        await told(world, Standing.DISPUTED)
        await told(world, Standing.LOST)
        pending = world.refunds()[0].state

        await world.forward(minutes=5)

        assert (pending, world.refunds()[0].state) == (RefundState.PENDING, RefundState.SUCCEEDED)
        assert world.accounts() == {"psp_clearing": -PRICE, "chargeback_loss": PRICE}

    async def test_is_given_up_where_the_rail_fails_to_carry_it_out(self, world: Any) -> None:
        key = await world.dispute("tok_refund_fails_later")
        await world.do(ResolveDispute(booking_id=key, refund_minor=PRICE, reason="yes"), world.admin)
        await world.settle()
        await told(world, Standing.DISPUTED)
        await told(world, Standing.LOST)

        await world.forward(minutes=5)

        assert world.refunds()[0].state == RefundState.CANCELLED
        assert world.accounts() == {}

    async def test_that_was_given_up_and_is_carried_out_late_is_our_loss(self, world: Any) -> None:
        key = await world.dispute("tok_refund_fails_once")
        await world.do(ResolveDispute(booking_id=key, refund_minor=PRICE, reason="yes"), world.admin)
        await world.settle()
        await told(world, Standing.DISPUTED)
        await told(world, Standing.LOST)
        (dropped,) = world.refunds()
        late = Report(
            reference=dropped.reference,
            rail_reference="rail",
            standing=Standing.SUCCEEDED,
            amount=dropped.amount,
            subject=Subject.REFUND,
        )

        await world.do(RecordRefund(refund_id=dropped.id, report=late))

        assert dropped.state == RefundState.CANCELLED
        assert world.refunds()[0].state == RefundState.SUCCEEDED
        assert world.accounts() == {"psp_clearing": -PRICE, "chargeback_loss": PRICE}

    async def test_stays_owed_where_the_bank_gave_back_less(self, world: Any) -> None:
        key = await world.dispute("tok_refund_fails_once")
        await world.do(ResolveDispute(booking_id=key, refund_minor=20_000, reason="half"), world.admin)
        await world.settle()

        await told(world, Standing.DISPUTED, minor=30_000)
        await told(world, Standing.LOST, minor=30_000)

        assert [refund.state for refund in world.refunds()] == [RefundState.FAILED]
        assert world.accounts()["refunds_payable"] == -20_000

    async def test_is_not_given_up_while_the_rail_may_still_have_it(self, world: Any) -> None:
        """The answer to the refund was lost; the loss is heard of before anybody has looked."""
        key = await world.dispute()
        world.lane.books.faults = lambda operation, _: (
            Fault.TIMEOUT_AFTER if operation is Operation.REFUND else None
        )
        await world.do(ResolveDispute(booking_id=key, refund_minor=PRICE, reason="yes"), world.admin)
        await world.settle()
        await told(world, Standing.DISPUTED)
        await told(world, Standing.LOST)

        await world.forward(minutes=10)

        assert world.refunds()[0].state == RefundState.SUCCEEDED
        assert world.accounts() == {"psp_clearing": -PRICE, "chargeback_loss": PRICE}
