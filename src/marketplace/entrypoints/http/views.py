"""What each role may see of an object, and the moves that this actor may make on it now."""

from collections.abc import Callable
from typing import Any

from marketplace.adapters.postgres.listings import AskedOffer, OfferedService, PlacedBooking, Rating
from marketplace.adapters.postgres.money import MovementLine
from marketplace.core.bookings.booking import Booking, State
from marketplace.core.catalogue.pricing import Price
from marketplace.core.catalogue.service import Service
from marketplace.core.catalogue.skills import SkilledUnit
from marketplace.core.dispatch.block import Block
from marketplace.core.dispatch.decision import DispatchDecision
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.dispatch.presence import Presence
from marketplace.core.identity.session import Session
from marketplace.core.identity.user import User
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
from marketplace.core.settlements.importing import Imported
from marketplace.core.settlements.settlement import Settlement
from marketplace.core.settlements.settlement import State as SettlementState
from marketplace.core.shared.events import Event
from marketplace.core.shared.roles import Role
from marketplace.core.subscriptions.membership import Membership
from marketplace.core.tenants.tenant import Call, Tenant
from marketplace.entrypoints.http.money_representations import (
    EarningView,
    PaymentMethodView,
    PaymentView,
    PayoutAccountView,
    PayoutReversalView,
    PayoutRunView,
    PayoutView,
    RefundView,
)
from marketplace.entrypoints.http.offered import AskedOfferView, listed_job
from marketplace.entrypoints.http.representations import (
    BlockView,
    BookingView,
    JobView,
    MembershipView,
    MessageView,
    OfferedServiceView,
    OfferView,
    PersonView,
    PlacedBookingView,
    PresenceView,
    PriceView,
    ProviderView,
    ReservationView,
    ReviewView,
    SearchView,
    ServiceView,
    SessionView,
    SkilledUnitView,
    TenantView,
    UnitView,
    UserView,
    View,
)
from marketplace.entrypoints.http.settled import SettlementView

# A provider learns the address when the job is its own, and keeps it while there is something to do.
ADDRESS_SHOWN = frozenset(
    {State.CONFIRMED, State.EN_ROUTE, State.ARRIVED, State.UNDER_WAY, State.DELIVERED, State.DISPUTED}
)
HIDDEN = "*"
_CODE_SHOWN = frozenset({State.CONFIRMED, State.EN_ROUTE, State.ARRIVED})


def _view(kind: type[View], subject: Any, call: Call, **hidden: Any) -> Any:
    """The fields of the view taken from the object, except those that this caller sees otherwise."""
    hidden.setdefault("moves", subject.LIFECYCLE.moves_for(subject, call))
    given = {name: getattr(subject, name) for name in kind.__struct_fields__ if name not in hidden}
    return kind(**given, **hidden)


def price_view(price: Price, call: Call) -> PriceView:
    shares_shown = call.actor.role in {Role.PROVIDER, Role.ADMIN, Role.SUPPORT}
    return PriceView(
        currency=price.currency,
        lines=price.lines,
        total_minor=price.total_minor,
        vat_minor=price.vat_minor,
        fee_minor=price.fee_minor if shares_shown else None,
        fee_vat_minor=price.fee_vat_minor if shares_shown else None,
        provider_minor=price.provider_minor if shares_shown else None,
    )


def booking_view(booking: Booking, call: Call) -> BookingView:
    view: BookingView = _view(BookingView, booking, call, **_booking_hidden(booking, call))
    return view


def placed_view(booking: PlacedBooking, call: Call) -> PlacedBookingView:
    """Which of its units a provider sends is its own affair."""
    unit = None if call.actor.role == Role.CUSTOMER else booking.unit
    shown = {"unit_id": unit and unit.id, "unit_name": unit and unit.name}
    view: PlacedBookingView = _view(
        PlacedBookingView, booking, call, **shown, **_booking_hidden(booking, call)
    )
    return view


def _booking_hidden(booking: Booking, call: Call) -> dict[str, Any]:
    hidden: dict[str, Any] = {"price": price_view(booking.price, call)}
    role = call.actor.role
    if role != Role.CUSTOMER or booking.state not in _CODE_SHOWN:
        hidden["start_code"] = None
    if role == Role.PROVIDER and booking.state not in ADDRESS_SHOWN:
        # Who asks is nobody's business before the job is one's own: an id tells a regular from a stranger.
        hidden |= {"customer_id": None, "address": None, "note": None}
        hidden["place"] = booking.place and booking.place.rounded()
    return hidden


def payment_view(payment: Payment, call: Call) -> PaymentView:
    """What we tell the bank in a dispute is not for the other side of it."""
    hidden = {} if call.actor.role in {Role.ADMIN, Role.SUPPORT} else {"evidence": None}
    view: PaymentView = _view(PaymentView, payment, call, **hidden)
    return view


def provider_view(provider: Provider, call: Call) -> ProviderView:
    own = call.actor.role in {Role.ADMIN, Role.SUPPORT} or call.actor.provider_id == provider.id
    hidden: dict[str, Any] = {}
    if not own:
        approximate = provider.place and provider.place.rounded()
        hidden = {"moves": (), "place": approximate, "payee": None, "time_off": ()}
    view: ProviderView = _view(ProviderView, provider, call, **hidden)
    return view


def owns(service: Service, call: Call) -> bool:
    """The house's services are admin's, not everybody's who acts for no provider."""
    if call.actor.role == Role.PROVIDER:
        return service.provider_id == call.actor.provider_id
    return call.actor.role == Role.ADMIN


