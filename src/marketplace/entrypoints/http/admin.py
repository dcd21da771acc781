"""The platform's own people: they read everything, act with a reason, and have a document of their own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import available_timezones

import msgspec
import structlog

from marketplace.adapters.postgres import listings, money, queue
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
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.events import Event
from marketplace.core.shared.limits import INTEGER_MAX, Between, Length, Name, Reason, Word
from marketplace.core.shared.roles import Role
from marketplace.core.tenants import usecases as tenants
from marketplace.core.tenants.tenant import Call, Tenant
from marketplace.entrypoints import phones
from marketplace.entrypoints.http import admin_money
from marketplace.entrypoints.http.desk import (
    ROOT,
    command_row,
    list_page,
    question_row,
    read_one,
    reading_row,
)
from marketplace.entrypoints.http.idempotency import Memory
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.pages import After, Limit, PageOf, page_of
from marketplace.entrypoints.http.representations import TenantView
from marketplace.entrypoints.http.routes import ADMIN, CommandRoute, QuestionRoute, Route
from marketplace.entrypoints.http.signin import normal_phone

log = structlog.get_logger(__name__)

JobId = Annotated[int, Between(1, INTEGER_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequeueJobs:
    """Try parked jobs again."""

    ids: Annotated[tuple[JobId, ...], Length(500, least=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscardJobs:
    """Give parked jobs up."""

    ids: Annotated[tuple[JobId, ...], Length(500, least=1)]
    reason: Reason


class Done(msgspec.Struct, frozen=True):
    """How many it was."""

    done: int


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
    role: Role | None = None,
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


async def trail(
    office: Office,
    call: Call,
    *,
    subject_id: UUID | None = None,
    kind: Word | None = None,
    name: Word | None = None,
    actor_id: UUID | None = None,
    limit: Limit = 20,
    after: After | None = None,
) -> PageOf[Event]:
    asked = {"subject_id": subject_id, "kind": kind, "name": name, "actor_id": actor_id}
    page = await office.reads.page(call.tenant_id, listings.EVENTS, limit=limit, after=after, **asked)
    return PageOf(page.items, page.after)


async def movements(office: Office, call: Call, *, booking_id: UUID) -> tuple[money.MovementLine, ...]:
    await read_one(Booking)(office, call, key=booking_id)
    return await money.booking_movements(office.reads, call.tenant_id, booking_id=booking_id)


async def parked(office: Office, call: Call, *, limit: Limit = 100) -> tuple[queue.Parked, ...]:
    return await queue.list_parked(engine=office.engine, tenant_id=call.tenant_id, limit=limit)


async def requeue(office: Office, call: Call, *, data: Any) -> Done:
    return Done(await queue.requeue(engine=office.engine, ids=list(data.ids), tenant_id=call.tenant_id))


async def discard(office: Office, call: Call, *, data: Any) -> Done:
    log.warning("parked jobs discarded", actor_id=str(call.actor.user_id), count=len(data.ids))
    given_up = await queue.discard(
        engine=office.engine,
        ids=list(data.ids),
        tenant_id=call.tenant_id,
        by=call.actor.user_id,
        reason=data.reason,
    )
    return Done(given_up)


async def tenant(office: Office, call: Call) -> TenantView:
    view: TenantView = await read_one(Tenant)(office, call, key=call.tenant_id)
    return view


def _sound_policy(office: Office, command: tenants.AmendPolicy, _: Call) -> tenants.AmendPolicy:
    """What policy names outside itself is there; raises Invalid."""
    policy = command.policy
    for field, value, known in (
        ("time_zone", policy.time_zone, available_timezones()),
        ("country", policy.country, phones.countries()),
        ("payment.rail", policy.payment.rail, office.vendors.rails),
    ):
        if value not in known:
            raise Invalid(f"policy.{field}", f"{value} is not known", _ALLOWED.get(field, ", ".join(known)))
    return command


_ALLOWED = {"time_zone": "an IANA name like Africa/Johannesburg", "country": "two capital letters, like ZA"}


async def _clock_moved(office: Office, _: Tenant | None, call: Call) -> None:
    """Timers of the tenant ring that much earlier; the queue runs on real time."""
    office.directory.forget(call.tenant_id)
    await queue.follow_clock(engine=office.engine, tenant_id=call.tenant_id)


async def _amended(office: Office, _: Tenant | None, call: Call) -> None:
    office.directory.forget(call.tenant_id)


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

_PLATFORM: tuple[Route, ...] = (
    question_row(
        "/events", trail, PageOf[Event], "The audit trail: of an object, an actor, or everything.", "Platform"
    ),
    question_row(
        "/jobs/parked", parked, tuple[queue.Parked, ...], "Follow-ups that failed for good.", "Platform"
    ),
    QuestionRoute(
        path=f"{ROOT}/jobs/parked/requeue",
        ask=requeue,
        answer=Done,
        summary="Try a parked follow-up again.",
        roles=ADMIN,
        tags=("Platform",),
        body=RequeueJobs,
        memory=Memory.AFTERWARDS,
    ),
    QuestionRoute(
        path=f"{ROOT}/jobs/parked/discard",
        ask=discard,
        answer=Done,
        summary="Give a parked follow-up up, for a reason that is logged.",
        roles=ADMIN,
        tags=("Platform",),
        body=DiscardJobs,
        memory=Memory.AFTERWARDS,
    ),
    question_row("/tenant", tenant, TenantView, "This marketplace and its policy.", "Platform"),
    command_row(
        "/tenant/policy", tenants.AmendPolicy, Tenant, "Platform", prepare=_sound_policy, after=_amended
    ),
    command_row("/tenant/clock", tenants.MoveClock, Tenant, "Platform", after=_clock_moved),
)

ROUTES: tuple[Route, ...] = (*_BOOKINGS, *admin_money.ROUTES, *_PEOPLE, *_PLATFORM)
