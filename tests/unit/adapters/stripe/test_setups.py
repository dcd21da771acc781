import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from tests.vendors.stripe.stage import RETURN_URL, rail_at

from marketplace.core.shared.errors import Invalid, OutcomeUnknown, Unavailable
from marketplace.core.shared.mandates import DebitValue, Frequency, MandateTerms
from marketplace.core.shared.methods import MethodKind
from marketplace.ports.payments import Charge, Setup, SetupStanding, Standing

CREATE, CUSTOMERS = "/v1/setup_intents", "/v1/customers"
ASKS = "pm_card_authenticationRequired"
TERMS = MandateTerms(
    value=DebitValue.USAGE_BASED, frequency=Frequency.AD_HOC, collection_day=99, maximum_minor=1
)


def by(scene: Any, wanted: Setup, token: str) -> Charge:
    charge: Charge = replace(scene.charge(token), setup=wanted.reference)
    return charge


def made(scene: Any, kind: str) -> int:
    return len(scene.stripe.books.of(kind))


class TestSaving:
    async def test_says_what_is_to_be_charged_and_what_its_owner_knows_it_by(self, scene: Any) -> None:
        wanted = scene.setup()

        report = await scene.rail.begin_setup(wanted)

        intent = scene.stripe.books.wallet.setup(str(wanted.reference))
        assert report.token == f"{intent['customer']}/{intent['payment_method']}"
        assert (report.label, report.rail_reference) == ("Visa 4242", intent["id"])
        assert report.expires_at == datetime(2030, 9, 1, tzinfo=UTC)

    async def test_asks_for_what_is_charged_without_its_customer(self, scene: Any) -> None:
        wanted = scene.setup()

        await scene.rail.begin_setup(wanted)

        (asked,) = scene.stripe.orders(CREATE)
        assert (asked["usage"], asked["confirm"], asked["return_url"]) == ("off_session", "true", RETURN_URL)
        assert asked["metadata"] == {
            "marketplace_reference": str(wanted.reference),
            "marketplace_tenant": str(wanted.tenant_id),
            "marketplace_subject": "method",
        }

    async def test_leads_to_the_bank_where_that_asks(self, scene: Any) -> None:
        report = await scene.rail.begin_setup(scene.setup(ASKS))

        assert report.standing == SetupStanding.NEEDS_ACTION
        assert report.next_action.startswith("https://hooks.stripe.com/")

    async def test_is_told_in_our_words_where_the_bank_says_no(self, scene: Any) -> None:
        wanted = scene.setup("pm_card_visa_chargeDeclinedInsufficientFunds")

        report = await scene.rail.begin_setup(wanted)

        assert (report.standing, report.failure) == (SetupStanding.REJECTED, "insufficient_funds")
        assert await scene.rail.find_setup(wanted.reference) == report

    async def test_tells_that_the_customer_did_not_prove_itself(self, scene: Any) -> None:
        wanted = scene.setup(ASKS)
        await scene.rail.begin_setup(wanted)

        scene.stripe.books.wallet.authorise(str(wanted.reference), proves=False)

        report = await scene.rail.find_setup(wanted.reference)
        assert (report.standing, report.failure) == (SetupStanding.REJECTED, "authentication_failed")

    async def test_of_a_method_that_is_not_there_names_our_field(self, scene: Any) -> None:
        wanted = scene.setup("pm_nobody")

        with pytest.raises(Invalid) as refused:
            await scene.rail.begin_setup(wanted)

        assert refused.value.facts["field"] == "source"
        assert await scene.rail.find_setup(wanted.reference) is None

    async def test_of_what_is_no_card_is_refused_before_anything_is_sent(self, scene: Any) -> None:
        with pytest.raises(Invalid, match="kind"):
            await scene.rail.begin_setup(replace(scene.setup(), kind=MethodKind.DEBIT_ORDER))

        assert scene.stripe.asked == []

    async def test_of_a_live_marketplace_is_not_sent_with_a_test_key(self, scene: Any) -> None:
        async def live_of(_: Any) -> bool:
            return True

        rail = replace(scene.rail, account=replace(scene.rail.account, live_of=live_of))

        with pytest.raises(Unavailable, match="test key"):
            await rail.begin_setup(scene.setup())

        assert scene.stripe.asked == []


