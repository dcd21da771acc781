"""Every class whose rows are stored, each with the fields of its indexes; the tenant stands before them."""

from marketplace.core.bookings.booking import Booking
from marketplace.core.catalogue.service import Service
from marketplace.core.dispatch.area import Area
from marketplace.core.dispatch.block import Block
from marketplace.core.dispatch.decision import DispatchDecision
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.dispatch.presence import Presence
from marketplace.core.identity.session import Session
from marketplace.core.identity.signin import SignIn
from marketplace.core.identity.user import User
from marketplace.core.ledger.movement import Movement, Posting
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
from marketplace.core.providers.provider import Provider, Unit
from marketplace.core.providers.reservation import Reservation
from marketplace.core.reviews.review import Review
from marketplace.core.settlements.settlement import Settlement
from marketplace.core.settlements.statement import RailStatement
from marketplace.core.shared.events import Event
from marketplace.core.shared.receipts import Receipt
from marketplace.core.subscriptions.membership import Membership
from marketplace.core.tenants.tenant import Tenant

# An index that ends in an instant serves a list in that order.
STORED: dict[type, tuple[tuple[str, ...], ...]] = {
    Tenant: (),
    Receipt: (),
    Event: (
        ("xact", "seq"),
        ("at",),
    ),
    User: (("phone",), ("joined_at",), ("state", "joined_at")),
    SignIn: (("phone", "requested_at"), ("origin", "requested_at")),
    Session: (("user_id",), ("opened_at",)),
    Provider: (("owner_id",), ("applied_at",), ("state", "applied_at")),
    Unit: (("provider_id",), ("added_at",)),
    Reservation: (
        ("provider_id", "starts_at"),
        ("unit_id", "ends_at"),
        ("booking_id",),
        ("starts_at",),
    ),
    Service: (("provider_id",), ("drafted_at",), ("state", "category", "drafted_at")),
    Booking: (
        ("customer_id", "starts_at"),
        ("provider_id", "starts_at"),
        ("booked_at",),
        ("state", "booked_at"),
    ),
    PaymentMethod: (("customer_id", "created_at"), ("created_at",), ("state", "created_at")),
    Payment: (("booking_id",), ("created_at",), ("state", "created_at")),
    Refund: (
        ("payment_id",),
        ("reference",),
        ("booking_id",),
        ("requested_at",),
        ("state", "requested_at"),
    ),
    VendorEvent: (("reference",), ("at",)),
    Movement: (("booking_id",), ("subject_id",), ("at",)),
    Posting: (("movement_id",), ("account",)),
    PayoutAccount: (("provider_id", "opened_at"), ("opened_at",), ("state", "opened_at")),
    Earning: (
        ("provider_id", "state"),
        ("state", "payable_at"),
        ("booking_id",),
        ("payout_id",),
        ("earned_at",),
    ),
    Payout: (("provider_id",), ("reference",), ("drawn_at",), ("state", "drawn_at")),
    PayoutRun: (("started_at",),),
    PayoutReversal: (("provider_id",), ("requested_at",), ("state", "requested_at")),
    RailStatement: (("asked_at",),),
    Settlement: (("reference",), ("settled_at",), ("state", "settled_at")),
    Review: (
        ("provider_id", "given_at"),
        ("customer_id", "given_at"),
        ("unit_id", "given_at"),
        ("given_at",),
        ("state", "given_at"),
    ),
    Membership: (("customer_id", "granted_at"), ("granted_at",), ("state", "granted_at")),
    Presence: (
        ("state", "id"),
        ("square", "placed_at"),
        ("placed_at",),
        ("state", "placed_at"),
        ("provider_id", "placed_at"),
    ),
    Block: (("customer_id",), ("provider_id",), ("set_at",)),
    Area: (),
    DispatchJob: (
        ("area_id", "state", "queued_at"),
        ("booking_id",),
        ("customer_id", "queued_at"),
        ("queued_at",),
        ("state", "queued_at"),
    ),
    DispatchOffer: (
        ("job_id",),
        ("unit_id", "sent_at"),
        ("provider_id", "sent_at"),
        ("sent_at",),
        ("state", "sent_at"),
    ),
    DispatchDecision: (("job_id", "at"), ("round_id",), ("at",)),
    Notification: (("user_id",), ("subject_id",), ("planned_at",), ("state", "planned_at")),
}
