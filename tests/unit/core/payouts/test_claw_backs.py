"""What is clawed back beyond a provider's balance is owed by it, until later earnings have made it good."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.core.bookings.commands import AbsorbLoss
from marketplace.core.notifications.notification import Notification
from marketplace.core.payments.payment import HELD, Payment
from marketplace.core.payments.usecases import RecordPayment
from marketplace.core.payouts.drawing import PROVIDERS_A_STEP, ContinuePayoutRun, StartPayoutRun
from marketplace.core.payouts.run import PayoutRun, State
from marketplace.core.payouts.usecases import ApprovePayout
from marketplace.core.promises import Name
from marketplace.core.providers.provider import Provider
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Report, Standing

PRICE, PROVIDER = 50_000, 41_375


async def earn(world: Any) -> UUID:
    await world.deliver(start=world.lane.now.replace(hour=6, minute=0) + timedelta(days=1))
    await world.forward(days=1)
    return (await world.payment()).id


async def lose(world: Any, payment_id: UUID, minor: int = PRICE) -> None:
    """The bank takes the payment back for good."""
    for standing in (Standing.DISPUTED, Standing.LOST):
        amount = Money(minor, "ZAR")
        report = Report(reference=payment_id, rail_reference="r", standing=standing, amount=amount)
        await world.do(RecordPayment(report=report))
        await world.settle()


def told_of_losses(world: Any) -> list[str]:
    return [one.text for one in world.all(Notification) if one.template == "payment.dispute_lost:provider"]


async def owed(world: Any) -> int:
    (provider,) = world.all(Provider)
    return int(provider.owed_minor)


async def unexplained(world: Any) -> list[str]:
    """Of the provider's accounts; the rail itself knows nothing of these disputes."""
    names = (Name.PROVIDER_PAYABLE, Name.LEDGER, Name.DISPUTE_HOLD, Name.EARNINGS)
    return [sentence for sentence in await world.broken() if sentence.startswith(names)]


