"""The live map is drawn anew from storage: everybody who is online, where it was last, and what it has."""

import asyncio
from collections import defaultdict
from datetime import timedelta
from uuid import UUID

from marketplace.core.dispatch.facts import LOAD_HORIZON
from marketplace.core.dispatch.presence import Presence
from marketplace.core.dispatch.presences import sighting_of
from marketplace.core.dispatch.queries import HeldBy, OnlineAfter
from marketplace.core.providers.provider import Unit
from marketplace.core.providers.reservation import LONG_OVERRUN, Reservation
from marketplace.core.tenants.tenant import Call
from marketplace.ports.geo import KEPT, Sighting
from marketplace.ports.storage import Among, Store, Work
from marketplace.ports.vendors import Vendors

PAGE = 1_000
_FIRST = UUID(int=0)  # before every id that there is


async def redraw(*, call: Call, store: Store, vendors: Vendors) -> int:
    """
    How many units were shown. Raises Unavailable where the map, or storage, cannot be reached.

    What moves meanwhile is told by the usual ways; an older sighting changes nothing of what they said.
    """
    shown, presences = 0, await _online(_FIRST, call, store)
    while presences:
        # Those who come next are read while these are shown.
        count, presences = await asyncio.gather(
            _show(presences, call, store, vendors), _online(presences[-1].id, call, store)
        )
        shown += count
    return shown


async def _online(after: UUID, call: Call, store: Store) -> tuple[Presence, ...]:
    return await Work(store, call.tenant_id).ask(OnlineAfter(after=after, most=PAGE))


async def _show(presences: tuple[Presence, ...], call: Call, store: Store, vendors: Vendors) -> int:
    sightings = await _sightings(presences, call, Work(store, call.tenant_id))
    await vendors.live_map.report(sightings)
    return len(sightings)


async def _sightings(presences: tuple[Presence, ...], call: Call, work: Work) -> list[Sighting]:
    """A place that is older than the map keeps any is of no use to it."""
    current = {one.unit_id: one for one in presences if call.at - one.placed_at < KEPT - timedelta(minutes=1)}
    ids = tuple(sorted(current))
    start, end = call.at - LONG_OVERRUN, call.at + LOAD_HORIZON
    units, held = await work.read(Among(Unit, ids), HeldBy(unit_ids=ids, start=start, end=end))
    by_unit: dict[UUID, list[Reservation]] = defaultdict(list)
    for reservation in held:
        by_unit[reservation.unit_id].append(reservation)
    return [sighting_of(unit, current[unit.id], by_unit[unit.id], call) for unit in units]
