from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.methods import MethodKind
from marketplace.core.tenants.policy import (
    BookingPolicy,
    CancellationTerms,
    Capture,
    Confirmation,
    PaymentPolicy,
    Policy,
)
from marketplace.core.tenants.rails import check_rail
from marketplace.core.tenants.tenant import Mode
from marketplace.ports.payments import Capabilities

RAIL = Capabilities(
    currencies=frozenset({"ZAR"}),
    hold_max=timedelta(days=1),
    pays_out=True,
)
POLICY = Policy(
    blueprint="home-services",
    currency="ZAR",
    locale="en_ZA",
    country="ZA",
    time_zone="Africa/Johannesburg",
    booking=BookingPolicy(confirmation=Confirmation.REQUEST, acceptance_window_minutes=23 * 60),
    payment=PaymentPolicy(rail="cards", capture=Capture.ON_CONFIRMATION),
    cancellation=CancellationTerms(()),
)


# A rail of a bank: it collects by mandate and pays out, and holds nothing.
BANK = replace(
    RAIL,
    hold_max=None,
    collects=frozenset({MethodKind.DEBIT_ORDER}),
    saves=frozenset({MethodKind.DEBIT_ORDER}),
)


def check(policy: Policy = POLICY, *, mode: Mode = Mode.TEST, **able: Any) -> None:
    rails = {"cards": replace(RAIL, **able), "bank": BANK, "other": RAIL}
    rails["short"] = replace(RAIL, hold_max=timedelta(hours=1, minutes=59))
    check_rail(policy, rails=rails, mode=mode)


def paying(**rails: str) -> Policy:
    return replace(POLICY, payment=replace(POLICY.payment, **rails))


class TestAPolicy:
    def test_charges_near_the_date_only_where_its_rail_saves_cards(self) -> None:
        near = replace(POLICY, payment=replace(POLICY.payment, capture=Capture.NEAR_DATE))
        check(near, saves=frozenset({MethodKind.CARD}))

        with pytest.raises(Invalid, match="saves no cards"):
            check(near)

    def test_may_hold_money_as_long_as_its_rail_does_less_the_time_to_take_it(self) -> None:
        check()

    @pytest.mark.parametrize(
        ("policy", "able", "field", "allowed"),
        [
            (replace(POLICY, currency="USD"), {}, "policy.currency", "ZAR"),
            (replace(POLICY, payment=PaymentPolicy(rail="cash")), {}, "policy.payment.rail", "cards"),
            (POLICY, {"hold_max": None}, "policy.payment.capture", "on_booking"),
            (
                POLICY,
                {"hold_max": timedelta(hours=23, minutes=59)},
                "policy.booking.acceptance_window_minutes",
                "1 to 1379",
            ),
            (paying(rail="bank"), {}, "policy.payment.rail", "cards"),
            (paying(fallback_rail="cash"), {}, "policy.payment.fallback_rail", "cards"),
            (paying(fallback_rail="bank"), {}, "policy.payment.fallback_rail", "cards"),
            (paying(fallback_rail="cards"), {}, "policy.payment.fallback_rail", "another"),
            (paying(fallback_rail="short"), {}, "policy.booking.acceptance_window_minutes", "1 to 59"),
            (paying(debit_order_rail="cash"), {}, "policy.payment.debit_order_rail", "bank"),
            (paying(debit_order_rail="cards"), {}, "policy.payment.debit_order_rail", "bank"),
            (paying(payout_rail="cash"), {}, "policy.payment.payout_rail", "bank"),
            (POLICY, {"pays_out": False}, "policy.payment.payout_rail", "bank"),
            (
                replace(paying(payout_rail="bank"), currency="USD"),
                {"currencies": frozenset({"USD"})},
                "policy.currency",
                "ZAR",
            ),
        ],
    )
    def test_that_asks_for_more_is_refused_by_its_field(
        self, policy: Policy, able: dict[str, Any], field: str, allowed: str
    ) -> None:
        with pytest.raises(Invalid) as refused:
            check(policy, **able)

        assert refused.value.facts["field"] == field
        assert allowed in str(refused.value.facts["allowed"])

    def test_may_leave_debit_orders_and_payouts_to_rails_of_their_own(self) -> None:
        check(paying(debit_order_rail="bank", payout_rail="bank"), pays_out=False)

    @pytest.mark.parametrize(
        ("down", "rail"),
        [((), "cards"), (("cards",), "other"), (("other",), "cards"), (("cards", "other"), "cards")],
    )
    def test_has_its_cards_taken_by_another_while_its_rail_is_down(
        self, down: tuple[str, ...], rail: str
    ) -> None:
        policy = paying(fallback_rail="other")
        check(policy)

        assert policy.payment.card_rail(down=down) == rail
        assert POLICY.payment.card_rail(down=down) == "cards"

    def test_names_each_of_its_rails_once(self) -> None:
        two = paying(debit_order_rail="bank", payout_rail="bank").payment

        assert two.rails == ("cards", "bank")
        assert paying(fallback_rail="other", payout_rail="bank").payment.rails == ("cards", "other", "bank")
        assert [two.collecting_rail(kind) for kind in MethodKind] == ["cards", "bank"]
        assert {POLICY.payment.collecting_rail(kind) for kind in MethodKind} == {POLICY.payment.paying_rail}

    def test_that_holds_nothing_may_wait_for_as_long_as_it_likes(self) -> None:
        check(replace(POLICY, payment=PaymentPolicy(rail="cards", capture=Capture.ON_BOOKING)), hold_max=None)

    def test_that_asks_no_provider_needs_no_hold_that_lasts(self) -> None:
        instant = replace(POLICY.booking, confirmation=Confirmation.INSTANT)

        check(replace(POLICY, booking=instant), hold_max=timedelta(hours=2))

    @pytest.mark.parametrize("mode", Mode)
    def test_may_have_a_rail_whose_money_is_as_real_as_its_own(self, mode: Mode) -> None:
        check(mode=mode)
        check(mode=mode, live=mode is Mode.LIVE)

        with pytest.raises(Invalid, match="money"):
            check(mode=mode, live=mode is Mode.TEST)
