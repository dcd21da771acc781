from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from tests.vendors.stripe.cards import CARDS
from tests.vendors.stripe.stage import RETURN_URL

from marketplace.core.shared.errors import Invalid, OutcomeUnknown, Unavailable
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Standing

CREATE = "/v1/payment_intents"


class TestACustomerWhoIsThere:
    async def test_comes_back_from_the_bank(self, scene: Any) -> None:
        report = await scene.rail.collect(scene.charge("pm_card_authenticationRequired"))

        (asked,) = scene.stripe.orders(CREATE)
        assert asked["return_url"] == RETURN_URL
        assert "off_session" not in asked
        assert report.standing == Standing.NEEDS_ACTION
        assert report.next_action.startswith("https://hooks.stripe.com/")

    async def test_is_named_nowhere_but_by_our_reference(self, scene: Any) -> None:
        charge = await scene.take()

        (asked,) = scene.stripe.orders(CREATE)
        assert asked["metadata"] == {
            "marketplace_reference": str(charge.reference),
            "marketplace_tenant": str(charge.tenant_id),
            "marketplace_subject": "charge",
        }
        assert asked["transfer_group"] == str(charge.reference)


class TestACustomerWhoIsAway:
    SAVED = "cus_1/pm_card_visa"
    ASKED = "cus_1/pm_card_authenticationRequired"

    async def test_is_charged_by_the_saved_method(self, scene: Any) -> None:
        report = await scene.rail.collect(scene.charge(self.SAVED))

        (asked,) = scene.stripe.orders(CREATE)
        assert (asked["customer"], asked["payment_method"], asked["off_session"]) == (
            "cus_1",
            "pm_card_visa",
            "true",
        )
        assert report.standing == Standing.SUCCEEDED

    async def test_is_called_back_where_the_bank_asks_for_it(self, scene: Any) -> None:
        charge = scene.charge(self.ASKED)

        report = await scene.rail.collect(charge)
        scene.stripe.books.act(str(charge.reference), proves=True)

        assert report.standing == Standing.NEEDS_ACTION
        assert report.next_action
        assert [path.rpartition("/")[2] for path in scene.posts()] == ["payment_intents", "confirm"]
        assert (await scene.rail.find(charge.reference)).standing == Standing.SUCCEEDED

    async def test_is_called_back_by_a_repeat_where_the_first_broke_off(self, scene: Any) -> None:
        charge = scene.charge(self.ASKED)
        scene.stripe.faults += ["", "429"]
        with pytest.raises(Unavailable):
            await scene.rail.collect(charge)

        between = await scene.rail.find(charge.reference)
        report = await scene.rail.collect(charge)

        assert (between.standing, report.standing) == (Standing.PENDING, Standing.NEEDS_ACTION)

    async def test_has_failed_where_nobody_called_it_back(self, scene: Any) -> None:
        charge = scene.charge(self.ASKED)
        scene.stripe.faults += ["", "429"]
        with pytest.raises(Unavailable):
            await scene.rail.collect(charge)

        scene.forward(minutes=3)
        report = await scene.rail.find(charge.reference)

        assert (report.standing, report.failure) == (Standing.FAILED, "authentication_required")


class TestADecline:
    @pytest.mark.parametrize(
        ("method", "failure"),
        [
            ("pm_card_visa_chargeDeclined", "card_declined"),
            ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
            ("pm_card_visa_chargeDeclinedStolenCard", "card_declined"),
        ],
    )
    async def test_is_told_in_our_words(self, scene: Any, method: str, failure: str) -> None:
        charge = scene.charge(method)

        report = await scene.rail.collect(charge)

        assert (report.standing, report.failure) == (Standing.FAILED, failure)
        assert await scene.rail.find(charge.reference) == report

    async def test_of_a_method_that_is_not_there_names_our_field(self, scene: Any) -> None:
        charge = scene.charge("pm_nobody")

        with pytest.raises(Invalid) as refused:
            await scene.rail.collect(charge)

        assert refused.value.facts["field"] == "method"
        assert await scene.rail.find(charge.reference) is None


