"""Terms that no bank would take are refused before they are sent, and a change says whose word it takes."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from marketplace.core.payments.mandate import (
    COLLECTION_DAYS,
    USAGE_MAXIMUM_MINOR,
    Consent,
    check_amendment,
    check_terms,
    consent_needed,
)
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.mandates import Adjustment, DebitValue, Frequency, MandateTerms

TODAY = date(2026, 11, 2)
TERMS = MandateTerms(
    value=DebitValue.VARIABLE,
    frequency=Frequency.MONTHLY,
    collection_day=30,
    instalment_minor=10_000,
    maximum_minor=15_000,
    first_collection_on=TODAY,
)
BY_USAGE = replace(TERMS, value=DebitValue.USAGE_BASED, instalment_minor=None)


class TestTerms:
    @pytest.mark.parametrize(
        "terms",
        [
            TERMS,
            replace(TERMS, value=DebitValue.FIXED, maximum_minor=10_000),
            replace(BY_USAGE, maximum_minor=USAGE_MAXIMUM_MINOR),
            replace(TERMS, adjustment=Adjustment.ANNUALLY, adjustment_basis_points=600),
            replace(TERMS, adjustment=Adjustment.REPO),
            replace(TERMS, first_collection_on=None),
        ],
        ids=str,
    )
    def test_that_a_bank_takes_are_taken(self, terms: MandateTerms) -> None:
        check_terms(terms, today=TODAY)

    @pytest.mark.parametrize(
        ("terms", "field"),
        [
            (replace(TERMS, instalment_minor=None), "terms.instalment_minor"),
            (replace(TERMS, instalment_minor=0), "terms.instalment_minor"),
            (replace(TERMS, instalment_minor=15_001), "terms.instalment_minor"),
            (replace(TERMS, maximum_minor=15_001), "terms.maximum_minor"),
            (replace(TERMS, maximum_minor=0), "terms.maximum_minor"),
            (replace(TERMS, instalment_minor=9_999), "terms.maximum_minor"),
            (replace(BY_USAGE, maximum_minor=USAGE_MAXIMUM_MINOR + 1), "terms.maximum_minor"),
            (replace(BY_USAGE, maximum_minor=0), "terms.maximum_minor"),
            (replace(TERMS, first_collection_on=date(2026, 11, 1)), "terms.first_collection_on"),
            (replace(TERMS, adjustment_minor=100), "terms.adjustment_minor"),
            (
                replace(TERMS, adjustment=Adjustment.REPO, adjustment_basis_points=1),
                "terms.adjustment_basis_points",
            ),
            (
                replace(
                    TERMS,
                    adjustment=Adjustment.ANNUALLY,
                    adjustment_minor=1,
                    adjustment_basis_points=1,
                ),
                "terms.adjustment_basis_points",
            ),
        ],
        ids=str,
    )
    def test_that_no_bank_takes_are_refused_by_their_field(self, terms: MandateTerms, field: str) -> None:
        with pytest.raises(Invalid) as refused:
            check_terms(terms, today=TODAY)

        assert refused.value.facts["field"] == field

    @pytest.mark.parametrize(
        ("frequency", "days", "none"),
        [
            (Frequency.WEEKLY, (1, 7), (8, 99)),
            (Frequency.FORTNIGHTLY, (1, 14), (15, 99)),
            (Frequency.MONTHLY, (1, 30), (31, 99)),
            (Frequency.QUARTERLY, (1, 30, 99), (31,)),
            (Frequency.BIANNUALLY, (1, 30, 99), (31,)),
            (Frequency.YEARLY, (1, 30, 99), (31,)),
            (Frequency.AD_HOC, (1, 6, 7, 12, 14, 99), (13, 15, 98)),
        ],
    )
    def test_have_a_day_that_their_frequency_knows(
        self, frequency: Frequency, days: tuple[int, ...], none: tuple[int, ...]
    ) -> None:
        for day in days:
            check_terms(replace(TERMS, frequency=frequency, collection_day=day), today=TODAY)

        for day in (0, *none):
            with pytest.raises(Invalid, match="collection_day"):
                check_terms(replace(TERMS, frequency=frequency, collection_day=day), today=TODAY)

    def test_of_every_frequency_have_days(self) -> None:
        assert COLLECTION_DAYS.keys() == set(Frequency)


class TestAnAmendment:
    @pytest.mark.parametrize(
        ("changed", "consent"),
        [
            ({"maximum_minor": 12_000}, Consent.PAYER),
            ({"instalment_minor": 11_000}, Consent.PAYER),
            ({"first_collection_on": date(2026, 12, 1)}, Consent.PAYER),
            ({"initial_minor": 5_000}, Consent.PAYER),
            ({"collection_day": 1}, Consent.PAYER),
            ({"day_may_move": False}, Consent.PAYER),
            ({"adjustment": Adjustment.ANNUALLY, "adjustment_minor": 500}, Consent.PAYER),
            ({"frequency": Frequency.QUARTERLY}, Consent.NEW_MANDATE),
            ({"value": DebitValue.FIXED}, Consent.NEW_MANDATE),
        ],
        ids=str,
    )
    def test_says_whose_word_it_takes(self, changed: dict[str, Any], consent: Consent) -> None:
        assert consent_needed(TERMS, replace(TERMS, **changed)) == consent

    def test_of_amounts_that_may_rise_takes_nobodys_word(self) -> None:
        rising = replace(TERMS, adjustment=Adjustment.ANNUALLY)

        assert check_amendment(rising, replace(rising, maximum_minor=14_000), today=TODAY) == Consent.NOBODY

    def test_of_the_frequency_is_refused_and_says_what_to_do(self) -> None:
        with pytest.raises(Invalid, match="new payment method") as refused:
            check_amendment(TERMS, replace(TERMS, frequency=Frequency.QUARTERLY), today=TODAY)

        assert refused.value.facts["field"] == "terms.frequency"

    def test_to_what_stands_is_none(self) -> None:
        with pytest.raises(Invalid, match="those that stand"):
            check_amendment(TERMS, TERMS, today=TODAY)

    def test_keeps_a_first_collection_that_has_been(self) -> None:
        later = date(2027, 1, 1)

        assert check_amendment(TERMS, replace(TERMS, collection_day=1), today=later) == Consent.PAYER
