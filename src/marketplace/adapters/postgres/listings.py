"""Every list that can be asked for: its kind, its order, and the filters that an index serves."""

from dataclasses import dataclass
from datetime import datetime
from types import NoneType
from typing import Any, get_args, get_type_hints
from uuid import UUID

from marketplace.adapters.postgres.money import MovementLine
from marketplace.adapters.postgres.reads import Filter, Listing
from marketplace.core.bookings.booking import Booking
from marketplace.core.catalogue.service import Service
from marketplace.core.dispatch.block import Block
from marketplace.core.dispatch.decision import DispatchDecision
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.dispatch.presence import Presence
from marketplace.core.identity.session import Session
from marketplace.core.identity.user import User
from marketplace.core.ledger.movement import Movement
from marketplace.core.notifications.notification import Notification
from marketplace.core.payments.method import PaymentMethod
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.refund import Refund
from marketplace.core.payments.usecases import VendorEvent
from marketplace.core.payouts.account import PayoutAccount
from marketplace.core.payouts.earning import Earning
from marketplace.core.payouts.payout import Payout
from marketplace.core.payouts.reversal import PayoutReversal
from marketplace.core.payouts.run import PayoutRun
from marketplace.core.providers.provider import Provider, Unit, mean
from marketplace.core.providers.reservation import Reservation
from marketplace.core.reviews.review import Review
from marketplace.core.settlements.settlement import Settlement
from marketplace.core.shared.events import Event
from marketplace.core.shared.limits import Minor, Name, PersonsRole, Word
from marketplace.core.shared.place import Place
from marketplace.core.subscriptions.membership import Membership

