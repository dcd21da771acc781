"""The platform's people look after the platform: its trail, its parked jobs, its policy and its clock."""

from dataclasses import dataclass
from typing import Annotated, Any
from zoneinfo import available_timezones

import msgspec
import structlog

from marketplace.adapters.postgres import listings, queue
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.limits import INTEGER_MAX, Between, Length, Reason
from marketplace.core.tenants import usecases as tenants
from marketplace.core.tenants.rails import check_rail
from marketplace.core.tenants.tenant import Call, Tenant
from marketplace.entrypoints import phones
from marketplace.entrypoints.http.desk import (
    ROOT,
    command_row,
    listing_row,
    question_row,
    read_one,
)
from marketplace.entrypoints.http.idempotency import Memory
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.pages import Limit
from marketplace.entrypoints.http.representations import TenantView
from marketplace.entrypoints.http.routes import ADMIN, QuestionRoute, Route

log = structlog.get_logger(__name__)

JobId = Annotated[int, Between(1, INTEGER_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequeueJobs:
    """Try parked jobs again."""

    ids: Annotated[tuple[JobId, ...], Length(500, least=1)]
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscardJobs:
    """Give parked jobs up."""

    ids: Annotated[tuple[JobId, ...], Length(500, least=1)]
    reason: Reason


class Done(msgspec.Struct, frozen=True):
    """How many it was."""

    done: int


async def parked(office: Office, call: Call, *, limit: Limit = 100) -> tuple[queue.Parked, ...]:
    return await queue.list_parked(engine=office.engine, tenant_id=call.tenant_id, limit=limit)


async def requeue(office: Office, call: Call, *, data: Any) -> Done:
    return await _settled(queue.requeue, office, call, data)


async def discard(office: Office, call: Call, *, data: Any) -> Done:
    return await _settled(queue.discard, office, call, data)


async def _settled(how: Any, office: Office, call: Call, data: Any) -> Done:
    by = call.actor.user_id
    log.warning("parked jobs settled", actor_id=str(by), count=len(data.ids))
    done = await how(
        engine=office.engine, ids=list(data.ids), tenant_id=call.tenant_id, by=by, reason=data.reason
    )
    return Done(done)


async def tenant(office: Office, call: Call) -> TenantView:
    view: TenantView = await read_one(Tenant)(office, call, key=call.tenant_id)
    return view


def _sound_policy(office: Office, command: tenants.AmendPolicy, call: Call) -> tenants.AmendPolicy:
    """What policy names outside itself is there; raises Invalid."""
    policy = command.policy
    for field, value, known in (
        ("time_zone", policy.time_zone, available_timezones()),
        ("country", policy.country, phones.countries()),
    ):
        if value not in known:
            raise Invalid(f"policy.{field}", f"{value} is not known", _ALLOWED[field])
    check_rail(policy, rails=office.vendors.capabilities, mode=call.tenant.mode)
    return command


_ALLOWED = {"time_zone": "an IANA name like Africa/Johannesburg", "country": "two capital letters, like ZA"}


async def _clock_moved(office: Office, _: Tenant | None, call: Call) -> None:
    """Timers of the tenant ring that much earlier; the queue runs on real time."""
    office.directory.forget(call.tenant_id)
    await queue.follow_clock(engine=office.engine, tenant_id=call.tenant_id)


async def _amended(office: Office, _: Tenant | None, call: Call) -> None:
    office.directory.forget(call.tenant_id)


ROUTES: tuple[Route, ...] = (
    listing_row(
        "/trail",
        listings.EVENTS,
        "subject_id kind name actor_id from_ until",
        "The audit trail: of an object, an actor, a time, or everything.",
        "Platform",
    ),
    question_row(
        "/jobs/parked", parked, tuple[queue.Parked, ...], "Follow-ups that failed for good.", "Platform"
    ),
    QuestionRoute(
        path=f"{ROOT}/jobs/parked/requeue",
        ask=requeue,
        answer=Done,
        summary="Try a parked follow-up again, for a reason that is logged.",
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
    command_row("/tenant/close", tenants.CloseTenant, Tenant, "Platform", after=_amended),
    command_row("/tenant/reopen", tenants.ReopenTenant, Tenant, "Platform", after=_amended),
    command_row("/tenant/clock", tenants.MoveClock, Tenant, "Platform", after=_clock_moved),
)
