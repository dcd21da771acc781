"""What is on show: services, their free slots and prices; and how providers put it there."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec

from marketplace.adapters.postgres.listings import OFFERED, SERVICES
from marketplace.core.catalogue import usecases as catalogue
from marketplace.core.catalogue.availability import (
    check_bookable,
    diary,
    held_around,
    job_length,
    price_of,
)
from marketplace.core.catalogue.pricing import ChosenOption
from marketplace.core.catalogue.service import Service, State
from marketplace.core.catalogue.slots import Slot, free_slots
from marketplace.core.providers.provider import NotBookable, Provider
from marketplace.core.providers.queries import ActiveUnits
from marketplace.core.shared.errors import Invalid, NotFound
from marketplace.core.shared.limits import Length, Minutes
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.lists import list_row
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.parsing import span
from marketplace.entrypoints.http.representations import OfferedServiceView, PriceView, ServiceView
from marketplace.entrypoints.http.routes import PROVIDER, CommandRoute, QuestionRoute, Route
from marketplace.entrypoints.http.views import offered_view, owns, price_view, view_of
from marketplace.ports.storage import One

SLOTS_DAYS_MAX = 31
_TAGS = ("Catalogue",)


class Slots(msgspec.Struct, frozen=True):
    """Every start that can be booked, in UTC; `time_zone` is the provider's."""

    service_id: UUID
    time_zone: str
    duration_minutes: int
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPrice:
    """What a job would cost, before committing to anything."""

    service_id: UUID
    starts_at: datetime
    duration_minutes: Minutes | None = None
    options: Annotated[tuple[ChosenOption, ...], Length(50)] = ()


async def service(office: Office, call: Call, *, service_id: UUID) -> OfferedServiceView:
    found, provider = await _service(office, call, service_id)
    return offered_view(found, provider, call)


async def slots(
    office: Office,
    call: Call,
    *,
    service_id: UUID,
    from_: datetime,
    until: datetime,
    duration_minutes: Minutes | None = None,
) -> Slots:
    """Searching and booking ask the same code, so what is shown can be booked."""
    call.check_open()
    found, provider = await _service(office, call, service_id)
    if provider is None:
        raise NotBookable("this service has no slots: it is booked as a call-out, for now or for a window")
    check_bookable(provider, found)
    within = span(from_, until)
    if within.length > timedelta(days=SLOTS_DAYS_MAX):
        raise Invalid("until", "is too far from `from`", f"at most {SLOTS_DAYS_MAX} days")
    duration = job_length(found, duration_minutes)
    units, held = await office.store.read(
        call.tenant_id,
        [ActiveUnits(provider_id=provider.id), held_around(provider, within=within, duration=duration)],
    )
    facts = diary(
        provider=provider,
        units=units,
        held=held,
        policy=call.policy,
        duration=duration,
        within=within,
        now=call.at,
    )
    free = free_slots(facts, within=within)
    return Slots(found.id, provider.time_zone, int(duration.total_seconds() // 60), free)


async def quoted(office: Office, call: Call, *, data: Any, service_id: UUID) -> PriceView:
    found, provider = await _service(office, call, service_id)
    price = price_of(
        service=found,
        chosen=data.options,
        duration=job_length(found, data.duration_minutes),
        starts_at=data.starts_at,
        time_zone=call.policy.time_zone if provider is None else provider.time_zone,
        policy=call.policy,
    )
    return price_view(price, call)


async def _service(office: Office, call: Call, key: UUID) -> tuple[Service, Provider | None]:
    """A service that is on show, and its provider, None for the house's; to others a draft is not there."""
    (found,) = await office.store.read(call.tenant_id, [One(Service, key)])
    if not found or (found[0].state == State.DRAFT and not owns(found[0], call)):
        raise NotFound("service", key)
    if found[0].provider_id is None:
        return found[0], None
    (provider,) = await office.store.read(call.tenant_id, [One(Provider, found[0].provider_id)])
    return found[0], provider[0]


def _route(path: str, command: type, status: int = 200) -> CommandRoute:
    return CommandRoute(
        path=path,
        command=command,
        answer=ServiceView,
        view=view_of,
        roles=PROVIDER,
        status=status,
        tags=_TAGS,
    )


ROUTES: tuple[Route, ...] = (
    list_row(
        "/v1/services",
        OFFERED,
        "category provider_id text price_max",
        own=lambda _: {"on_show": True},
        summary="Services on show, by category, provider, text or price.",
        public=True,
        tags=_TAGS,
    ),
    QuestionRoute(
        path="/v1/services/{service_id}",
        ask=service,
        answer=OfferedServiceView,
        summary="One service.",
        public=True,
        tags=_TAGS,
    ),
    QuestionRoute(
        path="/v1/services/{service_id}/slots",
        ask=slots,
        answer=Slots,
        summary="The free slots of a service between two instants.",
        public=True,
        tags=_TAGS,
    ),
    QuestionRoute(
        path="/v1/services/{service_id}/price",
        ask=quoted,
        answer=PriceView,
        summary="What a job costs, line by line, before committing.",
        public=True,
        tags=_TAGS,
        body=AskPrice,
    ),
    list_row(
        "/v1/provider/services",
        SERVICES,
        own=lambda call: {"provider_id": call.actor.provider_id},
        summary="Your own services, drafts too.",
        roles=PROVIDER,
        tags=_TAGS,
    ),
    _route("/v1/services", catalogue.DraftService, status=201),
    _route("/v1/services/{service_id}", catalogue.AmendService),
    _route("/v1/services/{service_id}/publish", catalogue.PublishService),
    _route("/v1/services/{service_id}/withdraw", catalogue.WithdrawService),
)
