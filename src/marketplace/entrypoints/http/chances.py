"""A provider asks why a unit of its own gets no jobs: what is in the way now, and what was decided lately."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from marketplace.adapters.postgres.lately import read_lately
from marketplace.core.catalogue.queries import HouseServicesOf
from marketplace.core.catalogue.skills import unasked
from marketplace.core.dispatch.area import areas_around
from marketplace.core.dispatch.chances import Chances, Lately, Standing, last_seen, obstacles
from marketplace.core.dispatch.facts import LOAD_HORIZON
from marketplace.core.dispatch.presence import Presence, presence_id
from marketplace.core.dispatch.queries import HeldBy, OffersTo
from marketplace.core.dispatch.whereabouts import seen
from marketplace.core.providers.provider import Provider, Unit
from marketplace.core.providers.reservation import LONG_OVERRUN
from marketplace.core.shared.errors import NotFound
from marketplace.core.shared.limits import Between
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.routes import PROVIDER, QuestionRoute, Route
from marketplace.ports.storage import Named, One, Work

Hours = Annotated[int, Between(1, 72)]
_NOBODY = Lately(searches=0, for_its_skills=0, looked_at=0, asked=0, not_asked={})


async def chances(office: Office, call: Call, *, unit_id: UUID, hours: Hours = 24) -> Chances:
    standing = await _standing(office, call, unit_id)
    unit, since = standing.unit, call.at - timedelta(hours=hours)
    return Chances(
        unit_id=unit.id,
        now=obstacles(standing, policy=call.policy.dispatch, at=call.at),
        unasked_skills=unasked(unit.skills, set(standing.asked)),
        seen_seconds_ago=last_seen(standing, at=call.at),
        since=since,
        lately=await _lately(office, call, standing, hours),
    )


async def _lately(office: Office, call: Call, standing: Standing, hours: int) -> Lately:
    """Near where it was last, or where it belongs; by whole areas, which tell nobody's place."""
    unit, presence = standing.unit, standing.presence
    place = unit.base or standing.provider.place if presence is None else presence.place
    if place is None:
        return _NOBODY
    areas = areas_around(call.tenant_id, place)
    since = call.at - timedelta(hours=hours)
    return await read_lately(office.reads, unit, area_ids=areas, since=since, until=call.at)


async def _standing(office: Office, call: Call, unit_id: UUID) -> Standing:
    """Raises NotFound for a unit that is another's."""
    work, ids = Work(office.store, call.tenant_id), (unit_id,)
    units, providers, presences, held, offers = await work.read(
        One(Unit, unit_id),
        Named(Provider, "provider_id", One(Unit, unit_id)),
        One(Presence, presence_id(unit_id)),
        HeldBy(unit_ids=ids, start=call.at - LONG_OVERRUN, end=call.at + LOAD_HORIZON),
        OffersTo(unit_ids=ids, since=call.at - timedelta(hours=1)),
    )
    if not units or units[0].provider_id != call.actor.provider_id:
        raise NotFound("unit", unit_id)
    services = await work.ask(HouseServicesOf(categories=units[0].skills))
    return Standing(
        unit=units[0],
        provider=providers[0],
        presence=presences[0] if presences else None,
        seen=await seen(unit_id, call=call, work=work, live_map=office.vendors.live_map),
        held=held,
        offers=offers,
        asked=frozenset(service.category for service in services),
    )


ROUTES: tuple[Route, ...] = (
    QuestionRoute(
        path="/v1/provider/units/{unit_id}/chances",
        ask=chances,
        answer=Chances,
        summary="Why a unit of yours is asked for jobs, or is not: now, and in the last hours.",
        roles=PROVIDER,
        tags=("Units",),
    ),
)
