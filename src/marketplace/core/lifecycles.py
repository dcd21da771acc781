"""Every aggregate there is, so that documents, database and API read the same tables."""

from marketplace.core.bookings.booking import Booking
from marketplace.core.catalogue.service import Service
from marketplace.core.dispatch.area import Area
from marketplace.core.dispatch.block import Block
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.dispatch.presence import Presence
from marketplace.core.identity.session import Session
from marketplace.core.identity.signin import SignIn
from marketplace.core.identity.user import User
from marketplace.core.notifications.notification import Notification
from marketplace.core.payments.method import PaymentMethod
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.refund import Refund
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
from marketplace.core.shared.aggregate import Aggregate
from marketplace.core.shared.lifecycle import Lifecycle
from marketplace.core.subscriptions.membership import Membership
from marketplace.core.tenants.tenant import Tenant

AGGREGATES: tuple[type[Aggregate], ...] = (
    Tenant,
    User,
    SignIn,
    Session,
    Provider,
    Unit,
    Reservation,
    Service,
    PaymentMethod,
    Payment,
    Refund,
    PayoutAccount,
    Earning,
    Payout,
    PayoutRun,
    PayoutReversal,
    RailStatement,
    Settlement,
    Booking,
    Review,
    Membership,
    Presence,
    Block,
    Area,
    DispatchJob,
    DispatchOffer,
    Notification,
)

LIFECYCLES: dict[str, Lifecycle] = {kind.LIFECYCLE.kind: kind.LIFECYCLE for kind in AGGREGATES}
EVENTS: frozenset[str] = frozenset(
    name for table in LIFECYCLES.values() for name in (table.opening, *(move.emits for move in table.moves))
)