class TestAnAppThatConfirmsByItself:
    async def test_is_handed_what_its_form_needs(self, scene: Any) -> None:
        wanted = scene.setup(None)

        report = await scene.rail.begin_setup(wanted)

        secret = scene.stripe.books.wallet.setup(str(wanted.reference))["client_secret"]
        assert (report.standing, report.next_action) == (SetupStanding.NEEDS_ACTION, secret)
        assert "confirm" not in scene.stripe.orders(CREATE)[0]

    @pytest.mark.parametrize("first", [ASKS, "pm_card_visa_chargeDeclined"])
    async def test_may_go_on_with_the_same_until_a_card_is_saved(self, scene: Any, first: str) -> None:
        wanted, wallet = scene.setup(None), scene.stripe.books.wallet
        begun = await scene.rail.begin_setup(wanted)

        wallet.confirm_in_app(begun.next_action, first)
        between = await scene.rail.find_setup(wanted.reference)
        wallet.confirm_in_app(between.next_action, "pm_card_visa")

        after = await scene.rail.find_setup(wanted.reference)
        assert (between.standing, between.next_action) == (SetupStanding.NEEDS_ACTION, begun.next_action)
        assert (after.standing, bool(after.token)) == (SetupStanding.ACTIVE, True)


class TestACustomer:
    async def test_is_made_once_for_all_its_cards(self, scene: Any) -> None:
        """In two processes, which have no lock in common."""
        one, other, before = uuid4(), uuid4(), made(scene, "customer")
        async with rail_at(scene.stripe.url, shelf=scene.shelf, clock=scene.clock) as second:
            rails = (scene.rail, second) * 5

            await asyncio.gather(*(rail.begin_setup(scene.setup(customer_id=one)) for rail in rails))
            await scene.rail.begin_setup(scene.setup(customer_id=other))

        assert (made(scene, "customer"), made(scene, "setup_intent")) == (before + 2, 11)

    async def test_of_two_marketplaces_is_two(self, scene: Any) -> None:
        customer_id = uuid4()
        await scene.rail.begin_setup(scene.setup(customer_id=customer_id))

        await scene.rail.begin_setup(replace(scene.setup(customer_id=customer_id), tenant_id=uuid4()))

        assert len(scene.stripe.orders(CUSTOMERS)) == 2

    @pytest.mark.parametrize("fault", ["drop_before", "drop_after", "500_before", "500_after", "409"])
    async def test_is_made_once_whatever_becomes_of_the_answer(self, scene: Any, fault: str) -> None:
        wanted = scene.setup()
        before = made(scene, "customer")
        scene.stripe.faults.append(fault)
        with pytest.raises((Unavailable, OutcomeUnknown)):
            await scene.rail.begin_setup(wanted)

        report = await scene.rail.begin_setup(wanted)

        assert report.standing == SetupStanding.ACTIVE
        assert made(scene, "customer") == before + 1

    async def test_is_nothing_but_our_ids_to_stripe(self, scene: Any) -> None:
        wanted = scene.setup()

        await scene.rail.begin_setup(wanted)

        (asked,) = scene.stripe.orders(CUSTOMERS)
        assert asked.keys() == {"metadata"}
        assert asked["metadata"]["marketplace_customer"] == str(wanted.customer_id)
        assert asked["metadata"]["marketplace_tenant"] == str(wanted.tenant_id)

    async def test_that_was_deleted_at_stripe_gets_another(self, scene: Any) -> None:
        before, token = await scene.keep()
        scene.stripe.books.wallet.delete_customer(token.partition("/")[0])
        wanted = scene.setup(customer_id=before.customer_id)

        gone = await scene.rail.find_setup(before.reference)
        with pytest.raises(Unavailable):
            await scene.rail.begin_setup(wanted)
        report = await scene.rail.begin_setup(wanted)

        assert gone.standing == SetupStanding.CANCELLED
        assert report.standing == SetupStanding.ACTIVE


