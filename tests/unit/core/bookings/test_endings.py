"""Whatever way a booking ends, every cent is where it belongs, and the rail's books say the same."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from marketplace.core.bookings.booking import State
from marketplace.core.bookings.commands import (
    AcceptBooking,
    ApproveBooking,
    CancelBooking,
    DeclineBooking,
    DisputeBooking,
    ResolveDispute,
    RetryPayment,
)
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.refund import State as RefundState
from marketplace.core.payments.refunding import PayRefundByHand, RetryRefund
from marketplace.core.payments.usecases import GiveUpPayment, RecordPayment
from marketplace.core.payouts.earning import Earning
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Report, Standing

PRICE, PROVIDER, FEE, VAT = 50_000, 41_375, 7_500, 1_125
EARNED = {
    "psp_clearing": PRICE,
    "provider_payable": -PROVIDER,
    "platform_fee": -FEE,
    "vat_output": -VAT,
}


async def check(world: Any, accounts: dict[str, int]) -> None:
    assert world.accounts() == accounts
    assert await world.rail_minor() == accounts.get("psp_clearing", 0)
    assert await world.broken() == []


class TestAJobThatIsDone:
    async def test_releases_the_money_when_the_complaint_window_closes(self, world: Any) -> None:
        key = await world.deliver()

        await world.forward(hours=23, minutes=59)
        before = world.accounts()
        await world.forward(minutes=1)

        assert before == {"psp_clearing": PRICE, "customer_funds": -PRICE}
        assert (await world.booking(key)).state == State.COMPLETED
        await check(world, EARNED)

    async def test_keeps_the_window_open_after_an_early_approval(self, world: Any) -> None:
        key = await world.deliver()

        await world.do(ApproveBooking(booking_id=key), world.customer)
        await world.forward(hours=23)
        before = world.accounts()
        await world.forward(hours=1)

        assert before == {"psp_clearing": PRICE, "customer_funds": -PRICE}
        await check(world, EARNED)

    async def test_takes_held_money_when_the_provider_accepts(self, holding: Any) -> None:
        key = await holding.book()
        before = holding.accounts()

        await holding.deliver(start=holding.start + timedelta(days=1))
        await holding.forward(days=2)

        assert before == {}
        assert (await holding.booking(key)).state == State.EXPIRED
        await check(holding, EARNED)

    async def test_is_delivered_by_the_clock_when_nobody_reports_its_end(self, world: Any) -> None:
        key = await world.work()

        await world.forward(days=4)

        assert (await world.booking(key)).state == State.COMPLETED
        await check(world, EARNED)


class TestABookingCalledOff:
    async def test_gives_everything_back_long_before(self, world: Any) -> None:
        key = await world.confirm()

        await world.do(CancelBooking(booking_id=key, reason="moved"), world.customer)
        await world.settle()

        await check(world, {})

    async def test_gives_half_back_at_short_notice_and_shares_the_rest(self, world: Any) -> None:
        key = await world.confirm()
        await world.until(world.start - timedelta(hours=3))

        await world.do(CancelBooking(booking_id=key, reason="moved"), world.customer)
        await world.settle()

        kept = {"provider_payable": -20_688, "cancellation_fee": -3_750, "vat_output": -562}
        await check(world, {"psp_clearing": 25_000, **kept})

    async def test_gives_nothing_back_at_the_door(self, world: Any) -> None:
        key = await world.confirm()
        await world.until(world.start - timedelta(minutes=30))

        await world.do(CancelBooking(booking_id=key, reason="moved"), world.customer)
        await world.settle()

        fee = EARNED | {"cancellation_fee": -FEE}
        del fee["platform_fee"]
        await check(world, fee)

    async def test_gives_everything_back_where_the_law_asks_for_it(self, world: Any) -> None:
        key = await world.confirm()
        await world.until(world.start - timedelta(minutes=30))

        await world.do(CancelBooking(booking_id=key, reason="funeral", reason_code="death"), world.customer)
        await world.settle()

        await check(world, {})

    @pytest.mark.parametrize("who", ["provider", "admin"])
    async def test_gives_everything_back_when_it_is_not_the_customers_doing(
        self, world: Any, who: str
    ) -> None:
        key = await world.confirm()
        await world.until(world.start - timedelta(minutes=30))

        await world.do(CancelBooking(booking_id=key, reason="ill"), getattr(world, who))
        await world.settle()

        await check(world, {})

    async def test_gives_everything_back_when_the_provider_declines(self, world: Any) -> None:
        key = await world.book()

        await world.do(DeclineBooking(booking_id=key, reason="full"), world.provider)
        await world.settle()

        await check(world, {})

    async def test_lets_a_hold_go_when_the_provider_declines(self, holding: Any) -> None:
        key = await holding.book()

        await holding.do(DeclineBooking(booking_id=key, reason="full"), holding.provider)
        await holding.settle()

        assert (await holding.payment(key)).state == PaymentState.CANCELLED
        await check(holding, {})

    async def test_calls_money_back_that_is_still_on_its_way(self, world: Any) -> None:
        key = await world.book("tok_pending_success")

        await world.do(CancelBooking(booking_id=key, reason="moved"), world.customer)
        await world.forward(days=1)

        assert (await world.payment(key)).state == PaymentState.CANCELLED
        await check(world, {})


class TestAnAbsence:
    async def test_of_the_customer_pays_the_provider(self, world: Any) -> None:
        await world.miss(by=world.provider)

        await world.forward(days=1)

        fee = EARNED["platform_fee"]
        kept = {account: amount for account, amount in EARNED.items() if account != "platform_fee"}
        await check(world, {**kept, "cancellation_fee": fee})

    async def test_of_the_provider_gives_everything_back(self, world: Any) -> None:
        await world.miss(by=world.customer)

        await world.forward(days=1)

        await check(world, {})

    async def test_that_nobody_reports_counts_as_the_providers(self, world: Any) -> None:
        key = await world.confirm()

        await world.until(world.start + timedelta(days=4))

        assert (await world.booking(key)).state == State.NO_SHOW
        await check(world, {})


class TestADispute:
    async def test_decided_for_the_customer_gives_everything_back(self, world: Any) -> None:
        key = await world.dispute()

        await world.do(ResolveDispute(booking_id=key, refund_minor=PRICE, reason="dirty"), world.admin)
        await world.settle()

        assert (await world.booking(key)).state == State.REFUNDED
        await check(world, {})

    async def test_decided_for_both_shares_the_rest(self, world: Any) -> None:
        key = await world.dispute()

        await world.do(ResolveDispute(booking_id=key, refund_minor=1, reason="a stain"), world.admin)
        await world.settle()

        kept = {"provider_payable": -41_374, "platform_fee": -FEE, "vat_output": -VAT}
        await check(world, {"psp_clearing": PRICE - 1, **kept})

    async def test_decided_for_the_provider_releases_everything(self, world: Any) -> None:
        key = await world.dispute()

        await world.do(ResolveDispute(booking_id=key, refund_minor=0, reason="fine"), world.admin)
        await world.settle()

        await check(world, EARNED)

    async def test_that_nobody_decides_in_time_releases_everything(self, world: Any) -> None:
        key = await world.dispute()

        await world.forward(days=7)

        assert (await world.booking(key)).state == State.COMPLETED
        await check(world, EARNED)

    async def test_of_an_absence_that_nobody_decides_stands_as_it_was_before(self, world: Any) -> None:
        """A provider who did not come is not paid because the customer complained as well."""
        key = await world.miss(by=world.customer)
        await world.do(DisputeBooking(booking_id=key, reason="nobody came"), world.customer)

        await world.forward(days=7)

        assert (await world.booking(key)).state == State.COMPLETED
        await check(world, {})


def told(payment: Any, standing: Standing) -> RecordPayment:
    amount = Money(payment.amount_minor, payment.currency)
    return RecordPayment(
        report=Report(reference=payment.id, rail_reference="r", standing=standing, amount=amount)
    )


class TestMoneyThatComesLate:
    async def test_after_the_booking_lapsed_goes_back(self, world: Any) -> None:
        key = await world.book("tok_needs_action")
        await world.forward(hours=1)
        payment = await world.payment(key)

        await world.do(told(payment, Standing.SUCCEEDED))
        await world.settle()

        assert (await world.booking(key)).state == State.EXPIRED
        assert world.accounts()["psp_clearing"] == PRICE
        assert [refund.amount_minor for refund in world.refunds()] == [PRICE]

    async def test_after_another_payment_was_begun_goes_back_at_once(self, world: Any) -> None:
        key = await world.book("tok_decline")
        first = await world.payment(key)
        await world.do(
            RetryPayment(booking_id=key, payment_id=uuid4(), payment_method="tok_success"), world.customer
        )
        await world.settle()

        await world.do(told(first, Standing.SUCCEEDED))
        await world.settle()

        assert (await world.booking(key)).state == State.AWAITING_PROVIDER
        assert (await world.get(type(first), first.id)).left_minor == 0
        assert (await world.payment(key)).left_minor == PRICE

    async def test_after_it_was_given_up_still_counts(self, world: Any) -> None:
        key = await world.book("tok_needs_action")
        payment = await world.payment(key)
        await world.do(GiveUpPayment(payment_id=payment.id, failure="silence"))

        await world.do(told(payment, Standing.SUCCEEDED))
        await world.settle()

        assert (await world.booking(key)).state == State.AWAITING_PROVIDER


class TestMoneyTheBankTakesBack:
    async def test_before_the_work_calls_the_booking_off(self, world: Any) -> None:
        key = await world.confirm("tok_chargeback", start=world.start + timedelta(days=20))

        await world.forward(days=19)

        assert (await world.booking(key)).state == State.CANCELLED
        await check(world, {})

    async def test_in_dispute_waits_and_is_released_when_it_is_won(self, world: Any) -> None:
        key = await world.deliver("tok_chargeback_won")
        payment = await world.payment(key)
        await world.lane.rail.submit_evidence(payment.id, text="photographs")

        await world.forward(days=10)

        assert (await world.payment(key)).state == PaymentState.WON
        await check(world, EARNED)

    async def test_and_gives_up_after_the_booking_ended_settles_it_then(self, world: Any) -> None:
        key = await world.book("tok_chargeback_won")
        payment = await world.payment(key)
        await world.forward(minutes=2)
        await world.do(CancelBooking(booking_id=key, reason="moved"), world.customer)
        await world.lane.rail.submit_evidence(payment.id, text="photographs")

        await world.forward(days=10)

        assert (await world.payment(key)).left_minor == 0
        await check(world, {})

    async def test_after_the_payout_is_clawed_back_from_the_next_ones(self, world: Any) -> None:
        await world.deliver("tok_chargeback_late")
        await world.forward(days=1)
        await world.pay_out()

        await world.forward(days=45)

        lost = {"psp_clearing": -PROVIDER, "provider_receivable": PROVIDER, "chargeback_loss": FEE + VAT}
        await check(world, lost | {"platform_fee": -FEE, "vat_output": -VAT})
        assert sorted(earning.amount_minor for earning in world.all(Earning)) == [-PROVIDER, PROVIDER]

    async def test_before_the_release_pays_nobody(self, world: Any) -> None:
        key = await world.deliver("tok_chargeback")

        await world.forward(days=20)

        assert (await world.payment(key)).state == PaymentState.LOST
        assert (await world.booking(key)).released_at is not None
        await check(world, {})

    async def test_while_a_refund_was_promised_is_not_given_back_twice(self, world: Any) -> None:
        key = await world.book("tok_chargeback")
        world.lane.now += timedelta(minutes=2)  # the bank has it back, and nobody has heard of it
        await world.do(CancelBooking(booking_id=key, reason="moved"), world.customer)
        before = world.accounts()

        await world.forward(days=20)

        assert before == {"psp_clearing": PRICE, "customer_funds": -PRICE}
        assert [refund.state for refund in world.refunds()] == [RefundState.CANCELLED]
        await check(world, {})

    async def test_and_gives_up_is_then_refunded_as_was_promised(self, world: Any) -> None:
        key = await world.book("tok_chargeback_won")
        world.lane.now += timedelta(minutes=2)
        await world.do(CancelBooking(booking_id=key, reason="moved"), world.customer)
        await world.settle()
        await world.lane.rail.submit_evidence((await world.payment(key)).id, text="photographs")

        await world.forward(days=20)

        assert [refund.state for refund in world.refunds()] == [RefundState.SUCCEEDED]
        await check(world, {})


class TestARefundThatFails:
    async def test_is_sent_again_under_a_new_reference(self, world: Any) -> None:
        key = await world.confirm("tok_refund_fails_once")
        await world.do(CancelBooking(booking_id=key, reason="moved"), world.customer)
        await world.settle()
        (failed,) = world.refunds()

        await world.do(RetryRefund(refund_id=failed.id, reason="again"), world.admin)
        await world.settle()

        (refund,) = world.refunds()
        assert (failed.state, refund.state) == (RefundState.FAILED, RefundState.SUCCEEDED)
        assert refund.reference != failed.reference
        await check(world, {})

    async def test_is_owed_until_it_is_paid_by_hand(self, world: Any) -> None:
        key = await world.confirm("tok_refund_fails_later")
        await world.do(CancelBooking(booking_id=key, reason="moved"), world.customer)
        await world.forward(hours=1)
        (failed,) = world.refunds()
        owed = world.accounts()

        await world.do(PayRefundByHand(refund_id=failed.id, reason="EFT of today"), world.admin)

        assert owed == {"psp_clearing": PRICE, "refunds_payable": -PRICE}
        await check(world, {"psp_clearing": PRICE, "bank": -PRICE})


class TestAHold:
    async def test_that_runs_out_before_the_provider_accepts_calls_the_booking_off(
        self, holding: Any
    ) -> None:
        key = await holding.book("tok_hold_expires")

        await holding.forward(hours=1)

        assert (await holding.booking(key)).state == State.CANCELLED
        await check(holding, {})

    async def test_that_ran_out_unheard_cannot_be_captured(self, holding: Any) -> None:
        key = await holding.book("tok_hold_expires")
        holding.lane.now += timedelta(minutes=30)  # nobody has heard of anything meanwhile

        await holding.do(AcceptBooking(booking_id=key), holding.provider)
        await holding.forward(hours=1)

        assert (await holding.payment(key)).state == PaymentState.CANCELLED
        assert (await holding.booking(key)).state == State.CANCELLED
        await check(holding, {})


class TestABookingForWhichNothingWasTaken:
    async def test_says_nothing_of_a_refund_when_the_hold_is_given_up(self, holding: Any) -> None:
        key = await holding.book()

        await holding.forward(hours=3)

        booking = await holding.booking(key)
        assert (booking.state, booking.refund_minor) == (State.EXPIRED, None)

    async def test_gives_back_whole_what_comes_after_all(self, world: Any) -> None:
        key = await world.book("tok_needs_action")
        await world.forward(minutes=20)
        expired = await world.booking(key)

        await world.lane.rail.complete_action((await world.payment(key)).id)
        await world.forward(hours=7)

        assert (expired.state, expired.refund_minor) == (State.EXPIRED, None)
        await check(world, {})

    async def test_says_what_goes_back_where_money_was_taken(self, world: Any) -> None:
        key = await world.book()

        await world.forward(hours=3)

        booking = await world.booking(key)
        assert (booking.state, booking.refund_minor) == (State.EXPIRED, PRICE)

    async def test_is_nobody_s_doing_when_the_bank_takes_the_payment_back(self, world: Any) -> None:
        key = await world.confirm("tok_returned")

        await world.forward(minutes=10)

        booking = await world.booking(key)
        assert (booking.state, booking.fault, booking.refund_minor) == (State.CANCELLED, None, None)
