from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from marketplace.core.bookings.booking import State
from marketplace.core.bookings.commands import (
    AdvanceBooking,
    ApproveBooking,
    ClockBooking,
    DisputeBooking,
    ResolveDispute,
    RetryPayment,
)
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.usecases import GiveUpPayment, RecordPayment
from marketplace.core.payouts.drawing import ContinuePayoutRun, StartPayoutRun
from marketplace.core.shared.roles import CLOCK, SYSTEM, Actor
from marketplace.core.tenants.policy import Capture, Confirmation
from marketplace.core.tenants.tenant import Call
from marketplace.ports.payments import Charge

Open = Callable[..., Awaitable[Any]]

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
LONG = timedelta(days=12)
# Who writes first, once both have read: the first, the second, or both at once.
orders = pytest.mark.parametrize("first", [0, 1, None], ids=["first", "second", "at-once"])
captures = pytest.mark.parametrize("capture", list(Capture))
PAID = "SELECT sum(amount_minor)::bigint FROM payout WHERE tenant_id = $1"


def charge_of(payment: Payment, market: Any) -> Charge:
    return Charge(
        reference=payment.id,
        tenant_id=payment.tenant_id,
        amount=payment.amount,
        method=payment.method,
        hold=payment.hold,
        description="test",
        at=market.now,
    )


class TestPayment:
    @pytest.mark.parametrize("confirmation", list(Confirmation))
    @captures
    @orders
    async def test_comes_or_the_booking_expires(
        self, open_market: Open, first: int | None, capture: Capture, confirmation: Confirmation
    ) -> None:
        market = await open_market(capture=capture, confirmation=confirmation)
        booking = await market.book(payment_method="tok_needs_action")
        await market.work()
        market.now = booking.pay_by
        await market.rail.complete_action(booking.payment_id)
        await market.do(RecordPayment(report=await market.rail.find(booking.payment_id)))

        await market.race(
            (AdvanceBooking(payment_id=booking.payment_id), SYSTEM),
            (ClockBooking(booking_id=booking.id), CLOCK),
            first=first,
        )
        expired = await market.events("booking.expired")
        await market.pass_time(LONG)

        # An instant booking that was paid ends as one to which nobody came; all of it goes back either way.
        ended = State.NO_SHOW if confirmation == Confirmation.INSTANT and not expired else State.EXPIRED
        assert first is None or expired == first
        assert (await market.see(booking.id)).state == ended
        assert (await market.payment_of(booking)).left_minor == 0
        assert (await market.books.balance(market.tenant.id))["ZAR"].minor == 0
        assert await market.violations() == []

    @orders
    async def test_is_made_again_while_the_first_succeeds_after_all(
        self, open_market: Open, first: int | None
    ) -> None:
        market = await open_market()
        booking = await market.book(payment_method="tok_timeout_before")
        await market.work()
        await market.do(GiveUpPayment(payment_id=booking.payment_id, failure="never_reached_the_rail"))
        await market.work()
        late = await market.rail.collect(charge_of(await market.payment_of(booking), market))
        retry = RetryPayment(booking_id=booking.id, payment_id=uuid4(), payment_method="tok_success")

        retried, recorded = await market.race(
            (retry, market.customers[0]), (RecordPayment(report=late), SYSTEM), first=first
        )
        await market.work()

        assert isinstance(recorded, Payment)
        assert first is None or isinstance(retried, Exception) == (first == 1)
        assert (await market.see(booking.id)).state == State.AWAITING_PROVIDER
        # Whichever came in second went back.
        assert (await market.books.balance(market.tenant.id))["ZAR"].minor == booking.total_minor
        await market.pass_time(LONG)
        assert await market.violations() == []

    @pytest.mark.parametrize("confirmation", list(Confirmation))
    async def test_that_dies_while_it_is_counted_leaves_no_booking_firm(
        self, open_market: Open, confirmation: Confirmation
    ) -> None:
        market = await open_market(capture=Capture.ON_CONFIRMATION, confirmation=confirmation)
        booking = await market.book(payment_method="tok_needs_action")
        await market.work()
        await market.rail.complete_action(booking.payment_id)
        await market.do(RecordPayment(report=await market.rail.find(booking.payment_id)))

        async def hold_expires() -> None:
            await market.rail.void(booking.payment_id)
            await market.do(RecordPayment(report=await market.rail.find(booking.payment_id)))
            await market.work()

        await market.interrupted((AdvanceBooking(payment_id=booking.payment_id), SYSTEM), hold_expires)

        assert (await market.see(booking.id)).state == State.AWAITING_PAYMENT
        await market.pass_time(LONG)
        assert (await market.see(booking.id)).state == State.EXPIRED
        assert await market.violations() == []


