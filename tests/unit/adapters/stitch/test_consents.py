"""Consents in the port's words, and mandates in Stitch's: by the vendor's facts where they are at hand."""

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from marketplace.adapters.stitch import mandates, standings
from marketplace.adapters.stitch.consents import Amendment, Card, Consent, Details, Status
from marketplace.adapters.stitch.keeping import Kept
from marketplace.adapters.stitch.sources import CHANNELS
from marketplace.core.payments.mandate import Consent as Word
from marketplace.core.payments.mandate import consent_needed
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.mandates import Adjustment, DebitValue, Frequency, MandateTerms
from marketplace.core.shared.methods import MethodKind
from marketplace.ports.payments import SetupReport, SetupStanding

KEPT = Kept(
    reference=UUID(int=1),
    tenant_id=UUID(int=7),
    kind=MethodKind.DEBIT_ORDER,
    contract="C-1",
    label="Bank account",
)
TERMS = MandateTerms(
    value=DebitValue.FIXED,
    frequency=Frequency.MONTHLY,
    collection_day=25,
    instalment_minor=20_000,
    maximum_minor=30_000,
)


def facts() -> Any:
    beside = Path(__file__).parents[5] / "shared" / "contracts"
    path = Path(os.environ.get("MARKETPLACE_TEST_CONTRACTS", beside)) / "stitch" / "facts.json"
    if not path.exists():
        pytest.skip("the vendor's facts are not at hand")
    return json.loads(path.read_text("utf-8"))["consent"]


def report(
    kind: str, *, kept: Kept = KEPT, amendment: Amendment | None = None, **details: Any
) -> SetupReport:
    status = Status(kind=kind, pending_revocation=details.pop("pending_revocation", None))
    found = Details(**details) if details else None
    asked = {"id": "Yw==", "nonce": KEPT.nonce, "url": "https://stitch.example/c"}
    return standings.of_consent(kept, Consent(**asked, status=status, details=found, amendment=amendment))


class TestStandings:
    def test_know_every_status_of_the_vendors_facts(self) -> None:
        told = {name: report(name).standing for name in facts()["statuses"]}

        assert [name for name, standing in told.items() if standing is SetupStanding.PENDING] == [
            "PaymentConsentProcessing"
        ]

    @pytest.mark.parametrize(
        ("details", "standing", "action"),
        [
            ({"status": "queued"}, SetupStanding.PENDING, None),
            ({"status": "pendingAuthorisation"}, SetupStanding.NEEDS_ACTION, "https://stitch.example/c"),
        ],
        ids=str,
    )
    def test_say_whether_it_is_the_payers_turn(
        self, details: dict[str, str], standing: SetupStanding, action: str | None
    ) -> None:
        told = report("PaymentConsentProcessing", **details)

        assert (told.standing, told.next_action, told.token) == (standing, action, None)

    @pytest.mark.parametrize(
        ("kept", "standing"),
        [(False, SetupStanding.SUSPENDED), (True, SetupStanding.CANCELLED)],
        ids=["at the bank", "here"],
    )
    def test_let_nothing_be_collected_while_it_is_revoked(
        self, *, kept: bool, standing: SetupStanding
    ) -> None:
        revoked = Kept(reference=KEPT.reference, tenant_id=KEPT.tenant_id, contract="C-1", revoked=kept)

        assert report("PaymentConsentGranted", kept=revoked, pending_revocation=True).standing is standing

    @pytest.mark.parametrize(
        ("details", "standing", "failure"),
        [
            ({}, SetupStanding.REJECTED, "declined"),
            ({"bank_reason": "AC04"}, SetupStanding.REJECTED, "account_closed"),
            ({"bank_reason": "ZZ99"}, SetupStanding.REJECTED, "declined"),
            ({"status": "systemError"}, SetupStanding.REJECTED, "try_again_later"),
            ({"status": "noResponse"}, SetupStanding.EXPIRED, "no_response"),
        ],
        ids=str,
    )
    def test_say_why_it_failed(self, details: dict[str, str], standing: SetupStanding, failure: str) -> None:
        told = report("PaymentConsentFailed", **details)

        assert (told.standing, told.failure) == (standing, failure)

    def test_end_nothing_by_a_word_that_is_new(self) -> None:
        assert report("PaymentConsentDreaming").standing is SetupStanding.PENDING

    def test_ask_the_payer_for_an_amendment_where_stitch_does(self) -> None:
        reason = standings.reason_of(UUID(int=3))
        asks = Amendment(status="PENDING", reason=reason, expected_action="https://stitch.example/a")

        told = report("PaymentConsentGranted", amendment=asks)

        assert (told.amendment, told.amended) == (UUID(int=3), SetupStanding.NEEDS_ACTION)
        assert (told.standing, told.next_action) == (SetupStanding.ACTIVE, "https://stitch.example/a")

    def test_know_no_amendment_that_others_made(self) -> None:
        theirs = Amendment(status="SUCCESS", reason="by telephone")

        told = report("PaymentConsentGranted", amendment=theirs)

        assert (told.amendment, told.amended) == (None, None)

    @pytest.mark.parametrize(
        ("year", "month", "end"),
        [(2029, 11, datetime(2029, 12, 1, tzinfo=UTC)), (29, 12, datetime(2030, 1, 1, tzinfo=UTC))],
    )
    def test_know_when_a_card_ends(self, year: int, month: int, end: datetime) -> None:
        card = Card(network="MASTERCARD", last4="4444", expiry_year=year, expiry_month=month)

        told = report("PaymentConsentGranted", card=card)

        assert (told.label, told.expires_at) == ("Mastercard 4444", end)


