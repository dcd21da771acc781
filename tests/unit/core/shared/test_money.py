from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import (
    Money,
    format_plain,
    per_hour_minor,
    share_minor,
    split,
    vat_included,
    vat_on,
)

amounts = st.integers(-(10**15), 10**15)
rates = st.integers(0, 10_000)
weight_lists = st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(any)


class TestMoney:
    def test_adds_subtracts_and_negates(self) -> None:
        fare, tip = Money(12_000, "ZAR"), Money(500, "ZAR")

        results = (fare + tip, fare - tip, -tip)

        assert results == (Money(12_500, "ZAR"), Money(11_500, "ZAR"), Money(-500, "ZAR"))

    def test_refuses_to_mix_currencies(self) -> None:
        rand, dollar = Money(1, "ZAR"), Money(1, "USD")

        with pytest.raises(Invalid, match="currency") as adding:
            _ = rand + dollar
        with pytest.raises(Invalid, match="currency"):
            _ = rand - dollar

        assert adding.value.facts["allowed"] == "ZAR"

    @pytest.mark.parametrize("currency", ["", "zar", "XXX", "RAND"])
    def test_refuses_an_unknown_currency(self, currency: str) -> None:
        with pytest.raises(Invalid, match="currency"):
            Money(1, currency)


class TestShare:
    def test_rounds_halves_up(self) -> None:
        shares = [Money(minor, "ZAR").share(5_000).minor for minor in (1, 2, 3, -1, -3)]

        assert shares == [1, 1, 2, -1, -2]

    @given(minor=amounts, basis_points=rates)
    def test_agrees_with_decimal_arithmetic(self, minor: int, basis_points: int) -> None:
        exact = Decimal(minor) * basis_points / 10_000

        share = share_minor(minor=minor, basis_points=basis_points)

        assert share == int(exact.quantize(Decimal(1), ROUND_HALF_UP))

    def test_prices_part_of_an_hour(self) -> None:
        prices = [per_hour_minor(hourly_minor=10_001, minutes=minutes) for minutes in (30, 60, 90)]

        assert prices == [5_001, 10_001, 15_002]


class TestSplit:
    def test_gives_the_residue_to_the_largest_remainder(self) -> None:
        parts = split(total_minor=100, weights=(1, 5, 3))

        assert parts == (11, 56, 33)

    def test_serves_the_earlier_of_equal_remainders(self) -> None:
        parts = split(total_minor=5, weights=(1, 1, 1))

        assert parts == (2, 2, 1)

    def test_gives_everything_to_the_only_one(self) -> None:
        parts = split(total_minor=7, weights=(0, 1))

        assert parts == (0, 7)

    def test_mirrors_a_negative_total(self) -> None:
        parts = split(total_minor=-5, weights=(1, 1, 1))

        assert parts == (-2, -2, -1)

    @pytest.mark.parametrize("weights", [(), (0, 0), (2, -1)])
    def test_refuses_weights_that_divide_nothing(self, weights: tuple[int, ...]) -> None:
        with pytest.raises(Invalid, match="weights"):
            split(total_minor=1, weights=weights)

    @given(total=amounts, weights=weight_lists)
    def test_adds_up_and_stays_within_one_of_the_exact_part(self, total: int, weights: list[int]) -> None:
        whole = sum(weights)

        parts = split(total_minor=total, weights=weights)

        assert sum(parts) == total
        pairs = zip(parts, weights, strict=True)
        assert all(abs(part * whole - total * weight) < whole for part, weight in pairs)


class TestVat:
    def test_takes_the_part_inside_a_gross_price(self) -> None:
        vat = vat_included(gross_minor=11_500, rate_basis_points=1_500)

        assert vat == 1_500

    @given(net=st.integers(0, 10**12), rate=rates)
    def test_finds_in_the_gross_what_was_put_on_the_net(self, net: int, rate: int) -> None:
        vat = vat_on(net_minor=net, rate_basis_points=rate)

        found = vat_included(gross_minor=net + vat, rate_basis_points=rate)

        assert found == vat


class TestFormatPlain:
    @pytest.mark.parametrize(
        ("money", "text"),
        [
            (Money(12_000, "ZAR"), "ZAR 120.00"),
            (Money(-5, "ZAR"), "ZAR -0.05"),
            (Money(0, "ZAR"), "ZAR 0.00"),
            (Money(120, "JPY"), "JPY 120"),
            (Money(1_005, "KWD"), "KWD 1.005"),
        ],
    )
    def test_shows_as_many_places_as_the_currency_has(self, money: Money, text: str) -> None:
        assert format_plain(money) == text
