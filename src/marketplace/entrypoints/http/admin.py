"""The platform's own people: they read everything, act with a reason, and have a document of their own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog

from marketplace.adapters.postgres import listings, money, queue
from marketplace.adapters.postgres.reads import Listing
from marketplace.core.bookings import commands as bookings
from marketplace.core.bookings.booking import Booking
from marketplace.core.catalogue import usecases as catalogue
from marketplace.core.catalogue.service import Service
from marketplace.core.identity import usecases as identity
from marketplace.core.identity.user import User
from marketplace.core.payments import refunding
from marketplace.core.payments import usecases as payments
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.refund import Refund
from marketplace.core.payouts import drawing
from marketplace.core.payouts import usecases as payouts
from marketplace.core.payouts.payout import Payout
from marketplace.core.payouts.run import PayoutRun
from marketplace.core.providers import usecases as providers
from marketplace.core.providers.provider import Provider
from marketplace.core.shared.errors import NotFound
from marketplace.core.shared.events import Event
from marketplace.core.tenants import usecases as tenants
from marketplace.core.tenants.tenant import Call, Tenant
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.pages import PageOf, page_of, page_view
from marketplace.entrypoints.http.routes import ADMIN, DESK, CommandRoute, QuestionRoute, Route
from marketplace.entrypoints.http.signin import normal_phone
from marketplace.entrypoints.http.views import TenantView, view_of, view_type
from marketplace.ports.storage import One

log = structlog.get_logger(__name__)

_ROOT = "/admin/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequeueJobs:
    """Try parked jobs again."""

    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscardJobs:
    """Give parked jobs up."""

    ids: tuple[int, ...]
    reason: str


class Done(msgspec.Struct, frozen=True):
    """How many it was."""

    done: int


def _one(kind: type) -> Any:
    async def read(office: Office, call: Call, *, key: UUID) -> Any:
        (found,) = await office.store.read(call.tenant_id, [One(kind, key)])
        if not found:
            raise NotFound(kind.__name__.lower(), key)
        return view_of(found[0], call)

    return read


async def bookings_list(
    office: Office,
    call: Call,
    *,
    state: str | None = None,
    customer_id: UUID | None = None,
    provider_id: UUID | None = None,
    from_: datetime | None = None,
    until: datetime | None = None,
    limit: int = 20,
    after: str | None = None,
) -> PageOf[Any]:
    return await _page(
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


async def payments_list(
    office: Office,
    call: Call,
    *,
    state: str | None = None,
    booking_id: UUID | None = None,
    limit: int = 20,
    after: str | None = None,
) -> PageOf[Any]:
    asked = {"state": state, "booking_id": booking_id}
    return await _page(office, call, listings.PAYMENTS, limit=limit, after=after, **asked)


async def refunds_list(
    office: Office,
    call: Call,
    *,
    state: str | None = None,
    booking_id: UUID | None = None,
    limit: int = 20,
    after: str | None = None,
) -> PageOf[Any]:
    asked = {"state": state, "booking_id": booking_id}
    return await _page(office, call, listings.REFUNDS, limit=limit, after=after, **asked)


async def payouts_list(
    office: Office,
    call: Call,
    *,
    state: str | None = None,
    provider_id: UUID | None = None,
    limit: int = 20,
    after: str | None = None,
) -> PageOf[Any]:
    asked = {"state": state, "provider_id": provider_id}
    return await _page(office, call, listings.PAYOUTS, limit=limit, after=after, **asked)


async def users_list(
    office: Office,
    call: Call,
    *,
    phone: str | None = None,
    role: str | None = None,
    state: str | None = None,
    limit: int = 20,
    after: str | None = None,
) -> PageOf[Any]:
    asked = {"phone": phone, "role": role, "state": state}
    return await _page(office, call, listings.USERS, limit=limit, after=after, **asked)


async def providers_list(
    office: Office,
    call: Call,
    *,
    text: str | None = None,
    state: str | None = None,
    limit: int = 20,
    after: str | None = None,
) -> PageOf[Any]:
    asked = {"text": text, "state": state}
    return await _page(office, call, listings.PROVIDERS, limit=limit, after=after, **asked)


async def _page(office: Office, call: Call, listing: Listing, **asked: Any) -> PageOf[Any]:
    """`asked` are the page's limit and cursor, and the filters."""
    return page_view(await office.reads.page(call.tenant_id, listing, **asked), call)


