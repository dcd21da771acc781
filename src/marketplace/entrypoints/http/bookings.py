"""Bookings for their customer and their provider: every move a route, every list its own part."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from marketplace.adapters.postgres.details import booking_detail
from marketplace.adapters.postgres.listings import BOOKINGS, PAYMENTS, REFUNDS
from marketplace.adapters.postgres.reads import PAGE_MAX
from marketplace.core.bookings import commands
from marketplace.core.bookings.access import sees, side_of
from marketplace.core.bookings.booking import Booking
from marketplace.core.bookings.fulfilment import MissedStart
from marketplace.core.bookings.withdrawal import if_cancelled
from marketplace.core.catalogue.pricing import PriceLine
from marketplace.core.payments.means import FIELD, not_of_the_rail_that_is_up, saved_id
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.refund import State as RefundState
from marketplace.core.reviews.usecases import review_until
from marketplace.core.shared.errors import Invalid, NotFound
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.idempotency import Memory
from marketplace.entrypoints.http.lists import list_row
from marketplace.entrypoints.http.money_representations import PaymentView
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.representations import (
    BookingView,
    PlacedBookingView,
    ReviewView,
)
from marketplace.entrypoints.http.routes import (
    BOTH,
    CUSTOMER,
    PROVIDER,
    CommandRoute,
    QuestionRoute,
    Route,
)
from marketplace.entrypoints.http.views import ADDRESS_SHOWN, view_of
from marketplace.ports.storage import One

_TAGS = ("Bookings",)


class Contact(msgspec.Struct, frozen=True):
    """The other side. The phone number is there only while the job is live."""

    name: str
    phone: str | None


class BookingDetail(msgspec.Struct, frozen=True):
    """
    A booking with what belongs to it; `refund_if_cancelled_minor` is as of now, by the caller, and where the
    money is only promised, or a payment has failed, `fee_if_cancelled_minor` instead.

    Of a call-out there is no provider until somebody has said yes. `review_until` is there while the booking
    can still be reviewed.
    """

    booking: PlacedBookingView
    payment: PaymentView | None
    customer: Contact
    provider: Contact | None
    refund_if_cancelled_minor: int | None
    fee_if_cancelled_minor: int | None
    review: ReviewView | None
    review_until: datetime | None


class Receipt(msgspec.Struct, frozen=True):
    """
    What a customer paid and got back, line by line, in minor units.

    `taken_back_minor` is what the customer's bank took of `paid_minor`; a refund that it made needless is in
    neither.
    """

    booking_id: UUID
    currency: str
    lines: tuple[PriceLine, ...]
    total_minor: int
    vat_minor: int
    paid_minor: int
    refunded_minor: int
    taken_back_minor: int
    booked_at: datetime


def _own(call: Call) -> dict[str, Any]:
    """Whose bookings somebody may list."""
    if call.actor.role == Role.PROVIDER:
        return {"provider_id": call.actor.provider_id}
    return {"customer_id": call.actor.user_id}


async def booking(office: Office, call: Call, *, booking_id: UUID) -> BookingDetail:
    detail = await booking_detail(office.reads, call.tenant_id, booking_id=booking_id)
    if detail is None or not sees(detail.booking, call):
        raise NotFound("booking", booking_id)
    found, payment_shown = detail.booking, call.actor.role != Role.PROVIDER
    live = found.state in ADDRESS_SHOWN or call.actor.role in {Role.ADMIN, Role.SUPPORT}
    view: PlacedBookingView = view_of(found, call)
    coming = detail.provider
    back, fee = None, None
    if "cancel" in view.moves:
        back, fee = if_cancelled(found, detail.payment, side_of(call), call)
    return BookingDetail(
        booking=view,
        payment=view_of(detail.payment, call) if detail.payment and payment_shown else None,
        customer=Contact(detail.customer.name, detail.customer.phone if live else None),
        provider=None if coming is None else Contact(coming.name, coming.phone if live else None),
        refund_if_cancelled_minor=back,
        fee_if_cancelled_minor=fee,
        review=view_of(detail.review, call) if detail.review else None,
        review_until=None if detail.review else _still(review_until(found, call), call),
    )


def _still(until: datetime | None, call: Call) -> datetime | None:
    return None if until is None or until < call.at else until


async def receipt(office: Office, call: Call, *, booking_id: UUID) -> Receipt:
    found = await _booking(office, call, booking_id)
    asked: dict[str, Any] = {"limit": PAGE_MAX, "booking_id": booking_id}
    payments = (await office.reads.page(call.tenant_id, PAYMENTS, **asked)).items
    refunds = (await office.reads.page(call.tenant_id, REFUNDS, **asked)).items
    paid = sum(payment.captured_minor for payment in payments)
    taken_back = sum(payment.taken_back_minor for payment in payments)
    refunded = sum(one.amount_minor for one in refunds if one.state != RefundState.CANCELLED)
    return Receipt(
        booking_id=found.id,
        currency=found.currency,
        lines=found.price.lines,
        total_minor=found.total_minor,
        vat_minor=found.price.vat_minor,
        paid_minor=paid,
        refunded_minor=refunded,
        taken_back_minor=taken_back,
        booked_at=found.booked_at,
    )


async def payment(office: Office, call: Call, *, payment_id: UUID) -> PaymentView:
    (found,) = await office.store.read(call.tenant_id, [One(Payment, payment_id)])
    if not found or (call.actor.role == Role.CUSTOMER and found[0].customer_id != call.actor.user_id):
        raise NotFound("payment", payment_id)
    view: PaymentView = view_of(found[0], call)
    return view


async def _booking(office: Office, call: Call, key: UUID) -> Booking:
    (found,) = await office.store.read(call.tenant_id, [One(Booking, key)])
    if not found or not sees(found[0], call):
        raise NotFound("booking", key)
    result: Booking = found[0]
    return result


def _started(result: Booking | MissedStart, call: Call) -> BookingView:
    """Raises WrongStartCode for a miss, which is counted by now."""
    if isinstance(result, MissedStart):
        raise result.refused()
    view: BookingView = view_of(result, call)
    return view


def known_method(office: Office, command: Any, call: Call) -> Any:
    """
    Raises Invalid for what the rail would refuse anyway, when the time is held already.

    A saved method is one of ours, and is looked at with the booking. While the rail is down, only what the
    other knows pays.
    """
    if saved_id(command.payment_method) is not None:
        return command
    usual = call.policy.payment.rail
    chosen = call.policy.payment.card_rail(down=call.rails_down)
    try:
        office.vendors.rail(chosen).check_method(command.payment_method, field=FIELD)
    except Invalid as refused:
        if chosen == usual:
            raise
        raise not_of_the_rail_that_is_up(usual, instead=chosen) from refused
    return command


def _move(name: str, command: type, roles: frozenset[Role]) -> CommandRoute:
    return CommandRoute(
        path=f"/v1/bookings/{{booking_id}}/{name}",
        command=command,
        answer=BookingView,
        view=view_of,
        roles=roles,
        tags=_TAGS,
    )


ROUTES: tuple[Route, ...] = (
    CommandRoute(
        path="/v1/bookings",
        command=commands.CreateBooking,
        answer=BookingView,
        view=view_of,
        roles=CUSTOMER,
        status=201,
        tags=_TAGS,
        prepare=known_method,
    ),
    replace(_move("retry-payment", commands.RetryPayment, CUSTOMER), prepare=known_method),
    _move("accept", commands.AcceptBooking, PROVIDER),
    _move("decline", commands.DeclineBooking, PROVIDER),
    _move("set-out", commands.SetOut, PROVIDER),
    _move("arrive", commands.Arrive, PROVIDER),
    replace(_move("start", commands.StartBooking, PROVIDER), view=_started, memory=Memory.AFTERWARDS),
    _move("deliver", commands.DeliverBooking, PROVIDER),
    _move("hand-back", commands.HandBack, PROVIDER),
    _move("approve", commands.ApproveBooking, CUSTOMER),
    _move("dispute", commands.DisputeBooking, CUSTOMER),
    _move("cancel", commands.CancelBooking, BOTH),
    _move("report-no-show", commands.ReportNoShow, BOTH),
    _move("propose-time", commands.ProposeTime, BOTH),
    _move("decline-time", commands.DeclineTime, BOTH),
    _move("reschedule", commands.AcceptTime, BOTH),
    list_row(
        "/v1/bookings",
        BOOKINGS,
        "state from_ until",
        own=_own,
        summary="Your bookings, the latest first.",
        roles=BOTH,
        tags=_TAGS,
    ),
    QuestionRoute(
        path="/v1/bookings/{booking_id}",
        ask=booking,
        answer=BookingDetail,
        summary="One booking, with its payment and the other side.",
        roles=BOTH,
        tags=_TAGS,
    ),
    QuestionRoute(
        path="/v1/bookings/{booking_id}/receipt",
        ask=receipt,
        answer=Receipt,
        summary="What was paid and given back.",
        roles=CUSTOMER,
        tags=_TAGS,
    ),
    QuestionRoute(
        path="/v1/payments/{payment_id}",
        ask=payment,
        answer=PaymentView,
        summary="Where a payment of yours stands, and what to do next.",
        roles=CUSTOMER,
        tags=_TAGS,
    ),
)
