"""The live map is drawn anew from storage: everybody who is online, where it was last, and what it has."""

from collections import defaultdict
from datetime import timedelta
from uuid import UUID

from marketplace.core.dispatch.facts import LOAD_HORIZON, LONG_OVERRUN
from marketplace.core.dispatch.presence import Presence
from marketplace.core.dispatch.presences import sighting_of
from marketplace.core.dispatch.queries import HeldBy, OnlineAfter
from marketplace.core.providers.provider import Unit
from marketplace.core.providers.reservation import Reservation
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
    shown, after = 0, _FIRST
    while True:
        work = Work(store, call.tenant_id)
        presences = await work.ask(OnlineAfter(after=after, most=PAGE))
        if not presences:
            return shown
        sightings = await _sightings(presences, call, work)
        await vendors.live_map.report(sightings)
        shown, after = shown + len(sightings), presences[-1].id


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
