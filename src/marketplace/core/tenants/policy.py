"""A blueprint is policy as data: everything in which one marketplace may differ from another."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Annotated

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.limits import (
    AMOUNT_MINOR_MAX,
    BasisPoints,
    Between,
    Length,
    Minor,
    Name,
    Word,
    check_range,
)
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.money import BASIS_POINTS, check_currency
from marketplace.core.tenants.dispatching import DispatchPolicy

DAY_MINUTES = 24 * 60
YEAR_MINUTES = 366 * DAY_MINUTES
Window = Annotated[int, Between(1, YEAR_MINUTES)]
Delay = Annotated[int, Between(0, YEAR_MINUTES)]
_WINDOWS = (
    "payment_window_minutes",
    "acceptance_window_minutes",
    "complaint_window_minutes",
    "dispute_deadline_minutes",
    "slot_step_minutes",
)

_PAYMENT_WINDOWS = (
    "authorisation_window_minutes",
    "debit_order_window_minutes",
    "charge_lead_minutes",
    "charge_grace_minutes",
)


class Confirmation(StrEnum):
    """Who makes a paid booking firm: the payment itself, or the provider's yes."""

    INSTANT = "instant"
    REQUEST = "request"


class Capture(StrEnum):
    """
    When money is taken: at once, or held on the card until the booking is firm, or near the date.

    Near the date only a saved method is charged, as a hold would not last: who pays otherwise pays at once.
    """

    ON_BOOKING = "on_booking"
    ON_CONFIRMATION = "on_confirmation"
    NEAR_DATE = "near_date"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingPolicy:
    confirmation: Confirmation = Confirmation.REQUEST
    payment_window_minutes: Window = 15
    acceptance_window_minutes: Window = 120
    complaint_window_minutes: Window = 1440
    no_show_grace_minutes: Annotated[int, Between(0, DAY_MINUTES)] = 15
    dispute_deadline_minutes: Window = 7 * 1440
    start_code: bool = True
    slot_step_minutes: Window = 15
    horizon_days: Annotated[int, Between(1, 730)] = 60

    def __post_init__(self) -> None:
        for name in _WINDOWS:
            check_range(name, getattr(self, name), least=1, most=YEAR_MINUTES)
        check_range("no_show_grace_minutes", self.no_show_grace_minutes, most=DAY_MINUTES)
        check_range("horizon_days", self.horizon_days, least=1, most=730)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPolicy:
    """
    `rail` takes the money, of debit orders too and pays it out, where these have no rail of their own.

    While `rail` is down, cards are taken by the `fallback_rail`, where there is one; a payment that has
    surely not reached the first within `fallback_after_minutes` goes on by it.
    A method that is to be saved waits `authorisation_window_minutes` for its payer's word; a debit order has
    `debit_order_window_minutes` to bring the money, and pays for nothing that begins before.

    Near the date is `charge_lead_minutes` before the start; money that does not come then may still be paid
    another way for `charge_grace_minutes`.
    """

    rail: Word = "sandbox"
    fallback_rail: Word | None = None
    fallback_after_minutes: Delay = 1
    debit_order_rail: Word | None = None
    payout_rail: Word | None = None
    capture: Capture = Capture.ON_BOOKING
    authorisation_window_minutes: Window = 3 * DAY_MINUTES
    debit_order_window_minutes: Window = 3 * DAY_MINUTES
    charge_lead_minutes: Window = 3 * DAY_MINUTES
    charge_grace_minutes: Window = DAY_MINUTES

    def __post_init__(self) -> None:
        for name in _PAYMENT_WINDOWS:
            check_range(name, getattr(self, name), least=1, most=YEAR_MINUTES)
        check_range("fallback_after_minutes", self.fallback_after_minutes, most=YEAR_MINUTES)
        if self.charge_grace_minutes >= self.charge_lead_minutes:
            allowed = f"less than charge_lead_minutes, {self.charge_lead_minutes}"
            raise Invalid("charge_grace_minutes", "reaches past the start of the job", allowed)

    def card_rail(self, *, down: Collection[str]) -> str:
        """The name of the rail by which a new payment by card begins while these are down."""
        other = self.fallback_rail
        return other if other is not None and self.rail in down and other not in down else self.rail

    def collecting_rail(self, kind: MethodKind) -> str:
        """The name of the rail that a method of this kind goes by."""
        own = self.debit_order_rail if kind == MethodKind.DEBIT_ORDER else None
        return own or self.rail

    @property
    def paying_rail(self) -> str:
        return self.payout_rail or self.rail

    @property
    def rails(self) -> tuple[str, ...]:
        """Every rail's name, once."""
        named = (self.rail, self.fallback_rail, self.debit_order_rail, self.payout_rail)
        return tuple(dict.fromkeys(filter(None, named)))


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """Commission comes out of the provider's share; the customer's fee is added, VAT included."""

    commission_basis_points: BasisPoints = 0
    customer_fee_minor: Minor = 0
    customer_fee_basis_points: BasisPoints = 0

    def __post_init__(self) -> None:
        check_range("commission_basis_points", self.commission_basis_points, most=BASIS_POINTS)
        check_range("customer_fee_minor", self.customer_fee_minor, most=AMOUNT_MINOR_MAX)
        check_range("customer_fee_basis_points", self.customer_fee_basis_points, most=BASIS_POINTS)