class TestADoubt:
    async def test_is_cleared_up_without_an_order(self, scene: Any) -> None:
        charge = scene.charge("pm_played_answersTooLate")
        with pytest.raises(OutcomeUnknown):
            await scene.rail.collect(charge)
        orders = len(scene.posts())

        report = await scene.rail.find(charge.reference)

        assert report.standing == Standing.SUCCEEDED
        assert len(scene.posts()) == orders

    @pytest.mark.parametrize("customer", ["", "cus_7/"])
    async def test_is_cleared_up_while_the_customer_has_still_to_act(self, scene: Any, customer: str) -> None:
        """No charge exists yet, so the transfer group knows nothing."""
        charge = scene.charge(f"{customer}pm_card_authenticationRequired")
        for _ in range(150):
            scene.stripe.books.create_intent(
                {"amount": 1, "currency": "zar", "payment_method": "pm_card_visa", "customer": "cus_8"}
            )
        scene.stripe.faults.append("drop_after")
        with pytest.raises(OutcomeUnknown):
            await scene.rail.collect(charge)

        found = await scene.rail.find(charge.reference)

        assert found.standing in {Standing.NEEDS_ACTION, Standing.PENDING}

    async def test_that_stripe_repeats_is_not_asked_again_under_its_key(self, scene: Any) -> None:
        """v1 repeats a 500 for a day and more: under the same key the charge would never come."""
        charge = scene.charge()
        scene.stripe.faults.append("500_before")
        with pytest.raises(OutcomeUnknown):
            await scene.rail.collect(charge)

        unknown = await scene.rail.find(charge.reference)
        again = await scene.rail.collect(charge)

        assert unknown is None
        assert again.standing == Standing.SUCCEEDED
        assert len(scene.stripe.books.of("payment_intent")) == 1

    async def test_about_what_was_done_is_not_done_again_under_another_key(self, scene: Any) -> None:
        charge = scene.charge()
        scene.stripe.faults.append("500_after")
        with pytest.raises(OutcomeUnknown):
            await scene.rail.collect(charge)

        again = await scene.rail.collect(charge)

        assert again.standing == Standing.SUCCEEDED
        assert len(scene.stripe.books.of("payment_intent")) == 1

    @pytest.mark.parametrize("fault", ["429", "409"])
    async def test_is_none_where_stripe_has_begun_nothing(self, scene: Any, fault: str) -> None:
        charge = scene.charge()
        scene.stripe.faults.append(fault)

        with pytest.raises(Unavailable):
            await scene.rail.collect(charge)

        assert await scene.rail.find(charge.reference) is None
        assert (await scene.rail.collect(charge)).standing == Standing.SUCCEEDED

    @pytest.mark.parametrize("fault", ["429", "409", "500_before", "drop_before", "drop_after"])
    async def test_is_left_to_whoever_tries_again(self, scene: Any, fault: str) -> None:
        scene.stripe.faults.append(fault)

        with pytest.raises((Unavailable, OutcomeUnknown)):
            await scene.rail.collect(scene.charge())

        assert len(scene.posts()) == 1

    async def test_about_a_charge_that_is_under_way_keeps_its_void_waiting(self, scene: Any) -> None:
        charge = scene.charge("pm_played_neverArrives")
        with pytest.raises(OutcomeUnknown):
            await scene.rail.collect(charge)

        with pytest.raises(OutcomeUnknown):
            await scene.rail.void(charge.reference)
        scene.forward(minutes=3)
        voided = await scene.rail.void(charge.reference)
        late = await scene.rail.collect(charge)

        assert voided.standing == late.standing == Standing.CANCELLED
        assert not scene.stripe.books.of("payment_intent")


class TestCapture:
    async def test_goes_on_after_an_answer_in_vain(self, scene: Any) -> None:
        charge = await scene.hold()
        scene.stripe.faults.append("500_before")
        with pytest.raises(OutcomeUnknown):
            await scene.rail.capture(charge.reference, charge.amount)

        report = await scene.rail.capture(charge.reference, charge.amount)

        assert report.standing == Standing.SUCCEEDED

    async def test_takes_once_where_the_answer_was_lost(self, scene: Any) -> None:
        charge = await scene.hold()
        scene.stripe.faults.append("drop_after")
        with pytest.raises(OutcomeUnknown):
            await scene.rail.capture(charge.reference, charge.amount)

        report = await scene.rail.capture(charge.reference, charge.amount)

        assert report.standing == Standing.SUCCEEDED
        assert scene.stripe.balance(scene.tenant_id) == 10_000

    async def test_of_more_than_there_is_asks_stripe_for_nothing(self, scene: Any) -> None:
        charge = await scene.hold()
        orders = len(scene.posts())

        with pytest.raises(Invalid, match="amount"):
            await scene.rail.capture(charge.reference, charge.amount + Money(1, "ZAR"))

        assert len(scene.posts()) == orders

    async def test_tells_how_long_the_hold_lasts(self, scene: Any) -> None:
        report = await scene.rail.collect(scene.charge(hold=True))

        assert report.hold_until == scene.now + CARDS["pm_card_visa"].hold


class TestAnOrder:
    async def test_of_a_live_marketplace_is_not_sent_with_a_test_key(self, scene: Any) -> None:
        async def live_of(_: Any) -> bool:
            return True

        account = replace(scene.rail.account, live_of=live_of)
        rail = replace(scene.rail, account=account)

        for call in (
            rail.collect(scene.charge()),
            rail.release(scene.transfer()),
            rail.settlement_lines(scene.tenant_id, after=None, limit=1),
        ):
            with pytest.raises(Unavailable, match="test key"):
                await call

        assert scene.stripe.asked == []

    async def test_that_nobody_sent_is_asked_of_nobody(self, scene: Any) -> None:
        assert await scene.rail.find(uuid4()) is None
        assert scene.stripe.asked == []
