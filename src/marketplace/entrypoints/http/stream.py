"""Events as they happen: to each user what concerns it, to the platform's people everything, in order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import structlog
from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from marketplace.adapters.postgres.feed import BATCH_MAX, Cursor, Told
from marketplace.core.shared.errors import NotSignedIn, Unavailable
from marketplace.core.shared.roles import Actor, Role
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.document import operation_id, problems
from marketplace.entrypoints.http.heads import header
from marketplace.entrypoints.http.hub import NEWS, Hub
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.routes import BOTH, DESK
from marketplace.entrypoints.http.ways import WAY_SECONDS, Approaches

log = structlog.get_logger(__name__)

PATH, DESK_PATH = "/v1/events", "/admin/v1/events"
PING_SECONDS = 15.0
_MEDIA_TYPE = "text/event-stream"


class Moved(msgspec.Struct, frozen=True):
    """Something that concerns you has moved; read it for the details."""

    id: UUID
    name: str
    kind: str
    subject_id: UUID
    version: int
    before: str | None
    after: str
    at: datetime


@dataclass
class Listener:
    """
    One stream: what it missed, then what happens, for at most `seconds`.

    Told is what concerns one of `parties`; everything where that is None. To a customer also the
    `approaches` of those who are on their way to it.
    """

    hub: Hub
    tenant_id: UUID
    parties: frozenset[UUID] | None
    last: Cursor | None
    seconds: float
    welcome: Callable[[], Awaitable[Any]]
    approaches: Approaches | None = None

    async def stream(self) -> AsyncIterator[bytes]:
        """What is sent, until the token ends, the server stops, or the listener falls behind."""
        async with self.hub.listening(self.tenant_id) as queue:
            cursor = await self.hub.feed.now(self.tenant_id)
            yield b": welcome\n\n"
            if self.last is not None and self.last.xact > cursor.xact:
                # A cursor of another database's life: what it means here, nobody knows.
                yield _line("reset", {"reason": "read again what you show"}, cursor)
            elif self.last is not None:
                cursor = self.last
            async for event in self._missed(cursor):
                cursor = event.cursor
                yield _event(event)
            for line in await self._ways():
                yield line
            async for news in self._heard(queue):
                for event in news:
                    if event.cursor > cursor and self._concerns(event):
                        cursor = event.cursor
                        self._note(event)
                        yield _event(event)
                if not news:
                    yield b": ping\n\n"
                for line in await self._ways():
                    yield line

    def _concerns(self, event: Told) -> bool:
        return self.parties is None or not self.parties.isdisjoint(event.parties)

    def _note(self, event: Told) -> None:
        if self.approaches is not None and event.kind == "booking":
            self.approaches.bookings_moved()

    async def _ways(self) -> list[bytes]:
        return [] if self.approaches is None else await self.approaches.lines()

    def _patience(self) -> float:
        """How long nothing may happen before somebody on the way is looked for, or the line is kept alive."""
        under_way = self.approaches is not None and self.approaches.under_way
        return WAY_SECONDS if under_way else PING_SECONDS

    async def _missed(self, cursor: Cursor) -> AsyncIterator[Told]:
        while True:
            missed = await self.hub.feed.after(self.tenant_id, cursor, parties=self.parties)
            for event in missed:
                yield event
            if len(missed) < BATCH_MAX:
                return
            cursor = missed[-1].cursor

    async def _heard(self, queue: asyncio.Queue[NEWS | None]) -> AsyncIterator[NEWS]:
        """News as they come, and nothing at all now and then, so that the connection is seen to live."""
        loop = asyncio.get_running_loop()
        until, looked_at = loop.time() + self.seconds, loop.time()
        while (left := until - loop.time()) > 0:
            try:
                news = await asyncio.wait_for(queue.get(), min(self._patience(), left))
            except TimeoutError:
                news = ()
            if loop.time() - looked_at >= PING_SECONDS:
                looked_at = loop.time()
                if not await self._is_welcome():
                    return
            if news is None:
                return
            yield news

    async def _is_welcome(self) -> bool:
        """Whether the token still stands: signing out, or being blocked, ends a stream too."""
        try:
            await self.welcome()
        except NotSignedIn:
            return False
        except Unavailable:
            return True
        return True


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
    roles: frozenset[Role]
    verb: str = "GET"
    public: bool = False


def events_handler(office: Office, hub: Hub) -> HTTPRouteHandler:
    """For users, of what concerns them."""
    return _handler(PATH, _Facts(BOTH), office, hub)


def desk_events_handler(office: Office, hub: Hub) -> HTTPRouteHandler:
    """For the platform's people, of everything in their marketplace."""
    return _handler(DESK_PATH, _Facts(DESK), office, hub)


