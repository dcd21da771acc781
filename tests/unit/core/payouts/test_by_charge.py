"""What nothing is taken from goes out by its own charge; what has to be netted goes in one sum."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.adapters.sandbox.faults import Fault, Operation
from marketplace.adapters.sandbox.rail import CONNECTED
from marketplace.core.payments.usecases import RecordPayment
from marketplace.core.payouts.drawing import ContinuePayoutRun, StartPayoutRun
from marketplace.core.payouts.earning import Earning
from marketplace.core.payouts.payout import SecondPersonNeeded, State
from marketplace.core.payouts.run import PayoutRun
from marketplace.core.payouts.usecases import ApprovePayout, RetryPayout
from marketplace.core.promises import Name
from marketplace.core.providers.usecases import AmendProvider
from marketplace.core.settlements.settlement import Settlement
from marketplace.core.settlements.settlement import State as SettlementState
from marketplace.core.settlements.usecases import ReadStatements
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Report, Standing

PRICE, PROVIDER = 50_000, 41_375


@pytest.fixture
async def world(make_world: Any) -> Any:
    return await make_world(able=CONNECTED)


async def earn(world: Any, times: int = 1) -> list[UUID]:
    """The payments of as many jobs, each done and released."""
    payments = []
    for _ in range(times):
        await world.deliver(start=world.lane.now.replace(hour=6, minute=0) + timedelta(days=1))
        await world.forward(days=1)
        payments.append((await world.payment()).id)
    return payments


async def lose(world: Any, payment_id: UUID, minor: int = PRICE) -> None:
    for standing in (Standing.DISPUTED, Standing.LOST):
        amount = Money(minor, "ZAR")
        report = Report(reference=payment_id, rail_reference="r", standing=standing, amount=amount)
        await world.do(RecordPayment(report=report))
        await world.settle()


async def unexplained(world: Any) -> list[str]:
    """The rail itself knows nothing of the disputes that a test made up."""
    names = (Name.PROVIDER_PAYABLE, Name.LEDGER, Name.DISPUTE_HOLD, Name.EARNINGS)
    return [sentence for sentence in await world.broken() if sentence.startswith(names)]


def drawn(world: Any) -> list[tuple[int, UUID | None]]:
    found = [(one.amount_minor, one.payment_id) for one in world.payouts()]
    return sorted(found, key=lambda one: (one[0], str(one[1])))


class TestARunOfARailThatPaysByCharge:
    async def test_pays_each_whole_earning_from_its_charge(self, world: Any) -> None:
        payments = await earn(world, 3)

        await world.pay_out()

        (run,) = world.all(PayoutRun)
        orders = [
            one for one in await world.lane.books.orders(world.lane.tenant.id) if one.kind == "transfer"
        ]
        assert drawn(world) == [(PROVIDER, key) for key in sorted(payments, key=str)]
        assert {one.charge for one in orders} == set(payments)
        assert {one.state for one in world.payouts()} == {State.PAID}
        assert run.drawn == 1
        assert "provider_payable" not in world.accounts()
        assert await world.broken() == []

    async def test_sets_off_what_was_clawed_back_against_as_few_as_will_do(self, world: Any) -> None:
        payments = await earn(world, 3)
        await lose(world, payments[0], PRICE)

        await world.pay_out()

        # The earning that was lost, the claw-back of it, and one more make the sum.
        amounts = [amount for amount, _ in drawn(world)]
        assert amounts == [PROVIDER, PROVIDER]
        assert sum(key is None for _, key in drawn(world)) == 1
        assert {one.state for one in world.all(Earning)} == {"drawn"}
        assert await unexplained(world) == []

    async def test_leaves_out_the_charge_that_a_bank_asks_for(self, world: Any) -> None:
        payments = await earn(world, 2)
        report = Report(
            reference=payments[0],
            rail_reference="r",
            standing=Standing.DISPUTED,
            amount=Money(PRICE, "ZAR"),
        )
        await world.do(RecordPayment(report=report))
        await world.settle()

        await world.pay_out()

        assert {key for _, key in drawn(world)} == {None, payments[1]}
        assert await unexplained(world) == []

    async def test_takes_the_minimum_of_the_sum(self, make_world: Any) -> None:
        world = await make_world(able=CONNECTED, payout={"minimum_minor": PROVIDER + 1})
        await earn(world)
        await world.pay_out()
        before = world.payouts()
        await earn(world)

        await world.pay_out()

        assert before == []
        assert [one.amount_minor for one in world.payouts()] == [PROVIDER, PROVIDER]

    async def test_asks_for_a_second_person_above_the_limit_of_the_sum(self, make_world: Any) -> None:
        world = await make_world(able=CONNECTED, payout={"approval_above_minor": PROVIDER})
        await earn(world, 2)
        await world.do(StartPayoutRun(run_id=uuid4(), reason="payday"), world.admin)
        await world.settle()
        first, second = world.payouts()

        with pytest.raises(SecondPersonNeeded):
            await world.do(ApprovePayout(payout_id=first.id, reason="x"), world.admin)
        await world.do(ApprovePayout(payout_id=first.id, reason="x"), world.market.approver)
        await world.settle()

        assert {first.state, second.state} == {State.DUE}
        assert {one.together_minor for one in world.payouts()} == {2 * PROVIDER}
        assert sorted(one.state for one in world.payouts()) == [State.DUE, State.PAID]

    async def test_draws_nothing_twice_where_two_workers_go_on(self, world: Any) -> None:
        await earn(world, 2)
        run_id = uuid4()
        await world.do(StartPayoutRun(run_id=run_id))
        step = ContinuePayoutRun(run_id=run_id, by_charge=True)

        world.between(lambda: world.do(ContinuePayoutRun(run_id=run_id)), read=3)
        await world.do(step)
        await world.settle()

        assert drawn(world) == [(2 * PROVIDER, None)]
        assert await world.broken() == []

    async def test_settles_each_by_a_line_of_its_own(self, world: Any) -> None:
        await earn(world, 2)
        await world.pay_out()
        await world.forward(days=3)

        await world.do(ReadStatements())
        await world.settle()

        lines = world.all(Settlement)
        assert [line.gross_minor for line in lines if line.subject == "transfer"] == [-PROVIDER] * 2
        assert {line.state for line in lines} == {SettlementState.BOOKED}
        assert await world.broken() == []


class TestAPayoutFromACharge:
    async def test_is_retried_from_the_balance(self, make_world: Any) -> None:
        world = await make_world(able=CONNECTED, payee="payee_returned")
        await earn(world)
        await world.pay_out()
        await world.forward(minutes=5)
        (failed,) = world.payouts()

        provider_id = world.market.shops[0].provider_id
        await world.do(AmendProvider(provider_id=provider_id, payee="payee_ok"), world.provider)
        await world.do(RetryPayout(payout_id=failed.id, reason="new account"), world.admin)
        await world.do(ApprovePayout(payout_id=failed.id, reason="checked"), world.admin)
        await world.settle()

        (paid,) = world.payouts()
        assert failed.payment_id is not None
        assert (paid.state, paid.payment_id) == (State.PAID, None)
        assert await world.broken() == []

    @pytest.mark.parametrize("fault", [Fault.TIMEOUT_AFTER, Fault.TIMEOUT_BEFORE, Fault.UNAVAILABLE])
    async def test_is_sent_once_whatever_the_rail_answers(self, world: Any, fault: Fault) -> None:
        await earn(world, 2)
        struck: set[UUID] = set()

        def plan(operation: Operation, reference: UUID) -> Fault | None:
            if operation is not Operation.RELEASE or reference in struck:
                return None
            struck.add(reference)
            return fault

        world.lane.books.faults = plan

        await world.pay_out()
        await world.forward(hours=1)

        assert len(struck) == 2
        assert {one.state for one in world.payouts()} == {State.PAID}
        assert await world.rail_minor() == 2 * (PRICE - PROVIDER)
        assert await world.broken() == []


class TestARailThatDoesNot:
    async def test_pays_all_in_one(self, make_world: Any) -> None:
        world = await make_world()
        await earn(world, 2)

        await world.pay_out()

        assert drawn(world) == [(2 * PROVIDER, None)]

    async def test_is_another_than_the_one_that_collects(self, make_world: Any) -> None:
        world = await make_world(able=CONNECTED, payment={"payout_rail": "transfers"})
        await earn(world, 2)

        await world.pay_out()

        assert drawn(world) == [(2 * PROVIDER, None)]
        assert await world.broken() == []
