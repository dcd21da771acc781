"""A method is saved once, pays while its rail says so, and is gone for us the moment it is removed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.adapters.sandbox.faults import Fault, Operation
from marketplace.core.bookings.booking import State as BookingState
from marketplace.core.notifications.notification import Notification
from marketplace.core.payments.method import MethodUnusable, PaymentMethod, State
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.saving import AmendMandate, LookUpMethod, RemoveMethod, SaveMethod
from marketplace.core.shared.errors import Invalid, MoveRefused, NotAllowed, NotFound
from marketplace.core.shared.events import Event
from marketplace.core.shared.mandates import DebitValue, Frequency, MandateTerms, Payer
from marketplace.core.shared.methods import MethodKind
from marketplace.ports.payments import SetupStanding

TERMS = MandateTerms(
    value=DebitValue.USAGE_BASED, frequency=Frequency.AD_HOC, collection_day=99, maximum_minor=100_000
)
PAYER = Payer(
    holder="T Nkosi", identity_number="8001015009087", account_number="62001234567", branch_code="250655"
)


async def save(world: Any, source: str | None = "setup_success", **given: Any) -> UUID:
    """Begun, and whatever follows at once has followed."""
    key = uuid4()
    actor = given.pop("actor", world.customer)
    command = SaveMethod(payment_method_id=key, kind=MethodKind.CARD, source=source)
    await world.do(replace(command, **given), actor)
    await world.settle()
    return key


async def mandate(world: Any, source: str | None = "setup_success", **given: Any) -> UUID:
    return await save(world, source, **{"kind": MethodKind.DEBIT_ORDER, "terms": TERMS, **given})


async def amend(world: Any, key: UUID, terms: MandateTerms) -> None:
    command = AmendMandate(payment_method_id=key, amendment_id=uuid4(), terms=terms)
    await world.do(command, world.customer)


async def state(world: Any, key: UUID) -> State:
    method: PaymentMethod = await world.get(PaymentMethod, key)
    return method.state


async def at_rail(world: Any, key: UUID) -> SetupStanding:
    report = await world.lane.rail.find_setup(key)
    standing: SetupStanding = report.standing
    return standing


def hush(world: Any) -> None:
    """No webhook comes any more."""
    world.lane._deliver = _nothing


async def _nothing(_rail: Any) -> None:
    pass


def trouble(world: Any, wanted: Operation, *faults: Fault) -> None:
    """These calls meet these faults, one after the other."""
    left = list(faults)

    def plan(operation: Operation, _reference: UUID) -> Fault | None:
        return left.pop(0) if operation is wanted and left else None

    world.lane.books.faults = plan


class TestSaving:
    async def test_a_card_makes_it_pay(self, world: Any) -> None:
        key = await save(world)

        method = await world.get(PaymentMethod, key)
        assert (method.state, method.label, method.rail) == (State.ACTIVE, "Visa 4242", "sandbox")
        assert method.expires_at > world.lane.now
        assert await world.broken() == []

    async def test_a_card_that_needs_its_holder_says_what_to_do(self, world: Any) -> None:
        key = await save(world, "setup_needs_action")
        before = await world.get(PaymentMethod, key)

        await world.lane.rail.answer_setup(key, agreed=True)
        await world.settle()

        assert (before.state, bool(before.next_action)) == (State.PENDING_AUTH, True)
        after = await world.get(PaymentMethod, key)
        assert (after.state, after.next_action) == (State.ACTIVE, None)

    async def test_a_mandate_waits_for_its_bank(self, world: Any) -> None:
        key = await mandate(world, "setup_pending")
        before = await state(world, key)

        await world.forward(minutes=2)

        assert (before, await state(world, key)) == (State.PENDING_AUTH, State.ACTIVE)

    @pytest.mark.parametrize(
        ("source", "ends"),
        [
            ("setup_rejected", State.REJECTED),
            ("setup_expires", State.EXPIRED),
            ("setup_suspended", State.SUSPENDED),
            ("setup_revoked", State.CANCELLED),
        ],
    )
    async def test_goes_as_its_source_says_and_its_owner_is_told(
        self, world: Any, source: str, ends: State
    ) -> None:
        key = await mandate(world, source)

        await world.forward(minutes=2)

        method = await world.get(PaymentMethod, key)
        assert (method.state, bool(method.failure)) == (ends, True)
        told = [one.text for one in world.all(Notification) if one.subject_id == key]
        assert any("debit order" in text for text in told)
        assert await world.broken() == []

    async def test_is_known_without_a_webhook_by_looking(self, world: Any) -> None:
        hush(world)
        key = await mandate(world, "setup_pending")

        await world.forward(minutes=10)

        assert await state(world, key) == State.ACTIVE

    async def test_is_begun_once_whatever_becomes_of_the_call(self, world: Any) -> None:
        sources = ("setup_timeout_after", "setup_timeout_before", "setup_unavailable_once")
        keys = [await save(world, source) for source in sources]

        await world.forward(minutes=10)

        assert {await state(world, key) for key in keys} == {State.ACTIVE}
        assert await world.broken() == []

    async def test_with_what_the_rail_refuses_is_rejected_with_the_reason(self, world: Any) -> None:
        key = await save(world, "setup_no_such")

        method = await world.get(PaymentMethod, key)
        assert method.state == State.REJECTED
        assert "setup_no_such" in method.failure

    async def test_lapses_when_nobody_authorises_it(self, world: Any) -> None:
        key = await mandate(world, "setup_unanswered")

        await world.forward(days=4)

        method = await world.get(PaymentMethod, key)
        assert (method.state, method.failure) == (State.EXPIRED, "not_authorised_in_time")
        assert await at_rail(world, key) == SetupStanding.CANCELLED
        assert await world.broken() == []

    async def test_forgets_the_account_as_soon_as_the_rail_knows_it(self, world: Any) -> None:
        key = await mandate(world, None, payer=PAYER)

        method = await world.get(PaymentMethod, key)
        assert method.state == State.PENDING_AUTH
        assert (method.payer, method.source, method.label) == (None, None, "Bank account 4567")
        assert not [event for event in world.all(Event) if "62001234567" in repr(event)]

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"kind": MethodKind.DEBIT_ORDER}, "terms"),
            ({"terms": TERMS}, "terms"),
            ({"payer": PAYER}, "payer"),
            ({"kind": MethodKind.DEBIT_ORDER, "terms": replace(TERMS, collection_day=13)}, "collection_day"),
        ],
        ids=str,
    )
    async def test_is_refused_by_the_field(self, world: Any, given: dict[str, Any], field: str) -> None:
        with pytest.raises(Invalid, match=field):
            await save(world, **given)

    async def test_gives_each_mandate_a_contract_of_its_own(self, world: Any) -> None:
        keys = [await mandate(world) for _ in range(3)]

        contracts = {(await world.get(PaymentMethod, key)).contract for key in keys}
        assert len(contracts) == 3
        assert {len(contract) for contract in contracts} == {14}


class TestRemoving:
    async def test_ends_it_here_and_at_the_rail(self, world: Any) -> None:
        key = await save(world)

        await world.do(RemoveMethod(payment_method_id=key), world.customer)
        before = await state(world, key)
        await world.settle()

        assert (before, await state(world, key)) == (State.CANCELLING, State.CANCELLED)
        assert await at_rail(world, key) == SetupStanding.CANCELLED

    async def test_tells_the_rail_until_it_knows(self, world: Any) -> None:
        key = await save(world)
        trouble(world, Operation.REVOKE_SETUP, *[Fault.TIMEOUT_BEFORE] * 3)

        await world.do(RemoveMethod(payment_method_id=key), world.customer)
        await world.settle()
        before = await at_rail(world, key)
        await world.forward(hours=1)

        assert (before, await at_rail(world, key)) == (SetupStanding.ACTIVE, SetupStanding.CANCELLED)
        assert await state(world, key) == State.CANCELLED

    async def test_before_the_rail_heard_of_it_leaves_nothing_there(self, world: Any) -> None:
        key = uuid4()
        await world.do(
            SaveMethod(payment_method_id=key, kind=MethodKind.CARD, source="setup_success"), world.customer
        )
        await world.do(RemoveMethod(payment_method_id=key), world.customer)

        await world.forward(minutes=1)

        assert await state(world, key) == State.CANCELLED
        assert await at_rail(world, key) == SetupStanding.CANCELLED

    async def test_is_done_once(self, world: Any) -> None:
        key = await save(world)
        await world.do(RemoveMethod(payment_method_id=key), world.customer)

        with pytest.raises(MoveRefused):
            await world.do(RemoveMethod(payment_method_id=key), world.customer)

    async def test_is_its_owners_alone(self, world: Any) -> None:
        key = await save(world)

        with pytest.raises(NotFound):
            await world.do(RemoveMethod(payment_method_id=key), world.market.customers[1])
        with pytest.raises(NotAllowed):
            await world.do(RemoveMethod(payment_method_id=key), world.provider)

    async def test_by_admin_has_a_reason(self, world: Any) -> None:
        key = await save(world)

        with pytest.raises(Invalid, match="reason"):
            await world.do(RemoveMethod(payment_method_id=key), world.admin)
        await world.do(RemoveMethod(payment_method_id=key, reason="stolen"), world.admin)

        assert await state(world, key) == State.CANCELLING

    async def test_takes_back_at_the_rail_what_is_authorised_too_late(self, world: Any) -> None:
        key = await mandate(world, "setup_pending")
        hush(world)
        await world.do(RemoveMethod(payment_method_id=key), world.customer)
        await world.settle()

        await world.forward(hours=1)

        assert await at_rail(world, key) == SetupStanding.CANCELLED


class TestAnAmendment:
    async def test_holds_once_the_payer_has_agreed(self, world: Any) -> None:
        key, wanted = await mandate(world), replace(TERMS, maximum_minor=200_000)

        await amend(world, key, wanted)
        await world.settle()
        before = await world.get(PaymentMethod, key)
        await world.forward(minutes=2)

        after = await world.get(PaymentMethod, key)
        assert (before.state, before.terms) == (State.AMENDED, TERMS)
        assert (after.state, after.terms, after.wanted) == (State.ACTIVE, wanted, None)
        assert await world.broken() == []

    async def test_that_is_refused_leaves_what_stood(self, world: Any) -> None:
        key = await mandate(world, "setup_amendment_refused")
        wanted = replace(TERMS, maximum_minor=200_000)

        await amend(world, key, wanted)
        await world.forward(minutes=2)

        method = await world.get(PaymentMethod, key)
        assert (method.state, method.terms, method.wanted) == (State.ACTIVE, TERMS, None)
        assert method.failure == "payer_declined"

    async def test_whose_answer_is_lost_is_made_once(self, world: Any) -> None:
        key, wanted = await mandate(world), replace(TERMS, maximum_minor=200_000)
        trouble(world, Operation.AMEND_SETUP, Fault.TIMEOUT_AFTER)

        await amend(world, key, wanted)
        await world.forward(minutes=10)

        assert (await world.get(PaymentMethod, key)).terms == wanted

    async def test_of_a_card_is_none(self, world: Any) -> None:
        key = await save(world)

        with pytest.raises(Invalid, match="card"):
            await amend(world, key, TERMS)

    async def test_that_takes_a_new_mandate_is_refused(self, world: Any) -> None:
        key, wanted = await mandate(world), replace(TERMS, frequency=Frequency.YEARLY)

        with pytest.raises(Invalid, match="new payment method"):
            await amend(world, key, wanted)


class TestPayingByASavedMethod:
    async def test_goes_by_its_rail_and_its_token(self, instant: Any) -> None:
        key = await save(instant)

        await instant.book(str(key))

        payment = await instant.payment()
        assert (payment.state, payment.method_id) == (PaymentState.SUCCEEDED, key)
        assert (await instant.booking()).state == BookingState.CONFIRMED
        assert await instant.broken() == []

    async def test_goes_by_the_rail_of_debit_orders(self, make_world: Any) -> None:
        world = await make_world(payment={"debit_order_rail": "bank", "debit_order_window_minutes": 60})
        key = await mandate(world, "setup_pending")
        await world.forward(minutes=2)

        await world.book(str(key))
        before = (await world.payment()).state
        await world.forward(minutes=2)

        payment = await world.payment()
        assert (payment.rail, payment.hold) == ("bank", False)
        assert (before, payment.state) == (PaymentState.SUBMITTED, PaymentState.SUCCEEDED)
        assert await world.rail_minor("bank") == payment.amount_minor
        assert await world.broken() == []

    async def test_holds_no_debit_order_where_cards_are_held(self, holding: Any) -> None:
        key = await mandate(holding)
        start = holding.lane.now.replace(hour=6, minute=0) + timedelta(days=5)

        await holding.confirm(str(key), start=start)

        payment = await holding.payment()
        assert (payment.hold, payment.state) == (False, PaymentState.SUCCEEDED)
        assert (await holding.booking()).state == BookingState.CONFIRMED

    async def test_gives_a_debit_order_its_days(self, make_world: Any) -> None:
        world = await make_world(payment={"debit_order_window_minutes": 60})
        key = await mandate(world)

        await world.book(str(key))

        booking = await world.booking()
        assert booking.pay_by == booking.booked_at + timedelta(hours=1)

    async def test_is_no_use_where_it_would_come_too_late(self, world: Any) -> None:
        key = await mandate(world)

        with pytest.raises(Invalid, match="too late") as refused:
            await world.book(str(key))  # in two days, and a debit order takes three

        assert refused.value.facts["field"] == "payment_method"

    async def test_stays_within_what_its_payer_agreed_to(self, make_world: Any) -> None:
        world = await make_world(payment={"debit_order_window_minutes": 60})
        key = await mandate(world, terms=replace(TERMS, maximum_minor=49_999))

        with pytest.raises(Invalid, match="49999"):
            await world.book(str(key))

    @pytest.mark.parametrize(
        ("source", "says"),
        [
            ("setup_unanswered", "authorise it"),
            ("setup_suspended", "ask the bank"),
            ("setup_revoked", "save a new one"),
        ],
    )
    async def test_says_what_to_do_where_it_does_not_pay(self, world: Any, source: str, says: str) -> None:
        key = await save(world, source)
        await world.forward(minutes=2)

        with pytest.raises(MethodUnusable, match=says):
            await world.book(str(key))

    async def test_is_refused_as_soon_as_it_is_removed(self, world: Any) -> None:
        key = await save(world)
        await world.do(RemoveMethod(payment_method_id=key), world.customer)

        with pytest.raises(MethodUnusable, match="cancelling"):
            await world.book(str(key))

    async def test_is_for_its_owner_alone(self, world: Any) -> None:
        key = await save(world)

        with pytest.raises(NotFound):
            await world.book(str(key), actor=world.market.customers[1])

    async def test_fails_where_the_bank_has_stopped_it_meanwhile(self, world: Any) -> None:
        key = await save(world)
        hush(world)
        await world.lane.rail.revoke_setup(key)

        await world.book(str(key))

        assert [payment.state for payment in world.all(Payment)] == [PaymentState.FAILED]
        assert await world.broken() == []


class TestLookingUp:
    async def test_finds_what_no_webhook_told(self, world: Any) -> None:
        hush(world)
        key = await save(world, "setup_revoked")
        await world.forward(minutes=2)
        before = await state(world, key)

        await world.do(LookUpMethod(payment_method_id=key, reason="asked by phone"), world.admin)
        await world.settle()

        assert (before, await state(world, key)) == (State.ACTIVE, State.CANCELLED)

    async def test_happens_by_itself_within_a_week(self, world: Any) -> None:
        hush(world)
        key = await save(world, "setup_revoked")

        await world.forward(days=8)

        assert await state(world, key) == State.CANCELLED

    async def test_happens_once_more_when_a_card_runs_out(self, world: Any) -> None:
        key = await save(world)
        ends_at = (await world.get(PaymentMethod, key)).expires_at

        await world.until(ends_at - timedelta(days=1))

        method = await world.get(PaymentMethod, key)
        assert (method.lookups, method.due_at) == (2, ends_at)
        await world.until(ends_at + timedelta(days=1))
        assert (await world.get(PaymentMethod, key)).due_at is None
        assert await world.broken() == []

    async def test_brings_back_what_was_suspended(self, world: Any) -> None:
        key = await mandate(world, "setup_suspended")

        await world.forward(days=2)

        assert await state(world, key) == State.ACTIVE
