"""What may be asked of a booking; each is at once HTTP body, CLI arguments and SDK call."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from marketplace.core.catalogue.pricing import ChosenOption
from marketplace.core.shared.limits import (
    Length,
    Line,
    Minor,
    Minutes,
    NewId,
    Reason,
    Text,
    VendorToken,
    Word,
)
from marketplace.core.shared.place import Place

ReasonCode = Literal["change_of_plans", "illness", "death", "hospitalisation", "weather", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateBooking:
    """Book a free slot of a service and begin its payment; `payment_method` is a token of the rail."""

    booking_id: NewId
    provider_id: UUID
    service_id: UUID
    starts_at: datetime
    payment_method: VendorToken
    duration_minutes: Minutes | None = None
    options: Annotated[tuple[ChosenOption, ...], Length(50)] = ()
    address: Line | None = None
    place: Place | None = None
    note: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOut:
    """
    Have somebody come who does this, and begin the payment; without `starts_at` as soon as possible.

    `until` is the latest that the work may begin; without it as far on as the marketplace reaches.
    """

    booking_id: NewId
    service_id: UUID
    place: Place
    payment_method: VendorToken
    starts_at: datetime | None = None
    until: datetime | None = None
    duration_minutes: Minutes | None = None
    options: Annotated[tuple[ChosenOption, ...], Length(50)] = ()
    address: Line | None = None
    note: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPayment:
    """Pay with another method after the first was declined, while the payment window is open."""

    booking_id: UUID
    payment_id: NewId
    payment_method: VendorToken
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptBooking:
    """Say yes to a paid request."""

    booking_id: UUID
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineBooking:
    """Say no to a paid request; the customer gets everything back."""

    booking_id: UUID
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignBooking:
    """Give a paid booking without a provider to one; takes capacity in the same write."""

    booking_id: UUID
    provider_id: UUID
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOut:
    """On the way."""

    booking_id: UUID
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrive:
    """At the door."""

    booking_id: UUID
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartBooking:
    """Begin the work, with the customer's start code where the marketplace asks for one."""

    booking_id: UUID
    start_code: Word | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverBooking:
    """The work is done; the complaint window opens."""

    booking_id: UUID
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveBooking:
    """The customer is content; the booking is complete."""

    booking_id: UUID
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelBooking:
    """Call it off; who and why and when decide what comes back, by the terms of the day of booking."""

    booking_id: UUID
    reason: Reason
    reason_code: ReasonCode = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportNoShow:
    """The other side is not there, from start plus grace; admin says whose fault it was."""

    booking_id: UUID
    reason: Reason
    absent: Literal["customer", "provider"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandBack:
    """The provider cannot come after all: the booking waits for another one."""

    booking_id: UUID
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeTime:
    """Ask the other side for another start."""

    booking_id: UUID
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptTime:
    """Agree to the other side's proposal; the slot is taken in the same write."""

    booking_id: UUID
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineTime:
    """Turn a proposal down, or withdraw one's own; the booking stays as it was."""

    booking_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeBooking:
    """Complain while the window is open; the money waits until it is decided."""

    booking_id: UUID
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveDispute:
    """Decide a dispute: `refund_minor` to the customer, from 0 to all; the rest is released."""

    booking_id: UUID
    refund_minor: Minor
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockBooking:
    """The timer of the booking's state went off; what that means, its lifecycle says."""

    booking_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvanceBooking:
    """A payment of the booking has news: move on, give back what came too late, or call off."""

    payment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleBooking:
    """The booking has ended without work: give back and release what its payment holds."""

    booking_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsorbLoss:
    """The money of a payment was taken back for good: book who bears it."""

    payment_id: UUID
