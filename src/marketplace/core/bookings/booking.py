"""A booking is a promise of time against money; its table says who may change it, and when the clock does."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from marketplace.core.bookings.guards import GUARDS
from marketplace.core.catalogue.pricing import ChosenOption, Price
from marketplace.core.shared.aggregate import SECRET
from marketplace.core.shared.errors import Conflict
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.period import Period
from marketplace.core.shared.place import Place
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.policy import CancellationTerms


class WrongStartCode(Conflict):
    code = "wrong_start_code"


class State(StrEnum):
    AWAITING_PAYMENT = "awaiting_payment"
    AWAITING_PROVIDER = "awaiting_provider"
    CONFIRMED = "confirmed"
    EN_ROUTE = "en_route"
    ARRIVED = "arrived"
    UNDER_WAY = "under_way"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    DECLINED = "declined"
    NO_SHOW = "no_show"
    DISPUTED = "disputed"
    REFUNDED = "refunded"


class Side(StrEnum):
    """Whose doing a cancellation or a no-show was."""

    CUSTOMER = "customer"
    PROVIDER = "provider"
    PLATFORM = "platform"


_SYSTEM = frozenset({Role.SYSTEM})
_CLOCK = frozenset({Role.CLOCK})
_PROVIDER = frozenset({Role.PROVIDER, Role.ADMIN})
_CUSTOMER = frozenset({Role.CUSTOMER, Role.ADMIN})
_SIDES = frozenset({Role.CUSTOMER, Role.PROVIDER})
_CANCELLERS = frozenset({Role.CUSTOMER, Role.PROVIDER, Role.ADMIN, Role.SYSTEM, Role.CLOCK})
# Money that is promised comes when the booking is firm already, and may fail to.
_UNPAID = (State.AWAITING_PAYMENT, State.CONFIRMED)
_BEFORE_WORK = (
    State.AWAITING_PAYMENT,
    State.AWAITING_PROVIDER,
    State.CONFIRMED,
    State.EN_ROUTE,
    State.ARRIVED,
)
_ENDED = (State.COMPLETED, State.NO_SHOW)
S = State

BOOKING = Lifecycle(
    kind="booking",
    states=State,
    initial=S.AWAITING_PAYMENT,
    opening="booking.requested",
    moves=(
        *(Move("retry_payment", s, s, _CUSTOMER, "booking.payment_retried") for s in _UNPAID),
        *(Move("fail_payment", s, s, _SYSTEM, "booking.payment_failed") for s in _UNPAID),
        Move("pay_up", S.CONFIRMED, S.CONFIRMED, _SYSTEM, "booking.paid_up"),
        Move("extend_payment", S.CONFIRMED, S.CONFIRMED, _CLOCK, "booking.payment_extended"),
        Move("pay", S.AWAITING_PAYMENT, S.AWAITING_PROVIDER, _SYSTEM, "booking.paid"),
        Move("pay_and_confirm", S.AWAITING_PAYMENT, S.CONFIRMED, _SYSTEM, "booking.confirmed"),
        Move("expire", S.AWAITING_PAYMENT, S.EXPIRED, _CLOCK, "booking.expired", "payment_window"),
        Move("expire", S.AWAITING_PROVIDER, S.EXPIRED, _CLOCK, "booking.expired", "acceptance_window"),
        Move("accept", S.AWAITING_PROVIDER, S.CONFIRMED, _PROVIDER, "booking.confirmed"),
        Move("assign", S.AWAITING_PROVIDER, S.CONFIRMED, {Role.SYSTEM, Role.ADMIN}, "booking.confirmed"),
        Move(
            "extend_search",
            S.AWAITING_PROVIDER,
            S.AWAITING_PROVIDER,
            _CUSTOMER,
            "booking.search_extended",
            implied=True,
        ),
        Move("decline", S.AWAITING_PROVIDER, S.DECLINED, _PROVIDER, "booking.declined"),
        Move("set_out", S.CONFIRMED, S.EN_ROUTE, _PROVIDER, "booking.set_out"),
        Move("arrive", S.EN_ROUTE, S.ARRIVED, _PROVIDER, "booking.arrived"),
        *(Move("miss_code", s, s, _SYSTEM, "booking.start_code_missed") for s in (S.CONFIRMED, S.ARRIVED)),
        Move("start", (S.CONFIRMED, S.ARRIVED), S.UNDER_WAY, _PROVIDER, "booking.started"),
        Move("deliver", S.UNDER_WAY, S.DELIVERED, _PROVIDER | _CLOCK, "booking.delivered", "overrun"),
        Move(
            "approve", S.DELIVERED, S.COMPLETED, _CUSTOMER | _CLOCK, "booking.completed", "complaint_window"
        ),
        Move("cancel", _BEFORE_WORK, S.CANCELLED, _CANCELLERS, "booking.cancelled"),
        Move("report_no_show", (S.CONFIRMED, S.ARRIVED), S.NO_SHOW, _SIDES | {Role.ADMIN}, "booking.no_show"),
        # Who has set out says nothing of the customer before it is there, and may never come.
        Move("report_no_show", S.EN_ROUTE, S.NO_SHOW, _CUSTOMER, "booking.no_show"),
        Move("lapse", (S.CONFIRMED, S.EN_ROUTE, S.ARRIVED), S.NO_SHOW, _CLOCK, "booking.lapsed", "silence"),
        Move("hand_back", (S.CONFIRMED, S.EN_ROUTE), S.AWAITING_PROVIDER, _PROVIDER, "booking.handed_back"),
        Move("propose_time", S.CONFIRMED, S.CONFIRMED, _SIDES, "booking.time_proposed"),
        Move("decline_time", S.CONFIRMED, S.CONFIRMED, _SIDES, "booking.time_declined"),
        Move("reschedule", S.CONFIRMED, S.CONFIRMED, _SIDES | {Role.ADMIN}, "booking.rescheduled"),
        Move("dispute", (S.DELIVERED, *_ENDED), S.DISPUTED, _CUSTOMER, "booking.disputed"),
        Move("resolve", S.DISPUTED, S.COMPLETED, {Role.ADMIN, Role.CLOCK}, "booking.completed", "deadline"),
        Move("refund", S.DISPUTED, S.REFUNDED, {Role.ADMIN}, "booking.refunded"),
        *(Move("release", s, s, _CLOCK, "booking.released", "release") for s in _ENDED),
        *(Move("end_unpaid", s, s, _CLOCK, "booking.ended_unpaid") for s in _ENDED),
        *(Move("postpone_release", s, s, _CLOCK, "booking.release_postponed") for s in _ENDED),
    ),
    requires={
        state: {"reservation_id", "payment_id"} for state in (S.CONFIRMED, S.EN_ROUTE, S.ARRIVED, S.UNDER_WAY)
    },
    timers={
        "payment_window": lambda booking, _: booking.pay_by,
        "acceptance_window": lambda booking, _: booking.accept_by,
        "silence": lambda booking, _: booking.payment_deadline or booking.lapses_at,
        "overrun": lambda booking, _: booking.lapses_at,
        "complaint_window": lambda booking, _: booking.complaint_until,
        "deadline": lambda booking, _: booking.resolve_by,
        "release": lambda booking, _: None if booking.released_at else booking.release_at,
    },
    guards=GUARDS,
)

CLOSED_UNDONE = frozenset({State.CANCELLED, State.EXPIRED, State.DECLINED, State.REFUNDED})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Somebody who can do this, at this place, to begin within this window."""

    skill: str
    place: Place
    window: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """
    Instants are UTC, amounts minor units of `currency`; `terms` are those of the day of booking.

    `refund_minor` is what the customer gets back once the booking has ended, None until then, and where
    nothing was taken; `fee_minor` what the end costs where the money was only promised. `payment_failure` is
    why the last payment came to nothing, None while it has not; `payment_deadline` until when the money of a
    firm booking must be here, None once it is. A call-out has a `skill` and a window in which the work may
    begin, and no provider until somebody has said yes.
    """

    LIFECYCLE: ClassVar[Lifecycle] = BOOKING

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.AWAITING_PAYMENT
    due_at: datetime | None = None
    customer_id: UUID
    provider_id: UUID | None
    service_id: UUID
    service_name: str
    reservation_id: UUID | None = None
    payment_id: UUID | None = None
    payment_failure: str | None = None
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    skill: str | None = None
    window_start: datetime | None = None
    window_end: datetime | None = None
    options: tuple[ChosenOption, ...] = ()
    price: Price
    currency: str
    total_minor: int
    terms: CancellationTerms
    address: str | None = None
    place: Place | None = None
    note: str | None = None
    start_code: str | None = field(default=None, metadata=SECRET)
    start_misses: int = 0
    booked_at: datetime
    pay_by: datetime
    payment_deadline: datetime | None = None
    accept_by: datetime | None = None
    lapses_at: datetime | None = None
    completed_at: datetime | None = None
    complaint_until: datetime | None = None
    resolve_by: datetime | None = None
    release_at: datetime | None = None
    released_at: datetime | None = None
    proposed_starts_at: datetime | None = None
    proposed_by: Side | None = None
    handed_back_by: UUID | None = None
    fault: Side | None = None
    refund_minor: int | None = None
    fee_minor: int | None = None

    @property
    def period(self) -> Period:
        return Period(self.starts_at, self.ends_at)

    @property
    def performer_id(self) -> UUID:
        """The provider of a booking that has one by now."""
        if self.provider_id is None:
            raise ValueError("nobody has this booking yet")
        return self.provider_id

    @property
    def wanted(self) -> Wanted | None:
        """What a call-out looks for; None where the customer chose a provider."""
        if self.skill is None or self.place is None or self.window_start is None or self.window_end is None:
            return None
        return Wanted(self.skill, self.place, Period(self.window_start, self.window_end))

    def parties(self) -> tuple[UUID, ...]:
        return (self.customer_id,) if self.provider_id is None else (self.customer_id, self.provider_id)
