"""A blueprint is policy as data: everything in which one marketplace may differ from another."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from marketplace.core.shared.errors import Invalid


class Confirmation(StrEnum):
    """Who makes a paid booking firm: the payment itself, or the provider's yes."""

    INSTANT = "instant"
    REQUEST = "request"


class Capture(StrEnum):
    """When money is taken: at once, or held on the card until the booking is firm."""

    ON_BOOKING = "on_booking"
    ON_CONFIRMATION = "on_confirmation"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingPolicy:
    confirmation: Confirmation = Confirmation.REQUEST
    payment_window_minutes: int = 15
    acceptance_window_minutes: int = 120
    complaint_window_minutes: int = 1440
    no_show_grace_minutes: int = 15
    dispute_deadline_minutes: int = 7 * 1440
    start_code: bool = True
    slot_step_minutes: int = 15
    horizon_days: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPolicy:
    rail: str = "sandbox"
    capture: Capture = Capture.ON_BOOKING


@dataclass(frozen=True, slots=True, kw_only=True)
class FeePolicy:
    """What the platform earns: a share of the provider's price, and a fee on top for the customer."""

    commission_basis_points: int = 1500
    customer_fee_minor: int = 0
    customer_fee_basis_points: int = 0


@dataclass(frozen=True, slots=True)
class VatRate:
    """A rate and the first local day on which it holds."""

    since: date
    basis_points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VatPolicy:
    rates: tuple[VatRate, ...] = ()
    prices_include_vat: bool = True

    def basis_points_on(self, day: date) -> int:
        """The rate in force on `day`; 0 before the first."""
        in_force = [rate for rate in self.rates if rate.since <= day]
        return max(in_force, key=lambda rate: rate.since).basis_points if in_force else 0


@dataclass(frozen=True, slots=True)
class CancellationTier:
    """With at least this much notice, this share comes back."""

    notice_minutes: int
    refund_basis_points: int


@dataclass(frozen=True, slots=True)
class CancellationTerms:
    """Tiers by notice, longest first; within `grace_minutes` of booking all comes back."""

    tiers: tuple[CancellationTier, ...] = (CancellationTier(1440, 10_000), CancellationTier(0, 5_000))
    grace_minutes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutPolicy:
    approval_above_minor: int = 1_000_000
    minimum_minor: int = 0
    risk_delay_minutes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What this business calls things; used in messages and pages."""

    brand: str = "Marketplace"
    customer: str = "customer"
    provider: str = "provider"
    booking: str = "booking"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    blueprint: str
    currency: str
    locale: str
    country: str
    time_zone: str
    booking: BookingPolicy = field(default_factory=BookingPolicy)
    payment: PaymentPolicy = field(default_factory=PaymentPolicy)
    fees: FeePolicy = field(default_factory=FeePolicy)
    vat: VatPolicy = field(default_factory=VatPolicy)
    cancellation: CancellationTerms = field(default_factory=CancellationTerms)
    payout: PayoutPolicy = field(default_factory=PayoutPolicy)
    wording: Wording = field(default_factory=Wording)


WHOLE_BASIS_POINTS = 10_000


def check_policy(policy: Policy) -> None:
    """Refuse a policy that contradicts itself; names the field of the blueprint file."""
    for name, value in _windows(policy.booking).items():
        if value <= timedelta(0):
            raise Invalid(f"booking.{name}", "must be positive")
    _share("fees.commission_basis_points", policy.fees.commission_basis_points)
    _share("fees.customer_fee_basis_points", policy.fees.customer_fee_basis_points)
    for rate in policy.vat.rates:
        _share("vat.rates.basis_points", rate.basis_points)
    _check_tiers(policy.cancellation)


def _windows(booking: BookingPolicy) -> dict[str, timedelta]:
    return {
        "payment_window_minutes": timedelta(minutes=booking.payment_window_minutes),
        "acceptance_window_minutes": timedelta(minutes=booking.acceptance_window_minutes),
        "complaint_window_minutes": timedelta(minutes=booking.complaint_window_minutes),
        "dispute_deadline_minutes": timedelta(minutes=booking.dispute_deadline_minutes),
        "slot_step_minutes": timedelta(minutes=booking.slot_step_minutes),
        "horizon_days": timedelta(days=booking.horizon_days),
    }


def _share(name: str, value: int) -> None:
    if not 0 <= value <= WHOLE_BASIS_POINTS:
        raise Invalid(name, f"{value} is no share", "0 to 10000 basis points")


def _check_tiers(terms: CancellationTerms) -> None:
    for tier in terms.tiers:
        _share("cancellation.tiers.refund_basis_points", tier.refund_basis_points)
    for longer, shorter in zip(terms.tiers, terms.tiers[1:], strict=False):
        if shorter.notice_minutes >= longer.notice_minutes:
            raise Invalid("cancellation.tiers", "notice must fall from tier to tier")
        if shorter.refund_basis_points > longer.refund_basis_points:
            raise Invalid("cancellation.tiers", "less notice must not refund more")
