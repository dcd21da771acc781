"""What a bank takes back from what was paid out is asked back from the rail, and taken once at the most."""

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.adapters.sandbox.faults import Fault, Operation
from marketplace.adapters.sandbox.rail import CONNECTED
from marketplace.core.bookings.commands import AbsorbLoss
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.usecases import RecordPayment
from marketplace.core.payouts.drawing import ContinuePayoutRun, StartPayoutRun
from marketplace.core.payouts.earning import Earning
from marketplace.core.payouts.payout import State as PayoutState
from marketplace.core.payouts.reversal import PayoutReversal, State
from marketplace.core.payouts.reversing import LookUpReversal, RecordReversal, RefuseReversal
from marketplace.core.payouts.usecases import RecordPayout
from marketplace.core.promises import Name
from marketplace.core.providers.provider import Provider
from marketplace.core.settlements.settlement import Settlement
from marketplace.core.settlements.settlement import State as SettlementState
from marketplace.core.settlements.usecases import ReadStatements
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Report, Standing, Subject

PRICE, PROVIDER = 50_000, 41_375
LATE = "tok_chargeback_late"


async def earn(world: Any, token: str = "tok_success") -> UUID:
    await world.deliver(token, start=world.lane.now.replace(hour=6, minute=0) + timedelta(days=1))
    await world.forward(days=1)
    return (await world.payment()).id


async def paid(make_world: Any, *, token: str = LATE, **given: Any) -> Any:
    """Somebody was paid what a bank takes back a month later."""
    world = await make_world(able=CONNECTED, **given)
    await earn(world, token)
    await world.pay_out()
    assert [one.state for one in world.payouts()] == [PayoutState.PAID]
    return world


async def mark_lost(world: Any, payment_id: UUID, minor: int = PRICE) -> None:
    """The bank has taken it, and whoever would book the loss is slow."""
    for standing in (Standing.DISPUTED, Standing.LOST):
        amount = Money(minor, "ZAR")
        report = Report(reference=payment_id, rail_reference="r", standing=standing, amount=amount)
        await world.do(RecordPayment(report=report))
    world.lane.agenda._heap.clear()


async def owed(world: Any) -> int:
    (provider,) = world.all(Provider)
    return int(provider.owed_minor)


async def unexplained(world: Any) -> list[str]:
    """The rail itself knows nothing of the disputes that a test made up."""
    names = (Name.PROVIDER_PAYABLE, Name.LEDGER, Name.DISPUTE_HOLD, Name.EARNINGS, Name.REVERSALS)
    return [sentence for sentence in await world.broken() if sentence.startswith(names)]


def the_reversal(world: Any) -> PayoutReversal:
    (reversal,) = world.all(PayoutReversal)
    return reversal  # type: ignore[no-any-return]


def told(reversal: PayoutReversal) -> RecordReversal:
    report = Report(
        reference=reversal.id,
        rail_reference="trr",
        standing=Standing.SUCCEEDED,
        amount=reversal.amount,
        subject=Subject.TRANSFER_REVERSAL,
    )
    return RecordReversal(payout_reversal_id=reversal.id, report=report)


