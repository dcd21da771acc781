from dataclasses import replace

import msgspec
import pytest

from marketplace.core.shared.errors import Invalid
from marketplace.core.tenants.policy import CancellationTerms, CancellationTier, FeePolicy


class TestFeePolicy:
    @pytest.mark.parametrize(
        ("field", "wrong"),
        [
            ("commission_basis_points", 10_001),
            ("customer_fee_minor", -1),
            ("customer_fee_basis_points", -1),
        ],
    )
    def test_refuses_fees_outside_their_range(self, field: str, wrong: int) -> None:
        with pytest.raises(Invalid, match=field):
            replace(FeePolicy(), **{field: wrong})


class TestCancellationTerms:
    @pytest.mark.parametrize(
        ("tiers", "grace_minutes", "field"),
        [
            ([(60, 5_000), (60, 4_000)], 0, r"tiers\[1\].notice_minutes"),
            ([(60, 5_000), (120, 4_000)], 0, r"tiers\[1\].notice_minutes"),
            ([(60, 5_000), (30, 5_001)], 0, r"tiers\[1\].refund_basis_points"),
            ([(60, 10_001)], 0, r"tiers\[0\].refund_basis_points"),
            ([(60, 5_000), (30, -1)], 0, r"tiers\[1\].refund_basis_points"),
            ([], -1, "grace_minutes"),
        ],
    )
    def test_refuses_terms_that_make_no_sense(
        self, tiers: list[tuple[int, int]], grace_minutes: int, field: str
    ) -> None:
        with pytest.raises(Invalid, match=field):
            CancellationTerms(tuple(CancellationTier(*tier) for tier in tiers), grace_minutes)

    def test_may_have_a_level_refund_and_are_stored_as_json(self) -> None:
        terms = CancellationTerms((CancellationTier(60, 5_000), CancellationTier(-60, 5_000)), 30)

        text = msgspec.json.encode(terms)

        assert msgspec.json.decode(text, type=CancellationTerms) == terms
