"""The platform's own people: they read everything, act with a reason, and have a document of their own."""

from dataclasses import replace
from uuid import UUID

from marketplace.adapters.postgres import listings, money
from marketplace.adapters.postgres.details import booking_detail
from marketplace.core.bookings import commands as bookings
from marketplace.core.bookings.booking import Booking
from marketplace.core.shared.errors import NotFound
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http import (
    admin_dispatch,
    admin_money,
    admin_people,
    admin_platform,
    admin_rails,
)
from marketplace.entrypoints.http.bookings import known_method
from marketplace.entrypoints.http.desk import command_row, listing_row, question_row, read_one
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.representations import PlacedBookingView
from marketplace.entrypoints.http.routes import CommandRoute, Route
from marketplace.entrypoints.http.views import view_of

_TAG = "Bookings"


async def booking(office: Office, call: Call, *, key: UUID) -> PlacedBookingView:
    detail = await booking_detail(office.reads, call.tenant_id, booking_id=key)
    if detail is None:
        raise NotFound("booking", key)
    view: PlacedBookingView = view_of(detail.booking, call)
    return view


async def movements(office: Office, call: Call, *, booking_id: UUID) -> tuple[money.MovementLine, ...]:
    await read_one(Booking)(office, call, key=booking_id)
    return await money.booking_movements(office.reads, call.tenant_id, booking_id=booking_id)


def _booking(name: str, command: type) -> CommandRoute:
    return command_row(f"/bookings/{{booking_id}}/{name}", command, Booking, _TAG)


_BOOKINGS: tuple[Route, ...] = (
    listing_row(
        "/bookings",
        listings.BOOKINGS,
        "state customer_id provider_id from_ until",
        "Bookings, by what you look for.",
        _TAG,
    ),
    question_row("/bookings/{key}", booking, PlacedBookingView, "One booking.", _TAG),
    question_row(
        "/bookings/{booking_id}/movements",
        movements,
        tuple[money.MovementLine, ...],
        "What the ledger says of a booking.",
        _TAG,
    ),
    replace(_booking("retry-payment", bookings.RetryPayment), prepare=known_method),
    _booking("accept", bookings.AcceptBooking),
    _booking("decline", bookings.DeclineBooking),
    _booking("assign", bookings.AssignBooking),
    _booking("set-out", bookings.SetOut),
    _booking("arrive", bookings.Arrive),
    _booking("start", bookings.StartBooking),
    _booking("deliver", bookings.DeliverBooking),
    _booking("approve", bookings.ApproveBooking),
    _booking("cancel", bookings.CancelBooking),
    _booking("report-no-show", bookings.ReportNoShow),
    _booking("hand-back", bookings.HandBack),
    _booking("reschedule", bookings.AcceptTime),
    _booking("dispute", bookings.DisputeBooking),
    _booking("resolve", bookings.ResolveDispute),
)

ROUTES: tuple[Route, ...] = (
    *_BOOKINGS,
    *admin_money.ROUTES,
    *admin_people.ROUTES,
    *admin_dispatch.ROUTES,
    *admin_platform.ROUTES,
    *admin_rails.ROUTES,
)
