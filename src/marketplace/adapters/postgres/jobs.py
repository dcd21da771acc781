"""A job is carried out at least once, tried again after growing pauses, and parked where it is seen."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import FailingListenerError, RetryRequested
from pgqueuer.domain.models import Job as QueuedJob
from pgqueuer.domain.settings import db_settings
from pgqueuer.domain.types import QueueEntrypoint, QueueExecutionMode
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.connections import take
from marketplace.adapters.postgres.refusals import lost
from marketplace.adapters.postgres.turns import Turns
from marketplace.core.shared.errors import MarketplaceError, Unavailable
from marketplace.ports.storage import Alarm, Follow

J = TypeVar("J", Follow, Alarm)

TRIES_MAX = 10
# What was merely out of reach is safe to try again: a vendor may be down for a day, and nobody can help it.
TRIES_UNAVAILABLE_MAX = 150
FIRST_PAUSE, LAST_PAUSE = timedelta(seconds=1), timedelta(minutes=10)
BATCH = 10
AT_ONCE_MAX = 20
# How soon a job whose worker was killed runs again.
HEARTBEAT = timedelta(seconds=10)
# News come by NOTIFY; this is how long one that was missed stays unnoticed.
LOOK_AGAIN = timedelta(seconds=5)
LOOK_AGAIN_DRAINING = timedelta(milliseconds=50)
RECONNECT_SECONDS = 1.0

_log = logging.getLogger(__name__)


async def work_off(
    *,
    engine: AsyncEngine,
    follow: Callable[[Follow], Awaitable[None]],
    ring: Callable[[Alarm], Awaitable[None]],
    stop: asyncio.Event,
    at_once: int = AT_ONCE_MAX,
) -> None:
    """
    Carries out jobs as they come due, until `stop` is set, and finishes those in hand.

    A database that goes away is waited for. `engine` lends one connection, which is kept.
    """
    while not stop.is_set():
        try:
            async with _manager(engine, follow, ring, drains=False) as manager, _obeying(stop, manager):
                await manager.run(
                    batch_size=max(1, at_once // 2),
                    max_concurrent_tasks=max(2, at_once),
                    dequeue_timeout=LOOK_AGAIN,
                    heartbeat_timeout=HEARTBEAT,
                    shutdown_on_listener_failure=True,
                )
        except Exception as error:
            if not (isinstance(error, Unavailable | FailingListenerError) or lost(error)):
                raise
            _log.warning("the queue was lost, trying again")
            await _pause(stop)


async def drain(
    *,
    engine: AsyncEngine,
    follow: Callable[[Follow], Awaitable[None]],
    ring: Callable[[Alarm], Awaitable[None]],
) -> None:
    """Carries out what is due, and what that brings with it, and returns; what waits for later waits on."""
    async with _manager(engine, follow, ring, drains=True) as manager:
        await manager.run(
            batch_size=BATCH,
            max_concurrent_tasks=AT_ONCE_MAX,
            dequeue_timeout=LOOK_AGAIN_DRAINING,
            heartbeat_timeout=HEARTBEAT,
            mode=QueueExecutionMode.drain,
        )


class _InTurn(Queries):
    """The library takes jobs by priority and age alone, whosever they are."""

    def __init__(self, driver: AsyncpgDriver) -> None:
        super().__init__(driver)
        self._turns = Turns(driver)

    async def dequeue(self, *given: Any, **named: Any) -> list[QueuedJob]:
        await self._turns.take()
        taken = await super().dequeue(*given, **named)
        self._turns.count(len(taken))
        return taken


class _DueOnly(_InTurn):
    """Draining ends when nothing is due; the library waits for every timer there is."""

    async def queued_work(self, entrypoints: list[QueueEntrypoint]) -> int:
        return await self.eligible_queued_work(entrypoints)


@contextlib.asynccontextmanager
async def _manager(
    engine: AsyncEngine,
    follow: Callable[[Follow], Awaitable[None]],
    ring: Callable[[Alarm], Awaitable[None]],
    *,
    drains: bool,
) -> AsyncIterator[QueueManager]:
    pooled = await take(engine)
    try:
        connection: Any = pooled.driver_connection
        driver = AsyncpgDriver(connection)
        manager = QueueManager(_DueOnly(driver) if drains else _InTurn(driver), db_settings().channel)
        # Otherwise an idle worker would notice at its next look only.
        connection.add_termination_listener(lambda _: manager.shutdown.set())
        for kind, handle in ((Follow, follow), (Alarm, ring)):
            manager.entrypoint(kind.QUEUE, on_failure="hold", accepts_context=False)(_carrier(kind, handle))
        yield manager
    finally:
        # It listens: nobody else should inherit that.
        pooled.invalidate()


def _carrier(
    kind: type[Any], handle: Callable[[Any], Awaitable[None]]
) -> Callable[[QueuedJob], Awaitable[None]]:
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind)

    async def carry_out(queued: QueuedJob) -> None:
        job = decoder.decode(queued.payload or b"")
        try:
            await handle(job)
        except Exception as error:
            if queued.attempts + 1 >= _tries_max(error):
                raise
            raise RetryRequested(delay=_pause_after(queued.attempts), reason=_reason(error)) from error

    return carry_out


def _tries_max(error: Exception) -> int:
    return TRIES_UNAVAILABLE_MAX if isinstance(error, Unavailable) else TRIES_MAX


def _pause_after(attempts: int) -> timedelta:
    return min(FIRST_PAUSE * (1 << min(attempts, TRIES_MAX)), LAST_PAUSE)


def _reason(error: Exception) -> str:
    """What may be shown of an error: ours say nothing secret, others may."""
    return f"{error.code}: {error}" if isinstance(error, MarketplaceError) else type(error).__name__


@contextlib.asynccontextmanager
async def _obeying(stop: asyncio.Event, manager: QueueManager) -> AsyncIterator[None]:
    """The queue sets its own event too, when it cannot listen any more: that is no wish to stop."""

    async def obey() -> None:
        await stop.wait()
        manager.shutdown.set()

    obedience = asyncio.create_task(obey())
    try:
        yield
    finally:
        obedience.cancel()


async def _pause(stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), RECONNECT_SECONDS)
