"""A provider's units go online, say where they are, and are offered jobs; blocks keep two sides apart."""

from dataclasses import dataclass, replace
from typing import Annotated, Any
from uuid import UUID

import msgspec

from marketplace.adapters.postgres.listings import ASKED, BLOCKS, PRESENCES
from marketplace.core.bookings.booking import Booking
from marketplace.core.dispatch import answering, blocking, presences
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.providers.usecases import AmendUnit
from marketplace.core.shared.errors import NotAllowed, NotFound
from marketplace.core.shared.limits import Length
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.idempotency import Memory
from marketplace.entrypoints.http.lists import list_row
from marketplace.entrypoints.http.offered import OfferedJob, job_of
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.representations import BlockView, OfferView, PresenceView, SkilledUnitView
from marketplace.entrypoints.http.routes import BOTH, PROVIDER, CommandRoute, QuestionRoute, Route
from marketplace.entrypoints.http.views import view_of
from marketplace.entrypoints.tracker import Point, Taken
from marketplace.ports.storage import One

_UNITS, _OFFERS, _BLOCKS = ("Units",), ("Offers",), ("Blocks",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPositions:
    """Where the unit was, in any order; the newest that can be believed counts."""

    points: Annotated[tuple[Point, ...], Length(100, least=1)]


class OfferDetail(msgspec.Struct, kw_only=True, frozen=True):
    """An offer, and what is known of the job before it is one's own."""

    offer: OfferView
    job: OfferedJob


async def positions(office: Office, call: Call, *, unit_id: UUID, data: Any) -> Taken:
    return await office.tracker.follow(call, unit_id, data.points)


async def offer(office: Office, call: Call, *, offer_id: UUID) -> OfferDetail:
    (found,) = await office.store.read(call.tenant_id, [One(DispatchOffer, offer_id)])
    if not found or (call.actor.role == Role.PROVIDER and found[0].provider_id != call.actor.provider_id):
        raise NotFound("offer", offer_id)
    (job,), (booking,) = await office.store.read(
        call.tenant_id, [One(DispatchJob, found[0].job_id), One(Booking, found[0].booking_id)]
    )
    return OfferDetail(offer=view_of(found[0], call), job=job_of(job, booking))


def _own(call: Call) -> dict[str, Any]:
    return {"provider_id": _provider_id(call)}


def _own_blocks(call: Call) -> dict[str, Any]:
    """Those that it set itself: of the other side's nobody is told."""
    if call.actor.role == Role.PROVIDER:
        return {"provider_id": _provider_id(call), "set_by": Role.PROVIDER}
    return {"customer_id": call.actor.user_id, "set_by": Role.CUSTOMER}


def _provider_id(call: Call) -> UUID:
    if call.actor.provider_id is None:
        raise NotAllowed("you act for no provider")
    return call.actor.provider_id


def _route(path: str, command: type, answer: type, tags: tuple[str, ...]) -> CommandRoute:
    return CommandRoute(path=path, command=command, answer=answer, view=view_of, roles=PROVIDER, tags=tags)


def _answer(name: str, command: type) -> CommandRoute:
    return _route(f"/v1/offers/{{offer_id}}/{name}", command, OfferView, _OFFERS)


ROUTES: tuple[Route, ...] = (
    _route("/v1/units/{unit_id}/online", presences.GoOnline, PresenceView, _UNITS),
    _route("/v1/units/{unit_id}/offline", presences.GoOffline, PresenceView, _UNITS),
    _route("/v1/units/{unit_id}/amend", AmendUnit, SkilledUnitView, _UNITS),
    QuestionRoute(
        path="/v1/units/{unit_id}/positions",
        ask=positions,
        answer=Taken,
        summary="Say where a unit is; points that cannot be believed are dropped, and counted.",
        roles=PROVIDER,
        tags=_UNITS,
        body=ReportPositions,
        memory=Memory.NONE,
        status=202,
    ),
    list_row(
        "/v1/provider/presences",
        PRESENCES,
        "state",
        own=_own,
        summary="Which of your units are, or were, online; who was written down latest comes first.",
        roles=PROVIDER,
        tags=_UNITS,
    ),
    list_row(
        "/v1/offers",
        ASKED,
        "state",
        own=_own,
        summary="Jobs that your units were asked to do, with place and pay, the latest first.",
        roles=PROVIDER,
        tags=_OFFERS,
    ),
    QuestionRoute(
        path="/v1/offers/{offer_id}",
        ask=offer,
        answer=OfferDetail,
        summary="One offer, with the job.",
        roles=PROVIDER,
        tags=_OFFERS,
    ),
    _answer("acknowledge", answering.AcknowledgeOffer),
    _answer("see", answering.SeeOffer),
    _answer("accept", answering.AcceptOffer),
    _answer("decline", answering.DeclineOffer),
    replace(_route("/v1/blocks", blocking.SetBlock, BlockView, _BLOCKS), roles=BOTH),
    replace(_route("/v1/blocks/{block_id}/lift", blocking.LiftBlock, BlockView, _BLOCKS), roles=BOTH),
    list_row(
        "/v1/blocks",
        BLOCKS,
        "state",
        own=_own_blocks,
        summary="Whom you keep away.",
        roles=BOTH,
        tags=_BLOCKS,
    ),
)
