from dataclasses import asdict, replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.catalogue.pricing import ChosenOption, Option, Price, PriceRule, price
from marketplace.core.shared.errors import Invalid
from marketplace.core.tenants.policy import FeePolicy

VAT = 1_500
WAX = Option("wax", "Wax", 5_000, max_quantity=3)
MATS = Option("mats", "Mats", 2_500)
FIXED = PriceRule("fixed", 20_000)
HOURLY = PriceRule("per_hour", 30_000, call_out_minor=10_000, minimum_minor=25_000)
NO_FEE = FeePolicy()


def priced(
    rule: PriceRule = FIXED,
    *,
    chosen: tuple[ChosenOption, ...] = (),
    minutes: int = 60,
    currency: str = "ZAR",
    vat: int = VAT,
    included: bool = True,
    fee: FeePolicy = NO_FEE,
) -> Price:
    return price(
        rule=rule,
        options=(WAX, MATS),
        chosen=chosen,
        duration_minutes=minutes,
        currency=currency,
        vat_rate_basis_points=vat,
        prices_include_vat=included,
        fee=fee,
    )


def amounts(found: Price) -> dict[str, int]:
    return {line.code: line.amount_minor for line in found.lines}


class TestPrice:
    def test_of_a_fixed_service_does_not_depend_on_its_length(self) -> None:
        totals = {priced(FIXED, minutes=minutes).total_minor for minutes in (1, 60, 600)}

        assert totals == {20_000}

    def test_by_the_hour_counts_minutes_and_adds_the_call_out(self) -> None:
        found = priced(HOURLY, minutes=90)

        assert amounts(found) == {"base": 45_000, "call_out": 10_000}
        assert found.total_minor == 55_000

    def test_is_no_less_than_the_minimum_before_the_call_out(self) -> None:
        found = priced(HOURLY, minutes=30)

        assert amounts(found) == {"base": 25_000, "call_out": 10_000}

    def test_lists_each_option_with_its_quantity(self) -> None:
        found = priced(chosen=(ChosenOption("wax", 2), ChosenOption("mats")))

        options = [(line.code, line.label, line.quantity, line.amount_minor) for line in found.lines[1:]]
        assert options == [("option:wax", "Wax", 2, 10_000), ("option:mats", "Mats", 1, 2_500)]

    def test_finds_the_vat_inside_prices_that_include_it(self) -> None:
        found = priced(PriceRule("fixed", 11_500))

        assert (found.total_minor, found.vat_minor) == (11_500, 1_500)
        assert "vat" not in amounts(found)

    def test_puts_vat_on_prices_that_leave_it_out(self) -> None:
        found = priced(PriceRule("fixed", 10_000), included=False)

        assert amounts(found) == {"base": 10_000, "vat": 1_500}
        assert (found.total_minor, found.vat_minor) == (11_500, 1_500)

    def test_takes_the_commission_and_its_vat_from_the_provider(self) -> None:
        found = priced(fee=FeePolicy(commission_basis_points=1_000))

        assert found.total_minor == 20_000
        assert (found.fee_minor, found.fee_vat_minor, found.provider_minor) == (2_000, 300, 17_700)

    def test_adds_the_customer_s_fee_and_keeps_it_from_the_commission(self) -> None:
        fee = FeePolicy(commission_basis_points=1_000, customer_fee_minor=150, customer_fee_basis_points=500)

        found = priced(fee=fee)

        assert amounts(found) == {"base": 20_000, "customer_fee": 1_150}
        assert (found.customer_fee_minor, found.customer_fee_vat_minor) == (1_150, 150)
        assert (found.fee_minor, found.provider_minor) == (2_000, 17_700)
        assert found.vat_minor == 2_609 + 150

    def test_is_the_same_whether_vat_is_put_on_or_found_inside(self) -> None:
        fee = FeePolicy(commission_basis_points=1_000, customer_fee_minor=150, customer_fee_basis_points=500)

        put_on = priced(PriceRule("fixed", 10_000), included=False, fee=fee)
        inside = priced(PriceRule("fixed", 11_500), fee=fee)

        assert {**asdict(put_on), "lines": ()} == {**asdict(inside), "lines": ()}

    @pytest.mark.parametrize(
        ("chosen", "field", "allowed"),
        [
            ((ChosenOption("gold"),), "options", "mats, wax"),
            ((ChosenOption("wax", 4),), "options.wax.quantity", "1 to 3"),
            ((ChosenOption("wax", 0),), "options.wax.quantity", "1 to 3"),
            ((ChosenOption("mats", -1),), "options.mats.quantity", "1 to 1"),
            ((ChosenOption("wax"), ChosenOption("wax")), "options", "each option once, with its quantity"),
        ],
    )
    def test_refuses_options_that_are_not_offered(
        self, chosen: tuple[ChosenOption, ...], field: str, allowed: str
    ) -> None:
        with pytest.raises(Invalid) as refused:
            priced(chosen=chosen)

        assert (refused.value.facts["field"], refused.value.facts["allowed"]) == (field, allowed)

    @pytest.mark.parametrize("minutes", [-60, 0, 31 * 24 * 60 + 1])
    def test_refuses_a_length_that_no_job_has(self, minutes: int) -> None:
        with pytest.raises(Invalid, match="duration_minutes") as refused:
            priced(minutes=minutes)

        assert refused.value.facts["allowed"] == "1 to 44640"

    def test_refuses_an_unknown_currency_and_an_impossible_rate(self) -> None:
        with pytest.raises(Invalid, match="currency"):
            priced(currency="XXX")
        with pytest.raises(Invalid, match="vat_rate_basis_points"):
            priced(vat=-1)

    def test_refuses_a_commission_that_leaves_the_provider_in_debt(self) -> None:
        with pytest.raises(Invalid, match="commission_basis_points"):
            priced(fee=FeePolicy(commission_basis_points=9_000))


