"""A customer has somebody sent: it calls out, sees the search, and then who is coming, and when."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from marketplace.adapters.postgres.approaches import coming_unit
from marketplace.adapters.postgres.listings import DISPATCH_JOBS
from marketplace.core.bookings.access import sees
from marketplace.core.bookings.booking import Booking, State
from marketplace.core.bookings.commands import CallOut
from marketplace.core.dispatch.presence import Presence, presence_id
from marketplace.core.dispatch.searching import SearchOn
from marketplace.core.dispatch.whereabouts import seen
from marketplace.core.providers.hours import zone
from marketplace.core.shared.errors import NotFound
from marketplace.core.shared.place import Place
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.bookings import known_method
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.representations import BookingView, SearchView
from marketplace.entrypoints.http.routes import BOTH, CUSTOMER, CommandRoute, QuestionRoute, Route
from marketplace.entrypoints.http.views import view_of
from marketplace.ports.storage import One, Work

_TAGS = ("Call-outs",)
# Before it sets out, a provider's whereabouts are its own; afterwards the customer looks out for it.
_APPROXIMATE, _EXACT = frozenset({State.CONFIRMED}), frozenset({State.EN_ROUTE, State.ARRIVED})
# A job for another day is no reason to be watched until then.
_LOOKED_OUT_FOR = timedelta(hours=2)


class WayView(msgspec.Struct, kw_only=True, frozen=True):
    """
    Where whoever comes is, to about a kilometre until it sets out; no `arrives_at` once it is there.

    Of a unit that does not tell where it is there is no `place`, and `arrives_at` is as planned; it was last
    seen `seen_seconds_ago`, null where it never was.
    """

    booking_id: UUID
    place: Place | None
    arrives_at: datetime | None
    seen_seconds_ago: int | None


async def search(office: Office, call: Call, *, booking_id: UUID) -> SearchView:
    """The last one: a booking that is handed back is searched for again."""
    await _booking(office, call, booking_id)
    page = await office.reads.page(call.tenant_id, DISPATCH_JOBS, limit=1, booking_id=booking_id)
    if not page.items:
        raise NotFound("search for booking", booking_id)
    view: SearchView = view_of(page.items[0], call)
    return view


async def way(office: Office, call: Call, *, booking_id: UUID) -> WayView:
    booking = await _booking(office, call, booking_id)
    found = None
    if booking.reservation_id is not None and _is_looked_out_for(booking, call):
        unit_id = await coming_unit(office.reads, call.tenant_id, reservation_id=booking.reservation_id)
        found = await way_of(booking, unit_id, call, office)
    if found is None:
        raise NotFound("unit seen on its way to booking", booking_id)
    return found


def _is_looked_out_for(booking: Booking, call: Call) -> bool:
    soon = booking.starts_at - call.at <= _LOOKED_OUT_FOR
    return booking.state in _EXACT or (booking.state in _APPROXIMATE and soon)


async def way_of(booking: Booking, unit_id: UUID | None, call: Call, office: Office) -> WayView | None:
    """None where nobody has it yet, or nobody knows where to go; raises Unavailable."""
    if unit_id is None or booking.place is None:
        return None
    work = Work(office.store, call.tenant_id)
    found = await seen(unit_id, call=call, work=work, live_map=office.vendors.live_map)
    if found is None:
        return await _unseen(booking, unit_id, call, work)
    arrives_at = None
    if booking.state != State.ARRIVED:
        local = call.at.astimezone(zone(booking.time_zone))
        (travel,) = await office.vendors.router.travel(starts=[found.place], end=booking.place, at=local)
        arrives_at = None if travel is None else call.at + travel
        if booking.state in _APPROXIMATE and arrives_at is not None:
            arrives_at = max(arrives_at, booking.starts_at)
    return WayView(
        booking_id=booking.id,
        place=found.place if booking.state in _EXACT else found.place.rounded(),
        arrives_at=arrives_at,
        seen_seconds_ago=round(found.age.total_seconds()),
    )


async def _unseen(booking: Booking, unit_id: UUID, call: Call, work: Work) -> WayView:
    """Of a unit that is offline, or has not told for long, what was promised stands."""
    presence = await work.find(Presence, presence_id(unit_id))
    return WayView(
        booking_id=booking.id,
        place=None,
        arrives_at=None if booking.state == State.ARRIVED else booking.starts_at,
        seen_seconds_ago=None if presence is None else round((call.at - presence.placed_at).total_seconds()),
    )


async def _booking(office: Office, call: Call, key: UUID) -> Booking:
    (found,) = await office.store.read(call.tenant_id, [One(Booking, key)])
    if not found or not sees(found[0], call):
        raise NotFound("booking", key)
    booking: Booking = found[0]
    return booking


def _command(path: str, command: type, answer: type, **facts: Any) -> CommandRoute:
    return CommandRoute(
        path=path, command=command, answer=answer, view=view_of, roles=CUSTOMER, tags=_TAGS, **facts
    )


ROUTES: tuple[Route, ...] = (
    _command("/v1/call-outs", CallOut, BookingView, status=201, prepare=known_method),
    _command("/v1/bookings/{booking_id}/search-on", SearchOn, SearchView),
    QuestionRoute(
        path="/v1/bookings/{booking_id}/search",
        ask=search,
        answer=SearchView,
        summary="How the search for somebody stands.",
        roles=CUSTOMER,
        tags=_TAGS,
    ),
    QuestionRoute(
        path="/v1/bookings/{booking_id}/way",
        ask=way,
        answer=WayView,
        summary="Where whoever comes is, and when it will be there.",
        roles=BOTH,
        tags=_TAGS,
    ),
)
