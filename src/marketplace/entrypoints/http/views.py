"""What each role may see of an object, and the moves that this actor may make on it now."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from marketplace.core.bookings import booking
from marketplace.core.bookings.booking import Booking, Side, State
from marketplace.core.bookings.fulfilment import EARLY_START_MAX, START_TRIES_MAX
from marketplace.core.catalogue import service
from marketplace.core.catalogue.pricing import ChosenOption, Option, Price, PriceLine, PriceRule
from marketplace.core.catalogue.service import Service
from marketplace.core.identity import session, user
from marketplace.core.identity.session import Session
from marketplace.core.identity.user import User
from marketplace.core.payments import payment, refund
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.refund import Refund
from marketplace.core.payouts import earning, payout, run
from marketplace.core.payouts.earning import Earning, Reason
from marketplace.core.payouts.payout import Payout
from marketplace.core.payouts.run import PayoutRun
from marketplace.core.providers import provider
from marketplace.core.providers.hours import HoursException, OpeningHours
from marketplace.core.providers.provider import Provider, Unit, UnitState
from marketplace.core.shared.period import Period
from marketplace.core.shared.place import Place
from marketplace.core.shared.roles import Role
from marketplace.core.tenants import tenant
from marketplace.core.tenants.policy import CancellationTerms, Policy
from marketplace.core.tenants.tenant import Call, Mode, Tenant

# A provider learns the address when the job is its own, and keeps it while there is something to do.
ADDRESS_SHOWN = frozenset(
    {State.CONFIRMED, State.EN_ROUTE, State.ARRIVED, State.UNDER_WAY, State.DELIVERED, State.DISPUTED}
)
_CODE_SHOWN = frozenset({State.CONFIRMED, State.EN_ROUTE, State.ARRIVED})


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


class BookingView(View, frozen=True):
    """Amounts in minor units of `currency`; `due_at` is when the clock acts if nobody does."""

    state: booking.State
    customer_id: UUID
    provider_id: UUID
    service_id: UUID
    service_name: str
    payment_id: UUID | None
    starts_at: datetime
    ends_at: datetime
    time_zone: str
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
    complaint_until: datetime | None
    proposed_starts_at: datetime | None
    proposed_by: Side | None
    fault: Side | None
    refund_minor: int | None
    released_at: datetime | None


class PaymentView(View, frozen=True):
    """`next_action` is where the customer goes on when the state is needs_action."""

    state: payment.State
    booking_id: UUID
    rail: str
    currency: str
    amount_minor: int
    captured_minor: int
    refunded_minor: int
    released_minor: int
    next_action: str | None
    failure: str | None
    due_at: datetime | None


class RefundView(View, frozen=True):
    state: refund.State
    payment_id: UUID
    booking_id: UUID
    currency: str
    amount_minor: int
    attempt: int
    failure: str | None


class PayoutView(View, frozen=True):
    state: payout.State
    provider_id: UUID
    currency: str
    amount_minor: int
    attempt: int
    drawn_at: datetime
    approved_by: UUID | None
    failure: str | None


class PayoutRunView(View, frozen=True):
    state: run.State
    started_at: datetime
    waiting: tuple[UUID, ...]
    drawn: int
    skipped: int


class EarningView(View, frozen=True):
    state: earning.State
    provider_id: UUID
    booking_id: UUID
    reason: Reason
    currency: str
    amount_minor: int
    earned_at: datetime
    payable_at: datetime
    payout_id: UUID | None


class ProviderView(View, frozen=True):
    """To strangers the place is approximate, and the bank account is not there."""

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


class UnitView(View, frozen=True):
    state: UnitState
    provider_id: UUID
    name: str


class ServiceView(View, frozen=True):
    state: service.State
    provider_id: UUID
    name: str
    description: str
    category: str
    rule: PriceRule
    options: tuple[Option, ...]
    duration_minutes: int
    duration_max_minutes: int


class UserView(View, frozen=True):
    state: user.State
    phone: str
    name: str
    roles: tuple[Role, ...]
    provider_id: UUID | None


class SessionView(View, frozen=True):
    state: session.State
    user_id: UUID
    role: Role
    access_until: datetime
    refresh_until: datetime


class TenantView(View, frozen=True):
    state: tenant.State
    slug: str
    mode: Mode
    policy: Policy
    clock_ahead_seconds: int


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


def booking_view(booking: Booking, call: Call) -> BookingView:
    hidden: dict[str, Any] = {
        "moves": possible_moves(booking, call),
        "price": price_view(booking.price, call),
    }
    role = call.actor.role
    if role != Role.CUSTOMER or booking.state not in _CODE_SHOWN:
        hidden["start_code"] = None
    if role == Role.PROVIDER and booking.state not in ADDRESS_SHOWN:
        hidden |= {"address": None, "place": booking.place and booking.place.rounded(), "note": None}
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
