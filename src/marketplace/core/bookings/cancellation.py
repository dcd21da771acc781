"""What is refunded on a cancellation depends on who cancels, why, and how long before the start."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import BASIS_POINTS, share_minor

# Consumer Protection Act 68 of 2008 (South Africa), section 17(5): no charge where the person the
# booking was made for died or is in hospital.
EXEMPT_REASONS = frozenset({"death", "hospitalisation"})

Canceller = Literal["customer", "provider", "platform"]


@dataclass(frozen=True, slots=True)
class CancellationTier:
    """Applies with at least this notice; less than 0 reaches past the start."""

    notice_minutes: int
    refund_basis_points: int


@dataclass(frozen=True, slots=True)
class CancellationTerms:
    """
    Tiers from the longest notice to the shortest; below the last one nothing is refunded.

    Within the grace after booking everything is refunded, while the start is still further off than that.
    """

    tiers: tuple[CancellationTier, ...]
    grace_minutes: int = 0

    def __post_init__(self) -> None:
        validate(self)


def validate(terms: CancellationTerms) -> None:
    """Raises Invalid where less notice would be worth as much time, or more money."""
    for index, tier in enumerate(terms.tiers):
        if not 0 <= tier.refund_basis_points <= BASIS_POINTS:
            raise Invalid(f"tiers[{index}].refund_basis_points", "is out of range", f"0 to {BASIS_POINTS}")
    for index, (more, less) in enumerate(pairwise(terms.tiers), start=1):
        if less.notice_minutes >= more.notice_minutes:
            allowed = f"less than {more.notice_minutes}"
            raise Invalid(f"tiers[{index}].notice_minutes", "is not in falling order", allowed)
        if less.refund_basis_points > more.refund_basis_points:
            allowed = f"0 to {more.refund_basis_points}"
            raise Invalid(f"tiers[{index}].refund_basis_points", "gives more for less notice", allowed)
    if terms.grace_minutes < 0:
        raise Invalid("grace_minutes", "is negative", "0 or more")


def refund_minor(  # noqa: PLR0913 - each is a fact of its own
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
