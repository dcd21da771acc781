"""Call-outs in a storm: servers and workers of their own, people who answer as they like, and trouble."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx
from tests.decisions import unlike
from tests.integration.street import HERE, Street

from marketplace.core.identity.authentication import RequestCode, VerifyCode
from marketplace.core.shared.ids import derive
from marketplace.core.shared.roles import Actor, Role

_LOOK_SECONDS = 0.1
_TRIED_AGAIN_SECONDS = 0.1

_BOOKINGS = """
SELECT b.id, b.state, b.customer_id, b.provider_id, (
    SELECT j.state FROM dispatch_job AS j WHERE (j.tenant_id, j.booking_id) = (b.tenant_id, b.id)
    ORDER BY j.queued_at DESC, j.id LIMIT 1) AS search
FROM booking AS b WHERE b.tenant_id = $1
"""
_BUSY = """
SELECT count(*) FROM pgqueuer WHERE headers->>'tenant' = $1::uuid::text
AND (status = 'picked' OR status = 'queued' AND (attempts > 0 OR execute_after <= now()))
"""
_QUEUE = """
SELECT json_agg(json_build_array(entrypoint, status, attempts, execute_after - now(),
    convert_from(payload, 'UTF8')::json->>'name'))::text
FROM pgqueuer WHERE headers->>'tenant' = $1::uuid::text
    AND (status <> 'queued' OR execute_after < now() + interval '1 minute')
"""
# Of a booking that is called off nobody is told any more what came before, nor of what is not so any more.
_TOLD = """
SELECT count(*) FROM booking AS b,
    LATERAL (SELECT count(*) AS times FROM event AS e
        WHERE e.tenant_id = b.tenant_id AND e.name = '{event}' AND {key} = b.id) AS happened,
    LATERAL (SELECT count(*) AS times FROM event AS e WHERE e.tenant_id = b.tenant_id
        AND e.subject_id = b.id AND e.name = 'booking.handed_back') AS handed_back,
    LATERAL (SELECT count(*) AS times FROM notification AS n
        WHERE n.tenant_id = b.tenant_id AND n.subject_id = b.id AND n.template = '{event}:{to}') AS told
WHERE b.tenant_id = $1
    AND (told.times > happened.times OR {too_few} AND b.state <> 'cancelled')
"""
# What must not be there in the end, each with what it would mean.
_LEFT_OVER = {
    "a search is on still": """
        SELECT count(*) FROM dispatch_job WHERE tenant_id = $1 AND state NOT IN ('assigned', 'withdrawn')""",
    "an offer is open still": """
        SELECT count(*) FROM dispatch_offer
        WHERE tenant_id = $1 AND state IN ('sent', 'delivered', 'seen')""",
    "time is held still": "SELECT count(*) FROM reservation WHERE tenant_id = $1 AND state = 'held'",
    "a booking held two times at once": """
        SELECT count(*) FROM (SELECT FROM reservation WHERE tenant_id = $1 AND state = 'held'
        GROUP BY booking_id HAVING count(*) > 1) AS twice""",
    "a booking was given away more often than it was handed back": """
        SELECT count(*) FROM (SELECT FROM event WHERE tenant_id = $1 AND kind = 'booking' GROUP BY subject_id
        HAVING count(*) FILTER (WHERE name = 'booking.confirmed')
            > 1 + count(*) FILTER (WHERE name = 'booking.handed_back')) AS doubled""",
    "a job was parked": """
        SELECT count(*) FROM pgqueuer WHERE headers->>'tenant' = $1::uuid::text AND status = 'failed'""",
    "a customer was not told once of each provider that it had": _TOLD.format(
        event="booking.confirmed",
        key="e.subject_id",
        to="customer",
        too_few="told.times < happened.times - handed_back.times",
    ),
    # Somebody else may have said yes by the time that a dead worker's job is taken up.
    "a crew was told twice of an offer": _TOLD.format(
        event="dispatch_offer.sent",
        key="(SELECT booking_id FROM dispatch_offer WHERE id = e.subject_id)",
        to="provider",
        too_few="FALSE",
    ),
}
_OVER = {"delivered", "completed", "cancelled", "expired", "no_show", "declined"}

Trouble = Callable[["Storm"], Awaitable[None]]


def is_alive(pid: int) -> bool:
    """Whether the process has not ended yet; a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@dataclass
