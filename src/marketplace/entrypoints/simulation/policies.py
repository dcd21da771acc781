"""Lanes differ in policy: who confirms, by what and when money is taken, fees, currency, when payouts go."""

from dataclasses import replace
from datetime import date

from marketplace.core.tenants.dispatching import DispatchPolicy
from marketplace.core.tenants.policy import (
    BookingPolicy,
    CancellationTerms,
    CancellationTier,
    Capture,
    Confirmation,
    FeePolicy,
    PayoutPolicy,
    Policy,
    VatPolicy,
    VatRate,
)
from marketplace.core.tenants.rails import check_rail
from marketplace.core.tenants.tenant import Mode
from marketplace.entrypoints.simulation.ways import way_of

_TERMS = CancellationTerms((CancellationTier(1_440, 10_000), CancellationTier(120, 5_000)), grace_minutes=10)
_FEES = (
    FeePolicy(commission_basis_points=1_500),
    FeePolicy(commission_basis_points=1_000, customer_fee_minor=1_000),
    FeePolicy(customer_fee_basis_points=333),
    FeePolicy(),
)
_HOME = ("ZAR", "en_ZA", "ZA", "Africa/Johannesburg")
_PLACES = (_HOME, ("JPY", "ja_JP", "JP", "Europe/Berlin"))
_CAPTURES, _CONFIRMATIONS = tuple(Capture), tuple(Confirmation)


def policy_of(number: int) -> Policy:
    """
    The policy of a lane: each difference changes with a period of its own.

    Raises Invalid where it asks more of its rails than they can do.
    """
    way = way_of(number)
    currency, locale, country, time_zone = _HOME if way.currency == _HOME[0] else _PLACES[number % 5 % 2]
    policy = Policy(
        blueprint="home-services",
        currency=currency,
        locale=locale,
        country=country,
        time_zone=time_zone,
        booking=BookingPolicy(
            confirmation=_CONFIRMATIONS[1 - (number + 1) // 2 % 2], start_code=number % 4 > 0
        ),
        payment=replace(
            way.payment,
            capture=_CAPTURES[number // 3 % len(_CAPTURES)],
            charge_lead_minutes=12 * 60,
            charge_grace_minutes=6 * 60,
        ),
        fees=_FEES[number % len(_FEES)],
        vat=VatPolicy(rates=(VatRate(date(2025, 1, 1), 1_500),)),
        cancellation=_TERMS,
        dispatch=DispatchPolicy(fresh_seconds=1_800, load_max=1 + number % 2),
        payout=PayoutPolicy(
            approval_above_minor=150_000 if number % 2 else 1_000_000,
            risk_delay_minutes=(number + number // 3) % 3 * 1_440,
        ),
    )
    check_rail(policy, rails=way.rails, mode=Mode.TEST)
    return policy
