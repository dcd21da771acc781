"""All processes go by the database's clock, however far their machines' own are apart."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic

from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.connections import connection_of
from marketplace.adapters.postgres.refusals import reading_failed
from marketplace.core.shared.errors import Unavailable

READ_SECONDS = 10.0
# What took longer to read tells the time no better than the reading before it, carried on.
_SURE_SECONDS = 0.2
_NOW = "SELECT clock_timestamp()"


@dataclass
class DatabaseClock:
    """
    Read now and then, and carried on in between by the machine's count of seconds, which nobody sets.

    The alarms of the queue go off by the same clock. Until it is first read it is the machine's.
    """

    engine: AsyncEngine
    _read: tuple[float, datetime] | None = None
    _due: float = field(default=float("-inf"))

    def now(self) -> datetime:
        if self._read is None:
            return datetime.now(UTC)
        since, at = self._read
        return at + timedelta(seconds=monotonic() - since)

    async def keep(self) -> None:
        """Read it, if that is due. Raises Unavailable where it could never be read."""
        if self._read is None:
            await self._look()
        elif monotonic() >= self._due:
            # Whoever comes meanwhile goes by what was read last.
            self._due = monotonic() + READ_SECONDS
            with suppress(Unavailable):
                await self._look()

    async def _look(self) -> None:
        try:
            async with connection_of(self.engine, None) as connection:
                before = monotonic()
                at = await connection.fetchval(_NOW)
                after = monotonic()
        except Exception as error:
            raise (reading_failed(error) or error) from error
        if self._read is None or after - before <= _SURE_SECONDS:
            # The server read it about half way between our two readings.
            self._read, self._due = ((before + after) / 2, at), after + READ_SECONDS
