"""What is shown of each object: the fields of its answers, whoever asks."""

from datetime import datetime
from uuid import UUID

import msgspec

from marketplace.core.bookings import booking
from marketplace.core.bookings.booking import Side
from marketplace.core.catalogue import service
from marketplace.core.catalogue.pricing import ChosenOption, Option, PriceLine, PriceRule
from marketplace.core.dispatch import block, job, offer, presence
from marketplace.core.identity import session, user
from marketplace.core.notifications import notification
from marketplace.core.providers import provider, reservation
from marketplace.core.providers.hours import HoursException, OpeningHours
from marketplace.core.providers.provider import UnitState
from marketplace.core.reviews import review
from marketplace.core.shared.period import Period
from marketplace.core.shared.place import Place
from marketplace.core.shared.roles import Role
from marketplace.core.subscriptions import membership
from marketplace.core.tenants import tenant
from marketplace.core.tenants.policy import CancellationTerms, Policy
from marketplace.core.tenants.tenant import Mode


class View(msgspec.Struct, kw_only=True, frozen=True):
    """`version` rises with every change; `moves` are what the caller may do now."""

    id: UUID
    state: str
    version: int
    moves: tuple[str, ...]


class PriceView(msgspec.Struct, kw_only=True, frozen=True):
    """What the customer pays, line by line. Who gets how much of it, the provider and the platform see."""

    currency: str
    lines: tuple[PriceLine, ...]
    total_minor: int
    vat_minor: int
    fee_minor: int | None
    fee_vat_minor: int | None
    provider_minor: int | None


class BookingView(View, frozen=True):
    """
    Amounts in minor units of `currency`; `due_at` is when the clock acts if nobody does.

    A call-out has a `skill`, a window in which the work may begin, and no provider until one has said yes.
    """

    state: booking.State
    customer_id: UUID | None
    provider_id: UUID | None
    service_id: UUID
    service_name: str
    payment_id: UUID | None
    payment_failure: str | None
    payment_deadline: datetime | None
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    skill: str | None
    window_start: datetime | None
    window_end: datetime | None
    options: tuple[ChosenOption, ...]
    price: PriceView
    currency: str
    total_minor: int
    terms: CancellationTerms
    address: str | None
    place: Place | None
    note: str | None
    start_code: str | None
    booked_at: datetime
    due_at: datetime | None
    completed_at: datetime | None
    complaint_until: datetime | None
    proposed_starts_at: datetime | None
    proposed_by: Side | None
    fault: Side | None
    refund_minor: int | None
    fee_minor: int | None
    released_at: datetime | None


class PlacedBookingView(BookingView, frozen=True):
    """With the unit that does it, or did: for its provider, and the platform's people."""

    unit_id: UUID | None
    unit_name: str | None


class ProviderView(View, frozen=True):
    """
    To strangers the place is approximate, and the bank account is not there.

    `stars` is the mean of the `reviews_count` reviews that are shown, null before the first.
    """

    state: provider.State
    name: str
    about: str
    time_zone: str
    place: Place | None
    hours: tuple[OpeningHours, ...]
    exceptions: tuple[HoursException, ...]
    time_off: tuple[Period, ...]
    buffer_before_minutes: int
    buffer_after_minutes: int
    notice_minutes: int
    payee: str | None
    stars: float | None
    reviews_count: int
    applied_at: datetime


class UnitView(View, frozen=True):
    """`skills` are what it is sent out for, at most `reach_metres` from its `base`."""

    state: UnitState
    provider_id: UUID
    name: str
    added_at: datetime
    skills: tuple[str, ...]
    base: Place | None
    reach_metres: int | None
    stars: float | None
    reviews_count: int


class SkilledUnitView(UnitView, frozen=True):
    """`warnings` say what may keep it from being asked for jobs."""

    warnings: tuple[str, ...]