class TestADoubt:
    @pytest.mark.parametrize(("fault", "source"), [("drop_after", None), ("500_after", "pm_card_visa")])
    async def test_is_cleared_up_without_an_order(self, scene: Any, fault: str, source: str | None) -> None:
        await scene.rail.begin_setup(scene.setup())
        wanted = scene.setup(source)
        scene.stripe.faults += ["", fault]
        with pytest.raises(OutcomeUnknown):
            await scene.rail.begin_setup(wanted)
        orders = len(scene.posts())

        report = await scene.rail.find_setup(wanted.reference)

        assert report.standing in {SetupStanding.ACTIVE, SetupStanding.NEEDS_ACTION}
        assert len(scene.posts()) == orders

    @pytest.mark.parametrize("fault", ["drop_before", "drop_after", "500_before", "500_after", "409"])
    async def test_never_makes_two(self, scene: Any, fault: str) -> None:
        wanted = scene.setup()
        scene.stripe.faults += ["", fault]
        with pytest.raises((Unavailable, OutcomeUnknown)):
            await scene.rail.begin_setup(wanted)

        report = await scene.rail.begin_setup(wanted)

        assert report.standing == SetupStanding.ACTIVE
        assert made(scene, "setup_intent") == 1

    async def test_asks_no_search(self, scene: Any) -> None:
        wanted = scene.setup()
        scene.stripe.faults += ["", "drop_after"]
        with pytest.raises(OutcomeUnknown):
            await scene.rail.begin_setup(wanted)

        await scene.rail.find_setup(wanted.reference)

        assert not [path for _, path, _ in scene.stripe.asked if "search" in path]

    async def test_about_one_that_is_under_way_keeps_its_end_waiting(self, scene: Any) -> None:
        wanted = scene.setup("pm_played_neverArrives")
        with pytest.raises(OutcomeUnknown):
            await scene.rail.begin_setup(wanted)

        with pytest.raises(OutcomeUnknown):
            await scene.rail.revoke_setup(wanted.reference)
        scene.forward(minutes=3)
        revoked = await scene.rail.revoke_setup(wanted.reference)
        late = await scene.rail.begin_setup(wanted)

        assert revoked.standing == late.standing == SetupStanding.CANCELLED
        assert made(scene, "setup_intent") == 0

    @pytest.mark.parametrize("fault", ["drop_after", "500_before", "500_after"])
    async def test_about_an_end_is_cleared_up_by_asking_for_it_again(self, scene: Any, fault: str) -> None:
        wanted, _ = await scene.keep()
        scene.stripe.faults.append(fault)
        with pytest.raises((Unavailable, OutcomeUnknown)):
            await scene.rail.revoke_setup(wanted.reference)

        report = await scene.rail.revoke_setup(wanted.reference)

        assert report.standing == SetupStanding.CANCELLED


class TestRevoking:
    async def test_detaches_what_was_saved(self, scene: Any) -> None:
        wanted, token = await scene.keep()

        report = await scene.rail.revoke_setup(wanted.reference)

        assert scene.posts()[-1] == f"/v1/payment_methods/{token.partition('/')[2]}/detach"
        assert (report.standing, report.token, report.failure) == (SetupStanding.CANCELLED, None, "revoked")

    @pytest.mark.parametrize("source", [None, ASKS])
    async def test_cancels_what_nobody_has_confirmed_yet(self, scene: Any, source: str | None) -> None:
        wanted = scene.setup(source)
        await scene.rail.begin_setup(wanted)

        report = await scene.rail.revoke_setup(wanted.reference)

        assert scene.posts()[-1].endswith("/cancel")
        assert report.standing == SetupStanding.CANCELLED
        assert await scene.rail.find_setup(wanted.reference) == report

    async def test_finds_what_was_detached_at_stripe(self, scene: Any) -> None:
        wanted, token = await scene.keep()
        scene.stripe.books.wallet.detach(token.partition("/")[2])

        found = await scene.rail.find_setup(wanted.reference)
        again = await scene.rail.revoke_setup(wanted.reference)

        assert found.standing == again.standing == SetupStanding.CANCELLED


