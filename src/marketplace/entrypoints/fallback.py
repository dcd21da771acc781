"""While a router is down another one estimates, so that dispatch goes on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

import structlog

from marketplace.core.shared.errors import Unavailable
from marketplace.core.shared.place import Place
from marketplace.ports.geo import Router

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class FallbackRouter:
    """
    The ways to one place all come from the same router, or their lengths would not compare.

    A round asks for each of its jobs. So that it does not wait each time for a router that is down, `first`
    is left alone for `pause_seconds` after it was Unavailable.
    """

    first: Router
    second: Router
    pause_seconds: float = 5.0
    clock: Callable[[], float] = monotonic
    _asked_again_at: float = field(default=float("-inf"), init=False)

    async def travel(
        self, *, starts: Sequence[Place], end: Place, at: datetime
    ) -> tuple[timedelta | None, ...]:
        if self.clock() >= self._asked_again_at:
            try:
                return await self.first.travel(starts=starts, end=end, at=at)
            except Unavailable:
                self._asked_again_at = self.clock() + self.pause_seconds
                log.warning("the router is down, ways are estimated")
        return await self.second.travel(starts=starts, end=end, at=at)