class ServiceView(View, frozen=True):
    """Without a provider it is the house's own: booked as a call-out, whoever is near is sent."""

    state: service.State
    provider_id: UUID | None
    name: str
    description: str
    category: str
    rule: PriceRule
    options: tuple[Option, ...]
    duration_minutes: int
    duration_max_minutes: int
    drafted_at: datetime


class OfferedServiceView(ServiceView, frozen=True):
    """`stars` and `reviews_count` are its provider's; the house's own has none."""

    stars: float | None
    reviews_count: int


class UserView(View, frozen=True):
    state: user.State
    phone: str
    name: str
    roles: tuple[Role, ...]
    provider_id: UUID | None
    joined_at: datetime


class MembershipView(View, frozen=True):
    """Until when a customer goes before others; each `level` is worth what the policy says."""

    state: membership.State
    customer_id: UUID
    level: int
    granted_at: datetime
    until: datetime
    ended_at: datetime | None


class PersonView(UserView, frozen=True):
    """A user with the membership that it has now, null without one."""

    membership: MembershipView | None


class SessionView(View, frozen=True):
    state: session.State
    user_id: UUID
    role: Role
    opened_at: datetime
    access_until: datetime
    refresh_until: datetime


class ReservationView(View, frozen=True):
    """A unit's time, the job's buffers included."""

    state: reservation.State
    provider_id: UUID
    unit_id: UUID
    booking_id: UUID
    starts_at: datetime
    ends_at: datetime


class SearchView(View, frozen=True):
    """`wave` rises as the search widens; begun at `queued_at`, it ends at `give_up_at` without anybody."""

    state: job.State
    booking_id: UUID
    wave: int
    queued_at: datetime
    give_up_at: datetime


class JobView(SearchView, frozen=True):
    """The work may begin from `window_start` to `window_end`; `unfit` said no, or may not."""

    customer_id: UUID
    area_id: UUID
    place: Place
    skill: str
    duration_minutes: int
    window_start: datetime
    window_end: datetime
    priority: int
    unfit: tuple[UUID, ...]
    unit_id: UUID | None
    due_at: datetime | None


class OfferView(View, frozen=True):
    """The unit is free at `leaves_at`, travels so long, and would begin at `starts_at`."""

    state: offer.State
    job_id: UUID
    booking_id: UUID
    provider_id: UUID
    unit_id: UUID
    wave: int
    leaves_at: datetime
    travel_seconds: int
    starts_at: datetime
    sent_at: datetime
    expires_at: datetime


class PresenceView(View, frozen=True):
    """Whether a unit takes jobs, until when, and what it did with those that it was offered."""

    state: presence.State
    unit_id: UUID
    provider_id: UUID
    ends_at: datetime | None
    place: Place
    placed_at: datetime
    idle_since: datetime
    offered: int
    accepted: int
    done: dict[str, int]


class BlockView(View, frozen=True):
    """`set_by` keeps the other away; the other is not told."""

    state: block.State
    customer_id: UUID
    provider_id: UUID
    set_by: Role
    set_at: datetime


class ReviewView(View, frozen=True):
    """
    To strangers it says nothing of who gave it; `customer_id` is for that customer and the platform's people.

    `unit_id` is the unit that did the work: for its provider, and the platform's people.
    """

    state: review.State
    booking_id: UUID | None
    customer_id: UUID | None
    provider_id: UUID
    unit_id: UUID | None
    service_id: UUID
    service_name: str
    stars: int
    words: str | None
    given_at: datetime
    reply: str | None
    replied_at: datetime | None


class MessageView(View, frozen=True):
    """What somebody was told, and whether it came; a code in it is not shown."""

    state: notification.State
    user_id: UUID
    channel: str
    address: str
    template: str
    text: str
    subject_id: UUID
    planned_at: datetime
    expires_at: datetime
    rejection: str | None


class TenantView(View, frozen=True):
    state: tenant.State
    slug: str
    mode: Mode
    policy: Policy
    clock_ahead_seconds: int