class TestAClawBack:
    async def test_is_told_to_whom_it_takes_earnings_from(self, world: Any) -> None:
        earned = await earn(world)
        unearned = await world.confirm(start=world.lane.now.replace(hour=6, minute=0) + timedelta(days=2))

        await lose(world, (await world.payment(unearned)).id)
        before = told_of_losses(world)
        await lose(world, earned)

        (text,) = told_of_losses(world)
        assert before == []
        assert "your earnings of it" in text

    async def test_comes_from_the_balance_first(self, world: Any) -> None:
        await earn(world)
        second = await earn(world)

        await lose(world, second)

        assert world.accounts()["provider_payable"] == -PROVIDER
        assert "provider_receivable" not in world.accounts()
        assert await owed(world) == 0

    async def test_beyond_the_balance_is_owed_by_the_provider(self, world: Any) -> None:
        first = await earn(world)
        await world.pay_out()

        await lose(world, first)

        assert world.accounts()["provider_receivable"] == PROVIDER
        assert "provider_payable" not in world.accounts()
        assert await owed(world) == PROVIDER
        assert await unexplained(world) == []

    async def test_is_made_good_by_later_earnings_in_the_next_run(self, world: Any) -> None:
        first = await earn(world)
        await world.pay_out()
        await lose(world, first, minor=PRICE // 2)
        before = await owed(world)
        await earn(world)

        await world.pay_out()

        assert before == world.payouts()[0].amount_minor - world.payouts()[1].amount_minor
        assert await owed(world) == 0
        assert "provider_receivable" not in world.accounts()
        assert "provider_payable" not in world.accounts()
        assert await unexplained(world) == []

    async def test_is_made_good_in_part_where_less_was_earned(self, world: Any) -> None:
        lost = [await earn(world), await earn(world)]
        await world.pay_out()
        for payment_id in lost:
            await lose(world, payment_id)
        await earn(world)

        await world.pay_out()
        await world.pay_out()

        assert world.accounts()["provider_receivable"] == PROVIDER
        assert len(world.payouts()) == 1
        assert await unexplained(world) == []

    async def test_leaves_what_is_drawn_into_a_payout(self, make_world: Any) -> None:
        world = await make_world(payout={"approval_above_minor": 100})
        first = await earn(world)
        await world.pay_out()

        await lose(world, first)
        accounts = world.accounts()
        (payout,) = world.payouts()
        await world.do(ApprovePayout(payout_id=payout.id, reason="checked"), world.admin)
        await world.settle()

        assert (accounts["provider_payable"], accounts["provider_receivable"]) == (-PROVIDER, PROVIDER)
        assert "provider_payable" not in world.accounts()
        assert await unexplained(world) == []

    async def test_is_set_off_although_the_risk_delay_is_not_over(self, make_world: Any) -> None:
        world = await make_world(payout={"risk_delay_minutes": 2_880})
        await earn(world)
        second = await earn(world)
        await world.forward(days=2)
        await lose(world, second)

        await world.pay_out()

        assert world.payouts()[0].amount_minor == PROVIDER
        assert await unexplained(world) == []


class TestAClawBackBesideARun:
    """Both read, and then both write."""

    @pytest.mark.parametrize("read", [1, 2, 3, 4])
    async def test_finds_what_the_run_has_drawn_meanwhile(self, world: Any, read: int) -> None:
        await earn(world)
        lost = await earn(world)
        await mark_lost(world, lost)
        run_id = uuid4()

        async def draw() -> None:
            await world.do(StartPayoutRun(run_id=run_id))
            await world.do(ContinuePayoutRun(run_id=run_id))

        world.between(draw, read=read)
        await world.do(AbsorbLoss(payment_id=lost))
        await world.settle()

        assert await owed(world) == PROVIDER
        assert await unexplained(world) == []

    @pytest.mark.parametrize("read", [1, 2, 3])
    async def test_is_found_by_the_run_that_it_comes_between(self, world: Any, read: int) -> None:
        await earn(world)
        lost = await earn(world)
        await mark_lost(world, lost)
        run_id = uuid4()
        await world.do(StartPayoutRun(run_id=run_id))

        world.between(lambda: world.do(AbsorbLoss(payment_id=lost)), read=read)
        await world.do(ContinuePayoutRun(run_id=run_id))
        await world.settle()

        assert [payout.amount_minor for payout in world.payouts()] == [PROVIDER]
        assert await unexplained(world) == []


async def mark_lost(world: Any, payment_id: UUID) -> None:
    """The bank has taken it, and whoever would book the loss is slow."""
    for standing in (Standing.DISPUTED, Standing.LOST):
        amount = Money(PRICE, "ZAR")
        report = Report(reference=payment_id, rail_reference="r", standing=standing, amount=amount)
        await world.do(RecordPayment(report=report))
    world.lane.agenda._heap.clear()


class TestARun:
    async def test_comes_to_everybody_a_few_at_a_time(self, world: Any) -> None:
        await earn(world)
        (provider,) = world.all(Provider)
        for number in (*range(1, 2 * PROVIDERS_A_STEP), *range(2**128 - 2 * PROVIDERS_A_STEP, 2**128)):
            world.storage._table(Provider).add(replace(provider, id=UUID(int=number)))

        await world.pay_out()

        (run,) = world.all(PayoutRun)
        assert [payout.amount_minor for payout in world.payouts()] == [PROVIDER]
        assert (run.state, run.drawn, run.skipped) == (State.FINISHED, 1, 0)


STEPS = st.lists(
    st.tuples(st.sampled_from(["earn", "pay", "lose"]), st.integers(0, 9), st.integers(1, PRICE)),
    min_size=4,
    max_size=14,
)


class TestWhateverHappens:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(steps=STEPS)
    def test_no_account_is_on_the_wrong_side(
        self, make_world: Any, steps: list[tuple[str, int, int]]
    ) -> None:
        assert asyncio.run(lived(make_world, steps)) == []


async def lived(make_world: Any, steps: list[tuple[str, int, int]]) -> list[str]:
    """What is unexplained after any of these steps."""
    world = await make_world(payout={"minimum_minor": 20_000, "risk_delay_minutes": 1_440})
    for what, which, minor in steps:
        held = sorted((one for one in world.all(Payment) if one.state in HELD), key=lambda one: one.id)
        if what == "earn":
            await earn(world)
        elif what == "pay":
            await world.pay_out()
        elif held:
            await lose(world, held[which % len(held)].id, minor)
        if found := await unexplained(world):
            return found
    return []
