"""The API serves until it is told to stop, then finishes what is under way and leaves nothing behind."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import structlog
import uvicorn

from marketplace.entrypoints.http.hub import Hub
from marketplace.entrypoints.joined import Protocol
from marketplace.entrypoints.settings import BadSetting, Settings

log = structlog.get_logger(__name__)


class Server(uvicorn.Server):
    """uvicorn without its signal handling, which sends the signal again and skips every `finally`."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(settings: Settings) -> socket.socket:
    """The socket that the API answers on; raises BadSetting where the port is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((settings.host, settings.port))
    except OSError as error:
        opened.close()
        allowed = "a free port, or 0 for any"
        raise BadSetting("port", f"{settings.port} on {settings.host}: {error.strerror}", allowed) from error
    opened.listen(1024)
    opened.setblocking(False)
    return opened


async def serve(
    app: Any, *, settings: Settings, opened: socket.socket, hub: Hub, stop: asyncio.Event
) -> None:
    """Serve until `stop`; streams are sent home at once, requests have `drain_seconds` to end."""
    config = uvicorn.Config(
        app,
        loop="none",
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=1024,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(settings.drain_seconds),
        proxy_headers=False,
    )
    spare_the_collector()
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[opened]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    hub.close()
    server.should_exit = True
    await serving
    stopping.cancel()


def spare_the_collector() -> None:
    """What stands by now stays: the collector need not walk it again and again while others wait."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@contextlib.asynccontextmanager
async def stopped_by_signals() -> AsyncIterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
