"""What is refunded on a cancellation depends on who cancels, why, and how long before the start."""

from datetime import datetime, timedelta
from typing import Literal

from marketplace.core.shared.money import share_minor
from marketplace.core.tenants.policy import CancellationTerms

# Consumer Protection Act 68 of 2008 (South Africa), section 17(5): no charge where the person the
# booking was made for died or is in hospital.
EXEMPT_REASONS = frozenset({"death", "hospitalisation"})

Canceller = Literal["customer", "provider", "platform"]


def refund_minor(
    *,
    terms: CancellationTerms,
    by: Canceller,
    reason_code: str,
    captured_minor: int,
    booked_at: datetime,
    starts_at: datetime,
    at: datetime,
) -> int:
    """`terms` are those the booking was made under; of a part of a minor unit, half and more is refunded."""
    if by != "customer" or reason_code in EXEMPT_REASONS:
        return captured_minor
    notice, since_booking = starts_at - at, at - booked_at
    grace = timedelta(minutes=terms.grace_minutes)
    if since_booking < grace < notice:
        return captured_minor
    return share_minor(minor=captured_minor, basis_points=_basis_points(terms, notice=notice))


def _basis_points(terms: CancellationTerms, *, notice: timedelta) -> int:
    met = (tier for tier in terms.tiers if timedelta(minutes=tier.notice_minutes) <= notice)
    return next((tier.refund_basis_points for tier in met), 0)
