"""A live map that has lost what it knew is drawn anew from storage, by one process at a time."""

import time
from dataclasses import dataclass, field

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.leases import PostgresLeases
from marketplace.adapters.postgres.overview import Overview
from marketplace.core.dispatch.redrawing import redraw
from marketplace.core.shared.errors import Unavailable
from marketplace.core.shared.roles import SYSTEM
from marketplace.entrypoints.directory import Directory
from marketplace.ports.storage import Store
from marketplace.ports.vendors import Vendors

log = structlog.get_logger(__name__)

LEASE = "live map"


@dataclass
class Cartographer:
    """Asked every few seconds. While the map is blank units that report are shown again one by one, too."""

    engine: AsyncEngine
    store: Store
    vendors: Vendors
    directory: Directory
    overview: Overview
    _down: bool = field(default=False, init=False)

    async def look(self) -> None:
        """Raises Unavailable where storage cannot be reached: it is looked again."""
        try:
            blank = await self.vendors.live_map.blank()
        except Unavailable as error:
            self._tell(down=True, detail=error.detail)
            return
        self._tell(down=False, detail="")
        if blank:
            await self._redraw()

    def _tell(self, *, down: bool, detail: str) -> None:
        """Once each time that it goes or comes, however often rounds meet with it."""
        if down and not self._down:
            log.warning("live map down, asking the database", detail=detail)
        elif self._down and not down:
            log.info("live map answers again")
        self._down = down

    async def _redraw(self) -> None:
        """Raises Unavailable where the map goes meanwhile."""
        # Its session is lent for as long as it draws, and not for good.
        leases = PostgresLeases(self.engine)
        try:
            if await leases.take(LEASE) is not None and await self.vendors.live_map.blank():
                await self._draw()
        finally:
            await leases.close()

    async def _draw(self) -> None:
        began, shown = time.monotonic(), 0
        for tenant_id in await self.overview.tenants():
            call = await self.directory.call(tenant_id, SYSTEM, "live map")
            shown += await redraw(call=call, store=self.store, vendors=self.vendors)
        await self.vendors.live_map.drawn()
        log.info("live map drawn", units=shown, seconds=round(time.monotonic() - began, 2))
