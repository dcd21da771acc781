"""The platform's own people: they read everything, act with a reason, and have a document of their own."""

from datetime import datetime
from typing import Any
from uuid import UUID

from marketplace.adapters.postgres import listings, money
from marketplace.core.bookings import booking
from marketplace.core.bookings import commands as bookings
from marketplace.core.bookings.booking import Booking
from marketplace.core.catalogue import usecases as catalogue
from marketplace.core.catalogue.service import Service
from marketplace.core.identity import usecases as identity
from marketplace.core.identity import user
from marketplace.core.identity.user import User
from marketplace.core.providers import provider
from marketplace.core.providers import usecases as providers
from marketplace.core.providers.provider import Provider
from marketplace.core.shared.limits import Name, PersonsRole, Word
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http import admin_money, admin_platform
from marketplace.entrypoints.http.desk import (
    command_row,
    list_page,
    question_row,
    read_one,
    reading_row,
)
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.pages import After, Limit, PageOf, page_of
from marketplace.entrypoints.http.routes import CommandRoute, Route
from marketplace.entrypoints.http.signin import normal_phone


async def bookings_list(
    office: Office,
    call: Call,
    *,
    state: booking.State | None = None,
    customer_id: UUID | None = None,
    provider_id: UUID | None = None,
    from_: datetime | None = None,
    until: datetime | None = None,
    limit: Limit = 20,
    after: After | None = None,
) -> PageOf[Any]:
    return await list_page(
        office,
        call,
        listings.BOOKINGS,
        limit=limit,
        after=after,
        state=state,
        customer_id=customer_id,
        provider_id=provider_id,
        from_=from_,
        until=until,
    )


async def users_list(
    office: Office,
    call: Call,
    *,
    phone: Word | None = None,
    role: PersonsRole | None = None,
    state: user.State | None = None,
    limit: Limit = 20,
    after: After | None = None,
) -> PageOf[Any]:
    asked = {"phone": phone, "role": role, "state": state}
    return await list_page(office, call, listings.USERS, limit=limit, after=after, **asked)


async def providers_list(
    office: Office,
    call: Call,
    *,
    text: Name | None = None,
    state: provider.State | None = None,
    limit: Limit = 20,
    after: After | None = None,
) -> PageOf[Any]:
    asked = {"text": text, "state": state}
    return await list_page(office, call, listings.PROVIDERS, limit=limit, after=after, **asked)


async def movements(office: Office, call: Call, *, booking_id: UUID) -> tuple[money.MovementLine, ...]:
    await read_one(Booking)(office, call, key=booking_id)
    return await money.booking_movements(office.reads, call.tenant_id, booking_id=booking_id)


async def _kept_out(office: Office, result: User | None, _: Call) -> None:
    """Its sessions have ended: in this process at once, in others when they look again."""
    if result is not None:
        office.bearers.forget_user(result.id)


def _booking(name: str, command: type) -> CommandRoute:
    return command_row(f"/bookings/{{booking_id}}/{name}", command, Booking, "Bookings")


_BOOKINGS: tuple[Route, ...] = (
    question_row("/bookings", bookings_list, page_of(Booking), "Bookings, by what you look for.", "Bookings"),
    reading_row("/bookings/{key}", Booking, "Bookings"),
    question_row(
        "/bookings/{booking_id}/movements",
        movements,
        tuple[money.MovementLine, ...],
        "What the ledger says of a booking.",
        "Bookings",
    ),
    _booking("retry-payment", bookings.RetryPayment),
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

_PEOPLE: tuple[Route, ...] = (
    question_row("/users", users_list, page_of(User), "Users, by number, role or state.", "People"),
    reading_row("/users/{key}", User, "People"),
    command_row("/users", identity.GrantRoles, User, "People", prepare=normal_phone, after=_kept_out),
    command_row("/users/{user_id}/block", identity.BlockUser, User, "People", after=_kept_out),
    command_row("/users/{user_id}/unblock", identity.UnblockUser, User, "People"),
    question_row("/providers", providers_list, page_of(Provider), "Providers, by text or state.", "People"),
    reading_row("/providers/{key}", Provider, "People"),
    command_row("/providers/{provider_id}/moves", providers.MoveProvider, Provider, "People"),
    command_row("/services/{service_id}/withdraw", catalogue.WithdrawService, Service, "People"),
)

ROUTES: tuple[Route, ...] = (*_BOOKINGS, *admin_money.ROUTES, *_PEOPLE, *admin_platform.ROUTES)
