"""A connected account is opened once, and what Stripe says of it is told in plain words."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from tests.vendors.stripe.post import body_of, signed, untold

from marketplace.adapters.stripe.requirements import in_plain_words
from marketplace.core.shared.errors import Invalid, OutcomeUnknown, Unavailable
from marketplace.core.shared.payees import PayeeKind
from marketplace.ports.paying import PayeeOrder, PayeeStanding
from marketplace.ports.payments import Hint

PAGES = {"return_url": "https://app.example/back", "refresh_url": "https://app.example/again"}


def order_of(scene: Any, **given: Any) -> PayeeOrder:
    order = PayeeOrder(
        reference=uuid4(),
        tenant_id=scene.tenant_id,
        provider_id=uuid4(),
        kind=PayeeKind.HOSTED,
        name="Sparkle Mobile",
        currency="USD",
        at=scene.now,
        country="US",
    )
    return replace(order, **given)


async def opened(scene: Any) -> tuple[PayeeOrder, dict[str, Any]]:
    order = order_of(scene)
    report = await scene.rail.open_payee(order)
    scene.stripe.books.connect.submit(str(order.reference))
    return order, scene.stripe.books.objects[report.token]


class TestAnAccount:
    async def test_is_asked_for_as_separate_charges_and_transfers_need_it(self, scene: Any) -> None:
        order = order_of(scene)

        await scene.rail.open_payee(order)

        (form,) = scene.stripe.orders("/v1/accounts")
        assert form == {
            "controller": {
                "losses": {"payments": "application"},
                "fees": {"payer": "application"},
                "requirement_collection": "stripe",
                "stripe_dashboard": {"type": "express"},
            },
            "capabilities": {"transfers": {"requested": "true"}},
            "business_profile": {"name": "Sparkle Mobile"},
            "country": "US",
            "metadata": {
                "marketplace_reference": str(order.reference),
                "marketplace_tenant": str(scene.tenant_id),
                "marketplace_subject": "payee",
            },
        }

    async def test_is_looked_for_before_it_is_sent_again(self, scene: Any) -> None:
        order = order_of(scene)
        scene.stripe.faults.append("500_after")
        with pytest.raises(OutcomeUnknown):
            await scene.rail.open_payee(order)

        report = await scene.rail.open_payee(order)

        assert len(scene.stripe.orders("/v1/accounts")) == 1
        assert len(scene.stripe.books.of("account")) == 1
        assert report.standing is PayeeStanding.NEEDS_ACTION

    async def test_that_surely_did_not_come_goes_under_another_key(self, scene: Any) -> None:
        order = order_of(scene)
        scene.stripe.faults.append("500_before")
        with pytest.raises(OutcomeUnknown):
            await scene.rail.open_payee(order)

        await scene.rail.open_payee(replace(order, name="Renamed"))

        first, second = scene.stripe.orders("/v1/accounts")
        assert first == second
        assert len(scene.stripe.books.of("account")) == 1

    async def test_says_what_it_is_known_by_once_it_has_a_bank(self, scene: Any) -> None:
        order, account = await opened(scene)

        report = await scene.rail.find_payee(order.reference)

        assert (report.standing, report.token) == (PayeeStanding.ACTIVE, account["id"])
        assert report.label == "STRIPE TEST BANK 6789"

    @pytest.mark.parametrize(
        ("reason", "changes", "standing"),
        [
            ("requirements.pending_verification", {}, PayeeStanding.PENDING),
            ("under_review", {}, PayeeStanding.PENDING),
            ("requirements.past_due", {"due": ["individual.id_number"]}, PayeeStanding.NEEDS_ACTION),
            ("platform_paused", {}, PayeeStanding.RESTRICTED),
            ("rejected.terms_of_service", {}, PayeeStanding.REJECTED),
        ],
    )
    async def test_stands_as_its_requirements_say(
        self, scene: Any, reason: str, changes: dict[str, Any], standing: PayeeStanding
    ) -> None:
        order, account = await opened(scene)
        scene.stripe.books.connect.stand(account, reason, **changes)

        report = await scene.rail.find_payee(order.reference)

        assert report.standing is standing
        told = {
            PayeeStanding.RESTRICTED: "platform paused",
            PayeeStanding.REJECTED: "rejected terms of service",
        }
        assert report.failure == told.get(standing)

    async def test_that_takes_money_and_pays_none_out_does_not_receive(self, scene: Any) -> None:
        order, account = await opened(scene)
        account["payouts_enabled"] = False

        assert (await scene.rail.find_payee(order.reference)).standing is PayeeStanding.RESTRICTED

    async def test_that_stripe_does_not_show_is_restricted_until_it_does(self, scene: Any) -> None:
        """As where the key is another account's: one that is closed would be lost for good."""
        order, account = await opened(scene)
        account["_hidden"] = True
        hidden = await scene.rail.find_payee(order.reference)
        account["_hidden"] = False

        shown = await scene.rail.find_payee(order.reference)

        assert (hidden.standing, hidden.failure) == (
            PayeeStanding.RESTRICTED,
            "Stripe does not show it to us",
        )
        assert shown.standing is PayeeStanding.ACTIVE

    async def test_in_a_country_that_stripe_does_not_serve_is_refused_by_the_field(self, scene: Any) -> None:
        with pytest.raises(Invalid) as refused:
            await scene.rail.open_payee(order_of(scene, country="ZW"))

        assert refused.value.facts["field"] == "country"

    async def test_is_not_opened_for_a_live_marketplace_with_a_test_key(self, scene: Any) -> None:
        async def live(_tenant_id: Any) -> bool:
            return True

        scene.rail.account.live_of = live

        with pytest.raises(Unavailable):
            await scene.rail.open_payee(order_of(scene))

        assert scene.posts() == []


