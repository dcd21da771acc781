"""`GET /v1/events` tells each user what concerns it, in order, from where it last stopped listening."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
import structlog
from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from marketplace.adapters.postgres.feed import BATCH_MAX, Cursor, Feed, Told
from marketplace.core.shared.errors import LimitReached, Unavailable
from marketplace.core.shared.roles import Role
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.routes import BOTH

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.25
PING_SECONDS = 15.0
LISTENERS_MAX = 2_000
_QUEUE_MAX = 1_000
_NEWS = tuple[Told, ...]


class Moved(msgspec.Struct, frozen=True):
    """Something that concerns you has moved; read it for the details."""

    id: UUID
    name: str
    kind: str
    subject_id: UUID
    version: int
    before: str | None
    after: str
    at: Any


@dataclass
class Hub:
    """One poller for each marketplace that somebody listens to; it hands the news to all who do."""

    feed: Feed
    listeners: dict[UUID, set[asyncio.Queue[_NEWS | None]]] = field(default_factory=dict)
    _pollers: dict[UUID, asyncio.Task[None]] = field(default_factory=dict)
    _closed: bool = False

    @contextlib.asynccontextmanager
    async def listening(self, tenant_id: UUID) -> AsyncIterator[asyncio.Queue[_NEWS | None]]:
        """A queue of news; None in it means that listening is over. Raises LimitReached, Unavailable."""
        if self._closed:
            raise Unavailable("shutting down")
        if sum(map(len, self.listeners.values())) >= LISTENERS_MAX:
            raise LimitReached("too many listen already", retry_after_seconds=30)
        queue: asyncio.Queue[_NEWS | None] = asyncio.Queue(_QUEUE_MAX)
        self.listeners.setdefault(tenant_id, set()).add(queue)
        try:
            # The poller's place is settled before the listener reads what it missed: no gap between them.
            start = None if tenant_id in self._pollers else await self.feed.now(tenant_id)
            if start is not None and tenant_id not in self._pollers:
                self._pollers[tenant_id] = asyncio.create_task(self._poll(tenant_id, start))
            yield queue
        finally:
            self._leave(tenant_id, queue)

    def _leave(self, tenant_id: UUID, queue: asyncio.Queue[_NEWS | None]) -> None:
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
            if news:
                cursor = news[-1].cursor
                for queue in list(self.listeners.get(tenant_id, ())):
                    _put(queue, news)
            if len(news) < BATCH_MAX:
                await asyncio.sleep(POLL_SECONDS)


def _put(queue: asyncio.Queue[_NEWS | None], news: _NEWS | None) -> None:
    """A listener that does not keep up is sent home, and resumes where it was."""
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        news = None
    queue.put_nowait(news)


@dataclass
class Listener:
    """One user's stream: what it missed, then what happens, for at most `seconds`."""

    hub: Hub
    tenant_id: UUID
    parties: frozenset[UUID]
    last: Cursor | None
    seconds: float

    async def stream(self) -> AsyncIterator[bytes]:
        until = asyncio.get_running_loop().time() + self.seconds
        async with self.hub.listening(self.tenant_id) as queue:
            cursor = await self.hub.feed.now(self.tenant_id)
            if self.last is not None and self.last.xact > cursor.xact:
                # A cursor of another database's life: what it means here, nobody knows.
                yield _line("reset", {"reason": "read again what you show"}, cursor)
            elif self.last is not None:
                cursor = self.last
            yield b": welcome\n\n"
            async for event in self._missed(cursor):
                cursor = event.cursor
                yield _event(event)
            async for news in _heard(queue, until):
                for event in news:
                    if event.cursor > cursor and not self.parties.isdisjoint(event.parties):
                        cursor = event.cursor
                        yield _event(event)
                if not news:
                    yield b": ping\n\n"

    async def _missed(self, cursor: Cursor) -> AsyncIterator[Told]:
        while True:
            missed = await self.hub.feed.after(self.tenant_id, cursor, parties=self.parties)
            for event in missed:
                yield event
            if len(missed) < BATCH_MAX:
                return
            cursor = missed[-1].cursor


async def _heard(queue: asyncio.Queue[_NEWS | None], until: float) -> AsyncIterator[_NEWS]:
    """News as they come, and nothing at all now and then, so that the connection is seen to live."""
    loop = asyncio.get_running_loop()
    while (left := until - loop.time()) > 0:
        try:
            news = await asyncio.wait_for(queue.get(), min(PING_SECONDS, left))
        except TimeoutError:
            news = ()
        if news is None:
            return
        yield news


def _event(event: Told) -> bytes:
    moved = Moved(
        event.id,
        event.name,
        event.kind,
        event.subject_id,
        event.version,
        event.before,
        event.after,
        event.at,
    )
    return _line(event.name, moved, event.cursor)


def _line(name: str, data: Mapping[str, Any] | Moved, cursor: Cursor) -> bytes:
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (
        str(cursor).encode(),
        name.encode(),
        msgspec.json.encode(data),
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    path: str = "/v1/events"
    roles: frozenset[Role] = BOTH
    public: bool = False


def events_handler(office: Office, hub: Hub) -> HTTPRouteHandler:
    @get(
        "/v1/events",
        name="GET /v1/events",
        operation_id="get_v1_events",
        summary="What concerns you, as it happens (server-sent events, resumable with Last-Event-ID).",
        tags=["Live"],
        security=[{"bearer": []}],
        media_type="text/event-stream",
        opt={"roles": BOTH, "public": False},
    )
    async def events(request: Request[Any, Any, Any]) -> Stream:
        call = await office.call(request, _Facts())
        bearer = await office.bearers.of(request.headers.get("authorization"))
        last = request.headers.get("last-event-id")
        listener = Listener(
            hub=hub,
            tenant_id=call.tenant_id,
            parties=frozenset(filter(None, (call.actor.user_id, call.actor.provider_id))),
            last=None if last is None else Cursor.parse(last),
            seconds=bearer.until - time.time(),
        )
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return Stream(listener.stream(), headers=headers, media_type="text/event-stream")

    return events
