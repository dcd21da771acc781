from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from marketplace.core.bookings.booking import State
from marketplace.core.bookings.commands import (
    AcceptBooking,
    AcceptTime,
    CancelBooking,
    ClockBooking,
    ProposeTime,
)
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.providers.reservation import SlotTaken
from marketplace.core.shared.errors import Refused
from marketplace.core.shared.roles import CLOCK
from marketplace.core.tenants.policy import Capture, Confirmation

Open = Callable[..., Awaitable[Any]]

HOUR = timedelta(hours=1)
LONG = timedelta(days=12)
# Who writes first, once both have read: the first, the second, or both at once.
orders = pytest.mark.parametrize("first", [0, 1, None], ids=["first", "second", "at-once"])
captures = pytest.mark.parametrize("capture", list(Capture))


def failed(outcomes: list[Any]) -> list[Any]:
    return [outcome for outcome in outcomes if isinstance(outcome, BaseException)]


class TestCapacity:
    @pytest.mark.parametrize("units", [1, 3])
    async def test_is_sold_to_as_many_of_200_as_there_are_units(self, open_market: Open, units: int) -> None:
        market = await open_market(units=units)

        outcomes = await market.crowd([market.wish(number) for number in range(200)])

        assert {type(error) for error in failed(outcomes)} == {SlotTaken}
        assert len(outcomes) - len(failed(outcomes)) == await market.held() == units
        assert await market.events("booking.requested") == units
        assert await market.violations() == []

    @orders
    async def test_of_an_expiring_booking_is_sold_once(self, open_market: Open, first: int | None) -> None:
        market = await open_market()
        old = await market.book(payment_method="tok_needs_action")
        await market.work()
        market.now = old.pay_by

        expired, fresh = await market.race(
            (ClockBooking(booking_id=old.id), CLOCK), market.wish(1), first=first
        )

        taken = isinstance(fresh, SlotTaken)
        assert expired.state == State.EXPIRED
        assert taken or fresh.state == State.AWAITING_PAYMENT
        assert await market.held() == int(not taken)
        await market.pass_time(LONG)
        assert await market.violations() == []

    @orders
    async def test_is_not_sold_to_whoever_moves_there_too(self, open_market: Open, first: int | None) -> None:
        market = await open_market(confirmation=Confirmation.INSTANT)
        moving = await market.book()
        await market.work()
        there = moving.starts_at + 5 * HOUR
        await market.do(ProposeTime(booking_id=moving.id, starts_at=there), market.customers[0])

        outcomes = await market.race(
            (AcceptTime(booking_id=moving.id), market.provider), market.wish(1, starts_at=there), first=first
        )

        (loser,) = failed(outcomes)
        assert isinstance(loser, SlotTaken)
        assert first is None or outcomes[1 - first] is loser
        await market.pass_time(LONG)
        assert await market.violations() == []


class TestAccept:
    @captures
    async def test_confirms_once_however_many_say_yes(self, open_market: Open, capture: Capture) -> None:
        market = await open_market(capture=capture)
        booking = await market.book()
        await market.work()
        yes = AcceptBooking(booking_id=booking.id)

        outcomes = await market.crowd([(yes, market.provider)] * 50)

        assert len(failed(outcomes)) == 49
        assert all(isinstance(error, Refused) for error in failed(outcomes))
        assert await market.events("booking.confirmed") == 1
        await market.work()
        assert (await market.payment_of(booking)).state == PaymentState.SUCCEEDED
        await market.pass_time(LONG)
        assert await market.violations() == []

    @captures
    @orders
    async def test_loses_no_cancellation(
        self, open_market: Open, first: int | None, capture: Capture
    ) -> None:
        market = await open_market(capture=capture)
        booking = await market.book()
        await market.work()

        await market.race(
            (AcceptBooking(booking_id=booking.id), market.provider),
            (CancelBooking(booking_id=booking.id, reason="ill"), market.customers[0]),
            first=first,
        )
        await market.pass_time(LONG)

        # The customer's wish was lawful before and after: it stands, whoever was first.
        after = await market.see(booking.id)
        assert (after.state, after.refund_minor) == (State.CANCELLED, booking.total_minor)
        assert (await market.payment_of(booking)).left_minor == 0
        assert await market.events("booking.confirmed") <= 1
        assert await market.violations() == []

    @captures
    @orders
    async def test_comes_before_the_deadline_or_not_at_all(
        self, open_market: Open, first: int | None, capture: Capture
    ) -> None:
        market = await open_market(capture=capture)
        booking = await market.book()
        await market.work()
        market.now = (await market.see(booking.id)).accept_by

        outcomes = await market.race(
            (AcceptBooking(booking_id=booking.id), market.provider),
            (ClockBooking(booking_id=booking.id), CLOCK),
            first=first,
        )

        accepted = not isinstance(outcomes[0], BaseException)
        assert first is None or accepted == (first == 0)
        assert (await market.see(booking.id)).state == (State.CONFIRMED if accepted else State.EXPIRED)
        assert await market.held() == int(accepted)
        await market.pass_time(LONG)
        assert await market.violations() == []
