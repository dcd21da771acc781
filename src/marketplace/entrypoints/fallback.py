"""While a router is down another one estimates, so that dispatch goes on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from marketplace.core.shared.errors import Unavailable
from marketplace.core.shared.place import Place
from marketplace.entrypoints.breaker import Breaker, Limits, Ticket
from marketplace.ports.geo import Router

log = structlog.get_logger(__name__)

Ways = tuple[timedelta | None, ...]
ONCE = Limits(failures=1, pause_seconds=5.0, pause_seconds_max=5.0)


@dataclass(slots=True, kw_only=True)
class FallbackRouter:
    """
    The ways to one place all come from the same router, or their lengths would not compare.

    A round asks for each of its jobs. So that it does not wait each time for a router that is down, `first`
    is left alone for a while after it was Unavailable once.
    """

    first: Router
    second: Router
    breaker: Breaker = field(default_factory=lambda: Breaker(limits=ONCE))

    async def travel(self, *, starts: Sequence[Place], end: Place, at: datetime) -> Ways:
        ticket = self.breaker.order()
        found = None if ticket is None else await self._first(ticket, starts=starts, end=end, at=at)
        return await self.second.travel(starts=starts, end=end, at=at) if found is None else found

    async def _first(
        self, ticket: Ticket, *, starts: Sequence[Place], end: Place, at: datetime
    ) -> Ways | None:
        """None where it is down."""
        try:
            found = await self.first.travel(starts=starts, end=end, at=at)
        except Unavailable as error:
            self.breaker.failed(ticket, error.code)
            log.warning("the router is down, ways are estimated")
            return None
        except BaseException:
            self.breaker.dropped(ticket)
            raise
        self.breaker.succeeded(ticket)
        return found