class TestACard:
    async def test_has_expired_when_its_month_is_over(self, scene: Any) -> None:
        wanted, _ = await scene.keep()
        before = await scene.rail.find_setup(wanted.reference)

        scene.now = before.expires_at
        report = await scene.rail.find_setup(wanted.reference)

        assert (report.standing, report.failure) == (SetupStanding.EXPIRED, "card_expired")

    async def test_that_its_bank_renews_goes_on(self, scene: Any) -> None:
        wanted, token = await scene.keep()

        scene.stripe.books.wallet.renew(token.partition("/")[2], exp_year=2033, exp_month=12)

        report = await scene.rail.find_setup(wanted.reference)
        assert (report.token, report.expires_at) == (token, datetime(2034, 1, 1, tzinfo=UTC))

    @pytest.mark.parametrize(
        ("brand", "label"),
        [("mastercard", "Mastercard 4242"), ("amex", "American Express 4242"), ("unknown", "Card 4242")],
    )
    async def test_is_known_by_its_brand(self, scene: Any, brand: str, label: str) -> None:
        wanted, token = await scene.keep()
        card = scene.stripe.books.objects[token.partition("/")[2]]["card"]
        card |= {"brand": brand, "display_brand": None}

        assert (await scene.rail.find_setup(wanted.reference)).label == label

    async def test_has_no_terms(self, scene: Any) -> None:
        wanted, _ = await scene.keep()

        for reference in (wanted.reference, uuid4()):
            with pytest.raises(Invalid, match="reference"):
                await scene.rail.amend_setup(reference, amendment=uuid4(), terms=TERMS)


class TestChargingASavedCard:
    async def test_goes_without_its_customer(self, scene: Any) -> None:
        wanted, token = await scene.keep()

        report = await scene.rail.collect(by(scene, wanted, token))

        (asked,) = scene.stripe.orders("/v1/payment_intents")
        named = (asked["customer"], asked["payment_method"])
        assert named == tuple(token.split("/"))
        assert (asked["off_session"], asked["confirm"]) == ("true", "true")
        assert report.standing == Standing.SUCCEEDED

    async def test_calls_its_customer_back_where_the_bank_asks(self, scene: Any) -> None:
        wanted, token = await scene.keep(ASKS)
        charge = by(scene, wanted, token)

        report = await scene.rail.collect(charge)
        scene.stripe.books.act(str(charge.reference), proves=True)

        assert (report.standing, bool(report.next_action)) == (Standing.NEEDS_ACTION, True)
        assert (await scene.rail.find(charge.reference)).standing == Standing.SUCCEEDED
        assert made(scene, "payment_intent") == 1

    async def test_has_failed_for_good_where_the_card_is_detached(self, scene: Any) -> None:
        wanted, token = await scene.keep()
        charge = by(scene, wanted, token)
        await scene.rail.revoke_setup(wanted.reference)

        report = await scene.rail.collect(charge)
        orders = len(scene.posts())

        assert (report.standing, report.failure) == (Standing.FAILED, "method_revoked")
        assert await scene.rail.collect(charge) == await scene.rail.find(charge.reference) == report
        assert len(scene.posts()) == orders

    async def test_is_refused_for_what_is_not_the_cards_fault(self, scene: Any) -> None:
        wanted, token = await scene.keep()
        await scene.rail.revoke_setup(wanted.reference)

        with pytest.raises(Invalid, match="method"):
            await scene.rail.collect(by(scene, wanted, f"cus_1/{token.partition('/')[2]}"))