@dataclass(frozen=True, slots=True)
class VatRate:
    """A rate and the first local day on which it holds."""

    since: date
    basis_points: BasisPoints

    def __post_init__(self) -> None:
        check_range("basis_points", self.basis_points, most=BASIS_POINTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class VatPolicy:
    rates: Annotated[tuple[VatRate, ...], Length(100)] = ()
    prices_include_vat: bool = True
    # The platform's own, as its documents have to show it.
    number: Word | None = None

    def basis_points_on(self, day: date) -> int:
        """The rate in force on `day`; 0 before the first."""
        in_force = [rate for rate in self.rates if rate.since <= day]
        return max(in_force, key=lambda rate: rate.since).basis_points if in_force else 0


@dataclass(frozen=True, slots=True)
class CancellationTier:
    """Applies with at least this notice; less than 0 reaches past the start."""

    notice_minutes: Annotated[int, Between(-YEAR_MINUTES, YEAR_MINUTES)]
    refund_basis_points: BasisPoints


@dataclass(frozen=True, slots=True)
class CancellationTerms:
    """
    Tiers from the longest notice to the shortest; below the last one nothing is refunded.

    Within the grace after booking everything is refunded, while the start is still further off than that.
    """

    tiers: Annotated[tuple[CancellationTier, ...], Length(20)]
    grace_minutes: Delay = 0

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


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutPolicy:
    """Payouts are drawn once a local day from `run_hour` on."""

    approval_above_minor: Minor = 1_000_000
    minimum_minor: Minor = 0
    risk_delay_minutes: Delay = 0
    run_hour: Annotated[int, Between(0, 23)] = 6

    def __post_init__(self) -> None:
        check_range("run_hour", self.run_hour, most=23)
        check_range("approval_above_minor", self.approval_above_minor, most=AMOUNT_MINOR_MAX)
        check_range("minimum_minor", self.minimum_minor, most=AMOUNT_MINOR_MAX)
        check_range("risk_delay_minutes", self.risk_delay_minutes, most=YEAR_MINUTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPolicy:
    """A completed booking may be reviewed for so many days."""

    window_days: Annotated[int, Between(1, 366)] = 30

    def __post_init__(self) -> None:
        check_range("window_days", self.window_days, least=1, most=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What this business calls things; used in messages and pages."""

    brand: Name = "Marketplace"
    customer: Name = "customer"
    provider: Name = "provider"
    booking: Name = "booking"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    blueprint: Word
    currency: Word
    locale: Word
    country: Word
    time_zone: Word
    booking: BookingPolicy = field(default_factory=BookingPolicy)
    payment: PaymentPolicy = field(default_factory=PaymentPolicy)
    fees: FeePolicy = field(default_factory=FeePolicy)
    vat: VatPolicy = field(default_factory=VatPolicy)
    cancellation: CancellationTerms
    payout: PayoutPolicy = field(default_factory=PayoutPolicy)
    dispatch: DispatchPolicy = field(default_factory=DispatchPolicy)
    reviews: ReviewPolicy = field(default_factory=ReviewPolicy)
    wording: Wording = field(default_factory=Wording)

    def __post_init__(self) -> None:
        check_currency(self.currency)