def service_view(service: Service, call: Call) -> ServiceView:
    hidden: dict[str, Any] = {} if owns(service, call) else {"moves": ()}
    view: ServiceView = _view(ServiceView, service, call, **hidden)
    return view


def offered_view(service: Service, rated: Provider | Rating | None, call: Call) -> OfferedServiceView:
    """A service as it is shown to choose from: with what customers gave its provider."""
    hidden: dict[str, Any] = {} if owns(service, call) else {"moves": ()}
    hidden |= {"stars": rated and rated.stars, "reviews_count": rated.reviews_count if rated else 0}
    view: OfferedServiceView = _view(OfferedServiceView, service, call, **hidden)
    return view


def review_view(review: Review, call: Call) -> ReviewView:
    """Who gave it is shown to nobody else, and its provider knows it by the booking."""
    actor, hidden = call.actor, dict[str, Any]()
    desk = actor.role in {Role.ADMIN, Role.SUPPORT}
    got = actor.role == Role.PROVIDER and actor.provider_id == review.provider_id
    gave = actor.role == Role.CUSTOMER and actor.user_id == review.customer_id
    if not (desk or gave):
        hidden["customer_id"] = None
    if not (desk or got):
        hidden |= {"unit_id": None, "moves": ()}
    if not (desk or got or gave):
        hidden["booking_id"] = None
    view: ReviewView = _view(ReviewView, review, call, **hidden)
    return view


def _plain(kind: type[View]) -> Callable[[Any, Call], Any]:
    return lambda subject, call: _view(kind, subject, call)


def message_view(message: Notification, call: Call) -> MessageView:
    """What was said; a code in it is its receiver's alone."""
    text = message.text
    if message.secret is not None:
        text = text.replace(message.secret, HIDDEN * len(message.secret))
    view: MessageView = _view(MessageView, message, call, text=text)
    return view


def job_view(job: DispatchJob, call: Call) -> SearchView | JobView:
    """To its customer how the search stands; to the platform's people also what it searches by."""
    kind = SearchView if call.actor.role == Role.CUSTOMER else JobView
    view: SearchView | JobView = _view(kind, job, call)
    return view


def asked_view(offer: AskedOffer, call: Call) -> AskedOfferView:
    view: AskedOfferView = _view(AskedOfferView, offer, call, job=listed_job(offer))
    return view


def skilled_view(skilled: SkilledUnit, call: Call) -> SkilledUnitView:
    warnings = tuple(f"skills: no service of the house on show asks for '{one}'" for one in skilled.unasked)
    view: SkilledUnitView = _view(SkilledUnitView, skilled.unit, call, warnings=warnings)
    return view


def person_view(user: User, member: Membership | None, call: Call) -> PersonView:
    shown = None if member is None else _view(MembershipView, member, call)
    view: PersonView = _view(PersonView, user, call, membership=shown)
    return view


def settlement_view(line: Settlement, call: Call) -> SettlementView:
    """A break has an age: since its money was settled."""
    broken = line.state == SettlementState.BREAK
    age_days = max(0, (call.at - line.settled_at).days) if broken else None
    view: SettlementView = _view(SettlementView, line, call, age_days=age_days)
    return view


def _whole(subject: Any, _: Call) -> Any:
    return subject


VIEWS: dict[type, tuple[type, Callable[[Any, Call], Any]]] = {
    Booking: (BookingView, booking_view),
    PlacedBooking: (PlacedBookingView, placed_view),
    Payment: (PaymentView, payment_view),
    PaymentMethod: (PaymentMethodView, _plain(PaymentMethodView)),
    Refund: (RefundView, _plain(RefundView)),
    PayoutAccount: (PayoutAccountView, _plain(PayoutAccountView)),
    Payout: (PayoutView, _plain(PayoutView)),
    PayoutReversal: (PayoutReversalView, _plain(PayoutReversalView)),
    PayoutRun: (PayoutRunView, _plain(PayoutRunView)),
    Settlement: (SettlementView, settlement_view),
    Imported: (Imported, _whole),
    Earning: (EarningView, _plain(EarningView)),
    Provider: (ProviderView, provider_view),
    Unit: (UnitView, _plain(UnitView)),
    SkilledUnit: (SkilledUnitView, skilled_view),
    Service: (ServiceView, service_view),
    OfferedService: (OfferedServiceView, lambda one, call: offered_view(one, one.rating, call)),
    Review: (ReviewView, review_view),
    User: (UserView, _plain(UserView)),
    Membership: (MembershipView, _plain(MembershipView)),
    Session: (SessionView, _plain(SessionView)),
    Tenant: (TenantView, _plain(TenantView)),
    Reservation: (ReservationView, _plain(ReservationView)),
    Notification: (MessageView, message_view),
    Presence: (PresenceView, _plain(PresenceView)),
    DispatchJob: (JobView, job_view),
    DispatchOffer: (OfferView, _plain(OfferView)),
    AskedOffer: (AskedOfferView, asked_view),
    DispatchDecision: (DispatchDecision, _whole),
    Block: (BlockView, _plain(BlockView)),
    Event: (Event, _whole),
    VendorEvent: (VendorEvent, _whole),
    MovementLine: (MovementLine, _whole),
}


def view_of(subject: Any, call: Call) -> Any:
    """What this caller may see of an aggregate."""
    return VIEWS[type(subject)][1](subject, call)


def view_type(kind: type) -> type:
    return VIEWS[kind][0]
