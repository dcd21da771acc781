"""Who books far ahead promises a saved method, charged near the date; nobody works for a promise."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.unit.core.conftest import World

from marketplace.adapters.sandbox.faults import Fault, Operation
from marketplace.core.bookings.booking import Side, State
from marketplace.core.bookings.commands import (
    AcceptTime,
    AdvanceBooking,
    AssignBooking,
    CancelBooking,
    CreateBooking,
    DeclineBooking,
    HandBack,
    ProposeTime,
    RetryPayment,
    SetOut,
)
from marketplace.core.bookings.guards import NotPaidYet
from marketplace.core.bookings.withdrawal import if_cancelled
from marketplace.core.notifications.notification import Notification
from marketplace.core.payments.method import PaymentMethod
from marketplace.core.payments.payment import OPEN
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.saving import RemoveMethod, SaveMethod
from marketplace.core.payments.usecases import PromisePayment, RecordPayment
from marketplace.core.payouts.earning import Earning
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.mandates import DebitValue, Frequency, MandateTerms
from marketplace.core.shared.methods import MethodKind
from marketplace.core.tenants.policy import CancellationTerms, CancellationTier, Capture, Confirmation
from marketplace.ports.payments import Report, Standing

LEAD, GRACE = timedelta(days=3), timedelta(days=1)
DEADLINE = LEAD - GRACE  # before the start
AGREED = MandateTerms(
    value=DebitValue.USAGE_BASED, frequency=Frequency.AD_HOC, collection_day=99, maximum_minor=100_000
)


@pytest.fixture
async def ahead(make_world: Any) -> World:
    world: World = await make_world(payment={"capture": Capture.NEAR_DATE})
    world.start = world.lane.now.replace(hour=6, minute=0) + timedelta(days=21)
    return world


async def card(world: World, source: str = "setup_success") -> str:
    key = uuid4()
    await world.do(SaveMethod(payment_method_id=key, kind=MethodKind.CARD, source=source), world.customer)
    await world.settle()
    return str(key)


async def promise(world: World, source: str = "setup_success", **given: Any) -> UUID:
    """Firm, weeks ahead."""
    return await world.confirm(await card(world, source), **given)


def amend(world: World, **payment: Any) -> None:
    """Another policy from now on."""
    tenant = world.lane.tenant
    policy = replace(tenant.policy, payment=replace(tenant.policy.payment, **payment))
    world.lane.tenant = replace(tenant, policy=policy)


async def near(world: World) -> None:
    await world.until(world.start - LEAD)


def ask_the_customer(world: World) -> None:
    """From now on banks want to see who pays."""
    asks = {Operation.COLLECT: Fault.NEEDS_ACTION}
    world.lane.rail.books.faults = lambda operation, _: asks.get(operation)


def told(world: World, event: str) -> list[str]:
    return [one.text for one in world.all(Notification) if one.template.startswith(event)]


async def said(world: World, key: UUID) -> tuple[int | None, int | None]:
    """What the customer is told that a cancellation gives back, or costs."""
    booking, payment = await world.booking(key), await world.payment(key)
    return if_cancelled(booking, payment, Side.CUSTOMER, world.lane.call(world.customer))


class TestAPromise:
    async def test_lets_a_provider_say_yes_and_takes_nothing_yet(self, ahead: World) -> None:
        key = await promise(ahead)

        payment, booking = await ahead.payment(key), await ahead.booking(key)
        assert (booking.state, payment.state) == (State.CONFIRMED, PaymentState.PROMISED)
        assert payment.charge_at == ahead.start - LEAD
        assert booking.payment_deadline == ahead.start - DEADLINE
        assert await ahead.lane.rail.find(payment.id) is None
        assert await ahead.broken() == []

    async def test_makes_an_instant_booking_firm(self, make_world: Any) -> None:
        world = await make_world(
            payment={"capture": Capture.NEAR_DATE}, booking={"confirmation": Confirmation.INSTANT}
        )
        world.start = world.lane.now.replace(hour=6, minute=0) + timedelta(days=21)

        key = await world.book(await card(world))

        assert (await world.booking(key)).state == State.CONFIRMED
        assert (await world.payment(key)).state == PaymentState.PROMISED

    async def test_is_charged_when_its_time_has_come(self, ahead: World) -> None:
        key = await promise(ahead)

        await ahead.until(ahead.start - LEAD - timedelta(minutes=1))
        before = (await ahead.payment(key)).state
        await near(ahead)

        payment, booking = await ahead.payment(key), await ahead.booking(key)
        assert (before, payment.state) == (PaymentState.PROMISED, PaymentState.SUCCEEDED)
        assert (booking.payment_deadline, booking.state) == (None, State.CONFIRMED)
        assert await ahead.rail_minor() == booking.total_minor
        assert len(told(ahead, "booking.paid_up")) == 1

    async def test_is_charged_though_its_deadline_falls_due_at_the_same_time(self, ahead: World) -> None:
        """As where no worker ran for days, or somebody moved the clock of a test marketplace."""
        key = await promise(ahead)

        ahead.lane.now = ahead.start - timedelta(hours=1)
        await ahead.settle()

        assert (await ahead.payment(key)).state == PaymentState.SUCCEEDED
        assert (await ahead.booking(key)).state == State.CONFIRMED
        assert (await ahead.booking(key)).payment_deadline is None
        assert await ahead.broken() == []

    async def test_that_was_never_charged_is_over_with_the_start(self, ahead: World) -> None:
        key = await promise(ahead)

        ahead.lane.now = ahead.start
        await ahead.settle()

        assert (await ahead.booking(key)).state == State.CANCELLED
        assert await ahead.rail_minor() == 0
        assert await ahead.broken() == []

    async def test_waits_for_a_rail_that_is_down_and_not_past_the_start(self, ahead: World) -> None:
        key = await promise(ahead)
        ahead.lane.rail.books.faults = lambda *_: Fault.UNAVAILABLE

        await ahead.until(ahead.start - timedelta(hours=1))
        before = (await ahead.booking(key)).state
        await ahead.until(ahead.start)

        assert (before, (await ahead.booking(key)).state) == (State.CONFIRMED, State.CANCELLED)

    async def test_pays_the_provider_in_the_end(self, ahead: World) -> None:
        key = await ahead.deliver(await card(ahead))
        await ahead.forward(days=3)

        assert (await ahead.booking(key)).state == State.COMPLETED
        assert len(ahead.all(Earning)) == 1
        assert await ahead.broken() == []

    async def test_is_not_asked_of_a_card_that_is_not_saved(self, ahead: World) -> None:
        key = await ahead.confirm("tok_success")

        assert (await ahead.payment(key)).state == PaymentState.SUCCEEDED
        assert (await ahead.booking(key)).payment_deadline is None

    async def test_is_not_asked_for_a_job_that_is_near(self, ahead: World) -> None:
        ahead.start = ahead.lane.now.replace(hour=6, minute=0) + timedelta(days=2)

        key = await promise(ahead)

        assert (await ahead.payment(key)).state == PaymentState.SUCCEEDED

    async def test_leaves_a_debit_order_its_days(self, make_world: Any) -> None:
        world = await make_world(
            payment={"capture": Capture.NEAR_DATE, "debit_order_window_minutes": 2 * 1440}
        )
        world.start = world.lane.now.replace(hour=6, minute=0) + timedelta(days=21)
        key = uuid4()
        saving = SaveMethod(
            payment_method_id=key, kind=MethodKind.DEBIT_ORDER, source="setup_success", terms=AGREED
        )
        await world.do(saving, world.customer)
        await world.settle()

        await world.book(str(key))

        assert (await world.payment()).charge_at == world.start - LEAD - timedelta(days=2)

    async def test_is_refused_of_a_card_that_expires_before(self, ahead: World) -> None:
        key = await card(ahead)
        saved = await ahead.get(PaymentMethod, UUID(key))
        ahead.storage._table(PaymentMethod).put(replace(saved, expires_at=ahead.start - LEAD))

        with pytest.raises(Invalid, match="expires") as refused:
            await ahead.book(key)

        assert refused.value.facts["field"] == "payment_method"


class TestAChargeThatFails:
    async def test_is_told_and_may_be_paid_another_way(self, ahead: World) -> None:
        key = await promise(ahead, "setup_declines")
        await near(ahead)
        failed = await ahead.booking(key)

        again = RetryPayment(booking_id=key, payment_id=uuid4(), payment_method="tok_success")
        await ahead.do(again, ahead.customer)
        await ahead.settle()

        booking = await ahead.booking(key)
        assert (failed.state, failed.payment_failure) == (State.CONFIRMED, "insufficient_funds")
        assert (booking.state, booking.payment_failure, booking.payment_deadline) == (
            State.CONFIRMED,
            None,
            None,
        )
        assert len(told(ahead, "booking.payment_failed")) == 1
        assert await ahead.broken() == []

    async def test_is_not_paid_by_a_debit_order_that_comes_after_the_deadline(self, ahead: World) -> None:
        key, mandate = await promise(ahead, "setup_declines"), uuid4()
        save = SaveMethod(
            payment_method_id=mandate, kind=MethodKind.DEBIT_ORDER, source="setup_success", terms=AGREED
        )
        await ahead.do(save, ahead.customer)
        await near(ahead)

        retry = RetryPayment(booking_id=key, payment_id=uuid4(), payment_method=str(mandate))
        with pytest.raises(Invalid, match="too late"):
            await ahead.do(retry, ahead.customer)

    async def test_calls_the_booking_off_when_nobody_pays(self, ahead: World) -> None:
        key = await promise(ahead, "setup_declines")
        await near(ahead)

        await ahead.forward(days=1, minutes=1)

        booking = await ahead.booking(key)
        assert (booking.state, booking.refund_minor) == (State.CANCELLED, None)
        assert told(ahead, "booking.cancelled:customer")[0].endswith("You pay nothing.")
        assert await ahead.broken() == []

    async def test_is_that_of_a_method_that_was_removed(self, ahead: World) -> None:
        method = await card(ahead)
        key = await ahead.confirm(method)
        await ahead.do(RemoveMethod(payment_method_id=UUID(method)), ahead.customer)

        await near(ahead)

        assert (await ahead.booking(key)).payment_failure is not None

    async def test_keeps_the_provider_at_home_and_the_job_its_own(self, ahead: World) -> None:
        key = await promise(ahead, "setup_declines")
        await near(ahead)

        for command in (SetOut(booking_id=key), HandBack(booking_id=key, reason="ill")):
            with pytest.raises(NotPaidYet):
                await ahead.do(command, ahead.provider)

    @pytest.mark.parametrize("read", [1, 2])
    async def test_and_comes_after_all_and_is_returned_is_still_asked_for(
        self, ahead: World, read: int
    ) -> None:
        """While the booking hears that the money came, and before it does, the bank takes it back."""
        key = await promise(ahead, "setup_declines")
        await near(ahead)
        payment = await ahead.payment(key)
        report = Report(
            reference=payment.id, rail_reference="r", standing=Standing.SUCCEEDED, amount=payment.amount
        )
        await ahead.do(RecordPayment(report=report))

        async def is_returned() -> None:
            await ahead.do(RecordPayment(report=replace(report, standing=Standing.RETURNED)))
            await ahead.do(AdvanceBooking(payment_id=payment.id))

        ahead.between(is_returned, read=read)
        await ahead.do(AdvanceBooking(payment_id=payment.id))

        assert (await ahead.booking(key)).payment_deadline is not None

    async def test_gives_back_what_comes_too_late(self, ahead: World) -> None:
        key = await promise(ahead, "setup_declines")
        payment = await ahead.payment(key)
        await ahead.until(ahead.start)
        late = Report(
            reference=payment.id, rail_reference="r", standing=Standing.SUCCEEDED, amount=payment.amount
        )

        await ahead.do(RecordPayment(report=late))
        await ahead.settle()

        assert (await ahead.booking(key)).state == State.CANCELLED
        assert [refund.amount for refund in ahead.refunds()] == [payment.amount]


class TestEndingIt:
    TERMS = CancellationTerms((CancellationTier(30 * 1440, 10_000), CancellationTier(0, 6_000)))

    @pytest.fixture
    async def binding(self, make_world: Any) -> World:
        world: World = await make_world(payment={"capture": Capture.NEAR_DATE})
        policy = world.lane.tenant.policy
        world.lane.tenant = replace(world.lane.tenant, policy=replace(policy, cancellation=self.TERMS))
        world.start = world.lane.now.replace(hour=6, minute=0) + timedelta(days=21)
        return world

    async def test_costs_the_customer_the_fee_and_no_more(self, binding: World) -> None:
        key = await promise(binding)
        cancel = CancelBooking(booking_id=key, reason="no need")

        await binding.do(cancel, binding.customer)
        await binding.settle()

        booking, payment = await binding.booking(key), await binding.payment(key)
        assert (booking.fee_minor, booking.refund_minor) == (booking.total_minor * 4 // 10, None)
        assert payment.captured_minor == payment.released_minor == booking.fee_minor
        assert await binding.rail_minor() == booking.fee_minor
        assert "It costs" in told(binding, "booking.cancelled:customer")[0]
        assert await binding.broken() == []

    @pytest.mark.parametrize("read", [1, 2])
    async def test_while_it_is_being_promised_gives_nothing_back(self, ahead: World, read: int) -> None:
        key, shop, method = uuid4(), ahead.market.shops[0], await card(ahead)
        wish = CreateBooking(
            booking_id=key,
            provider_id=shop.provider_id,
            service_id=shop.service_id,
            starts_at=ahead.start,
            payment_method=method,
        )
        await ahead.do(wish, ahead.customer)
        promised = PromisePayment(payment_id=(await ahead.payment(key)).id)

        ahead.between(lambda: ahead.do(promised), read=read)
        await ahead.do(CancelBooking(booking_id=key, reason="no need"), ahead.customer)
        await ahead.settle()

        assert (await ahead.booking(key)).refund_minor is None
        assert told(ahead, "booking.cancelled:customer")[0].endswith("You pay nothing.")

    async def test_costs_the_fee_while_the_charge_is_under_way_too(self, binding: World) -> None:
        """Called back, it would cost nothing, to whoever chooses the moment: a debit order takes days."""
        method = await card(binding, "setup_pending")
        await binding.forward(minutes=5)
        key = await binding.confirm(method)
        await near(binding)
        before = (await binding.payment(key)).state

        await binding.do(CancelBooking(booking_id=key, reason="no need"), binding.customer)
        await binding.forward(days=1)

        booking, payment = await binding.booking(key), await binding.payment(key)
        assert before in OPEN
        assert payment.released_minor == booking.total_minor * 4 // 10
        assert payment.refunded_minor == booking.refund_minor == booking.total_minor * 6 // 10
        assert await binding.broken() == []

    @pytest.mark.parametrize("notice", [LEAD, 2 * LEAD])
    async def test_leaves_no_fee_waiting_for_a_bank_that_asks_for_its_customer(
        self, binding: World, notice: timedelta
    ) -> None:
        """Of the charge that is under way, or of the fee alone."""
        key = await promise(binding)
        ask_the_customer(binding)
        await binding.until(binding.start - notice)

        await binding.do(CancelBooking(booking_id=key, reason="no need"), binding.customer)
        await binding.settle()

        assert (await binding.payment(key)).state == PaymentState.CANCELLED
        assert await binding.rail_minor() == 0
        assert await binding.broken() == []

    async def test_costs_nothing_where_it_was_the_provider(self, binding: World) -> None:
        key = await promise(binding)

        await binding.do(CancelBooking(booking_id=key, reason="ill"), binding.provider)
        await binding.settle()

        assert (await binding.payment(key)).state == PaymentState.CANCELLED
        assert await binding.rail_minor() == 0
        assert await binding.broken() == []

    async def test_before_the_provider_has_said_yes_costs_nothing(self, binding: World) -> None:
        key = await binding.book(await card(binding))

        await binding.do(DeclineBooking(booking_id=key, reason="full"), binding.provider)
        await binding.settle()

        assert (await binding.payment(key)).state == PaymentState.CANCELLED
        assert told(binding, "booking.declined:customer")[0].endswith("You pay nothing.")
        assert await binding.broken() == []

    async def test_after_the_charge_has_failed_gives_nothing_back(self, binding: World) -> None:
        key = await promise(binding, "setup_declines")
        await near(binding)

        await binding.do(CancelBooking(booking_id=key, reason="no need"), binding.customer)
        await binding.settle()

        assert (await binding.booking(key)).refund_minor is None
        assert told(binding, "booking.cancelled:customer")[0].endswith("You pay nothing.")
        assert await binding.broken() == []

    async def test_before_anybody_has_answered_costs_nothing(self, binding: World) -> None:
        key = await binding.book(await card(binding))

        await binding.forward(days=2)

        assert (await binding.booking(key)).state == State.EXPIRED
        assert (await binding.payment(key)).state == PaymentState.CANCELLED

    async def test_at_a_card_that_declines_leaves_the_fee_unpaid(self, binding: World) -> None:
        key = await promise(binding, "setup_declines")

        await binding.do(CancelBooking(booking_id=key, reason="no need"), binding.customer)
        await binding.settle()

        assert (await binding.payment(key)).state == PaymentState.FAILED
        assert (await binding.booking(key)).state == State.CANCELLED
        assert await binding.broken() == []

    async def test_is_said_beforehand_to_cost_the_fee_then_nothing_then_give_back(
        self, binding: World
    ) -> None:
        key = await promise(binding, "setup_declines")

        promised = await said(binding, key)
        await binding.until(binding.start - LEAD)
        failed = await said(binding, key)
        await binding.do(
            RetryPayment(booking_id=key, payment_id=uuid4(), payment_method="tok_success"), binding.customer
        )
        await binding.settle()
        paid = await said(binding, key)

        total = (await binding.booking(key)).total_minor
        assert (promised, failed, paid) == ((None, total * 4 // 10), (None, 0), (total * 6 // 10, None))


class TestMovingIt:
    @pytest.mark.parametrize("days", [-4, 7])
    async def test_moves_the_charge_with_it(self, ahead: World, days: int) -> None:
        key = await promise(ahead)
        other = ahead.start + timedelta(days=days)
        await ahead.do(ProposeTime(booking_id=key, starts_at=other), ahead.customer)

        await ahead.do(AcceptTime(booking_id=key), ahead.provider)

        assert (await ahead.payment(key)).charge_at == other - LEAD
        assert (await ahead.booking(key)).payment_deadline == other - DEADLINE

    async def test_to_the_day_after_tomorrow_charges_at_once(self, ahead: World) -> None:
        key = await promise(ahead)
        other = ahead.lane.now.replace(hour=6, minute=0) + timedelta(days=2)
        await ahead.do(ProposeTime(booking_id=key, starts_at=other), ahead.customer)

        await ahead.do(AcceptTime(booking_id=key), ahead.provider)
        await ahead.settle()

        assert (await ahead.payment(key)).state == PaymentState.SUCCEEDED
        assert (await ahead.booking(key)).payment_deadline is None

    async def test_to_another_provider_keeps_the_promise(self, ahead: World) -> None:
        key = await promise(ahead)
        await ahead.do(HandBack(booking_id=key, reason="ill"), ahead.provider)
        to = AssignBooking(booking_id=key, provider_id=ahead.market.shops[0].provider_id, reason="agreed")

        await ahead.do(to, ahead.admin)
        await near(ahead)

        assert (await ahead.booking(key)).state == State.CONFIRMED
        assert (await ahead.payment(key)).state == PaymentState.SUCCEEDED
        assert (await ahead.booking(key)).payment_deadline is None
