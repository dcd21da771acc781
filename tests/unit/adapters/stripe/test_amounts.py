import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.adapters.stripe.amounts import CURRENCIES, from_stripe, to_stripe
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import Money


class TestAnAmount:
    @pytest.mark.parametrize(
        ("minor", "currency", "count"),
        [
            (1_099, "USD", 1_099),
            (500, "JPY", 500),
            (5, "UGX", 500),
            (5_120, "KWD", 5_120),
        ],
    )
    def test_is_counted_as_stripe_counts(self, minor: int, currency: str, count: int) -> None:
        assert to_stripe(Money(minor, currency)) == count
        assert from_stripe(count, currency.lower()) == Money(minor, currency)

    @pytest.mark.parametrize(
        ("minor", "currency", "field"),
        [
            (5_124, "KWD", "amount"),
            (0, "ZAR", "amount"),
            (-1, "ZAR", "amount"),
            (1, "GHS", "currency"),
        ],
    )
    def test_that_stripe_cannot_be_told_is_refused(self, minor: int, currency: str, field: str) -> None:
        with pytest.raises(Invalid) as refused:
            to_stripe(Money(minor, currency))

        assert refused.value.facts["field"] == field

    @given(st.integers(1, 10**9), st.sampled_from(sorted(CURRENCIES)))
    def test_comes_back_as_it_went(self, units: int, currency: str) -> None:
        amount = Money(units * 100, currency)

        assert from_stripe(to_stripe(amount), currency) == amount

    def test_that_went_is_less_than_nothing(self) -> None:
        assert from_stripe(-500, "ugx") == Money(-5, "UGX")