class TestMandates:
    def test_are_told_in_the_words_of_the_vendors_facts(self) -> None:
        known = facts()

        def told(**terms: Any) -> dict[str, Any]:
            return mandates.collection_of(MandateTerms(**{"maximum_minor": 1, "collection_day": 1, **terms}))

        fixed = {"value": DebitValue.FIXED, "frequency": Frequency.WEEKLY}
        assert [told(**fixed | {"frequency": one})["collectionFrequency"] for one in Frequency] == known[
            "collectionFrequency"
        ]
        assert [told(**fixed | {"value": one})["debitValueType"] for one in DebitValue] == known[
            "debitValueType"
        ]
        assert [told(**fixed, adjustment=one)["amountAdjustmentFrequency"] for one in Adjustment] == known[
            "amountAdjustmentFrequency"
        ]
        assert {*CHANNELS.values(), "registeredMandate"} == set(known["authenticationChannel"])

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"collection_day": 26}, {"collectionDay": 26}),
            ({"day_may_move": False}, {"dayAdjustmentAllowed": False}),
            (
                {"first_collection_on": date(2026, 12, 1), "initial_minor": 100},
                {
                    "firstCollectionDate": "2026-12-01",
                    "firstCollectionAmount": {"quantity": "1.00", "currency": "ZAR"},
                },
            ),
            (
                {"adjustment": Adjustment.ANNUALLY, "adjustment_basis_points": 650},
                {"amountAdjustmentFrequency": "annually", "adjustmentRate": "6.50"},
            ),
        ],
        ids=str,
    )
    def test_tell_of_an_amendment_what_is_other(self, change: dict[str, Any], told: dict[str, Any]) -> None:
        after = MandateTerms(**{**_fields(TERMS), **change})

        assert mandates.changes(TERMS, after) == told
        assert consent_needed(TERMS, after) is Word.PAYER

    def test_tell_nothing_of_how_amounts_rise_that_rise_no_more(self) -> None:
        rising = {"adjustment": Adjustment.ANNUALLY, "adjustment_minor": 500}
        before = MandateTerms(**{**_fields(TERMS), **rising})

        assert mandates.changes(before, TERMS) == {"amountAdjustmentFrequency": "never"}

    def test_take_no_instalment_out_of_a_mandate(self) -> None:
        with pytest.raises(Invalid, match=r"terms\.instalment_minor"):
            mandates.changes(TERMS, MandateTerms(**{**_fields(TERMS), "instalment_minor": None}))


def _fields(terms: MandateTerms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in MandateTerms.__dataclass_fields__}