class Storm:
    """`ahead` is how far the clock of each server, and of each worker, is ahead, in seconds."""

    street: Street
    nursery: Any
    random: Random
    servers: tuple[float, ...] = (0,)
    workers: tuple[float, ...] = (0, 0)
    patience: float = 300  # a machine may be busy with other tests
    made: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    processes: dict[int, tuple[str, float, str]] = field(default_factory=dict)
    _client: httpx.AsyncClient = field(init=False)
    _tokens: dict[Actor, str] = field(default_factory=dict)
    _answered: set[UUID] = field(default_factory=set)
    _handed_back: set[UUID] = field(default_factory=set)

    async def begin(self) -> None:
        for ahead in self.workers:
            await self.start("work", ahead)
        port = [await self.start("serve", ahead) for ahead in self.servers][-1]
        self._client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            timeout=10,
            limits=httpx.Limits(max_keepalive_connections=0),  # so that each request may go to another server
        )

    async def start(self, scenario: str, ahead: float, point: str = "") -> int:
        pid, port = await self.nursery.start_another(scenario, point=point, seconds_ahead=ahead)
        self.processes[pid] = (scenario, ahead, point)
        return int(port)

    async def end(self) -> None:
        for pid in self.processes:
            os.kill(pid, signal.SIGKILL)
        await self._client.aclose()

    async def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        alive = True
        while alive:
            await asyncio.sleep(0.005)
            alive = is_alive(pid)

    async def replace_the_dead(self, points: Iterable[str] = ()) -> None:
        """Each with one that dies by itself at a point, or not."""
        for pid in [pid for pid in self.processes if not is_alive(pid)]:
            scenario, ahead, point = self.processes.pop(pid)
            self.kills[point or scenario] += 1
            chosen = self.random.choice(["", *points]) if scenario == "work" else ""
            await self.start(scenario, ahead, chosen)

    async def rage(self, *, call_outs: int, trouble: Trouble) -> None:
        """So many call-outs at least, and more as long as there is trouble; until all are over."""
        troubled = asyncio.create_task(trouble(self))
        try:
            async with asyncio.timeout(self.patience):
                over = False
                while not over:
                    over = await self._look(more=self.made < call_outs or not troubled.done())
                    if troubled.done():
                        # A point may be reached later than the last was to be.
                        await self.replace_the_dead()
                    await asyncio.sleep(_LOOK_SECONDS)
                await troubled
                await self.still()
        except TimeoutError:
            raise AssertionError(await self._left()) from None
        finally:
            troubled.cancel()

    async def _left(self) -> str:
        bookings = await self.street.market.connection.exec_driver_sql(
            _BOOKINGS, (self.street.market.tenant.id,)
        )
        states = Counter((booking.state, booking.search) for booking in bookings)
        jobs = await self.street.market.sql(_QUEUE)
        return f"{self.made} made, {states}; queue: {jobs}; {self.kills} of {self.processes} killed"

    async def still(self) -> None:
        """Until nothing is left to be done now."""
        calm = 0
        while calm < 5:
            await self.replace_the_dead()
            calm = 0 if await self.street.market.sql(_BUSY) else calm + 1
            await asyncio.sleep(_LOOK_SECONDS)

    async def wrong(self) -> list[str]:
        """What is wrong once all is over, and all windows are closed."""
        market = self.street.market
        seconds = int(timedelta(days=2).total_seconds())
        await self.post("/admin/v1/tenant/clock", market.admin, seconds=seconds, reason="test")
        await self.still()
        market.now = datetime.now(UTC) + timedelta(days=2)
        wrong = [text for text, statement in _LEFT_OVER.items() if await market.sql(statement)]
        wrong += [f"miscounted: {row}" for row in await self.street.miscounted()]
        wrong += [f"decided otherwise: {parts}" for parts in unlike(await self.street.decisions())]
        return wrong + await market.violations()

    async def post(self, path: str, actor: Actor, **body: Any) -> None:
        """Who hears nothing, or that it is not possible now, asks again under the same key."""
        headers = {"Authorization": f"Bearer {await self._token(actor)}", "Idempotency-Key": uuid4().hex}
        while True:
            try:
                answer = await self._client.post(path, json=body, headers=headers)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            await asyncio.sleep(_TRIED_AGAIN_SECONDS)
        if answer.status_code == httpx.codes.CONFLICT:
            self.refused[answer.json()["code"]] += 1
        else:
            assert answer.is_success, f"{path}: {answer.text}"

    async def _token(self, actor: Actor) -> str:
        if actor not in self._tokens:
            market = self.street.market
            market.now = datetime.now(UTC)
            phone = await market.sql(
                'SELECT phone FROM "user" WHERE tenant_id = $1 AND id = $2', actor.user_id
            )
            sent = await market.do(RequestCode(sign_in_id=uuid4(), phone=phone))
            verify = VerifyCode(sign_in_id=sent.sign_in.id, code=sent.code, role=Role(actor.role))
            self._tokens[actor] = str((await market.do(verify)).access.text())
        return self._tokens[actor]

    async def _look(self, *, more: bool) -> bool:
        """Everybody does what there is to do; whether all is over."""
        found = await self.street.market.connection.exec_driver_sql(
            _BOOKINGS, (self.street.market.tenant.id,)
        )
        bookings = [booking for booking in found if booking.state not in _OVER]
        acts = [self._answer(*offer) for offer in await self.street.offers()]
        acts += [self._act(booking) for booking in bookings]
        if more and len(bookings) < 2 * len(self.street.crews):
            acts.append(self._call_out())
        await asyncio.gather(*acts)
        return not more and not bookings

    async def _call_out(self) -> None:
        self.made += 1
        command, customer = self.street.wish(self.made)
        place = {"latitude": HERE.latitude, "longitude": HERE.longitude}
        asked = {"booking_id": str(command.booking_id), "service_id": str(command.service_id)}
        method = command.payment_method
        await self.post("/v1/call-outs", customer, **asked, place=place, payment_method=method)

    async def _answer(self, key: UUID, actor: Actor) -> None:
        """Some say yes, some say no, and some nothing."""
        if key in self._answered:
            return
        self._answered.add(key)
        (said,) = _whim(key, accept=70, decline=20, nothing=10)
        if said != "nothing":
            await self.post(f"/v1/offers/{key}/{said}", actor)

    async def _act(self, booking: Any) -> None:
        path, customer = f"/v1/bookings/{booking.id}", Actor(Role.CUSTOMER, booking.customer_id)
        if booking.state == "awaiting_provider" and booking.search == "exhausted":
            await self.post(f"{path}/cancel", customer, reason="nobody came")
        if booking.state not in {"confirmed", "under_way"}:
            return
        (crew,) = [actor for actor, _ in self.street.crews if actor.provider_id == booking.provider_id]
        (done,) = _whim(booking.id, start=75, hand_back=20, cancel=5)
        if booking.state == "under_way":
            await self.post(f"{path}/deliver", crew)
        elif done == "cancel":
            await self.post(f"{path}/cancel", customer, reason="no need any more")
        elif done == "hand_back" and booking.id not in self._handed_back:
            self._handed_back.add(booking.id)
            await self.post(f"{path}/hand-back", crew, reason="broke down")
        else:
            await self.post(f"{path}/start", crew)


def _whim(key: UUID, **weights: int) -> list[str]:
    """Somebody's own, and always the same."""
    return Random(str(derive(key, "whim"))).choices(list(weights), list(weights.values()))
