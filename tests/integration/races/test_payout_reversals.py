"""On a rail that pays by charge and takes back: whoever comes first, nothing goes out or comes back twice."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.integration.conftest import SLOT

from marketplace.adapters.sandbox.rail import CONNECTED
from marketplace.core.bookings.booking import Booking
from marketplace.core.bookings.commands import AbsorbLoss, DeliverBooking, StartBooking
from marketplace.core.payouts.drawing import ContinuePayoutRun, StartPayoutRun
from marketplace.core.payouts.reversal import PayoutReversal
from marketplace.core.payouts.reversing import RecordReversal, RefuseReversal
from marketplace.core.shared.ids import derive
from marketplace.core.shared.roles import SYSTEM
from marketplace.core.tenants.policy import Confirmation

Open = Callable[..., Awaitable[Any]]

DAY = timedelta(days=1)
orders = pytest.mark.parametrize("first", [0, 1, None], ids=["first", "second", "at-once"])
PAID = "SELECT coalesce(sum(amount_minor), 0)::bigint FROM payout WHERE tenant_id = $1"
BOUND = "SELECT count(*) FROM payout WHERE tenant_id = $1 AND payment_id IS NOT NULL"
EARNED = "SELECT sum(amount_minor)::bigint FROM earning WHERE tenant_id = $1"
ASKED_BACK = "SELECT coalesce(sum(amount_minor), 0)::bigint FROM payout_reversal WHERE tenant_id = $1"
OWED = "SELECT sum(owed_minor)::bigint FROM provider WHERE tenant_id = $1"


async def connected(open_market: Open, *, units: int = 2) -> Any:
    market = await open_market(units=units, confirmation=Confirmation.INSTANT)
    market.rail.capabilities = CONNECTED
    return market


async def earn(market: Any, *tokens: str) -> list[Booking]:
    """Jobs that are done and released, paid by these."""
    bookings = [await market.book(number, payment_method=token) for number, token in enumerate(tokens)]
    await market.work()
    market.now = SLOT
    for booking in bookings:
        await market.do(StartBooking(booking_id=booking.id), market.provider)
        await market.do(DeliverBooking(booking_id=booking.id), market.provider)
    await market.pass_time(2 * DAY)
    return bookings


async def pay_out(market: Any) -> None:
    await market.do(StartPayoutRun(run_id=uuid4()))
    await market.work()


async def lose(market: Any, payment_id: UUID) -> None:
    """The bank has it for good, and nobody has booked the loss yet."""
    for _ in range(2):
        await market.books.hurry(payment_id)
        await market.work_but("payment.dispute_lost")


async def the_reversal(market: Any, payment_id: UUID) -> PayoutReversal:
    found: PayoutReversal = await market.see(derive(payment_id, "reversal"), PayoutReversal)
    return found


class TestARunByCharge:
    @orders
    async def test_beside_another_pays_each_earning_once(self, open_market: Open, first: int | None) -> None:
        market = await connected(open_market)
        await earn(market, "tok_success", "tok_success")
        runs = [await market.do(StartPayoutRun(run_id=uuid4())) for _ in range(2)]
        steps = [(ContinuePayoutRun(run_id=run.id, by_charge=True), SYSTEM) for run in runs]

        await market.race(*steps, first=first)
        await market.pass_time(DAY)

        assert await market.sql(PAID) == await market.sql(EARNED)
        assert await market.sql(BOUND) == 2
        assert await market.violations() == []


class TestALoss:
    async def test_of_what_was_paid_out_comes_back(self, open_market: Open) -> None:
        market = await connected(open_market)
        (booking,) = await earn(market, "tok_chargeback_late")
        await pay_out(market)

        await market.pass_time(45 * DAY)

        payment = await market.payment_of(booking)
        assert (await the_reversal(market, payment.id)).state == "succeeded"
        assert await market.sql(ASKED_BACK) == await market.sql(PAID)
        assert await market.sql(OWED) == 0
        assert await market.violations() == []

    @orders
    async def test_beside_a_run_is_borne_once(self, open_market: Open, first: int | None) -> None:
        market = await connected(open_market)
        lost, _ = await earn(market, "tok_chargeback_late", "tok_success")
        payment = await market.payment_of(lost)
        run = await market.do(StartPayoutRun(run_id=uuid4()))
        await lose(market, payment.id)
        steps = (AbsorbLoss(payment_id=payment.id), ContinuePayoutRun(run_id=run.id, by_charge=True))

        await market.race(*((step, SYSTEM) for step in steps), first=first)
        await market.pass_time(DAY)
        await pay_out(market)
        await market.pass_time(DAY)

        assert await market.violations() == []

    @orders
    async def test_is_heard_of_twice_and_asked_back_once(self, open_market: Open, first: int | None) -> None:
        market = await connected(open_market)
        (booking,) = await earn(market, "tok_chargeback_late")
        await pay_out(market)
        payment = await market.payment_of(booking)
        await lose(market, payment.id)
        step = (AbsorbLoss(payment_id=payment.id), SYSTEM)

        await market.race(step, step, first=first)
        await market.pass_time(DAY)

        assert await market.sql(ASKED_BACK) == await market.sql(PAID) == await market.sql(EARNED)
        assert await market.violations() == []


class TestAReversal:
    @orders
    async def test_succeeds_or_is_refused(self, open_market: Open, first: int | None) -> None:
        market = await connected(open_market)
        (booking,) = await earn(market, "tok_chargeback_late")
        await pay_out(market)
        payment = await market.payment_of(booking)
        await lose(market, payment.id)
        await market.do(AbsorbLoss(payment_id=payment.id))
        reversal = await the_reversal(market, payment.id)
        report = await market.rail.claw_back(reversal.transfer, reversal=reversal.id, amount=reversal.amount)
        steps = (
            RecordReversal(payout_reversal_id=reversal.id, report=report),
            RefuseReversal(payout_reversal_id=reversal.id, failure="spent"),
        )

        await market.race(*((step, SYSTEM) for step in steps), first=first)

        ended = (await the_reversal(market, payment.id)).state
        owed = await market.sql(OWED)
        broken = await market.violations()
        assert first is None or ended == ("succeeded" if first == 0 else "refused")
        assert owed == (0 if ended == "succeeded" else reversal.amount_minor)
        # A rail that was not heard has the money all the same: its clearing says so.
        assert all(sentence.startswith("clearing") for sentence in broken)
        assert (broken == []) is (ended == "succeeded")
