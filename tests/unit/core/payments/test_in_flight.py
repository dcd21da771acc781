"""While a call to a vendor is under way the world goes on, and its answer comes to another world."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from marketplace.core.bookings.booking import State
from marketplace.core.bookings.commands import (
    AcceptBooking,
    CancelBooking,
    DeclineBooking,
    HandBack,
    ResolveDispute,
)
from marketplace.core.payouts.payout import State as PayoutState
from marketplace.core.providers.usecases import AmendProvider
from marketplace.core.tenants.policy import Capture, Confirmation

Errand = Callable[[Any], Awaitable[None]]

# The order reaches the vendor late, or its answer reaches us late.
whens = pytest.mark.parametrize("late", ["order", "answer"])


def meanwhile(world: Any, method: str, late: str, errand: Errand) -> list[str]:
    """Lets the errand be done while the first call of a method is under way; says whether it was."""
    done: list[str] = []
    inner = getattr(world.lane.rail, method)

    async def call(*given: Any, **named: Any) -> Any:
        setattr(world.lane.rail, method, inner)
        done.append(method)
        if late == "order":
            await errand(world)
            return await inner(*given, **named)
        report = await inner(*given, **named)
        await errand(world)
        return report

    setattr(world.lane.rail, method, call)
    return done


async def time_passes(world: Any) -> None:
    """Long enough for every timer of the call, and for the booking's own."""
    await world.lane.until(world.lane.now + timedelta(minutes=20))


async def customer_cancels(world: Any) -> None:
    await world.do(CancelBooking(booking_id=world.ids[-1], reason="ill"), world.customer)
    await world.settle()


async def provider_cancels(world: Any) -> None:
    await world.do(CancelBooking(booking_id=world.ids[-1], reason="broken van"), world.provider)
    await world.settle()


async def provider_hands_back(world: Any) -> None:
    await world.do(HandBack(booking_id=world.ids[-1], reason="broken van"), world.provider)
    await world.settle()


async def hold_is_let_go(world: Any) -> None:
    await world.lane.rail.void((await world.payment()).id)
    await time_passes(world)


async def customer_pays_at_the_bank(world: Any) -> None:
    await world.lane.rail.complete_action((await world.payment()).id)
    await world.settle()


async def bank_asks_for_the_money(world: Any) -> None:
    await world.lane.books.hurry((await world.payment()).id)
    await time_passes(world)


async def bank_asks_unheard(world: Any) -> None:
    await world.lane.books.hurry((await world.payment()).id)


async def whole_again(world: Any) -> None:
    """A month later everything has ended, to the cent."""
    await world.forward(days=30)

    assert (await world.payment()).left_minor == 0 or (await world.payment()).state == "lost"
    assert await world.broken() == []


class TestACollection:
    @whens
    @pytest.mark.parametrize("errand", [time_passes, customer_cancels])
    @pytest.mark.parametrize("capture", list(Capture))
    @pytest.mark.parametrize("confirmation", list(Confirmation))
    async def test_ends_with_the_booking(
        self, make_world: Any, late: str, errand: Errand, capture: Capture, confirmation: Confirmation
    ) -> None:
        world = await make_world(payment={"capture": capture}, booking={"confirmation": confirmation})
        reached = meanwhile(world, "collect", late, errand)

        await world.book()

        assert reached
        await whole_again(world)
        assert await world.rail_minor() == 0


class TestACapture:
    @whens
    @pytest.mark.parametrize(
        "errand", [time_passes, customer_cancels, provider_cancels, provider_hands_back, hold_is_let_go]
    )
    async def test_is_of_money_that_somebody_gets(self, holding: Any, late: str, errand: Errand) -> None:
        key = await holding.book()
        reached = meanwhile(holding, "capture", late, errand)

        await holding.do(AcceptBooking(booking_id=key), holding.provider)
        await holding.settle()

        assert reached
        await whole_again(holding)


class TestAVoid:
    @whens
    @pytest.mark.parametrize("errand", [time_passes, customer_pays_at_the_bank])
    async def test_that_comes_after_the_money_gives_it_back(
        self, world: Any, late: str, errand: Errand
    ) -> None:
        await world.book("tok_needs_action")
        reached = meanwhile(world, "void", late, errand)

        await world.forward(minutes=16)

        assert reached
        assert (await world.booking()).state == State.EXPIRED
        await whole_again(world)
        assert await world.rail_minor() == 0

    @whens
    async def test_of_a_hold_is_asked_for_again_until_it_is_answered(self, holding: Any, late: str) -> None:
        key = await holding.book()
        reached = meanwhile(holding, "void", late, time_passes)

        await holding.do(DeclineBooking(booking_id=key, reason="full"), holding.provider)
        await holding.settle()

        assert reached
        await whole_again(holding)


class TestARefund:
    @whens
    @pytest.mark.parametrize("token", ["tok_chargeback", "tok_chargeback_won", "tok_returned"])
    @pytest.mark.parametrize("errand", [time_passes, bank_asks_for_the_money])
    async def test_is_given_once_by_us_or_by_the_bank(
        self, make_world: Any, late: str, errand: Errand, token: str
    ) -> None:
        world = await make_world()
        key = await world.book(token)
        reached = meanwhile(world, "refund", late, errand)

        await world.do(DeclineBooking(booking_id=key, reason="full"), world.provider)
        await world.settle()

        assert reached
        await whole_again(world)
        assert await world.rail_minor() == 0
        assert all(refund.state in {"succeeded", "cancelled"} for refund in world.refunds())

    async def test_waits_while_the_bank_has_the_money_and_is_given_when_it_is_back(self, world: Any) -> None:
        key = await world.book("tok_chargeback_won")
        payment_id = (await world.payment()).id
        reached = meanwhile(world, "refund", "order", bank_asks_unheard)

        await world.do(DeclineBooking(booking_id=key, reason="full"), world.provider)
        await world.forward(hours=1)
        waiting = [refund.state for refund in world.refunds()]
        await world.lane.rail.submit_evidence(payment_id, text="photo")
        await world.forward(days=3)

        assert reached
        assert waiting == ["requested"]
        assert [refund.state for refund in world.refunds()] == ["succeeded"]
        assert await world.rail_minor() == 0
        assert await world.broken() == []

    @whens
    async def test_after_a_dispute_is_given_once(self, world: Any, late: str) -> None:
        key = await world.dispute()
        reached = meanwhile(world, "refund", late, time_passes)

        await world.do(ResolveDispute(booking_id=key, refund_minor=50_000, reason="yes"), world.admin)
        await world.settle()

        assert reached
        await whole_again(world)
        assert await world.rail_minor() == 0


class TestATransfer:
    async def _another_run(self, world: Any) -> None:
        await world.pay_out()

    async def _another_account(self, world: Any) -> None:
        provider_id = world.provider.provider_id
        await world.do(AmendProvider(provider_id=provider_id, payee="payee_pending"), world.provider)
        await time_passes(world)

    @whens
    @pytest.mark.parametrize("errand", ["_another_run", "_another_account", "time_passes"])
    @pytest.mark.parametrize("payee", ["payee_ok", "payee_pending", "payee_returned"])
    async def test_is_made_once(self, make_world: Any, late: str, errand: str, payee: str) -> None:
        world = await make_world(payee=payee)
        await world.deliver()
        await world.forward(days=2)
        reached = meanwhile(world, "release", late, getattr(self, errand, time_passes))

        await world.pay_out()
        await world.forward(days=1)

        assert reached
        (payout,) = world.payouts()
        assert payout.state == (PayoutState.FAILED if payee == "payee_returned" else PayoutState.PAID)
        assert await world.broken() == []
