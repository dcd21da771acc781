"""A process of the platform is started to be measured, and is gone when that is done."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator

from marketplace.core.shared.errors import Unavailable

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 30


@contextlib.asynccontextmanager
async def served(
    url: str, what: str, *, slug: str, **settings: str
) -> AsyncIterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """One process that serves the database; its port and itself. `settings` are of the environment."""
    environ = {**os.environ, "DATABASE_URL": url, "MARKETPLACE_DEFAULT_TENANT": slug, **settings}
    environ |= {"MARKETPLACE_LOG_LEVEL": "warning", "MARKETPLACE_BLUEPRINT": "home-services"}
    port = _free_port()
    process = await asyncio.to_thread(_spawn, what, port, environ)
    try:
        await asyncio.to_thread(_wait, port, process)
        yield port, process
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, STOP_SECONDS_MAX)


def _spawn(what: str, port: int, environ: dict[str, str]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "marketplace.entrypoints.bench.process", what, str(port)]
    return subprocess.Popen(command, env=environ)  # noqa: S603 - this very program


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        number: int = opened.getsockname()[1]
        return number


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1).close()
            return
        time.sleep(0.05)
    raise Unavailable("the server to be measured did not start")
