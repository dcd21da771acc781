"""Before any route: a request id, room for one more, and afterwards what became of it."""

import re
import time
from secrets import token_bytes
from typing import Any

import msgspec
import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from marketplace.core.shared.ids import uuid7
from marketplace.entrypoints.http.problems import MEDIA_TYPE, Problem, title_of
from marketplace.entrypoints.http.stream import DESK_PATH, PATH
from marketplace.entrypoints.http.watch import Meters

log = structlog.get_logger(__name__)

_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_ADMIN = "/admin/"
# A supervisor is answered however much is under way, and whoever listens is counted by the hub.
_ALWAYS = frozenset({"/livez", "/readyz", "/metrics", PATH, DESK_PATH})
_RETRY_SECONDS = 1
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")


def new_id() -> Any:
    """A fresh time-ordered id; the only place besides a call's entropy where chance comes in."""
    return uuid7(unix_milliseconds=time.time_ns() // 1_000_000, entropy=token_bytes(10))


class Front:
    """Two applications behind one door: the platform's people are served apart from its users."""

    def __init__(self, users: ASGIApp, admin: ASGIApp, meters: Meters, *, waiting_max: int) -> None:
        self._users, self._admin, self._meters, self._waiting_max = users, admin, meters, waiting_max
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if str(scope["type"]) != "http":
            await self._users(scope, receive, send)
            return
        app = self._admin if scope["path"].startswith(_ADMIN) else self._users
        if scope["path"] in _ALWAYS:
            await self._serve(app, scope, receive, send)
            return
        if self._under_way >= self._waiting_max:
            app = _refuse
        self._under_way += 1
        try:
            await self._serve(app, scope, receive, send)
        finally:
            self._under_way -= 1

    async def _serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        begun, status = time.perf_counter(), 500
        header = (b"x-request-id", request_id.encode())

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), header, _NO_SNIFFING]
                message = {**message, "headers": headers}
            await send(message)

        # Not `bound_contextvars`, which first walks through all that is bound.
        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await app(scope, receive, send_on)
        finally:
            self._tell(scope, status, time.perf_counter() - begun)
            structlog.contextvars.reset_contextvars(**bound)

    def _tell(self, scope: Any, status: int, seconds: float) -> None:
        handler = scope.get("route_handler")
        route = "none" if handler is None else str(handler.name or "other").partition(" ")[2]
        self._meters.count(scope["method"], route, status, seconds)
        log.info("request", method=scope["method"], route=route, status=status, seconds=round(seconds, 4))


def _request_id(scope: Any) -> str:
    given: bytes = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if _GIVEN_ID.fullmatch(given) else str(new_id())


async def _refuse(scope: Any, _: Any, send: Any) -> None:
    problem = Problem(
        title=title_of(503),
        status=503,
        code="busy",
        detail="Too many requests are under way.",
        request_id=scope["state"]["request_id"],
    )
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"retry-after", str(_RETRY_SECONDS).encode())]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": msgspec.json.encode(problem)})
