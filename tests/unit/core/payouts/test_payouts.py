"""What was earned is paid once, above a limit after a second look, and what comes back is owed again."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from marketplace.adapters.sandbox.faults import Fault, Operation
from marketplace.core.bookings.commands import RetryPayment
from marketplace.core.payouts.drawing import StartPayoutRun
from marketplace.core.payouts.earning import Earning
from marketplace.core.payouts.payout import SecondPersonNeeded, State, transfer_reference
from marketplace.core.payouts.usecases import ApprovePayout, HoldPayout, ResumePayout, RetryPayout
from marketplace.core.providers.usecases import AmendProvider, MoveProvider
from marketplace.core.shared.errors import MoveRefused, NotAllowed
from marketplace.core.shared.ids import derive
from marketplace.core.shared.roles import Actor, Role
from marketplace.ports.storage import AlreadyThere

PROVIDER = 41_375


async def earn(world: Any) -> None:
    await world.deliver()
    await world.forward(days=1)


def owed_now(world: Any) -> int:
    return -world.accounts().get("provider_payable", 0)


class TestAPayoutRun:
    async def test_pays_what_was_earned(self, world: Any) -> None:
        await earn(world)

        await world.pay_out()

        (payout,) = world.payouts()
        assert (payout.state, payout.amount_minor) == (State.PAID, PROVIDER)
        assert "provider_payable" not in world.accounts()
        assert await world.broken() == []

    async def test_pays_nothing_twice(self, world: Any) -> None:
        await earn(world)

        await world.pay_out()
        await world.pay_out()

        assert len(world.payouts()) == 1

    async def test_is_one_run_however_often_it_is_asked_for(self, world: Any) -> None:
        await earn(world)
        run = StartPayoutRun(run_id=uuid4())
        await world.do(run)

        with pytest.raises(AlreadyThere):
            await world.do(run)
        await world.settle()

        assert len(world.payouts()) == 1

    async def test_waits_for_the_risk_delay(self, make_world: Any) -> None:
        world = await make_world(payout={"risk_delay_minutes": 60})
        await earn(world)

        await world.pay_out()
        before = world.payouts()
        await world.forward(hours=1)
        await world.pay_out()

        assert before == []
        assert len(world.payouts()) == 1

    async def test_leaves_less_than_the_minimum_for_later(self, make_world: Any) -> None:
        world = await make_world(payout={"minimum_minor": PROVIDER + 1})
        await earn(world)
        await world.pay_out()
        before = world.payouts()
        await world.deliver(start=world.lane.now.replace(hour=6, minute=0) + timedelta(days=1))
        await world.forward(days=1)

        await world.pay_out()

        assert before == []
        assert [payout.amount_minor for payout in world.payouts()] == [2 * PROVIDER]


class TestALargePayout:
    async def test_goes_only_when_admin_approves_it(self, make_world: Any) -> None:
        world = await make_world(payout={"approval_above_minor": 100})
        await earn(world)
        await world.pay_out()
        (due,) = world.payouts()

        for role in (Role.SUPPORT, Role.PROVIDER, Role.SYSTEM):
            with pytest.raises(NotAllowed):
                await world.do(ApprovePayout(payout_id=due.id, reason="x"), Actor(role))
        await world.do(ApprovePayout(payout_id=due.id, reason="checked"), world.admin)
        await world.settle()

        (paid,) = world.payouts()
        assert (due.state, paid.state) == (State.DUE, State.PAID)
        assert paid.approved_by == world.admin.user_id

    async def test_can_be_held_for_review_and_resumed(self, make_world: Any) -> None:
        world = await make_world(payout={"approval_above_minor": 100})
        await earn(world)
        await world.pay_out()
        (due,) = world.payouts()

        await world.do(HoldPayout(payout_id=due.id, reason="odd"), world.admin)
        with pytest.raises(MoveRefused):
            await world.do(ApprovePayout(payout_id=due.id, reason="x"), world.admin)
        resumed = await world.do(ResumePayout(payout_id=due.id, reason="fine"), world.admin)

        assert resumed.state == State.DUE


class TestASecondPerson:
    async def test_approves_what_the_first_has_set_off(self, make_world: Any) -> None:
        world = await make_world(payout={"approval_above_minor": 100})
        await earn(world)
        await world.do(StartPayoutRun(run_id=uuid4(), reason="payday"), world.admin)
        await world.settle()
        (due,) = world.payouts()
        approve = ApprovePayout(payout_id=due.id, reason="checked")

        with pytest.raises(SecondPersonNeeded) as refused:
            await world.do(approve, world.admin)
        approved = await world.do(approve, world.market.approver)

        assert refused.value.code == "second_person_needed"
        assert (due.drawn_by, approved.approved_by) == (world.admin.user_id, world.market.approver.user_id)

    async def test_approves_what_the_first_has_resumed(self, make_world: Any) -> None:
        world = await make_world(payout={"approval_above_minor": 100})
        await earn(world)
        await world.pay_out()
        (due,) = world.payouts()
        await world.do(HoldPayout(payout_id=due.id, reason="odd"), world.market.approver)
        await world.do(ResumePayout(payout_id=due.id, reason="fine"), world.admin)

        with pytest.raises(SecondPersonNeeded):
            await world.do(ApprovePayout(payout_id=due.id, reason="x"), world.admin)
        approved = await world.do(ApprovePayout(payout_id=due.id, reason="x"), world.market.approver)

        assert approved.state == State.APPROVED

    async def test_approves_what_the_first_has_retried(self, make_world: Any) -> None:
        world = await make_world(payee="payee_rejected", payout={"approval_above_minor": 100})
        await earn(world)
        await world.pay_out()
        (due,) = world.payouts()
        await world.do(ApprovePayout(payout_id=due.id, reason="checked"), world.admin)
        await world.forward(minutes=5)
        await world.do(RetryPayout(payout_id=due.id, reason="new account"), world.market.approver)

        with pytest.raises(SecondPersonNeeded):
            await world.do(ApprovePayout(payout_id=due.id, reason="x"), world.market.approver)
        approved = await world.do(ApprovePayout(payout_id=due.id, reason="x"), world.admin)

        assert approved.state == State.APPROVED

    async def test_is_not_needed_up_to_the_limit(self, make_world: Any) -> None:
        world = await make_world(payee="payee_rejected", payout={"approval_above_minor": PROVIDER})
        await earn(world)
        await world.pay_out()
        await world.forward(minutes=5)
        (failed,) = world.payouts()
        await world.do(RetryPayout(payout_id=failed.id, reason="new account"), world.admin)

        approved = await world.do(ApprovePayout(payout_id=failed.id, reason="x"), world.admin)

        assert approved.approved_by == world.admin.user_id


class TestAPayoutThatComesBack:
    @pytest.mark.parametrize("payee", ["payee_returned", "payee_rejected"])
    async def test_is_owed_again_and_goes_to_the_new_account(self, make_world: Any, payee: str) -> None:
        world = await make_world(payee=payee)
        await earn(world)
        await world.pay_out()
        await world.forward(minutes=5)
        (failed,) = world.payouts()
        owed = owed_now(world)

        shop = world.market.shops[0]
        await world.do(AmendProvider(provider_id=shop.provider_id, payee="payee_ok"), world.provider)
        await world.do(RetryPayout(payout_id=failed.id, reason="new account"), world.admin)
        await world.do(ApprovePayout(payout_id=failed.id, reason="checked"), world.admin)
        await world.forward(minutes=5)

        (paid,) = world.payouts()
        assert (failed.state, owed, paid.state) == (State.FAILED, PROVIDER, State.PAID)
        assert paid.reference != failed.reference
        assert owed_now(world) == 0
        assert await world.broken() == []

    async def test_is_found_even_when_no_webhook_tells(self, make_world: Any) -> None:
        world = await make_world(payee="payee_returned")
        world.lane.books.faults = lambda operation, _: (
            Fault.WEBHOOK_LOST if operation is Operation.WEBHOOK else None
        )
        await earn(world)
        await world.pay_out()

        await world.forward(days=8)

        (payout,) = world.payouts()
        assert payout.state == State.FAILED
        assert await world.broken() == []

    @pytest.mark.parametrize(
        "payee", ["payee_timeout_after", "payee_timeout_before", "payee_unavailable_once", "payee_pending"]
    )
    async def test_is_not_sent_twice_when_the_rail_is_in_doubt(self, make_world: Any, payee: str) -> None:
        world = await make_world(payee=payee)
        await earn(world)

        await world.pay_out()
        await world.forward(hours=1)

        (payout,) = world.payouts()
        assert payout.state == State.PAID
        assert await world.broken() == []


class TestADebtOfTheProvider:
    async def test_is_set_off_against_the_next_earnings(self, world: Any) -> None:
        await world.deliver("tok_chargeback_late")
        await world.forward(days=1)
        await world.pay_out()
        await world.forward(days=40)
        assert sorted(earning.amount_minor for earning in world.all(Earning)) == [-PROVIDER, PROVIDER]

        await world.pay_out()
        for day in (1, 2):
            await world.deliver(start=world.lane.now.replace(hour=6, minute=0) + timedelta(days=day))
            await world.forward(days=1)
        await world.pay_out()

        assert [payout.amount_minor for payout in world.payouts()] == [PROVIDER, PROVIDER]
        assert owed_now(world) == 0
        assert await world.broken() == []


class TestAReference:
    async def test_that_somebody_else_took_pays_nobody(self, world: Any) -> None:
        """A charge under the reference of a payout that is to come must not make that payout paid."""
        await earn(world)
        run_id = uuid4()
        reference = transfer_reference(derive(run_id, world.market.shops[0].provider_id), 1)
        squatter = await world.book("tok_decline", start=world.start + timedelta(days=2))
        retry = RetryPayment(booking_id=squatter, payment_id=reference, payment_method="tok_success")
        await world.do(retry, world.customer)
        await world.settle()

        await world.do(StartPayoutRun(run_id=run_id))
        await world.forward(hours=1)

        (payout,) = world.payouts()
        assert payout.state == State.APPROVED
        assert any("stands for a charge" in repr(error) for _, error in world.lane.parked)


class TestWhoIsNotActive:
    async def test_is_paid_once_somebody_has_looked_at_it(self, world: Any) -> None:
        await earn(world)
        provider_id = world.market.shops[0].provider_id
        await world.do(
            MoveProvider(provider_id=provider_id, move="suspend", reason="complaints"), world.admin
        )

        await world.pay_out()

        (payout,) = world.payouts()
        assert payout.state == State.DUE
