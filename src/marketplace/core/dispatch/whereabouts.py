"""Where units are is the live map's to say; while it cannot be asked storage tells, as far as it was told."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from marketplace.core.dispatch.facts import LOAD_HORIZON, load_of
from marketplace.core.dispatch.presence import Presence, State, presence_id
from marketplace.core.dispatch.queries import HeldBy, OnlineIn
from marketplace.core.dispatch.squares import squares_within
from marketplace.core.providers.provider import Unit
from marketplace.core.providers.reservation import LONG_OVERRUN, Reservation
from marketplace.core.shared.errors import Unavailable
from marketplace.core.shared.place import distance_metres
from marketplace.core.tenants.tenant import Call
from marketplace.ports.geo import Found, LiveMap, Search, room_of
from marketplace.ports.storage import Among, One, Work

# A unit that stands still writes down its place once in fifteen minutes, and is a little late at times.
KEPT_FRESH = timedelta(minutes=17)
# Where the search in storage begins, and how much wider it grows each time that too few were found.
_REACH_FIRST_METRES, _WIDER = 3_500.0, 4
# The nearest are looked at first: in a city most of those within reach are never read.
_PAGE = 100


async def seen(unit_id: UUID, *, call: Call, work: Work, live_map: LiveMap) -> Found | None:
    """The last that is known of a unit's place; None of one that is offline or has not told for long."""
    try:
        return await live_map.where(tenant_id=call.tenant_id, unit_id=unit_id)
    except Unavailable:
        presences, held = await work.read(One(Presence, presence_id(unit_id)), _held((unit_id,), call))
        return next((_found(one, 0.0, held, call) for one in presences if _tells(one, call)), None)


async def find_stored(search: Search, *, call: Call, work: Work) -> tuple[Found, ...]:
    """
    As the map would, of places about a minute old, or older of those that stand still.

    Nobody is held by it: of two rounds that ask one unit the second is refused, and decided again.
    """
    reach = min(_REACH_FIRST_METRES, search.reach_metres)
    while True:
        found = await _within(reach, search, call, work)
        if len(found) >= search.limit or reach >= search.reach_metres:
            return tuple(found[: search.limit])
        reach = min(_WIDER * reach, search.reach_metres)


async def _within(reach_metres: float, search: Search, call: Call, work: Work) -> list[Found]:
    squares = squares_within(search.place, reach_metres=reach_metres)
    online = await work.ask(OnlineIn(squares=squares, since=call.at - max(search.fresh, KEPT_FRESH)))
    away = sorted((distance_metres(search.place, one.place), one.unit_id, one) for one in online)
    near = [(metres, one) for metres, _, one in away if metres <= reach_metres]
    found: list[Found] = []
    for first in range(0, len(near), _PAGE):
        found += await _able(near[first : first + _PAGE], search, call, work)
        if len(found) >= search.limit:
            break
    return found


async def _able(
    near: Sequence[tuple[float, Presence]], search: Search, call: Call, work: Work
) -> list[Found]:
    """Those with the skill and the room."""
    ids = tuple(one.unit_id for _, one in near)
    units, held = await work.read(Among(Unit, ids), _held(ids, call))
    skilled = {unit.id for unit in units if search.skill in unit.skills}
    jobs: dict[UUID, list[Reservation]] = defaultdict(list)
    for reservation in held:
        jobs[reservation.unit_id].append(reservation)
    found = (_found(one, metres, jobs[one.unit_id], call) for metres, one in near if one.unit_id in skilled)
    return [one for one in found if room_of(one.load, call.policy.dispatch.load_max) == search.room]


def _held(unit_ids: tuple[UUID, ...], call: Call) -> HeldBy:
    return HeldBy(unit_ids=unit_ids, start=call.at - LONG_OVERRUN, end=call.at + LOAD_HORIZON)


def _tells(presence: Presence, call: Call) -> bool:
    return presence.state == State.ONLINE and call.at - presence.placed_at <= KEPT_FRESH


def _found(presence: Presence, metres: float, held: Iterable[Reservation], call: Call) -> Found:
    return Found(
        unit_id=presence.unit_id,
        place=presence.place,
        metres=metres,
        age=max(timedelta(), call.at - presence.placed_at),
        load=load_of(held, at=call.at),
    )
