"""A provider is paid into what it has opened, from when its rail says so until it says no more."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.adapters.sandbox.faults import Fault, Operation
from marketplace.core.notifications.notification import Notification
from marketplace.core.payouts.account import OpeningUnderWay, PayoutAccount, State
from marketplace.core.payouts.opening import (
    ClosePayoutAccount,
    LookUpPayoutAccount,
    OpenPayoutAccount,
    RecordPayoutAccount,
)
from marketplace.core.payouts.opening_effects import AskRailForAccount, ask_rail_for_account
from marketplace.core.payouts.payout import Payout
from marketplace.core.payouts.payout import State as PayoutState
from marketplace.core.payouts.usecases import ApprovePayout, LookUpPayout, RetryPayout
from marketplace.core.providers.provider import Provider
from marketplace.core.providers.usecases import AmendProvider
from marketplace.core.shared.errors import Invalid, MoveRefused, NotFound
from marketplace.core.shared.events import Event
from marketplace.core.shared.payees import BankAccount, PayeeKind
from marketplace.core.shared.roles import SYSTEM, Actor, Role
from marketplace.ports.paying import PayeeStanding
from marketplace.ports.storage import Work

HOSTED, BY_BANK = PayeeKind.HOSTED, PayeeKind.BANK_ACCOUNT
OTHER_ADMIN = Actor(Role.ADMIN, uuid4())
BANK = BankAccount(holder="T Mokoena", bank="absa", account_number="4081234567")


def opening(world: Any, source: str | None = None, **given: Any) -> OpenPayoutAccount:
    kind = given.pop("kind", HOSTED)
    shop = world.market.shops[0]
    return OpenPayoutAccount(
        provider_id=shop.provider_id,
        payout_account_id=uuid4(),
        kind=kind,
        source=source,
        bank_account=BANK if kind is BY_BANK else None,
        **given,
    )


async def open_account(world: Any, source: str | None = "opening_success", **given: Any) -> UUID:
    """Begun, and whatever follows at once has followed."""
    command = opening(world, source, **given)
    await world.do(command, world.provider)
    await world.settle()
    return command.payout_account_id


async def state(world: Any, key: UUID) -> State:
    account: PayoutAccount = await world.get(PayoutAccount, key)
    return account.state


async def payee(world: Any) -> str | None:
    provider: Provider = await world.get(Provider, world.market.shops[0].provider_id)
    return provider.payee


def token(key: UUID) -> str:
    return f"opened_{key.hex}"


def texts(world: Any, key: UUID) -> list[str]:
    return [one.text for one in world.all(Notification) if one.subject_id == key]


async def earn(world: Any) -> None:
    await world.deliver()
    await world.forward(days=1)


def trouble(world: Any, *faults: Fault) -> None:
    """The next calls that open an account meet these faults, one after the other."""
    left = list(faults)

    def plan(operation: Operation, _reference: UUID) -> Fault | None:
        return left.pop(0) if operation is Operation.OPEN_PAYEE and left else None

    world.lane.books.faults = plan


def hush(world: Any) -> None:
    """No webhook comes any more."""
    world.lane._deliver = _nothing


async def _nothing(_rail: Any) -> None:
    pass


class TestOpening:
    async def test_lets_the_provider_be_paid_into_it(self, world: Any) -> None:
        key = await open_account(world, None, kind=BY_BANK)

        account = await world.get(PayoutAccount, key)
        assert (account.state, account.label, account.required) == (State.ACTIVE, "Sandbox Bank 4567", ())
        assert await payee(world) == token(key)
        await earn(world)
        await world.pay_out()
        (payout,) = world.payouts()
        assert (payout.state, payout.payee) == (PayoutState.PAID, token(key))
        assert await world.broken() == []

    async def test_on_the_rails_pages_waits_for_its_owner(self, world: Any) -> None:
        key = await open_account(world, None)
        before = await world.get(PayoutAccount, key)

        await world.lane.rail.answer_payee(key, agreed=True)
        await world.settle()

        assert (before.state, bool(before.required)) == (State.NEEDS_ACTION, True)
        assert any("Go on in the app" in text for text in texts(world, key))
        after = await world.get(PayoutAccount, key)
        assert (after.state, after.required) == (State.ACTIVE, ())

    async def test_forgets_the_bank_details_as_soon_as_the_rail_knows_them(self, world: Any) -> None:
        key = await open_account(world, None, kind=BY_BANK)

        account = await world.get(PayoutAccount, key)
        assert (account.bank_account, account.source) == (None, None)
        assert not [event for event in world.all(Event) if "4081234567" in repr(event)]
        assert "4081234567" not in repr(opening(world, kind=BY_BANK))

    @pytest.mark.parametrize(
        ("source", "ends", "said"),
        [
            ("opening_pending", State.ACTIVE, "paid into your account"),
            ("opening_more_needed", State.NEEDS_ACTION, "something to say"),
            ("opening_rejected", State.REJECTED, "was refused"),
            ("opening_restricted", State.RESTRICTED, "cannot receive"),
            ("opening_closed", State.CLOSED, "was closed"),
        ],
    )
    async def test_goes_as_its_rail_says_and_the_provider_is_told(
        self, world: Any, source: str, ends: State, said: str
    ) -> None:
        key = await open_account(world, source)

        await world.forward(minutes=2)

        assert await state(world, key) == ends
        assert any(said in text for text in texts(world, key))
        assert await world.broken() == []

    async def test_is_known_without_a_webhook_by_looking(self, world: Any) -> None:
        hush(world)
        key = await open_account(world, "opening_pending")

        await world.forward(minutes=10)

        assert await state(world, key) == State.ACTIVE

    @pytest.mark.parametrize("fault", [Fault.TIMEOUT_AFTER, Fault.TIMEOUT_BEFORE, Fault.UNAVAILABLE])
    async def test_opens_one_whatever_becomes_of_the_call(self, world: Any, fault: Fault) -> None:
        trouble(world, fault)
        hush(world)

        key = await open_account(world)
        await world.forward(minutes=10)

        assert await state(world, key) == State.ACTIVE
        listed = await world.lane.books.payees.find(key)
        assert len(listed.history) == 1
        assert await world.broken() == []

    async def test_opens_one_though_whoever_asked_died_before_writing_the_answer(self, world: Any) -> None:
        command = opening(world, "opening_success")
        await world.do(command, world.provider)
        call, work = world.lane.call(SYSTEM), Work(world.storage, world.lane.tenant.id)
        effect = AskRailForAccount(payout_account_id=command.payout_account_id)
        died = await ask_rail_for_account(effect, call=call, work=work, vendors=world.lane.desk.vendors)

        await world.settle()

        assert died is not None
        assert await payee(world) == died.report.token
        listed = await world.lane.books.payees.find(command.payout_account_id)
        assert len(listed.history) == 1

    async def test_with_what_the_rail_refuses_is_rejected_with_the_reason(self, world: Any) -> None:
        key = await open_account(world, "opening_no_such")

        account = await world.get(PayoutAccount, key)
        assert account.state == State.REJECTED
        assert "opening_no_such" in account.failure

    async def test_is_done_one_at_a_time(self, world: Any) -> None:
        key = await open_account(world, None)

        with pytest.raises(OpeningUnderWay) as refused:
            await world.do(opening(world), world.provider)

        assert refused.value.facts["payout_account_id"] == str(key)

    async def test_is_the_providers_own_affair(self, world: Any) -> None:
        with pytest.raises(NotFound):
            await world.do(opening(world), Actor(Role.PROVIDER, uuid4(), provider_id=uuid4()))

    async def test_by_admin_has_a_reason(self, world: Any) -> None:
        with pytest.raises(Invalid, match="reason"):
            await world.do(opening(world), world.admin)

        account = await world.do(opening(world, reason="by telephone"), world.admin)

        assert account.provider_id == world.market.shops[0].provider_id

    async def test_that_nobody_goes_on_with_lapses(self, world: Any) -> None:
        key = await open_account(world, None)

        await world.forward(days=91)

        assert await state(world, key) == State.CLOSED
        assert await world.broken() == []


class TestAnother:
    async def test_leaves_the_one_before_in_use_until_it_can_receive(self, world: Any) -> None:
        first = await open_account(world)

        second = await open_account(world, "opening_pending")
        before = (await state(world, first), await payee(world))
        await world.forward(minutes=2)

        assert before == (State.ACTIVE, token(first))
        assert (await state(world, first), await state(world, second)) == (State.CLOSED, State.ACTIVE)
        assert await payee(world) == token(second)

    async def test_that_is_refused_leaves_the_one_before(self, world: Any) -> None:
        first = await open_account(world)

        await open_account(world, "opening_rejected")
        await world.forward(minutes=2)

        assert (await state(world, first), await payee(world)) == (State.ACTIVE, token(first))

    async def test_takes_the_place_of_one_that_is_restricted(self, world: Any) -> None:
        first = await open_account(world, "opening_restricted")
        await world.forward(minutes=2)

        second = await open_account(world)

        assert await state(world, first) == State.CLOSED
        assert await payee(world) == token(second)


class TestARestriction:
    async def test_lets_what_is_earned_wait_and_then_go(self, world: Any) -> None:
        key = await open_account(world, "opening_restricted")
        await world.forward(minutes=2)
        await earn(world)
        await world.pay_out()
        before = (await payee(world), world.payouts())

        await world.lane.rail.answer_payee(key, agreed=True)
        await world.settle()
        await world.pay_out()

        assert before == (None, [])
        assert [one.state for one in world.payouts()] == [PayoutState.PAID]
        assert await world.broken() == []

    async def test_keeps_back_a_payout_that_was_drawn_before_it(self, make_world: Any) -> None:
        world = await make_world(payout={"approval_above_minor": 100})
        key = await open_account(world)
        await earn(world)
        await world.pay_out()
        (due,) = world.payouts()
        await self._restrict(world, key)

        await world.do(ApprovePayout(payout_id=due.id, reason="checked"), world.admin)
        await world.forward(hours=8)
        (waiting,) = world.payouts()
        await self._reinstate(world, key)

        (paid,) = world.payouts()
        assert (waiting.state, paid.state) == (PayoutState.APPROVED, PayoutState.PAID)
        assert await world.broken() == []

    async def test_leaves_a_payee_that_was_named_by_hand(self, world: Any) -> None:
        await open_account(world, "opening_restricted")
        provider_id = world.market.shops[0].provider_id
        await world.do(AmendProvider(provider_id=provider_id, payee="payee_ok"), world.provider)

        await world.forward(minutes=2)

        assert await payee(world) == "payee_ok"

    async def test_ends_as_its_rail_says(self, world: Any) -> None:
        key = await open_account(world, "opening_restricted_a_day")
        await world.forward(minutes=2)
        before = (await state(world, key), await payee(world))

        await world.forward(days=1)

        assert before == (State.RESTRICTED, None)
        assert (await state(world, key), await payee(world)) == (State.ACTIVE, token(key))
        assert any("can receive again" in text for text in texts(world, key))

    @staticmethod
    async def _restrict(world: Any, key: UUID) -> None:
        """The rail says so once, and looking says otherwise only later."""
        report = await TestARestriction._told(world, key, PayeeStanding.RESTRICTED)
        world.lane.rail.find_payee = _answering(report)
        await world.do(RecordPayoutAccount(report=report))
        await world.settle()

    @staticmethod
    async def _reinstate(world: Any, key: UUID) -> None:
        del world.lane.rail.find_payee
        await world.do(LookUpPayoutAccount(payout_account_id=key, reason="a test"), world.admin)
        await world.settle()

    @staticmethod
    async def _told(world: Any, key: UUID, standing: PayeeStanding) -> Any:
        return replace(await world.lane.rail.find_payee(key), standing=standing)


def _answering(report: Any) -> Any:
    async def find_payee(_reference: UUID) -> Any:
        return report

    return find_payee


class TestClosing:
    async def test_has_nothing_paid_into_it_any_more(self, world: Any) -> None:
        key = await open_account(world)

        await world.do(ClosePayoutAccount(payout_account_id=key), world.provider)

        assert (await state(world, key), await payee(world)) == (State.CLOSED, None)
        with pytest.raises(MoveRefused):
            await world.do(ClosePayoutAccount(payout_account_id=key), world.provider)

    async def test_sends_what_was_drawn_to_the_account_that_came_after(self, make_world: Any) -> None:
        world = await make_world(payout={"approval_above_minor": 100})
        wrong, due = await self._drawn(world)
        await world.do(ClosePayoutAccount(payout_account_id=wrong), world.provider)
        right = await open_account(world)

        await world.do(ApprovePayout(payout_id=due.id, reason="checked"), world.admin)
        await world.settle()

        (paid,) = world.payouts()
        assert (paid.state, paid.payee) == (PayoutState.PAID, token(right))
        assert await world.broken() == []

    async def test_keeps_what_waits_from_it_though_another_can_receive(self, make_world: Any) -> None:
        world = await make_world(payout={"approval_above_minor": 100})
        wrong, due = await self._drawn(world)
        await world.do(ClosePayoutAccount(payout_account_id=wrong), world.provider)
        await world.do(ApprovePayout(payout_id=due.id, reason="checked"), world.admin)
        right = await open_account(world)
        await world.forward(hours=2)

        (failed,) = world.payouts()
        await world.do(RetryPayout(payout_id=due.id, reason="to the right one"), world.admin)
        await world.do(ApprovePayout(payout_id=due.id, reason="checked"), OTHER_ADMIN)
        await world.settle()

        (paid,) = world.payouts()
        assert failed.state == PayoutState.FAILED
        assert (paid.state, paid.payee) == (PayoutState.PAID, token(right))
        assert await world.broken() == []

    async def test_fails_nothing_for_somebody_who_asks_again_and_again(self, make_world: Any) -> None:
        """The first call may be under way still: what is retried would arrive beside it."""
        world = await make_world(payout={"approval_above_minor": 100})
        wrong, due = await self._drawn(world)
        await world.do(ClosePayoutAccount(payout_account_id=wrong), world.provider)
        await world.do(ApprovePayout(payout_id=due.id, reason="checked"), world.admin)
        await open_account(world)

        for _ in range(20):
            await world.do(LookUpPayout(payout_id=due.id, reason="where is it?"), world.admin)
            await world.settle()

        assert [payout.state for payout in world.payouts()] == [PayoutState.APPROVED]

    @staticmethod
    async def _drawn(world: Any) -> tuple[UUID, Payout]:
        """To be approved, and into which account."""
        account = await open_account(world)
        await earn(world)
        await world.pay_out()
        (due,) = world.payouts()
        return account, due

    async def test_is_heard_before_a_call_that_is_late(self, world: Any) -> None:
        command = opening(world, "opening_success")
        await world.do(command, world.provider)
        await world.do(ClosePayoutAccount(payout_account_id=command.payout_account_id), world.provider)

        await world.forward(minutes=1)

        assert (await state(world, command.payout_account_id), await payee(world)) == (
            State.CLOSED,
            "payee_ok",
        )

    async def test_is_its_owners_and_admins_alone(self, world: Any) -> None:
        key = await open_account(world)
        command = ClosePayoutAccount(payout_account_id=key)

        with pytest.raises(NotFound):
            await world.do(command, Actor(Role.PROVIDER, uuid4(), provider_id=uuid4()))
        with pytest.raises(Invalid, match="reason"):
            await world.do(command, world.admin)
        await world.do(ClosePayoutAccount(payout_account_id=key, reason="fraud"), world.admin)

        assert await state(world, key) == State.CLOSED


class TestLooking:
    async def test_at_what_stands_goes_on_week_by_week(self, world: Any) -> None:
        key = await open_account(world)

        account = await world.get(PayoutAccount, key)

        assert account.due_at == world.lane.now + timedelta(days=7)
