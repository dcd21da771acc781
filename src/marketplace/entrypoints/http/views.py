"""What each role may see of an object, and the moves that this actor may make on it now."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from marketplace.core.bookings.booking import Booking, State
from marketplace.core.bookings.fulfilment import EARLY_START_MAX, START_TRIES_MAX
from marketplace.core.catalogue.pricing import Price
from marketplace.core.catalogue.service import Service
from marketplace.core.identity.session import Session
from marketplace.core.identity.user import User
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.refund import Refund
from marketplace.core.payouts.earning import Earning
from marketplace.core.payouts.payout import Payout
from marketplace.core.payouts.run import PayoutRun
from marketplace.core.providers.provider import Provider, Unit
from marketplace.core.shared.roles import Role
from marketplace.core.tenants import tenant
from marketplace.core.tenants.tenant import Call, Tenant
from marketplace.entrypoints.http.representations import (
    BookingView,
    EarningView,
    PaymentView,
    PayoutRunView,
    PayoutView,
    PriceView,
    ProviderView,
    RefundView,
    ServiceView,
    SessionView,
    TenantView,
    UnitView,
    UserView,
    View,
)

# A provider learns the address when the job is its own, and keeps it while there is something to do.
ADDRESS_SHOWN = frozenset(
    {State.CONFIRMED, State.EN_ROUTE, State.ARRIVED, State.UNDER_WAY, State.DELIVERED, State.DISPUTED}
)
_CODE_SHOWN = frozenset({State.CONFIRMED, State.EN_ROUTE, State.ARRIVED})


# Of other aggregates, moves that are only ever consequences of a booking's are nobody's to make.
_OFFERED: dict[type, frozenset[str]] = {
    Payment: frozenset({"look_up"}),
    Refund: frozenset({"look_up", "retry", "pay_by_hand"}),
    tenant.Tenant: frozenset({"amend", "move_clock"}),
    Earning: frozenset(),
    Session: frozenset({"revoke"}),
}


def _moves(subject: Any, call: Call) -> tuple[str, ...]:
    moves: tuple[str, ...] = subject.LIFECYCLE.moves_for(subject.state, call.actor.role)
    offered = _OFFERED.get(type(subject))
    return moves if offered is None else tuple(move for move in moves if move in offered)


def _view(kind: type[View], subject: Any, call: Call, **hidden: Any) -> Any:
    """The fields of the view taken from the object, except those that this caller sees otherwise."""
    hidden.setdefault("moves", _moves(subject, call))
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
    hidden: dict[str, Any] = {
        "moves": possible_moves(booking, call),
        "price": price_view(booking.price, call),
    }
    role = call.actor.role
    if role != Role.CUSTOMER or booking.state not in _CODE_SHOWN:
        hidden["start_code"] = None
    if role == Role.PROVIDER and booking.state not in ADDRESS_SHOWN:
        # An id derives from a phone number, and who has enough patience computes the one from the other.
        hidden |= {"customer_id": None, "address": None, "note": None}
        hidden["place"] = booking.place and booking.place.rounded()
    view: BookingView = _view(BookingView, booking, call, **hidden)
    return view


def possible_moves(booking: Booking, call: Call) -> tuple[str, ...]:
    """What the table allows this role, less what this booking's own facts rule out just now."""
    moves = _moves(booking, call)
    grace = timedelta(minutes=call.policy.booking.no_show_grace_minutes)
    over = booking.complaint_until is None or call.at >= booking.complaint_until or booking.released_at
    proposal = None if booking.proposed_by is None else booking.proposed_by.value
    ruled_out = {
        "dispute": over,
        "start": call.at < booking.starts_at - EARLY_START_MAX
        or (call.actor.role == Role.PROVIDER and booking.start_misses >= START_TRIES_MAX),
        "report_no_show": call.at < booking.starts_at + grace,
        "propose_time": call.at >= booking.starts_at,
        "decline_time": proposal is None,
        "reschedule": proposal in {None, call.actor.role.value},
        "accept": booking.handed_back_by is not None,
        "decline": booking.handed_back_by is not None,
        "assign": booking.reservation_id is not None,
    }
    return tuple(move for move in moves if not ruled_out.get(move))


def provider_view(provider: Provider, call: Call) -> ProviderView:
    own = call.actor.role in {Role.ADMIN, Role.SUPPORT} or call.actor.provider_id == provider.id
    hidden: dict[str, Any] = {}
    if not own:
        approximate = provider.place and provider.place.rounded()
        hidden = {"moves": (), "place": approximate, "payee": None, "time_off": ()}
    view: ProviderView = _view(ProviderView, provider, call, **hidden)
    return view


def service_view(service: Service, call: Call) -> ServiceView:
    own = call.actor.role == Role.ADMIN or call.actor.provider_id == service.provider_id
    hidden: dict[str, Any] = {} if own else {"moves": ()}
    view: ServiceView = _view(ServiceView, service, call, **hidden)
    return view


def _plain(kind: type[View]) -> Callable[[Any, Call], Any]:
    return lambda subject, call: _view(kind, subject, call)


VIEWS: dict[type, tuple[type[View], Callable[[Any, Call], Any]]] = {
    Booking: (BookingView, booking_view),
    Payment: (PaymentView, _plain(PaymentView)),
    Refund: (RefundView, _plain(RefundView)),
    Payout: (PayoutView, _plain(PayoutView)),
    PayoutRun: (PayoutRunView, _plain(PayoutRunView)),
    Earning: (EarningView, _plain(EarningView)),
    Provider: (ProviderView, provider_view),
    Unit: (UnitView, _plain(UnitView)),
    Service: (ServiceView, service_view),
    User: (UserView, _plain(UserView)),
    Session: (SessionView, _plain(SessionView)),
    Tenant: (TenantView, _plain(TenantView)),
}


def view_of(subject: Any, call: Call) -> Any:
    """What this caller may see of an aggregate."""
    return VIEWS[type(subject)][1](subject, call)


def view_type(kind: type) -> type[View]:
    return VIEWS[kind][0]
