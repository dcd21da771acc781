"""Every list that can be asked for: its kind, its order, and the filters that an index serves."""

from marketplace.adapters.postgres.reads import Listing
from marketplace.core.bookings.booking import Booking
from marketplace.core.catalogue.service import Service
from marketplace.core.identity.user import User
from marketplace.core.ledger.movement import Movement
from marketplace.core.notifications.notification import Notification
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.refund import Refund
from marketplace.core.payouts.earning import Earning
from marketplace.core.payouts.payout import Payout
from marketplace.core.providers.provider import Provider, Unit
from marketplace.core.settlements.settlement import Settlement
from marketplace.core.shared.events import Event

_BOOKABLE = (
    "t.state = 'published' AND EXISTS (SELECT 1 FROM provider AS p"
    " WHERE p.tenant_id = t.tenant_id AND p.id = t.provider_id AND p.state = 'active') = :on_show::boolean"
)


def _same(*names: str) -> dict[str, str]:
    return {name: f"t.{name} = :{name}" for name in names}


def _by_id(kind: type, **filters: str) -> Listing:
    return Listing(kind=kind, order="id", filters=filters)


BOOKINGS = Listing(
    kind=Booking,
    order="booked_at",
    filters={
        **_same("customer_id", "provider_id", "state"),
        "from_": "t.starts_at >= :from_",
        "until": "t.starts_at < :until",
    },
)
SERVICES = _by_id(
    Service,
    **_same("provider_id", "category", "state"),
    on_show=_BOOKABLE,
    text="(t.name || ' ' || t.description) ILIKE '%' || :text || '%'",
    price_max="(t.rule ->> 'amount_minor')::bigint <= :price_max",
)
PROVIDERS = _by_id(Provider, **_same("state"), text="t.name ILIKE '%' || :text || '%'")
UNITS = _by_id(Unit, **_same("provider_id", "state"))
USERS = _by_id(User, **_same("state", "phone"), role="t.roles @> jsonb_build_array(:role::text)")
PAYMENTS = _by_id(Payment, **_same("booking_id", "customer_id", "provider_id", "state"))
REFUNDS = _by_id(Refund, **_same("booking_id", "customer_id", "state"))
PAYOUTS = Listing(kind=Payout, order="drawn_at", filters=_same("provider_id", "state"))
EARNINGS = Listing(
    kind=Earning,
    order="earned_at",
    filters={
        **_same("provider_id", "booking_id", "payout_id", "state"),
        "from_": "t.earned_at >= :from_",
        "until": "t.earned_at < :until",
    },
)
SETTLEMENTS = Listing(kind=Settlement, order="settled_at", filters=_same("state", "reference"))
MOVEMENTS = Listing(kind=Movement, order="at", filters=_same("booking_id", "name"))
MESSAGES = _by_id(Notification, **_same("user_id", "state", "subject_id"))
EVENTS = Listing(
    kind=Event,
    order="at",
    filters={
        **_same("subject_id", "kind", "name", "actor_id"),
        "party": "t.parties @> ARRAY[:party::uuid]",
    },
)
