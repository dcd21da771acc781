"""Which rails are down: what this process sees of each, and what any other has written down of it."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from uuid import UUID

import msgspec
import structlog

from marketplace.core.shared.errors import MarketplaceError, Unavailable
from marketplace.entrypoints.breaker import Breaker, Limits, Standing
from marketplace.entrypoints.guarded import guarded
from marketplace.ports.payments import PaymentRail
from marketplace.ports.shelf import Document, Listing, Shelf

log = structlog.get_logger(__name__)

FRESH_SECONDS = 2.0
SHELF = "rail.down"
_NOBODY = UUID(int=0)  # a rail is all tenants'


@dataclass(frozen=True, slots=True, kw_only=True)
class Down:
    """`until` is when it will be tried again; past, where it has answered since."""

    rail: str
    until: datetime
    failure: str | None


async def read_down(shelf: Shelf) -> tuple[Down, ...]:
    """All that was ever written down, by rail; raises Unavailable."""
    found = await shelf.listed(Listing(shelf=SHELF, tenant_id=_NOBODY))
    return tuple(msgspec.json.decode(one.body, type=Down) for one in found)


@dataclass
class RailHealth:
    """
    A breaker for each rail, of this process alone. That one has opened, or closed, is written down for the
    others: whoever takes bookings seldom asks a rail itself, and has to know which of them to offer.
    """

    shelf: Shelf
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    clock: Callable[[], float] = monotonic
    limits: Limits = field(default_factory=Limits)
    breakers: dict[str, Breaker] = field(default_factory=dict)
    _read: tuple[Down, ...] = ()
    _read_at: float = float("-inf")

    def guard(self, rails: Mapping[str, PaymentRail]) -> Mapping[str, PaymentRail]:
        return {name: self._guarded(name, rail) for name, rail in rails.items()}

    def _guarded(self, name: str, rail: PaymentRail) -> PaymentRail:
        self.breakers[name] = Breaker(clock=self.clock, limits=self.limits)
        return guarded(rail, self.breakers[name], partial(self._tell, name))

    async def down(self) -> frozenset[str]:
        """The rails to which nothing new should be sent; read again when that is older than two seconds."""
        own = {name for name, one in self.breakers.items() if one.standing is Standing.OPEN}
        return frozenset(own.union(one.rail for one in await self.elsewhere()))

    async def elsewhere(self) -> tuple[Down, ...]:
        """Those that some process has found to be down, and none since to be back."""
        if self.clock() - self._read_at > FRESH_SECONDS:
            # Whoever comes meanwhile goes by what was read last.
            self._read_at = self.clock()
            with suppress(Unavailable):
                self._read = await read_down(self.shelf)
        now = self.now()
        return tuple(one for one in self._read if one.until > now)

    async def _tell(self, name: str) -> None:
        """What cannot be written down is no reason to fail: the others find out by themselves."""
        breaker = self.breakers[name]
        log.warning("the rail stands otherwise", rail=name, standing=str(breaker.standing))
        until = self.now() + timedelta(seconds=breaker.open_seconds)
        told = Down(rail=name, until=until, failure=breaker.figures().failure)
        document = Document(shelf=SHELF, key=name, tenant_id=_NOBODY, body=msgspec.json.encode(told))
        try:
            await self.shelf.change([(SHELF, name)], lambda _: (None, [document]))
        except MarketplaceError as error:
            log.warning("the rail's standing was not written down", rail=name, code=error.code)
        self._read_at = float("-inf")
