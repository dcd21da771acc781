"""Lanes differ in policy: who confirms, when money is taken, fees, currency, zone, and when payouts go."""

from datetime import date

from marketplace.core.tenants.dispatching import DispatchPolicy
from marketplace.core.tenants.policy import (
    BookingPolicy,
    CancellationTerms,
    CancellationTier,
    Capture,
    Confirmation,
    FeePolicy,
    PaymentPolicy,
    PayoutPolicy,
    Policy,
    VatPolicy,
    VatRate,
)

_TERMS = CancellationTerms((CancellationTier(1_440, 10_000), CancellationTier(120, 5_000)), grace_minutes=10)
_FEES = (
    FeePolicy(commission_basis_points=1_500),
    FeePolicy(commission_basis_points=1_000, customer_fee_minor=1_000),
    FeePolicy(customer_fee_basis_points=333),
    FeePolicy(),
)
_PLACES = (("ZAR", "en_ZA", "ZA", "Africa/Johannesburg"), ("JPY", "ja_JP", "JP", "Europe/Berlin"))


def policy_of(number: int) -> Policy:
    """The policy of a lane: each difference changes with a period of its own."""
    currency, locale, country, time_zone = _PLACES[number % 5 % 2]
    return Policy(
        blueprint="home-services",
        currency=currency,
        locale=locale,
        country=country,
        time_zone=time_zone,
        booking=BookingPolicy(confirmation=list(Confirmation)[1 - number % 2], start_code=number % 3 > 0),
        payment=PaymentPolicy(
            capture=list(Capture)[number // 2 % 3], charge_lead_minutes=12 * 60, charge_grace_minutes=6 * 60
        ),
        fees=_FEES[number % len(_FEES)],
        vat=VatPolicy(rates=(VatRate(date(2025, 1, 1), 1_500),)),
        cancellation=_TERMS,
        dispatch=DispatchPolicy(fresh_seconds=1_800, load_max=1 + number % 2),
        payout=PayoutPolicy(
            approval_above_minor=150_000 if number % 2 else 1_000_000, risk_delay_minutes=number % 3 * 1_440
        ),
    )
