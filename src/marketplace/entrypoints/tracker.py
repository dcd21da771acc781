"""Where units say that they are: each point is checked, the newest shown on the map, and kept at times."""

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from marketplace.core.dispatch import whereabouts
from marketplace.core.dispatch.presences import KeepPlace, ShowUnit, show_unit
from marketplace.core.marketplace import run
from marketplace.core.providers.provider import Unit
from marketplace.core.shared.errors import Conflict, Invalid, NotFound, Unavailable
from marketplace.core.shared.period import instant
from marketplace.core.shared.place import Place, distance_metres
from marketplace.core.tenants.tenant import Call
from marketplace.ports.geo import Position
from marketplace.ports.storage import One, Stale, Store, Work
from marketplace.ports.vendors import Vendors

# Clocks of telephones run ahead by so much without anybody's ill will.
AHEAD_MAX = timedelta(seconds=10)
# Faster than any car: whoever jumps so far was not there, or is not here.
_METRES_PER_SECOND_MAX = 250 / 3.6
_ERROR_METRES = 100  # of a position between houses
# A unit that moves is written down once a minute, one that stands a few times an hour.
KEPT_SECONDS, STANDING_SECONDS = 60.0, 900.0
_STANDING_METRES = 200
UNITS_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Where a unit was; `at` by the marketplace's clock."""

    latitude: float
    longitude: float
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Points that were not believed: too old to help, not yet due, or where nobody can have been."""

    stale: int = 0
    from_the_future: int = 0
    impossible: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    taken: int
    dropped: Dropped


@dataclass(frozen=True, slots=True)
class _Spot:
    place: Place
    at: datetime


@dataclass(slots=True)
class _Known:
    """A unit that has reported here: whose it is, which never changes, its last place, and that kept."""

    provider_id: UUID
    last: _Spot | None = None
    kept: Place | None = None
    kept_at: float = float("-inf")


@dataclass
class Tracker:
    """One for a process; what it knows of units is a cache, of which the longest unused go first."""

    store: Store
    vendors: Vendors
    clock: Callable[[], float] = monotonic
    _units: OrderedDict[tuple[UUID, UUID], _Known] = field(default_factory=OrderedDict)

    async def follow(self, call: Call, unit_id: UUID, points: Sequence[Point]) -> Taken:
        """
        Raises NotFound for another's unit, NotOnline, Unavailable. The same points again do no harm.

        While the map is down places are written down as often as ever, and nowhere else.
        """
        unit = await self._unit(call, unit_id)
        sieve = _Sieve(call, unit.last or await self._seen(call, unit_id))
        for point in sorted(points, key=lambda one: instant(one.at, field="at")):
            sieve.take(point)
        if sieve.taken and sieve.last is not None:
            await self._show(call, unit_id, unit, sieve.last)
        return sieve.result()

    async def _unit(self, call: Call, unit_id: UUID) -> _Known:
        key = (call.tenant_id, unit_id)  # two marketplaces may have taken the same id
        known = self._units.get(key)
        if known is None:
            (found,) = await self.store.read(call.tenant_id, [One(Unit, unit_id)])
            if not found:
                raise NotFound("unit", unit_id)
            known = self._units[key] = _Known(found[0].provider_id)
            while len(self._units) > UNITS_MAX:
                self._units.popitem(last=False)
        self._units.move_to_end(key)
        if known.provider_id != call.actor.provider_id:
            raise NotFound("unit", unit_id)
        return known

    async def _seen(self, call: Call, unit_id: UUID) -> _Spot | None:
        """By another process, or before this one began."""
        work = Work(self.store, call.tenant_id)
        seen = await whereabouts.seen(unit_id, call=call, work=work, live_map=self.vendors.live_map)
        return None if seen is None else _Spot(seen.place, call.at - seen.age)

    async def _show(self, call: Call, unit_id: UUID, unit: _Known, spot: _Spot) -> None:
        age = max(timedelta(), call.at - spot.at)
        position = Position(tenant_id=call.tenant_id, unit_id=unit_id, place=spot.place, age=age)
        try:
            unknown = await self.vendors.live_map.follow([position])
        except Unavailable:
            # It is written down as often as ever, and found by that.
            unknown = ()
        if unknown or self._is_to_be_kept(unit, spot):
            await self._keep(call, unit_id, unit, spot)
        if unknown:
            await self._introduce(call, unit_id)
        unit.last = spot

    async def _introduce(self, call: Call, unit_id: UUID) -> None:
        """What else the map has to know of it stands in storage, by now its place too."""
        work = Work(self.store, call.tenant_id)
        with contextlib.suppress(Unavailable):
            await show_unit(ShowUnit(unit_id=unit_id), call=call, work=work, vendors=self.vendors)

    def _is_to_be_kept(self, unit: _Known, spot: _Spot) -> bool:
        stands = unit.kept is not None and distance_metres(unit.kept, spot.place) < _STANDING_METRES
        return self.clock() - unit.kept_at >= (STANDING_SECONDS if stands else KEPT_SECONDS)

    async def _keep(self, call: Call, unit_id: UUID, unit: _Known, spot: _Spot) -> None:
        command = KeepPlace(unit_id=unit_id, place=spot.place, placed_at=min(spot.at, call.at))
        try:
            await run(command, call=call, store=self.store)
        except Stale:
            return  # whoever writes so much of it will do so again, and so shall we
        except Conflict:
            self._units.pop((call.tenant_id, unit_id), None)
            raise
        unit.kept, unit.kept_at = spot.place, self.clock()


class _Sieve:
    """What may be believed of a unit's points, in the order of their times; `last` is the newest that may."""

    def __init__(self, call: Call, last: _Spot | None) -> None:
        self._now = call.at
        self._fresh = timedelta(seconds=call.policy.dispatch.fresh_seconds)
        # A last place that has grown old proves nothing: one wrong point must not shut a unit out for long.
        self.last = last if last is not None and call.at - last.at <= self._fresh else None
        self.taken = 0
        self._stale = self._ahead = self._impossible = 0

    def take(self, point: Point) -> None:
        at = instant(point.at, field="at")
        if at > self._now + AHEAD_MAX:
            self._ahead += 1
        elif at < self._now - self._fresh:
            self._stale += 1
        elif (place := _place(point)) is None or self._is_out_of_reach(place, at):
            self._impossible += 1
        else:
            self.taken += 1
            if self.last is None or at >= self.last.at:
                self.last = _Spot(place, at)

    def result(self) -> Taken:
        dropped = Dropped(stale=self._stale, from_the_future=self._ahead, impossible=self._impossible)
        return Taken(taken=self.taken, dropped=dropped)

    def _is_out_of_reach(self, place: Place, at: datetime) -> bool:
        if self.last is None:
            return False
        seconds = abs((at - self.last.at).total_seconds())
        return distance_metres(self.last.place, place) > _ERROR_METRES + seconds * _METRES_PER_SECOND_MAX


def _place(point: Point) -> Place | None:
    try:
        return Place(point.latitude, point.longitude)
    except Invalid:
        return None
