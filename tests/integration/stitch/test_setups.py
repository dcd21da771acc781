"""Methods that are kept at Stitch: what it is told of them, what it refuses, and what revoking stops."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.vendors.stitch.consents import payer
from tests.vendors.stitch.server import Stitch
from tests.vendors.stitch.stage import START, Watch, rail_at, rail_of

from marketplace.adapters.sandbox.shelf import MemoryShelf
from marketplace.adapters.stitch.account import ModeMismatch
from marketplace.adapters.stitch.rail import StitchRail
from marketplace.core.shared.errors import Invalid, OutcomeUnknown
from marketplace.core.shared.mandates import Adjustment, DebitValue, Frequency, MandateTerms
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Charge, Setup, SetupReport, SetupStanding, Standing

TENANT = UUID(int=7)
TERMS = MandateTerms(
    value=DebitValue.VARIABLE,
    frequency=Frequency.MONTHLY,
    collection_day=25,
    instalment_minor=20_000,
    maximum_minor=30_000,
    adjustment=Adjustment.ANNUALLY,
    adjustment_basis_points=650,
)


@pytest.fixture
async def rail(stitch: Stitch, watch: Watch) -> AsyncIterator[StitchRail]:
    async with rail_of(stitch, watch, debits_accounts=True) as opened:
        yield opened


def mandate(**given: Any) -> Setup:
    reference = uuid4()
    asked: dict[str, Any] = {
        "reference": reference,
        "tenant_id": TENANT,
        "customer_id": uuid4(),
        "kind": MethodKind.DEBIT_ORDER,
        "currency": "ZAR",
        "description": "Wash",
        "at": START,
        "payer": payer(),
        "terms": TERMS,
        "contract": reference.hex[:14].upper(),
    }
    return Setup(**(asked | given))


def card(**given: Any) -> Setup:
    return mandate(kind=MethodKind.CARD, payer=None, terms=None, contract=None, **given)


def charge(setup: Setup, token: str | None) -> Charge:
    return Charge(
        reference=uuid4(),
        tenant_id=TENANT,
        amount=Money(12_345, "ZAR"),
        method=token or "",
        hold=False,
        description="Wash",
        at=START,
        setup=setup.reference,
    )


async def agreed(rail: StitchRail, stitch: Stitch, setup: Setup) -> SetupReport:
    await rail.begin_setup(setup)
    if setup.source != "account":
        stitch.consents.act(setup.reference.hex, agrees=True)
    report = await rail.find_setup(setup.reference)
    assert report is not None
    return report


class TestBeginning:
    async def test_tells_a_bank_what_its_customer_agrees_to(self, rail: StitchRail, stitch: Stitch) -> None:
        setup = mandate(source="end_of_day")

        report = await rail.begin_setup(setup)

        (asked,) = stitch.forms
        assert asked["externalReference"] == f"marketplace:method:{TENANT}:{setup.reference}"
        assert asked["payerInformation"] == {
            "payerId": str(setup.customer_id),
            "fullName": "T Mokoena",
            "identifyingDocument": {"identityDocument": {"country": "ZA", "number": "8001015009087"}},
        }
        assert asked["paymentMethods"]["debicheck"]["details"] == {
            "contractReference": setup.contract,
            "authenticationChannel": "authEndOfDay",
            "payerBank": {
                "accountNumber": payer().account_number,
                "accountType": "current",
                "branchCode": "632005",
            },
            "collection": {
                "collectionFrequency": "monthly",
                "debitValueType": "variable",
                "collectionDay": 25,
                "instalmentAmount": {"quantity": "200.00", "currency": "ZAR"},
                "maximumCollectionAmount": {"quantity": "300.00", "currency": "ZAR"},
                "amountAdjustmentFrequency": "annually",
                "adjustmentRate": "6.50",
            },
        }
        assert (report.label, report.token) == (f"Bank account {payer().account_number[-4:]}", None)
        assert report.next_action == f"https://secure.stitch.example/consent/{setup.reference.hex}"

    async def test_leaves_to_stitch_what_only_the_payer_knows(self, rail: StitchRail, stitch: Stitch) -> None:
        await rail.begin_setup(mandate(payer=None))
        await rail.begin_setup(mandate(payer=replace(payer(), identity_number="A01234567")))
        await rail.begin_setup(card())

        first, second, third = stitch.forms
        assert "payerBank" not in first["paymentMethods"]["debicheck"]["details"]
        assert "identifyingDocument" not in second["payerInformation"]
        assert third["paymentMethods"] == {"card": {"enabled": True}}

    async def test_knows_a_card_by_its_digits_and_its_end(self, rail: StitchRail, stitch: Stitch) -> None:
        report = await agreed(rail, stitch, card())

        assert (report.label, report.expires_at) == ("Visa 4242", datetime(2030, 1, 1, tzinfo=UTC))
        assert report.token is not None
        assert report.token.startswith("consent:")

    async def test_lapses_where_nobody_came(self, rail: StitchRail, stitch: Stitch) -> None:
        setup = card()
        await rail.begin_setup(setup)

        stitch.consents.lapse(setup.reference.hex)

        report = await rail.find_setup(setup.reference)
        assert report is not None
        assert (report.standing, report.failure) == (SetupStanding.EXPIRED, "no_response")

    @pytest.mark.parametrize(
        ("outcome", "standing", "failure"),
        [
            ("is rejected", SetupStanding.REJECTED, "not_authenticated"),
            ("lapses", SetupStanding.EXPIRED, "no_response"),
            ("is suspended", SetupStanding.SUSPENDED, "suspended_by_bank"),
            ("is revoked at the bank", SetupStanding.CANCELLED, "revoked"),
        ],
    )
    async def test_says_in_our_words_why_a_bank_ends_it(
        self, rail: StitchRail, stitch: Stitch, watch: Watch, outcome: str, standing: Any, failure: str
    ) -> None:
        setup = mandate(payer=payer(outcome))
        await agreed(rail, stitch, setup)

        watch.now += timedelta(minutes=2)

        report = await rail.find_setup(setup.reference)
        assert report is not None
        assert (report.standing, report.failure) == (standing, failure)

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"currency": "USD"}, "currency"),
            ({"source": "registeredMandate"}, "source"),
            ({"payer": replace(payer(), account_type="bond")}, "payer.account_type"),
            ({"terms": replace(TERMS, day_may_move=False)}, "terms.day_may_move"),
            ({"terms": replace(TERMS, initial_minor=100)}, "terms.first_collection_on"),
            ({"terms": replace(TERMS, first_collection_on=date(2026, 12, 1))}, "terms.initial_minor"),
            ({"terms": replace(TERMS, maximum_minor=30_001)}, "request"),
            ({"source": "account", "payer": None}, "payer"),
            ({"kind": MethodKind.CARD, "source": "realtime"}, "source"),
        ],
        ids=str,
    )
    async def test_refuses_what_stitch_would_and_keeps_no_method(
        self, rail: StitchRail, stitch: Stitch, given: dict[str, Any], field: str
    ) -> None:
        setup = mandate(**given)

        with pytest.raises(Invalid) as refused:
            await rail.begin_setup(setup)

        assert refused.value.facts["field"] == field
        assert await rail.find_setup(setup.reference) is None
        assert stitch.consents.books == {}

    async def test_refuses_a_contract_that_another_has(self, rail: StitchRail) -> None:
        first = mandate()
        await rail.begin_setup(first)

        with pytest.raises(Invalid):
            await rail.begin_setup(mandate(contract=first.contract))

    async def test_asks_nothing_of_a_client_for_other_money(self, stitch: Stitch, watch: Watch) -> None:
        async with rail_of(stitch, watch, live=True) as rail:
            with pytest.raises(ModeMismatch):
                await rail.begin_setup(mandate())

        assert stitch.forms == []

    async def test_makes_one_where_the_first_answer_was_lost(self, rail: StitchRail, stitch: Stitch) -> None:
        setup = mandate()
        stitch.faults += ["drop_after"]

        with pytest.raises(OutcomeUnknown):
            await rail.begin_setup(setup)
        report = await rail.begin_setup(setup)

        assert report.standing is SetupStanding.NEEDS_ACTION
        assert (stitch.asked["consent"], len(stitch.consents.books)) == (1, 1)


class TestAmending:
    async def test_asks_its_payer_for_what_is_other_than_before(
        self, rail: StitchRail, stitch: Stitch, watch: Watch
    ) -> None:
        setup, first, second = mandate(), uuid4(), uuid4()
        await agreed(rail, stitch, setup)

        moved = await rail.amend_setup(
            setup.reference, amendment=first, terms=replace(TERMS, collection_day=26)
        )
        watch.now += timedelta(minutes=2)
        after = await rail.find_setup(setup.reference)
        wanted = replace(TERMS, collection_day=26, maximum_minor=29_000)
        risen = await rail.amend_setup(setup.reference, amendment=second, terms=wanted)

        assert [one["debicheck"]["collection"] for one in stitch.forms[1:]] == [
            {"collectionDay": 26},
            {"maximumCollectionAmount": {"quantity": "290.00", "currency": "ZAR"}},
        ]
        assert moved.amended is SetupStanding.PENDING
        assert after is not None
        assert (after.amendment, after.amended) == (first, SetupStanding.ACTIVE)
        # Amounts that may rise with the year may change without its payer's word.
        assert (risen.amendment, risen.amended) == (second, SetupStanding.ACTIVE)

    async def test_is_found_where_its_answer_was_lost(self, rail: StitchRail, stitch: Stitch) -> None:
        setup, amendment = mandate(), uuid4()
        await agreed(rail, stitch, setup)
        terms = replace(TERMS, collection_day=26)
        stitch.faults += ["drop_after"]
        with pytest.raises(OutcomeUnknown):
            await rail.amend_setup(setup.reference, amendment=amendment, terms=terms)

        report = await rail.amend_setup(setup.reference, amendment=amendment, terms=terms)

        assert (report.amendment, stitch.asked["amendment"]) == (amendment, 1)

    async def test_refuses_what_cannot_be_taken_back(self, rail: StitchRail, stitch: Stitch) -> None:
        setup = mandate(terms=replace(TERMS, first_collection_on=date(2026, 12, 1), initial_minor=9_900))
        await agreed(rail, stitch, setup)

        with pytest.raises(Invalid, match=r"terms\.first_collection_on"):
            await rail.amend_setup(setup.reference, amendment=uuid4(), terms=TERMS)


class TestRevoking:
    async def test_cancels_what_waits_and_revokes_what_stands(self, rail: StitchRail, stitch: Stitch) -> None:
        waits, stands = mandate(), mandate()
        await rail.begin_setup(waits)
        await agreed(rail, stitch, stands)

        for setup in (waits, stands, waits, stands):
            await rail.revoke_setup(setup.reference)

        assert (stitch.asked["cancellation"], stitch.asked["revocation"]) == (1, 1)

    async def test_is_in_doubt_while_it_may_be_under_way(
        self, rail: StitchRail, stitch: Stitch, watch: Watch
    ) -> None:
        setup = mandate()
        stitch.faults += ["drop_before"]
        with pytest.raises(OutcomeUnknown):
            await rail.begin_setup(setup)

        with pytest.raises(OutcomeUnknown, match="under way"):
            await rail.revoke_setup(setup.reference)
        watch.now += timedelta(minutes=3)
        report = await rail.revoke_setup(setup.reference)

        assert report.standing is SetupStanding.CANCELLED

    @pytest.mark.parametrize(("fault", "in_doubt"), [("hang", False), ("late", True)], ids=str)
    async def test_ends_what_another_process_is_beginning(
        self, stitch: Stitch, watch: Watch, *, fault: str, in_doubt: bool
    ) -> None:
        """Stitch has made it and does not answer, or makes it only after it was revoked."""
        shelf, setup = MemoryShelf(), mandate()
        async with (
            rail_at(stitch, shelf=shelf, clock=watch) as one,
            rail_at(stitch, shelf=shelf, clock=watch) as other,
        ):
            stitch.faults += [fault]
            beginning = asyncio.create_task(one.begin_setup(setup))
            await asyncio.to_thread(stitch.hung.wait, 10)
            revoking = await asyncio.gather(other.revoke_setup(setup.reference), return_exceptions=True)
            stitch.let_go.set()
            await asyncio.gather(beginning, return_exceptions=True)
            late = await one.begin_setup(setup)

        assert isinstance(revoking[0], OutcomeUnknown) is in_doubt
        assert late.standing is SetupStanding.CANCELLED
        assert [one["status"] for one in stitch.consents.books.values()] == ["PaymentConsentCancelled"]

    async def test_takes_no_money_by_a_card(self, rail: StitchRail, stitch: Stitch) -> None:
        setup = card()
        token = (await agreed(rail, stitch, setup)).token
        await rail.revoke_setup(setup.reference)
        asked = charge(setup, token)

        reports = [await rail.collect(asked), await rail.find(asked.reference), await rail.collect(asked)]

        assert {(one.standing, one.failure) for one in reports if one} == {
            (Standing.FAILED, "method_revoked")
        }
        assert stitch.transactions == {}


class TestAnAccount:
    async def test_is_debited_on_its_customers_word(self, rail: StitchRail, stitch: Stitch) -> None:
        setup = mandate(source="account")

        begun = await rail.begin_setup(setup)

        assert (begun.standing, begun.token) == (SetupStanding.ACTIVE, f"account:{setup.reference}")
        assert begun == await rail.find_setup(setup.reference) == await rail.begin_setup(setup)
        assert stitch.forms == []

    async def test_is_refused_where_the_operator_has_not_allowed_it(
        self, stitch: Stitch, watch: Watch
    ) -> None:
        async with rail_of(stitch, watch) as rail:
            with pytest.raises(Invalid, match="source"):
                await rail.begin_setup(mandate(source="account"))

            with pytest.raises(Invalid, match="source"):
                rail.check_source("account", field="source")

    async def test_has_other_terms_at_once(self, rail: StitchRail) -> None:
        setup, amendment = mandate(source="account"), uuid4()
        await rail.begin_setup(setup)

        report = await rail.amend_setup(setup.reference, amendment=amendment, terms=TERMS)

        assert (report.amendment, report.amended) == (amendment, SetupStanding.ACTIVE)

    async def test_is_forgotten_when_it_is_revoked(self, rail: StitchRail) -> None:
        setup = mandate(source="account")
        await rail.begin_setup(setup)

        report = await rail.revoke_setup(setup.reference)

        assert report.standing is SetupStanding.CANCELLED
        assert await rail.setups.payers.find(setup.reference, tenant_id=TENANT) is None
        assert (await rail.begin_setup(setup)).standing is SetupStanding.CANCELLED

    async def test_is_paid_by_its_own_token_alone(self, rail: StitchRail, stitch: Stitch) -> None:
        first, second = mandate(source="account"), mandate()
        tokens = [(await agreed(rail, stitch, setup)).token for setup in (first, second)]

        for setup, token in zip((first, second), reversed(tokens), strict=True):
            with pytest.raises(Invalid, match="method"):
                await rail.collect(charge(setup, token))


class TestAnothersToken:
    @pytest.mark.parametrize(
        "setup", [mandate(), card(), mandate(source="account")], ids=["mandate", "card", "account"]
    )
    async def test_pays_for_nobody_who_knows_it_alone(
        self, rail: StitchRail, stitch: Stitch, setup: Setup
    ) -> None:
        token = (await agreed(rail, stitch, setup)).token

        with pytest.raises(Invalid, match="method"):
            await rail.collect(replace(charge(setup, token), setup=None))

        assert stitch.transactions == {}

    async def test_of_an_account_is_named_by_no_app(self, rail: StitchRail) -> None:
        with pytest.raises(Invalid, match="payment_method"):
            rail.check_method(f"account:{uuid4()}", field="payment_method")
