"""A charge near the date may need its customer, or take days: meanwhile a yes is a yes, and nobody works."""

from datetime import timedelta
from uuid import UUID

import pytest
from tests.unit.core.bookings import test_near_date
from tests.unit.core.bookings.test_near_date import (
    DEADLINE,
    LEAD,
    amend,
    ask_the_customer,
    card,
    near,
    promise,
    told,
)
from tests.unit.core.conftest import World

from marketplace.core.bookings.booking import State
from marketplace.core.bookings.commands import AcceptBooking, AssignBooking, HandBack, SetOut
from marketplace.core.bookings.guards import NotPaidYet
from marketplace.core.payments.payment import OPEN, Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.usecases import GiveUpPayment
from marketplace.core.shared.errors import Conflict
from marketplace.core.shared.events import Event

ahead = test_near_date.ahead


async def book_as_its_charge_begins(world: World, source: str, *, lead: timedelta = LEAD) -> UUID:
    """Asked for an hour before it is charged, and not answered until then."""
    method = await card(world, source)
    await world.forward(minutes=5)
    world.start = world.lane.now.replace(hour=7, minute=0) + lead
    key = await world.book(method)
    await world.until(world.start - lead)
    assert (await world.payment(key)).state in OPEN
    return key


class TestAChargeThatItsBankAsksAbout:
    async def test_is_told_to_who_is_not_there(self, ahead: World) -> None:
        key = await promise(ahead)
        ask_the_customer(ahead)

        await near(ahead)

        assert (await ahead.payment(key)).state == PaymentState.NEEDS_ACTION
        assert "your bank asks you" in told(ahead, "payment.action_needed")[0]

    async def test_is_told_before_the_provider_has_answered_too(self, ahead: World) -> None:
        ask_the_customer(ahead)

        await book_as_its_charge_begins(ahead, "setup_success")

        assert len(told(ahead, "payment.action_needed")) == 1

    async def test_has_no_page_in_the_history(self, ahead: World) -> None:
        """Whoever opens it acts for the customer, and the history is read by more."""
        key = await promise(ahead)
        ask_the_customer(ahead)

        await near(ahead)

        page = (await ahead.payment(key)).next_action
        assert page is not None
        assert not [event for event in ahead.all(Event) if page in repr(event)]

    async def test_is_told_to_nobody_who_sees_it(self, ahead: World) -> None:
        await ahead.book("tok_needs_action")

        assert told(ahead, "payment.action_needed") == []

    async def test_is_called_back_when_the_booking_is_called_off(self, ahead: World) -> None:
        key = await promise(ahead)
        ask_the_customer(ahead)
        await near(ahead)

        await ahead.until(ahead.start - DEADLINE)

        assert (await ahead.booking(key)).state == State.CANCELLED
        assert (await ahead.payment(key)).state == PaymentState.CANCELLED
        assert await ahead.broken() == []


class TestAYes:
    async def test_may_be_said_while_the_charge_is_under_way(self, ahead: World) -> None:
        """A debit order takes days, and whoever is asked may have no more of them."""
        key = await book_as_its_charge_begins(ahead, "setup_pending")

        await ahead.do(AcceptBooking(booking_id=key), ahead.provider)
        firm = await ahead.booking(key)
        await ahead.forward(minutes=5)

        assert (firm.state, firm.payment_deadline is None) == (State.CONFIRMED, False)
        assert (await ahead.payment(key)).state == PaymentState.SUCCEEDED
        assert (await ahead.booking(key)).payment_deadline is None
        assert await ahead.broken() == []

    async def test_of_who_could_set_out_waits_for_the_money(self, ahead: World) -> None:
        amend(ahead, charge_lead_minutes=6 * 60, charge_grace_minutes=60)
        key = await book_as_its_charge_begins(ahead, "setup_pending", lead=timedelta(hours=6))

        with pytest.raises(Conflict, match="its payment is"):
            await ahead.do(AcceptBooking(booking_id=key), ahead.provider)

    async def test_while_the_charge_is_under_way_is_none_to_come_unpaid(self, ahead: World) -> None:
        key = await book_as_its_charge_begins(ahead, "setup_pending")
        payment = await ahead.payment(key)

        await ahead.do(AcceptBooking(booking_id=key), ahead.provider)
        await ahead.do(GiveUpPayment(payment_id=payment.id, failure="insufficient_funds"))
        await ahead.settle()

        assert (await ahead.booking(key)).payment_failure == "insufficient_funds"
        with pytest.raises(NotPaidYet):
            await ahead.do(SetOut(booking_id=key), ahead.provider)

    async def test_from_another_may_be_had_while_the_charge_is_under_way(self, ahead: World) -> None:
        key = await book_as_its_charge_begins(ahead, "setup_pending")
        await ahead.do(AcceptBooking(booking_id=key), ahead.provider)
        await ahead.do(HandBack(booking_id=key, reason="ill"), ahead.provider)
        to = AssignBooking(booking_id=key, provider_id=ahead.market.shops[0].provider_id, reason="agreed")

        await ahead.do(to, ahead.admin)
        await ahead.forward(minutes=5)

        assert (await ahead.booking(key)).state == State.CONFIRMED
        assert (await ahead.booking(key)).payment_deadline is None

    async def test_waits_for_a_charge_that_comes_later_than_policy_has_it_by_now(self, ahead: World) -> None:
        key = await ahead.book(await card(ahead))
        amend(ahead, charge_lead_minutes=10 * 1440)

        await ahead.do(AcceptBooking(booking_id=key), ahead.provider)
        await near(ahead)

        assert (await ahead.booking(key)).state == State.CONFIRMED
        assert (await ahead.payment(key)).state == PaymentState.SUCCEEDED

    @pytest.mark.parametrize("read", [1, 2])
    async def test_meets_the_charge_and_waits_for_no_money_that_is_here(
        self, ahead: World, read: int
    ) -> None:
        ahead.start = ahead.lane.now.replace(hour=7, minute=0) + LEAD
        key = await ahead.book(await card(ahead))
        payment: Payment = await ahead.payment(key)

        async def charged() -> None:
            ahead.lane.now = payment.charge_at
            await ahead.settle()

        ahead.between(charged, read=read)
        await ahead.do(AcceptBooking(booking_id=key), ahead.provider)
        await ahead.settle()

        assert (await ahead.booking(key)).state == State.CONFIRMED
        assert (await ahead.booking(key)).payment_deadline is None