# The house's own has no provider: whoever is near is sent.
_BOOKABLE = (
    "t.state = 'published' AND (t.provider_id IS NULL OR EXISTS (SELECT 1 FROM provider AS p"
    " WHERE p.tenant_id = t.tenant_id AND p.id = t.provider_id AND p.state = 'active')) = :on_show::boolean"
)
# Folded as categories are where they are written.
_IN_CATEGORY = r"t.category = btrim(lower(regexp_replace(:category, '[\s_-]+', '-', 'g')), '-')"
# From the postings of the account: most accounts are one booking's or one provider's, and have few.
_OF_ACCOUNT = (
    "t.id IN (SELECT p.movement_id FROM posting AS p"
    " WHERE p.tenant_id = t.tenant_id AND p.account = :account)"
)
_POSTINGS = (
    "t.*, (SELECT json_object_agg(p.account, p.amount_minor) FROM posting AS p"
    " WHERE p.tenant_id = t.tenant_id AND p.movement_id = t.id) AS postings"
)
_WITH_RATING = (
    "t.*, (SELECT json_build_object('stars_sum', p.stars_sum, 'reviews_count', p.reviews_count)"
    " FROM provider AS p WHERE p.tenant_id = t.tenant_id AND p.id = t.provider_id) AS rating"
)
# By the ids that an offer, or a booking, names: whatever the planner has seen, one row of each.
_WITH_JOB = (
    "t.*, (SELECT json_build_object('skill', j.skill, 'place', j.place, 'window_start', j.window_start,"
    " 'window_end', j.window_end, 'duration_minutes', j.duration_minutes)"
    " FROM dispatch_job AS j WHERE j.tenant_id = t.tenant_id AND j.id = t.job_id) AS job,"
    " (SELECT json_build_object('service_name', b.service_name, 'currency', b.currency,"
    " 'provider_minor', (b.price ->> 'provider_minor')::bigint)"
    " FROM booking AS b WHERE b.tenant_id = t.tenant_id AND b.id = t.booking_id) AS pay"
)
WITH_UNIT = (
    "t.*, (SELECT json_build_object('id', u.id, 'name', u.name) FROM unit AS u"
    " WHERE u.tenant_id = t.tenant_id AND u.id = (SELECT r.unit_id FROM reservation AS r"
    " WHERE r.tenant_id = t.tenant_id AND r.id = t.reservation_id)) AS unit"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What customers gave a provider."""

    stars_sum: int
    reviews_count: int

    @property
    def stars(self) -> float | None:
        return mean(self.stars_sum, self.reviews_count)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedService(Service):
    """A service to choose, and how its provider is rated; the house's own has none."""

    rating: Rating | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedJob:
    """What a unit was asked to do, where and when."""

    skill: str
    place: Place
    window_start: datetime
    window_end: datetime
    duration_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pay:
    """What is paid for, and the provider's share of it."""

    service_name: str
    currency: str
    provider_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedOffer(DispatchOffer):
    """An offer with the job, and what it pays."""

    job: AskedJob
    pay: Pay


@dataclass(frozen=True, slots=True)
class UnitName:
    id: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedBooking(Booking):
    """A booking with the unit whose time it holds, or held; None while nobody has it."""

    unit: UnitName | None


def _same(kind: type, *names: str) -> dict[str, Filter]:
    """What a column of the kind is; of a text, a word of it."""
    hints = get_type_hints(kind)
    return {name: Filter(f"t.{name} = :{name}", _plain(hints[name])) for name in names}


def _plain(hint: Any) -> Any:
    members = [member for member in get_args(hint) if member is not NoneType]
    (plain,) = members or (hint,)
    return Word if plain is str else plain


def _between(column: str) -> dict[str, Filter]:
    return {
        "from_": Filter(f"t.{column} >= :from_", datetime),
        "until": Filter(f"t.{column} < :until", datetime),
    }


def _holds(column: str) -> Filter:
    return Filter(f"{column} ILIKE '%' || :text || '%'", Name)


BOOKINGS = Listing(
    kind=Booking,
    order="booked_at",
    filters=_same(Booking, "customer_id", "provider_id", "state") | _between("starts_at"),
    columns=WITH_UNIT,
    shown=PlacedBooking,
)
SERVICES = Listing(
    kind=Service,
    order="drafted_at",
    filters={
        **_same(Service, "provider_id", "state"),
        "category": Filter(_IN_CATEGORY, Word),
        "on_show": Filter(_BOOKABLE, bool),
        "text": _holds("(t.name || ' ' || t.description)"),
        "price_max": Filter("(t.rule ->> 'amount_minor')::bigint <= :price_max", Minor),
    },
)
OFFERED = Listing(
    kind=Service,
    order="drafted_at",
    filters={
        name: SERVICES.filters[name] for name in ("category", "provider_id", "text", "price_max", "on_show")
    },
    columns=_WITH_RATING,
    shown=OfferedService,
)
PROVIDERS = Listing(
    kind=Provider,
    order="applied_at",
    filters=_same(Provider, "state", "owner_id") | {"text": _holds("t.name")},
)
UNITS = Listing(kind=Unit, order="added_at", filters=_same(Unit, "provider_id", "state"))
RESERVATIONS = Listing(
    kind=Reservation,
    order="starts_at",
    filters=_same(Reservation, "provider_id", "booking_id", "state") | _between("starts_at"),
)
USERS = Listing(
    kind=User,
    order="joined_at",
    filters={
        **_same(User, "state", "phone"),
        "role": Filter("t.roles @> jsonb_build_array(:role::text)", PersonsRole),
    },
)
SESSIONS = Listing(kind=Session, order="opened_at", filters=_same(Session, "user_id", "state"))
PAYMENTS = Listing(kind=Payment, order="created_at", filters=_same(Payment, "booking_id", "state"))
PAYMENT_METHODS = Listing(
    kind=PaymentMethod, order="created_at", filters=_same(PaymentMethod, "customer_id", "state")
)
REFUNDS = Listing(
    kind=Refund, order="requested_at", filters=_same(Refund, "booking_id", "payment_id", "state")
)
PAYOUT_ACCOUNTS = Listing(
    kind=PayoutAccount, order="opened_at", filters=_same(PayoutAccount, "provider_id", "state")
)
PAYOUTS = Listing(kind=Payout, order="drawn_at", filters=_same(Payout, "provider_id", "state"))
PAYOUT_RUNS = Listing(kind=PayoutRun, order="started_at", filters={})
PAYOUT_REVERSALS = Listing(
    kind=PayoutReversal, order="requested_at", filters=_same(PayoutReversal, "provider_id", "state")
)
EARNINGS = Listing(
    kind=Earning,
    order="earned_at",
    filters=_same(Earning, "provider_id", "booking_id", "payout_id", "state") | _between("earned_at"),
)
MOVEMENTS = Listing(
    kind=Movement,
    order="at",
    filters={
        **_same(Movement, "booking_id", "subject_id"),
        **_between("at"),
        "account": Filter(_OF_ACCOUNT, Word),
    },
    columns=_POSTINGS,
    shown=MovementLine,
)
MESSAGES = Listing(
    kind=Notification, order="planned_at", filters=_same(Notification, "user_id", "subject_id", "state")
)
VENDOR_EVENTS = Listing(
    kind=VendorEvent, order="at", filters=_same(VendorEvent, "reference") | _between("at")
)
SETTLEMENTS = Listing(
    kind=Settlement, order="settled_at", filters=_same(Settlement, "state", "reference", "cause")
)
REVIEWS = Listing(
    kind=Review,
    order="given_at",
    filters=_same(Review, "provider_id", "customer_id", "unit_id", "booking_id", "state"),
)
MEMBERSHIPS = Listing(kind=Membership, order="granted_at", filters=_same(Membership, "customer_id", "state"))
PRESENCES = Listing(kind=Presence, order="placed_at", filters=_same(Presence, "state", "provider_id"))
DISPATCH_JOBS = Listing(
    kind=DispatchJob, order="queued_at", filters=_same(DispatchJob, "state", "booking_id", "customer_id")
)
OFFERS = Listing(
    kind=DispatchOffer,
    order="sent_at",
    filters=_same(DispatchOffer, "state", "job_id", "provider_id", "unit_id"),
)
ASKED = Listing(
    kind=DispatchOffer,
    order="sent_at",
    filters={name: OFFERS.filters[name] for name in ("state", "provider_id")},
    columns=_WITH_JOB,
    shown=AskedOffer,
)
DECISIONS = Listing(kind=DispatchDecision, order="at", filters=_same(DispatchDecision, "job_id"))
BLOCKS = Listing(
    kind=Block, order="set_at", filters=_same(Block, "state", "customer_id", "provider_id", "set_by")
)
EVENTS = Listing(
    kind=Event,
    order="at",
    filters={
        **_same(Event, "subject_id", "kind", "name", "actor_id"),
        **_between("at"),
        "party": Filter("t.parties @> ARRAY[:party::uuid]", UUID),
    },
)