class TestALossOfWhatWasPaidOut:
    async def test_comes_back_from_the_provider_s_account(self, make_world: Any) -> None:
        world = await paid(make_world)

        await world.forward(days=45)

        reversal = the_reversal(world)
        assert (reversal.state, reversal.amount_minor) == (State.SUCCEEDED, PROVIDER)
        assert await owed(world) == 0
        assert set(world.accounts()) == {"platform_fee", "vat_output", "chargeback_loss"}
        assert [one.amount_minor for one in world.all(Earning)] == [PROVIDER]
        assert await world.rail_minor() == 0
        assert await world.broken() == []

    async def test_is_owed_where_the_provider_has_spent_it(self, make_world: Any) -> None:
        world = await paid(make_world, payee="payee_spent")

        await world.forward(days=45)

        reversal = the_reversal(world)
        assert (reversal.state, bool(reversal.failure)) == (State.REFUSED, True)
        assert await owed(world) == world.accounts()["provider_receivable"] == PROVIDER
        assert sorted(one.amount_minor for one in world.all(Earning)) == [-PROVIDER, PROVIDER]
        assert await world.broken() == []

    @pytest.mark.parametrize("payee", ["payee_claw_back_timeout_after", "payee_claw_back_timeout_before"])
    async def test_comes_back_once_where_the_rail_is_in_doubt(self, make_world: Any, payee: str) -> None:
        world = await paid(make_world, payee=payee)

        await world.forward(days=45)

        assert the_reversal(world).state == State.SUCCEEDED
        assert await world.rail_minor() == 0
        assert await world.broken() == []

    async def test_comes_from_the_balance_first(self, make_world: Any) -> None:
        world = await paid(make_world, token="tok_success")
        (first,) = [one.id for one in world.all(Payment)]
        await earn(world)
        await mark_lost(world, first)

        await world.do(AbsorbLoss(payment_id=first))
        await world.settle()

        assert world.all(PayoutReversal) == []
        assert await unexplained(world) == []

    async def test_is_asked_back_as_far_as_the_balance_does_not_reach(self, make_world: Any) -> None:
        world = await paid(make_world, token="tok_success")
        (first,) = [one.id for one in world.all(Payment)]
        small = await earn(world)
        await mark_lost(world, small, PRICE // 2)
        await world.do(AbsorbLoss(payment_id=small))
        left = sum(one.amount_minor for one in world.all(Earning) if one.state == "payable")
        await mark_lost(world, first)

        await world.do(AbsorbLoss(payment_id=first))
        reversal = the_reversal(world)
        pending = world.accounts()["reversals_pending"]
        await world.do(told(reversal))

        assert 0 < left < PROVIDER
        assert reversal.amount_minor == pending == PROVIDER - left
        assert "reversals_pending" not in world.accounts()
        assert "provider_payable" not in world.accounts()
        assert await unexplained(world) == []

    async def test_is_a_debt_where_the_rail_takes_nothing_back(self, make_world: Any) -> None:
        world = await make_world()
        await earn(world, LATE)
        await world.pay_out()

        await world.forward(days=45)

        assert world.all(PayoutReversal) == []
        assert await owed(world) == PROVIDER
        assert await world.broken() == []

    async def test_stands_on_the_statement_of_the_rail(self, make_world: Any) -> None:
        world = await paid(make_world)
        await world.forward(days=50)

        await world.do(ReadStatements())
        await world.settle()

        lines = [line for line in world.all(Settlement) if line.subject == Subject.TRANSFER_REVERSAL]
        assert [line.gross_minor for line in lines] == [PROVIDER]
        assert {line.state for line in world.all(Settlement)} == {SettlementState.BOOKED}
        assert await world.broken() == []


class TestAReversalUnderWay:
    async def waiting(self, make_world: Any) -> Any:
        """Requested, and the rail has not been asked yet."""
        world = await paid(make_world, token="tok_success")
        (payment,) = world.all(Payment)
        await mark_lost(world, payment.id)
        await world.do(AbsorbLoss(payment_id=payment.id))
        world.lane.agenda._heap.clear()
        assert the_reversal(world).state == State.REQUESTED
        return world

    async def test_is_not_set_off_against_earnings_meanwhile(self, make_world: Any) -> None:
        world = await self.waiting(make_world)
        await earn(world)

        await world.pay_out()
        reversal = the_reversal(world)
        await world.do(told(reversal))

        assert [one.amount_minor for one in world.payouts()] == [PROVIDER, PROVIDER]
        assert "provider_payable" not in world.accounts()
        assert "provider_receivable" not in world.accounts()
        assert await unexplained(world) == []

    async def test_that_is_refused_then_comes_from_the_next_earnings(self, make_world: Any) -> None:
        world = await self.waiting(make_world)
        reversal = the_reversal(world)
        await world.do(RefuseReversal(payout_reversal_id=reversal.id, failure="spent"))
        before = await owed(world)
        await earn(world)

        await world.pay_out()

        assert before == PROVIDER
        assert len(world.payouts()) == 1
        assert world.accounts().get("provider_receivable") is None or await owed(world) == 0
        assert await unexplained(world) == []

    @pytest.mark.parametrize("read", [1, 2])
    async def test_ends_once_where_the_rail_is_heard_twice(self, make_world: Any, read: int) -> None:
        world = await self.waiting(make_world)
        reversal = the_reversal(world)
        refuse = RefuseReversal(payout_reversal_id=reversal.id, failure="spent")

        world.between(lambda: world.do(told(reversal)), read=read)
        await world.do(refuse)

        assert the_reversal(world).state == State.SUCCEEDED
        assert await owed(world) == 0
        assert await unexplained(world) == []

    async def test_is_done_once_by_two_who_hear_that_it_is(self, make_world: Any) -> None:
        world = await self.waiting(make_world)
        news = told(the_reversal(world))

        world.between(lambda: world.do(news), read=1)
        await world.do(news)

        assert the_reversal(world).state == State.SUCCEEDED
        assert await unexplained(world) == []

    @pytest.mark.parametrize("read", [1, 2, 3, 4])
    async def test_is_not_asked_for_of_what_comes_back_by_itself(self, make_world: Any, read: int) -> None:
        world = await paid(make_world, token="tok_success")
        (payment,), (payout,) = world.all(Payment), world.payouts()
        await mark_lost(world, payment.id)
        back = Report(
            reference=payout.reference,
            rail_reference="tr",
            standing=Standing.RETURNED,
            amount=payout.amount,
            subject=Subject.TRANSFER,
            failure="account_closed",
        )

        world.between(lambda: world.do(RecordPayout(payout_id=payout.id, report=back)), read=read)
        await world.do(AbsorbLoss(payment_id=payment.id))

        asked = [one for one in world.all(PayoutReversal) if one.state != State.REFUSED]
        came_back = world.payouts()[0].state == PayoutState.FAILED
        assert asked == [] or not came_back
        assert await unexplained(world) == []

    @pytest.mark.parametrize("read", [1, 2, 3, 4])
    async def test_beside_a_run_takes_nothing_twice(self, make_world: Any, read: int) -> None:
        world = await paid(make_world, token="tok_success")
        (payment,) = world.all(Payment)
        await earn(world)
        await mark_lost(world, payment.id)
        run_id = uuid4()

        async def draw() -> None:
            await world.do(StartPayoutRun(run_id=run_id))
            await world.do(ContinuePayoutRun(run_id=run_id, by_charge=True))

        world.between(draw, read=read)
        await world.do(AbsorbLoss(payment_id=payment.id))
        await world.settle()
        for reversal in world.all(PayoutReversal):
            if reversal.state == State.REQUESTED:
                await world.do(told(reversal))

        taken = sum(one.amount_minor for one in world.all(PayoutReversal) if one.state == State.SUCCEEDED)
        less = -sum(one.amount_minor for one in world.all(Earning) if one.amount_minor < 0)
        assert taken + less == PROVIDER
        assert await unexplained(world) == []

    async def test_can_be_looked_up_by_admin(self, make_world: Any) -> None:
        world = await self.waiting(make_world)

        await world.do(
            LookUpReversal(payout_reversal_id=the_reversal(world).id, reason="how is it?"), world.admin
        )
        await world.settle()

        assert the_reversal(world).state == State.SUCCEEDED
        assert await unexplained(world) == []

    async def test_is_asked_for_again_when_a_worker_died_in_between(self, make_world: Any) -> None:
        """The order is written before the call, and the timer finds it."""
        world = await paid(make_world)
        died = Counter[Operation]()

        def plan(operation: Operation, _: UUID) -> Fault | None:
            died[operation] += 1
            doubtful = operation is Operation.CLAW_BACK and died[operation] <= 2
            return Fault.TIMEOUT_BEFORE if doubtful else None

        world.lane.books.faults = plan

        await world.forward(days=45)

        assert died[Operation.CLAW_BACK] == 3
        assert the_reversal(world).state == State.SUCCEEDED
        assert await world.broken() == []


class TestAPayoutOfManyEarnings:
    async def test_is_never_asked_back_for_more_than_it_paid(self, make_world: Any) -> None:
        """A claw-back was set off in it, so it is less than its earnings."""
        world = await paid(make_world, token="tok_success", payee="payee_spent")
        (first,) = world.all(Payment)
        await mark_lost(world, first.id)
        await world.do(AbsorbLoss(payment_id=first.id))
        await world.settle()
        await world.forward(minutes=1)
        for reversal in world.all(PayoutReversal):
            await world.do(RefuseReversal(payout_reversal_id=reversal.id, failure="spent"))
        later = [await earn(world), await earn(world)]
        await world.pay_out()
        pooled = next(one for one in world.payouts() if one.payment_id is None)

        for payment_id in later:
            await mark_lost(world, payment_id)
            await world.do(AbsorbLoss(payment_id=payment_id))

        asked = [one for one in world.all(PayoutReversal) if one.payout_id == pooled.id]
        assert sum(one.amount_minor for one in asked) <= pooled.amount_minor == PROVIDER
        assert [one.state for one in world.all(Payment)] == [PaymentState.LOST] * 3
        assert await unexplained(world) == []
