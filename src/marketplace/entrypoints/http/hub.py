"""One poller for each marketplace hands its news to all who listen, and none of them waits for another."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from marketplace.adapters.postgres.feed import BATCH_MAX, Cursor, Feed, Told
from marketplace.core.shared.errors import LimitReached, Unavailable

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.25
LISTENERS_MAX = 2_000
QUEUE_MAX = 1_000
NEWS = tuple[Told, ...]


@dataclass
class Hub:
    """`listeners` are the queues of those who listen, by marketplace."""

    feed: Feed
    listeners: dict[UUID, set[asyncio.Queue[NEWS | None]]] = field(default_factory=dict)
    _pollers: dict[UUID, asyncio.Task[None]] = field(default_factory=dict)
    _closed: bool = False

    def check_room(self) -> None:
        """Raises LimitReached, Unavailable: asked before an answer begins, which could not say so later."""
        if self._closed:
            raise Unavailable("shutting down")
        if sum(map(len, self.listeners.values())) >= LISTENERS_MAX:
            raise LimitReached("too many listen already", retry_after_seconds=30)

    @contextlib.asynccontextmanager
    async def listening(self, tenant_id: UUID) -> AsyncIterator[asyncio.Queue[NEWS | None]]:
        """A queue of news; None in it means that listening is over. Raises LimitReached, Unavailable."""
        self.check_room()
        queue: asyncio.Queue[NEWS | None] = asyncio.Queue(QUEUE_MAX)
        self.listeners.setdefault(tenant_id, set()).add(queue)
        try:
            # The poller's place is settled before the listener reads what it missed: no gap between them.
            start = None if tenant_id in self._pollers else await self.feed.now(tenant_id)
            if start is not None and tenant_id not in self._pollers:
                self._pollers[tenant_id] = asyncio.create_task(self._poll(tenant_id, start))
            yield queue
        finally:
            self._leave(tenant_id, queue)

    def _leave(self, tenant_id: UUID, queue: asyncio.Queue[NEWS | None]) -> None:
        left = self.listeners[tenant_id]
        left.discard(queue)
        if not left:
            del self.listeners[tenant_id]
            if tenant_id in self._pollers:
                self._pollers.pop(tenant_id).cancel()

    def close(self) -> None:
        """Send everybody home; they come back to another process with their Last-Event-ID."""
        self._closed = True
        for queue in [queue for queues in self.listeners.values() for queue in queues]:
            _put(queue, None)

    async def _poll(self, tenant_id: UUID, cursor: Cursor) -> None:
        while True:
            try:
                news = await self.feed.after(tenant_id, cursor)
            except Unavailable:
                log.warning("the event feed waits for the database")
                news = ()
            except Exception:
                # A defect: without this it would end the task unseen, and those who listen wait for ever.
                log.exception("the event feed broke")
                news = ()
            if news:
                cursor = news[-1].cursor
                for queue in list(self.listeners.get(tenant_id, ())):
                    _put(queue, news)
            if len(news) < BATCH_MAX:
                await asyncio.sleep(POLL_SECONDS)


def _put(queue: asyncio.Queue[NEWS | None], news: NEWS | None) -> None:
    """A listener that does not keep up is sent home, and resumes where it was."""
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        news = None
    queue.put_nowait(news)
