"""While somebody is on the way to a customer, its stream tells where, and when it will be there; unstored."""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import msgspec

from marketplace.adapters.postgres.approaches import Approach, coming_to
from marketplace.core.shared.errors import Unavailable
from marketplace.core.shared.place import distance_metres
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.callouts import WayView, way_of
from marketplace.entrypoints.http.office import Office

WAY_SECONDS = 5.0
NAME = "booking.way"
# What is less than this is no news.
_LATER, _METRES = timedelta(seconds=30), 200


@dataclass
class Approaches:
    """
    Of one customer. Storage is asked only once its bookings have moved, and nothing while nobody comes.

    `lines` are events without an id, so that a stream that is resumed resumes at the last that is stored.
    """

    office: Office
    call: Call
    customer_id: UUID
    _coming: tuple[Approach, ...] = ()
    _told: dict[UUID, WayView] = field(default_factory=dict)
    _moved: bool = True
    _looked_at: float = float("-inf")

    @property
    def under_way(self) -> bool:
        return bool(self._coming)

    def bookings_moved(self) -> None:
        self._moved = True

    async def lines(self) -> list[bytes]:
        """What has changed by more than little; nothing while the map, or storage, does not answer."""
        try:
            return [_line(view) for view in await self._news()]
        except Unavailable:
            return []

    async def _news(self) -> list[WayView]:
        if self._moved:
            self._coming = await coming_to(
                self.office.reads, self.call.tenant_id, customer_id=self.customer_id
            )
            self._moved, self._looked_at = False, float("-inf")
        if not self._coming or time.monotonic() - self._looked_at < WAY_SECONDS:
            return []
        self._looked_at = time.monotonic()
        call = await self.office.directory.call(
            self.call.tenant_id, self.call.actor, self.call.request_id, self.call.origin
        )
        found = [await way_of(one.booking, one.unit_id, call, self.office) for one in self._coming]
        news = [
            view for view in found if view is not None and _is_news(view, self._told.get(view.booking_id))
        ]
        self._told |= {view.booking_id: view for view in news}
        return news


def _is_news(view: WayView, before: WayView | None) -> bool:
    if before is None or view.arrives_at is None or before.arrives_at is None:
        return before is None or view.arrives_at != before.arrives_at
    later = abs(view.arrives_at - before.arrives_at) >= _LATER
    if view.place is None or before.place is None:
        return later or view.place != before.place
    return later or distance_metres(view.place, before.place) >= _METRES


def _line(view: WayView) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (NAME.encode(), msgspec.json.encode(view))