class TestALink:
    async def test_is_a_new_one_each_time(self, scene: Any) -> None:
        order = order_of(scene)
        report = await scene.rail.open_payee(order)

        links = {await scene.rail.onboarding_link(order.reference, **PAGES) for _ in range(3)}

        assert len(links) == 3
        form = scene.stripe.orders("/v1/account_links")[0]
        assert form == {
            "account": report.token,
            "type": "account_onboarding",
            "collection_options": {"fields": "eventually_due"},
            **PAGES,
        }

    @pytest.mark.parametrize("fault", ["drop_before", "500_before", "429"])
    async def test_that_was_not_made_may_be_asked_for_again(self, scene: Any, fault: str) -> None:
        order = order_of(scene)
        await scene.rail.open_payee(order)
        scene.stripe.faults.append(fault)

        with pytest.raises(Unavailable):
            await scene.rail.onboarding_link(order.reference, **PAGES)

        assert await scene.rail.onboarding_link(order.reference, **PAGES)


class TestAnEvent:
    async def test_of_an_account_says_whose_it_is(self, scene: Any) -> None:
        order, _ = await opened(scene)

        events = untold(scene.stripe)
        body = body_of(events[-1])
        found = scene.rail.verify_and_parse(headers=signed(body, at=scene.now), body=body, now=scene.now)

        assert found == (
            Hint(
                event_id=events[-1]["id"],
                tenant_id=scene.tenant_id,
                reference=order.reference,
                subject="payee",
            ),
        )


class TestARequirement:
    def test_is_told_in_plain_words_and_once(self) -> None:
        names = (
            "individual.dob.day",
            "individual.dob.month",
            "person_1Abc.first_name",
            "individual.verification.document",
            "tos_acceptance.date",
            "business_profile.annual_revenue",
        )

        assert in_plain_words(names) == (
            "a date of birth",
            "a name",
            "proof of identity",
            "agreement to Stripe's terms",
            "annual revenue",
        )