class TestTheEnd:
    @captures
    @orders
    async def test_is_approved_or_disputed(
        self, open_market: Open, first: int | None, capture: Capture
    ) -> None:
        market = await open_market(capture=capture, confirmation=Confirmation.INSTANT)
        booking = await market.delivered()
        customer = market.customers[0]

        outcomes = await market.race(
            (ApproveBooking(booking_id=booking.id), customer),
            (DisputeBooking(booking_id=booking.id, reason="half done"), customer),
            first=first,
        )

        # What is approved may still be complained of; what is disputed cannot be approved.
        assert not isinstance(outcomes[1], BaseException)
        assert (await market.see(booking.id)).state == State.DISPUTED
        await market.pass_time(LONG)
        after = await market.see(booking.id)
        assert (after.state, after.released_at is None) == (State.COMPLETED, False)
        assert await market.violations() == []

    @orders
    async def test_is_released_or_disputed(
        self, open_market: Open, first: int | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        market = await open_market(confirmation=Confirmation.INSTANT)
        booking = await market.delivered()
        customer = market.customers[0]
        await market.do(ApproveBooking(booking_id=booking.id), customer)
        market.now = (await market.see(booking.id)).release_at - SECOND
        call_of = market.call

        def skewed(actor: Actor = SYSTEM) -> Call:
            """The worker's machine is a second ahead of the customer's."""
            call: Call = call_of(actor)
            return replace(call, at=call.at + SECOND) if actor == CLOCK else call

        monkeypatch.setattr(market, "call", skewed)
        dispute = DisputeBooking(booking_id=booking.id, reason="half done")
        await market.race((dispute, customer), (ClockBooking(booking_id=booking.id), CLOCK), first=first)

        after = await market.see(booking.id)
        assert first is None or after.state == (State.DISPUTED if first == 0 else State.COMPLETED)
        assert (after.state == State.DISPUTED) == (after.released_at is None)
        await market.pass_time(LONG)
        assert (await market.see(booking.id)).released_at is not None
        assert await market.violations() == []

    @pytest.mark.parametrize("refunds", [(33_830, 1), (33_829, 0), (12_345, 33_830)])
    @orders
    async def test_is_resolved_once(
        self, open_market: Open, first: int | None, refunds: tuple[int, int]
    ) -> None:
        market = await open_market(confirmation=Confirmation.INSTANT)
        booking = await market.delivered()
        await market.do(DisputeBooking(booking_id=booking.id, reason="no"), market.customers[0])
        steps = [
            (ResolveDispute(booking_id=booking.id, refund_minor=minor, reason="seen"), market.admin)
            for minor in refunds
        ]

        outcomes = await market.race(*steps, first=first)
        await market.pass_time(LONG)

        (winner,) = [one for one in outcomes if not isinstance(one, BaseException)]
        payment = await market.payment_of(booking)
        assert booking.total_minor == max(33_830, *refunds)
        assert payment.refunded_minor == winner.refund_minor
        assert payment.left_minor == 0
        assert await market.violations() == []


class TestPayouts:
    async def test_run_five_times_at_once_pay_once(self, open_market: Open) -> None:
        market = await open_market(units=3, confirmation=Confirmation.INSTANT)
        earned = await self._earned(market, jobs=3)
        runs = [uuid4() for _ in range(5)]

        await market.crowd([(StartPayoutRun(run_id=run_id), SYSTEM) for run_id in runs])
        await market.crowd([(ContinuePayoutRun(run_id=run_id), SYSTEM) for run_id in runs * 3])
        await market.pass_time(HOUR)

        assert await market.sql(PAID) == earned
        assert await market.events("payout.paid") == 1
        assert await market.violations() == []

    @pytest.mark.parametrize("runs", [1, 2])
    @orders
    async def test_that_draw_the_same_earnings_pay_once(
        self, open_market: Open, first: int | None, runs: int
    ) -> None:
        market = await open_market(units=2, confirmation=Confirmation.INSTANT)
        earned = await self._earned(market, jobs=2)
        started = [await market.do(StartPayoutRun(run_id=uuid4())) for _ in range(runs)]
        steps = [(ContinuePayoutRun(run_id=run.id), SYSTEM) for run in started]

        await market.race(steps[0], steps[-1], first=first)
        await market.pass_time(HOUR)

        assert await market.sql(PAID) == earned
        assert await market.violations() == []

    async def _earned(self, market: Any, *, jobs: int) -> int:
        await market.delivered(jobs=jobs)
        await market.pass_time(timedelta(days=2))
        earned: int = await market.sql("SELECT sum(amount_minor)::bigint FROM earning WHERE tenant_id = $1")
        return earned