async def trail(
    office: Office,
    call: Call,
    *,
    subject_id: UUID | None = None,
    kind: str | None = None,
    name: str | None = None,
    actor_id: UUID | None = None,
    limit: int = 20,
    after: str | None = None,
) -> PageOf[Event]:
    asked = {"subject_id": subject_id, "kind": kind, "name": name, "actor_id": actor_id}
    page = await office.reads.page(call.tenant_id, listings.EVENTS, limit=limit, after=after, **asked)
    return PageOf(page.items, page.after)


async def accounts(
    office: Office, call: Call, *, prefix: str | None = None, detailed: bool = False
) -> tuple[money.AccountBalance, ...]:
    return await money.accounts(office.reads, call.tenant_id, prefix=prefix, detailed=detailed)


async def movements(office: Office, call: Call, *, booking_id: UUID) -> tuple[money.MovementLine, ...]:
    return await money.booking_movements(office.reads, call.tenant_id, booking_id=booking_id)


async def parked(office: Office, call: Call, *, limit: int = 100) -> tuple[queue.Parked, ...]:
    return await queue.list_parked(engine=office.engine, tenant_id=call.tenant_id, limit=limit)


async def requeue(office: Office, call: Call, *, data: Any) -> Done:
    return Done(await queue.requeue(engine=office.engine, ids=list(data.ids), tenant_id=call.tenant_id))


async def discard(office: Office, call: Call, *, data: Any) -> Done:
    log.warning("parked jobs discarded", actor_id=str(call.actor.user_id), count=len(data.ids))
    return Done(await queue.discard(engine=office.engine, ids=list(data.ids), tenant_id=call.tenant_id))


async def tenant(office: Office, call: Call) -> TenantView:
    (found,) = await office.store.read(call.tenant_id, [One(Tenant, call.tenant_id)])
    view: TenantView = view_of(found[0], call)
    return view


async def _clock_moved(office: Office, result: Tenant, _: Call) -> None:
    """Timers of the tenant ring that much earlier; the queue runs on real time."""
    office.directory.forget(result.id)
    await queue.follow_clock(engine=office.engine, tenant_id=result.id)


async def _amended(office: Office, result: Tenant, _: Call) -> None:
    office.directory.forget(result.id)


def _do(path: str, command: type, kind: type, tag: str, **facts: Any) -> CommandRoute:
    return CommandRoute(
        path=_ROOT + path,
        command=command,
        answer=view_type(kind),
        view=view_of,
        roles=ADMIN,
        tags=(tag,),
        **facts,
    )


def _ask(path: str, ask: Any, answer: Any, summary: str, tag: str) -> QuestionRoute:
    return QuestionRoute(path=_ROOT + path, ask=ask, answer=answer, summary=summary, roles=DESK, tags=(tag,))


def _read(path: str, kind: type, tag: str) -> QuestionRoute:
    return _ask(path, _one(kind), view_type(kind), f"One {kind.__name__.lower()}.", tag)


def _booking(name: str, command: type) -> CommandRoute:
    return _do(f"/bookings/{{booking_id:uuid}}/{name}", command, Booking, "Bookings")