class TestFacts:
    @pytest.mark.parametrize(
        ("fact", "field", "wrong"),
        [
            (FIXED, "amount_minor", -1),
            (FIXED, "call_out_minor", -1),
            (FIXED, "minimum_minor", 10**12 + 1),
            (WAX, "amount_minor", -1),
            (WAX, "max_quantity", 0),
            (WAX, "max_quantity", 1_001),
        ],
    )
    def test_are_refused_outside_their_range(self, fact: PriceRule | Option, field: str, wrong: int) -> None:
        with pytest.raises(Invalid, match=field):
            replace(fact, **{field: wrong})  # type: ignore[arg-type]

    @pytest.mark.parametrize("fact", [HOURLY, WAX, priced(HOURLY)])
    def test_are_stored_as_json_and_read_back(self, fact: object) -> None:
        text = msgspec.json.encode(fact)

        assert msgspec.json.decode(text, type=type(fact)) == fact


some_minor = st.integers(0, 10**9)
rules = st.builds(PriceRule, st.sampled_from(["fixed", "per_hour"]), some_minor, some_minor, some_minor)
fees = st.builds(
    FeePolicy,
    commission_basis_points=st.integers(0, 8_000),
    customer_fee_minor=st.integers(0, 10**6),
    customer_fee_basis_points=st.integers(0, 10_000),
)
choices = st.sampled_from([(), (ChosenOption("wax", 3),), (ChosenOption("mats"), ChosenOption("wax"))])


class TestSums:
    @given(
        rule=rules,
        chosen=choices,
        minutes=st.integers(1, 44_640),
        vat=st.integers(0, 2_000),
        included=st.booleans(),
        fee=fees,
    )
    def test_add_up_exactly(
        self,
        rule: PriceRule,
        chosen: tuple[ChosenOption, ...],
        minutes: int,
        vat: int,
        included: bool,  # noqa: FBT001 - drawn by Hypothesis
        fee: FeePolicy,
    ) -> None:
        found = priced(rule, chosen=chosen, minutes=minutes, vat=vat, included=included, fee=fee)

        platform = found.customer_fee_minor + found.fee_minor + found.fee_vat_minor
        assert found.total_minor == sum(line.amount_minor for line in found.lines)
        assert found.total_minor == found.provider_minor + platform
        assert all(line.amount_minor == line.quantity * line.unit_minor for line in found.lines)
        assert 0 <= found.customer_fee_vat_minor <= found.vat_minor <= found.total_minor
        assert min(found.provider_minor, found.fee_minor, found.fee_vat_minor) >= 0
        assert len({line.code for line in found.lines}) == len(found.lines)