def _handler(path: str, facts: _Facts, office: Office, hub: Hub) -> HTTPRouteHandler:
    @get(path, name=f"GET {path}", media_type=_MEDIA_TYPE, opt={"roles": facts.roles, "public": False})
    async def events(request: Request[Any, Any, Any]) -> Stream:
        call = await office.call(request, facts)
        hub.check_room()
        authorization = header(request.scope, b"authorization")
        bearer = await office.bearers.of(authorization)
        last = header(request.scope, b"last-event-id")
        listener = Listener(
            hub=hub,
            tenant_id=call.tenant_id,
            parties=_parties(call.actor),
            last=None if last is None else Cursor.parse(last),
            seconds=bearer.until - office.bearers.seconds(),
            welcome=partial(office.bearers.of, authorization),
            approaches=_approaches(office, call),
        )
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return Stream(listener.stream(), headers=headers, media_type=_MEDIA_TYPE)

    return events


def _approaches(office: Office, call: Call) -> Approaches | None:
    if call.actor.role != Role.CUSTOMER or call.actor.user_id is None:
        return None
    return Approaches(office, call, call.actor.user_id)


def _parties(actor: Actor) -> frozenset[UUID] | None:
    """As whom somebody is told of things; None is told everything."""
    if actor.role in DESK:
        return None
    return frozenset(filter(None, (actor.user_id, actor.provider_id)))


_EXAMPLE = """id: 4711.42
event: booking.confirmed
data: {"id":"01a1f85f-4aee-7173-a33d-6c747ab49d81","name":"booking.confirmed"}
"""


def _described(path: str, roles: frozenset[Role], summary: str) -> dict[str, Any]:
    return {
        "get": {
            "operationId": operation_id("GET", path),
            "summary": summary,
            "description": f"For {', '.join(sorted(roles))}. Each event names what has moved; read it for "
            "details. Comments come now and then, so that the connection is seen to live. It ends with the "
            "token, and when the server restarts: connect again with Last-Event-ID, and nothing is missed. "
            "While somebody is on the way to a customer, events `booking.way` without an id tell where, and "
            "when it will be there. "
            "An event `reset` means that the place is not known here: read again what you show.",
            "tags": ["Live"],
            "security": [{"bearer": []}],
            "parameters": [
                {
                    "name": "Last-Event-ID",
                    "in": "header",
                    "description": "The id of the last event that you have seen.",
                    "schema": {"type": "string", "pattern": "^[0-9]+[.][0-9]+$"},
                    "example": "4711.42",
                },
                {"$ref": "#/components/parameters/Marketplace-Tenant"},
            ],
            "responses": {
                "200": {
                    "description": "The stream.",
                    "content": {_MEDIA_TYPE: {"schema": {"type": "string"}, "example": _EXAMPLE}},
                },
                **problems([400, 401, 403, 404, 429, 500, 503]),
            },
        }
    }


PATHS = {PATH: _described(PATH, BOTH, "What concerns you, as it happens: server-sent events.")}
DESK_PATHS = {
    DESK_PATH: _described(DESK_PATH, DESK, "Everything that happens, as it happens: server-sent events.")
}