_BOOKINGS: tuple[Route, ...] = (
    _ask("/bookings", bookings_list, page_of(Booking), "Bookings, by what you look for.", "Bookings"),
    _read("/bookings/{key:uuid}", Booking, "Bookings"),
    _ask(
        "/bookings/{booking_id:uuid}/movements",
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

_MONEY: tuple[Route, ...] = (
    _ask(
        "/payments",
        payments_list,
        page_of(Payment),
        "Payments; state=unknown for those in doubt.",
        "Money",
    ),
    _read("/payments/{key:uuid}", Payment, "Money"),
    _do("/payments/{payment_id:uuid}/look-up", payments.LookUpPayment, Payment, "Money"),
    _ask(
        "/refunds",
        refunds_list,
        page_of(Refund),
        "Refunds; state=failed for those to retry.",
        "Money",
    ),
    _read("/refunds/{key:uuid}", Refund, "Money"),
    _do("/refunds/{refund_id:uuid}/look-up", refunding.LookUpRefund, Refund, "Money"),
    _do("/refunds/{refund_id:uuid}/retry", refunding.RetryRefund, Refund, "Money"),
    _ask(
        "/payouts",
        payouts_list,
        page_of(Payout),
        "Payouts; state=due for those to approve.",
        "Money",
    ),
    _read("/payouts/{key:uuid}", Payout, "Money"),
    _do("/payouts/{payout_id:uuid}/approve", payouts.ApprovePayout, Payout, "Money"),
    _do("/payouts/{payout_id:uuid}/hold", payouts.HoldPayout, Payout, "Money"),
    _do("/payouts/{payout_id:uuid}/resume", payouts.ResumePayout, Payout, "Money"),
    _do("/payouts/{payout_id:uuid}/retry", payouts.RetryPayout, Payout, "Money"),
    _do("/payouts/{payout_id:uuid}/look-up", payouts.LookUpPayout, Payout, "Money"),
    _ask("/payout-runs/{key:uuid}", _one(PayoutRun), view_type(PayoutRun), "How far a run is.", "Money"),
    CommandRoute(
        path=f"{_ROOT}/payout-runs",
        command=drawing.StartPayoutRun,
        answer=view_type(PayoutRun),
        view=view_of,
        roles=ADMIN,
        tags=("Money",),
        status=202,
    ),
    _ask(
        "/ledger/accounts",
        accounts,
        tuple[money.AccountBalance, ...],
        "The trial balance; it sums to zero.",
        "Money",
    ),
)

_PEOPLE: tuple[Route, ...] = (
    _ask("/users", users_list, page_of(User), "Users, by number, role or state.", "People"),
    _read("/users/{key:uuid}", User, "People"),
    _do("/users", identity.GrantRoles, User, "People", prepare=normal_phone),
    _do("/users/{user_id:uuid}/block", identity.BlockUser, User, "People"),
    _do("/users/{user_id:uuid}/unblock", identity.UnblockUser, User, "People"),
    _ask("/providers", providers_list, page_of(Provider), "Providers, by text or state.", "People"),
    _read("/providers/{key:uuid}", Provider, "People"),
    _do("/providers/{provider_id:uuid}/moves", providers.MoveProvider, Provider, "People"),
    _do("/services/{service_id:uuid}/withdraw", catalogue.WithdrawService, Service, "People"),
)

_PLATFORM: tuple[Route, ...] = (
    _ask(
        "/events", trail, PageOf[Event], "The audit trail: of an object, an actor, or everything.", "Platform"
    ),
    _ask("/jobs/parked", parked, tuple[queue.Parked, ...], "Follow-ups that failed for good.", "Platform"),
    QuestionRoute(
        path=f"{_ROOT}/jobs/parked/requeue",
        ask=requeue,
        answer=Done,
        summary="Try a parked follow-up again.",
        roles=ADMIN,
        tags=("Platform",),
        body=RequeueJobs,
    ),
    QuestionRoute(
        path=f"{_ROOT}/jobs/parked/discard",
        ask=discard,
        answer=Done,
        summary="Give a parked follow-up up, for a reason that is logged.",
        roles=ADMIN,
        tags=("Platform",),
        body=DiscardJobs,
    ),
    _ask("/tenant", tenant, TenantView, "This marketplace and its policy.", "Platform"),
    _do("/tenant/policy", tenants.AmendPolicy, Tenant, "Platform", after=_amended),
    _do("/tenant/clock", tenants.MoveClock, Tenant, "Platform", after=_clock_moved),
)

ROUTES: tuple[Route, ...] = (*_BOOKINGS, *_MONEY, *_PEOPLE, *_PLATFORM)
