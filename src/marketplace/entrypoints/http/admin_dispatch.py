"""The platform's people look into dispatch: who is online, what is searched for, who was asked, and why."""

from typing import Any
from uuid import UUID

from marketplace.adapters.postgres import listings
from marketplace.core.catalogue.skills import SkilledUnit
from marketplace.core.dispatch import answering, blocking, presences, searching
from marketplace.core.dispatch.block import Block
from marketplace.core.dispatch.decision import DispatchDecision
from marketplace.core.dispatch.explaining import Explanation, Now, explain
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.dispatch.presence import Presence, presence_id
from marketplace.core.dispatch.queries import DecisionsOn
from marketplace.core.dispatch.whereabouts import seen
from marketplace.core.providers.provider import Unit
from marketplace.core.providers.usecases import AmendUnit
from marketplace.core.shared.errors import NotFound
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.callouts import WayView, way
from marketplace.entrypoints.http.desk import command_row, finding_rows, question_row, read_one
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.pages import After, Limit, PageOf, page_of, page_view
from marketplace.entrypoints.http.routes import Route
from marketplace.ports.storage import One, Work

_TAG = "Dispatch"


async def decisions(
    office: Office, call: Call, *, job_id: UUID, limit: Limit = 20, after: After | None = None
) -> PageOf[Any]:
    await read_one(DispatchJob)(office, call, key=job_id)
    page = await office.reads.page(
        call.tenant_id, listings.DECISIONS, limit=limit, after=after, job_id=job_id
    )
    return page_view(page, call)


async def why_not(office: Office, call: Call, *, job_id: UUID, unit_id: UUID) -> Explanation:
    jobs, units, present, decided = await office.store.read(
        call.tenant_id,
        [
            One(DispatchJob, job_id),
            One(Unit, unit_id),
            One(Presence, presence_id(unit_id)),
            DecisionsOn(job_id=job_id),
        ],
    )
    if not jobs:
        raise NotFound("dispatch job", job_id)
    if not units:
        raise NotFound("unit", unit_id)
    work = Work(office.store, call.tenant_id)
    now = Now(
        unit=units[0],
        presence=present[0] if present else None,
        seen=await seen(unit_id, call=call, work=work, live_map=office.vendors.live_map),
    )
    return explain(jobs[0], decided, now, policy=call.policy.dispatch)


ROUTES: tuple[Route, ...] = (
    *finding_rows(
        "dispatch/presences",
        listings.PRESENCES,
        "state provider_id",
        "Units that are, or were, online.",
        _TAG,
    ),
    command_row("/units/{unit_id}/online", presences.GoOnline, Presence, _TAG),
    command_row("/units/{unit_id}/offline", presences.GoOffline, Presence, _TAG),
    command_row("/units/{unit_id}", AmendUnit, SkilledUnit, _TAG),
    *finding_rows(
        "dispatch/jobs",
        listings.DISPATCH_JOBS,
        "state booking_id customer_id",
        "Searches; state=exhausted for those that found nobody.",
        _TAG,
    ),
    command_row("/bookings/{booking_id}/search-on", searching.SearchOn, DispatchJob, _TAG),
    question_row(
        "/dispatch/jobs/{job_id}/decisions",
        decisions,
        page_of(DispatchDecision),
        "What was decided on a job, each time: the candidates, what each cost, or why it was left out.",
        _TAG,
    ),
    question_row(
        "/dispatch/jobs/{job_id}/why-not",
        why_not,
        Explanation,
        "Why a unit was asked to do a job, or was not.",
        _TAG,
    ),
    *finding_rows(
        "dispatch/offers",
        listings.OFFERS,
        "state job_id provider_id unit_id",
        "Who was asked to do which job, and what came of it.",
        _TAG,
    ),
    command_row("/dispatch/offers/{offer_id}/acknowledge", answering.AcknowledgeOffer, DispatchOffer, _TAG),
    command_row("/dispatch/offers/{offer_id}/see", answering.SeeOffer, DispatchOffer, _TAG),
    command_row("/dispatch/offers/{offer_id}/accept", answering.AcceptOffer, DispatchOffer, _TAG),
    command_row("/dispatch/offers/{offer_id}/decline", answering.DeclineOffer, DispatchOffer, _TAG),
    *finding_rows(
        "dispatch/blocks",
        listings.BLOCKS,
        "state customer_id provider_id set_by",
        "Who keeps whom away.",
        _TAG,
    ),
    command_row("/dispatch/blocks", blocking.SetBlock, Block, _TAG),
    command_row("/dispatch/blocks/{block_id}/lift", blocking.LiftBlock, Block, _TAG),
    question_row("/bookings/{booking_id}/way", way, WayView, "Where whoever comes is.", _TAG),
)
