"""A lease is an advisory lock: it ends with the session that holds it, so a dead holder holds nothing."""

import asyncio
from dataclasses import dataclass, field

from sqlalchemy.engine.interfaces import PoolProxiedConnection
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.connections import Driver, driver_of, take
from marketplace.adapters.postgres.refusals import lost
from marketplace.core.shared.errors import Unavailable

# The one-number space of advisory locks; claims on time use the space of two numbers.
_TAKE = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"
_RELEASE = "SELECT pg_advisory_unlock(hashtextextended($1, 0))"
_HELD = "SELECT true"


class PostgresLeases:
    """All leases of one process live in one session, on a connection that `engine` lends for good."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._pooled: PoolProxiedConnection | None = None
        self._names: set[str] = set()
        self._turn = asyncio.Lock()

    async def take(self, name: str) -> "PostgresLease | None":
        async with self._turn:
            session = await self._session()
            # A session may take its own lock twice; two holders in one process may not.
            if name in self._names or not await _ask(session, _TAKE, name):
                return None
            self._names.add(name)
            return PostgresLease(name, session, self._turn, self._names)

    async def close(self) -> None:
        """Ends the session, and with it every lease."""
        if self._pooled is not None:
            self._pooled.invalidate()
            self._pooled = None

    async def _session(self) -> Driver:
        if self._pooled is None or driver_of(self._pooled).is_closed():
            await self.close()
            # A new set: leases of the lost session must not let go of those of this one.
            self._names = set()
            self._pooled = await take(self._engine)
        return driver_of(self._pooled)


@dataclass(eq=False)
class PostgresLease:
    name: str
    _session: Driver
    _turn: asyncio.Lock
    _names: set[str] = field(repr=False)

    async def held(self) -> bool:
        """Asks the server: a session can be gone for a while before this side hears of it."""
        if self.name not in self._names or self._session.is_closed():
            return False
        async with self._turn:
            try:
                return bool(await self._session.fetchval(_HELD))
            except Exception as error:
                if lost(error):
                    return False
                raise

    async def release(self) -> None:
        """Lets go; of a lease that is lost there is nothing to let go of."""
        async with self._turn:
            if self.name in self._names and not self._session.is_closed():
                await _ask(self._session, _RELEASE, self.name)
            self._names.discard(self.name)


async def _ask(session: Driver, statement: str, name: str) -> bool:
    try:
        return bool(await session.fetchval(statement, name))
    except Exception as error:
        if lost(error):
            raise Unavailable("the database cannot be reached") from error
        raise
