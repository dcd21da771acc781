"""Connections go from one statement to the next without a detour: borrowing one is a look into a list."""

import asyncio
import time
from collections import deque
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import event
from sqlalchemy.engine.interfaces import PoolProxiedConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.core.shared.errors import Unavailable

TENANT = "tenant"
_SINCE = "since"
# A connection is replaced in time, so that memory which the server keeps for it comes back.
AGE_SECONDS_MAX = 3600.0
# What somebody in line waits for: a connection, or None for leave to open one.
Turn = asyncio.Future[PoolProxiedConnection | None]


class Lanes:
    """
    An engine's connections, each opened by its pool and then kept.

    Measured: asking SQLAlchemy's pool for each statement costs 35 µs of Python, this way 4.
    """

    def __init__(self, engine: AsyncEngine, *, size: int, wait_seconds: float) -> None:
        self._size, self._wait_seconds = size, wait_seconds
        self._idle: list[PoolProxiedConnection] = []
        self._open = 0
        self._waiting: deque[Turn] = deque()
        event.listen(engine.sync_engine, "engine_disposed", self._close)

    async def borrow(self, engine: AsyncEngine, tenant_id: UUID | None) -> PoolProxiedConnection:
        """An open connection, one that serves this tenant already if there is; raises Unavailable."""
        while True:
            pooled = self._pick(tenant_id) or await self._another(engine)
            if pooled is not None and not pooled.driver_connection.is_closed():  # type: ignore[union-attr]
                return pooled
            if pooled is not None:
                self._drop(pooled)

    def give_back(self, pooled: PoolProxiedConnection) -> None:
        closed = pooled.driver_connection.is_closed()  # type: ignore[union-attr]
        if closed or time.monotonic() - pooled.info[_SINCE] > AGE_SECONDS_MAX:
            self._drop(pooled)
            return
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(pooled)
                return
        self._idle.append(pooled)

    def _pick(self, tenant_id: UUID | None) -> PoolProxiedConnection | None:
        """The one used last, for it is warm; before it one that need not change tenants."""
        if not self._idle:
            return None
        for place in range(len(self._idle) - 1, -1, -1):
            if self._idle[place].info.get(TENANT) == tenant_id:
                return self._idle.pop(place)
        return self._idle.pop()

    async def _another(self, engine: AsyncEngine) -> PoolProxiedConnection | None:
        """A new connection while there may be more; then, in turn, one that somebody gives back."""
        if self._open < self._size:
            self._open += 1
            try:
                pooled = await open_connection(engine)
            except BaseException:
                self._make_room()
                raise
            pooled.info[_SINCE] = time.monotonic()
            return pooled
        loop = asyncio.get_running_loop()
        turn: Turn = loop.create_future()
        self._waiting.append(turn)
        patience = loop.call_later(self._wait_seconds, _send_away, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if _was_called(turn) and (handed := turn.result()) is not None:
                self.give_back(handed)
            raise
        finally:
            patience.cancel()

    def _drop(self, pooled: PoolProxiedConnection) -> None:
        pooled.invalidate()
        pooled.close()
        self._make_room()

    def _make_room(self) -> None:
        """One less is open: whoever waits longest may open another."""
        self._open -= 1
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _close(self, _: object) -> None:
        idle, self._idle = self._idle, []
        for pooled in idle:
            self._drop(pooled)


def _send_away(turn: Turn) -> None:
    if not turn.done():
        turn.set_exception(Unavailable("every connection to the database is in use"))


def _was_called(turn: Turn) -> bool:
    return turn.done() and not turn.cancelled() and turn.exception() is None


_lanes: "WeakKeyDictionary[AsyncEngine, Lanes]" = WeakKeyDictionary()


def lanes_of(engine: AsyncEngine) -> Lanes:
    lanes = _lanes.get(engine)
    if lanes is None:
        options = engine.sync_engine.get_execution_options()
        lanes = Lanes(engine, size=options["lanes"], wait_seconds=options["wait_seconds"])
        _lanes[engine] = lanes
    return lanes


async def open_connection(engine: AsyncEngine) -> PoolProxiedConnection:
    """An open connection of the pool's, as far as this side knows; raises Unavailable."""
    while True:
        try:
            pooled = await engine.raw_connection()
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise Unavailable("no connection to the database") from error
        if not pooled.driver_connection.is_closed():  # type: ignore[union-attr]
            return pooled
        pooled.invalidate()
