"""Whoever decides on what has just changed decides again, and nobody comes for money that is gone."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from marketplace.adapters.sandbox.faults import Fault
from marketplace.core.bookings.booking import State
from marketplace.core.bookings.commands import (
    AcceptBooking,
    AdvanceBooking,
    ApproveBooking,
    Arrive,
    CancelBooking,
    ClockBooking,
    CreateBooking,
    DeliverBooking,
    ResolveDispute,
    SetOut,
    StartBooking,
)
from marketplace.core.payments.effects import AskRail, ask_rail
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.refund import Refund
from marketplace.core.payments.usecases import RecordPayment
from marketplace.core.payouts.earning import Earning
from marketplace.core.shared.errors import Conflict, MoveRefused
from marketplace.core.shared.money import Money
from marketplace.core.shared.roles import CLOCK
from marketplace.core.tenants.policy import Capture, Confirmation
from marketplace.ports.payments import Report, Standing
from marketplace.ports.storage import Work

PRICE, PROVIDER = 50_000, 41_375


def told(payment: Payment, standing: Standing) -> RecordPayment:
    amount = Money(payment.amount_minor, payment.currency)
    report = Report(reference=payment.id, rail_reference="r", standing=standing, amount=amount)
    return RecordPayment(report=report)


class TestAPaymentThatFailsWhileItsBookingIsMadeFirm:
    @pytest.mark.parametrize("read", [1, 2])
    @pytest.mark.parametrize("confirmation", Confirmation)
    async def test_leaves_the_booking_open(
        self, make_world: Any, confirmation: Confirmation, read: int
    ) -> None:
        world = await make_world(
            booking={"confirmation": confirmation}, payment={"capture": Capture.ON_CONFIRMATION}
        )
        key = await world.book("tok_needs_action")
        payment = await world.payment(key)
        await world.do(told(payment, Standing.AUTHORISED))
        world.lane.agenda._heap.clear()  # whoever would advance the booking is slow

        async def dies() -> None:
            """And what follows of it finds the booking as it was."""
            await world.do(told(payment, Standing.CANCELLED))
            await world.do(AdvanceBooking(payment_id=payment.id))

        world.between(dies, read=read)
        await world.do(AdvanceBooking(payment_id=payment.id))

        assert (await world.booking(key)).state == State.AWAITING_PAYMENT


async def accepted_unpaid(world: Any) -> Payment:
    """The money was to be taken with the acceptance, and was not; nobody has followed it up yet."""
    key = await world.book()
    payment: Payment = await world.payment(key)
    await world.do(AcceptBooking(booking_id=key), world.provider)
    world.lane.agenda._heap.clear()  # whoever would ask the rail is slow
    await world.do(told(payment, Standing.FAILED))
    return payment


async def done_unpaid(world: Any) -> Payment:
    """Done and approved, without the money, and its release is due."""
    payment = await accepted_unpaid(world)
    booking = await world.booking()
    world.lane.now = booking.starts_at - timedelta(minutes=20)
    await world.do(SetOut(booking_id=booking.id), world.provider)
    await world.do(Arrive(booking_id=booking.id), world.provider)
    await world.do(StartBooking(booking_id=booking.id, start_code=booking.start_code), world.provider)
    await world.do(DeliverBooking(booking_id=booking.id), world.provider)
    await world.do(ApproveBooking(booking_id=booking.id), world.customer)
    world.lane.agenda._heap.clear()
    world.lane.now += timedelta(days=1)
    return payment


class TestAPaymentThatComesAfterAll:
    @pytest.mark.parametrize("read", [1, 2, 3])
    async def test_leaves_the_booking_firm_that_was_to_be_called_off(self, holding: Any, read: int) -> None:
        payment = await accepted_unpaid(holding)

        async def comes() -> None:
            """And what follows of it finds the booking as it was."""
            await holding.do(told(payment, Standing.SUCCEEDED))
            await holding.do(AdvanceBooking(payment_id=payment.id))

        holding.between(comes, read=read)
        await holding.do(AdvanceBooking(payment_id=payment.id))

        assert (await holding.booking()).state == State.CONFIRMED

    @pytest.mark.parametrize("read", [1, 2])
    async def test_while_the_job_is_ended_unpaid_is_released(self, holding: Any, read: int) -> None:
        payment = await done_unpaid(holding)

        async def comes() -> None:
            """And what follows of it finds the booking as it was."""
            await holding.do(told(payment, Standing.SUCCEEDED))
            await holding.do(AdvanceBooking(payment_id=payment.id))

        holding.between(comes, read=read)
        await holding.do(ClockBooking(booking_id=payment.booking_id), CLOCK)

        assert [one.amount_minor for one in holding.all(Earning)] == [PROVIDER]
        assert "customer_funds" not in holding.accounts()

    async def test_after_the_job_was_ended_unpaid_is_released(self, holding: Any) -> None:
        payment = await done_unpaid(holding)
        await holding.do(ClockBooking(booking_id=payment.booking_id), CLOCK)

        await holding.do(told(payment, Standing.SUCCEEDED))
        for _ in range(2):
            await holding.do(AdvanceBooking(payment_id=payment.id))

        assert [one.amount_minor for one in holding.all(Earning)] == [PROVIDER]
        assert "customer_funds" not in holding.accounts()

    @pytest.mark.parametrize("read", [1, 2, 3])
    async def test_while_the_booking_expires_is_told_as_given_back(self, world: Any, read: int) -> None:
        key = await world.book("tok_needs_action")
        payment = await world.payment(key)
        world.lane.agenda._heap.clear()  # whoever would advance the booking is slow
        world.lane.now = (await world.booking(key)).pay_by

        world.between(lambda: world.do(told(payment, Standing.SUCCEEDED)), read=read)
        await world.do(ClockBooking(booking_id=key), CLOCK)
        await world.settle()

        assert (await world.booking(key)).refund_minor == PRICE
        assert [refund.amount_minor for refund in world.all(Refund)] == [PRICE]


class TestADisputeAtTheBankThatIsWon:
    @pytest.mark.parametrize("read", [1, 2])
    async def test_while_a_complaint_is_decided_gives_back_what_was_promised(
        self, world: Any, read: int
    ) -> None:
        key = await world.dispute()
        payment = await world.payment(key)
        await world.do(told(payment, Standing.DISPUTED))

        async def is_won() -> None:
            """And what follows of it finds the complaint undecided."""
            await world.do(told(payment, Standing.WON))
            await world.do(AdvanceBooking(payment_id=payment.id))

        world.between(is_won, read=read)
        resolve = ResolveDispute(booking_id=key, refund_minor=PRICE, reason="it leaked")
        await world.do(resolve, world.admin)

        assert [refund.amount_minor for refund in world.all(Refund)] == [PRICE]


class TestAccepting:
    async def test_is_refused_when_the_money_is_gone(self, holding: Any) -> None:
        key = await holding.book()
        payment = await holding.payment(key)
        await holding.do(told(payment, Standing.CANCELLED))

        with pytest.raises(Conflict, match="cancelled"):
            await holding.do(AcceptBooking(booking_id=key), holding.provider)

    @pytest.mark.parametrize("read", [1, 2])
    async def test_meets_a_cancellation_and_one_of_them_counts(self, world: Any, read: int) -> None:
        key = await world.book()
        cancel = CancelBooking(booking_id=key, reason="moved")

        world.between(lambda: world.do(cancel, world.customer), read=read)
        with pytest.raises(MoveRefused):
            await world.do(AcceptBooking(booking_id=key), world.provider)
        await world.settle()

        assert (await world.booking(key)).state == State.CANCELLED
        assert await world.broken() == []


class TestARailThatIsFurtherOn:
    @pytest.mark.parametrize(
        ("token", "later", "state"),
        [
            ("tok_returned", {"minutes": 2}, PaymentState.RETURNED),
            ("tok_chargeback", {"minutes": 2}, PaymentState.DISPUTED),
            ("tok_chargeback", {"days": 9}, PaymentState.LOST),
        ],
    )
    async def test_is_caught_up_with(
        self, world: Any, token: str, later: dict[str, int], state: PaymentState
    ) -> None:
        """What is first heard of the payment is what became of it in the end."""
        key, shop = uuid4(), world.market.shops[0]
        wish = CreateBooking(
            booking_id=key,
            provider_id=shop.provider_id,
            service_id=shop.service_id,
            starts_at=world.start + timedelta(days=20),
            payment_method=token,
        )
        await world.do(wish, world.customer)
        effect = AskRail(payment_id=(await world.payment(key)).id)
        work = Work(world.storage, world.lane.tenant.id)
        vendors = world.lane.desk.vendors
        await ask_rail(effect, call=world.lane.call(), work=work, vendors=vendors)  # and its worker dies
        world.lane.books.faults = lambda *_: Fault.WEBHOOK_LOST
        world.lane.now += timedelta(**later)

        await world.settle()
        await world.forward(minutes=1)

        assert (await world.payment(key)).state == state
        assert await world.broken() == []
