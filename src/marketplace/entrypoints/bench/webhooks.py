"""How soon webhooks are answered and applied at a fixed rate, a third of them repeats, each counted once."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from secrets import token_hex
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]
import msgspec

from marketplace.adapters.postgres.engine import create_engine
from marketplace.adapters.sandbox.signatures import sign
from marketplace.adapters.sandbox.webhooks import PATH, Payload
from marketplace.core.shared.errors import Unavailable
from marketplace.entrypoints import logs, scratch
from marketplace.entrypoints.bench import load, refunds
from marketplace.entrypoints.bench.host import served
from marketplace.entrypoints.bench.refunds import SLUG, Refunds
from marketplace.entrypoints.generated_secrets import with_secrets
from marketplace.entrypoints.platform import platform
from marketplace.entrypoints.proof import proved
from marketplace.entrypoints.settings import LogLevel, Settings

CONNECTIONS = 32
WARM_SECONDS = 3
SETTLE_SECONDS_MAX = 120
# Of three events one is told again, at the latest after so many others.
_OF, _REPEATED_WITHIN = 3, 60
# So that the moment at which each row was committed can be asked for afterwards.
_SERVER = {"track_commit_timestamp": "on"}
_APPLIED = """
SELECT subject_id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS at
FROM movement WHERE name = 'refund_sent' AND subject_id = ANY($1::uuid[])
"""
_WAITING = "SELECT count(*) FROM pgqueuer WHERE entrypoint <> 'timer'"
_HEARD = "SELECT count(*) FROM vendor_event"
Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """
    `webhooks_per_s` were answered, `repeats` of them told something again; `events` are the others.

    Both latencies count from when a webhook was due: to its answer, and to the commit of what it moved.
    """

    webhooks_per_s: float
    ack_p50_ms: float
    ack_p99_ms: float
    applied_p50_ms: float
    applied_p99_ms: float
    events: int
    repeats: int
    movements: int
    broken_promises: int

    @property
    def ok(self) -> bool:
        return self.movements == self.events and not self.broken_promises


async def measure(
    *, seconds: int = 60, per_s: int = 500, seed: int = 1, told: Told = lambda _: None
) -> Result:
    """On a server of its own, which is gone afterwards."""
    with scratch.server(None, settings=_SERVER) as server:
        async with scratch.database(server, purpose="bench") as url:
            return await _measured(url, seconds, per_s, seed, told)


async def _measured(url: str, seconds: int, per_s: int, seed: int, told: Told) -> Result:
    settings = with_secrets(replace(Settings(), database_url=url, sandbox_webhook_secret=token_hex(16)))
    assert settings.sandbox_webhook_secret is not None
    # What prepares the refunds says nothing of it: the figures stand alone.
    logs.configure(log_format=settings.log_format, level=LogLevel.WARNING)
    plan = Plan(webhooks=(seconds + WARM_SECONDS) * per_s, seed=seed)
    told(f"{plan.events:,} refunds that the rail has made")
    async with platform(settings, url=url, base_url="http://127.0.0.1:9") as made:
        there = await refunds.prepare(made, url, number=plan.events)
    post = Post(there, plan, secret=settings.sandbox_webhook_secret)
    environ = {"MARKETPLACE_SANDBOX_WEBHOOK_SECRET": settings.sandbox_webhook_secret}
    async with served(url, "quiet", slug=SLUG, **environ) as (port, _):
        requests = post.requests()
        told("warming up")
        await load.paced(port, requests, connections=CONNECTIONS, seconds=WARM_SECONDS, per_s=per_s)
        told(f"{per_s} webhooks a second for {seconds} s")
        post.begin(per_s)
        answered = _all_heard(
            await load.paced(port, requests, connections=CONNECTIONS, seconds=seconds, per_s=per_s)
        )
        told("waiting for what they bring about")
        await _until_applied(url)
    return await _reckoned(url, there, post, answered, told)


class Plan:
    """Which event each webhook tells: every third one tells one of the last few again."""

    def __init__(self, *, webhooks: int, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - a repeatable load, no secret
        self.order: list[int] = []
        self.events = 0
        for turn in range(webhooks):
            if turn % _OF == _OF - 1:
                self.order.append(self.events - 1 - chance.randrange(min(_REPEATED_WITHIN, self.events)))
            else:
                self.order.append(self.events)
                self.events += 1


class Post:
    """The rail's: each webhook is signed when it goes out, and it is known when it was due."""

    def __init__(self, refunds: Refunds, plan: Plan, *, secret: str) -> None:
        self._refunds, self._plan, self._secret = refunds, plan, secret
        self._turn = 0
        self._from, self._begun, self._per_s = 0, 0.0, 0.0

    def begin(self, per_s: float) -> None:
        """What goes out from here on is measured."""
        self._from, self._begun, self._per_s = self._turn, time.time() + load.LEAD_SECONDS, per_s

    def requests(self) -> Iterator[bytes]:
        for event in self._plan.order:
            self._turn += 1
            yield self._request(event)

    def due(self) -> dict[UUID, float]:
        """When each refund that is measured was told of for the first time, by the machine's clock."""
        first: dict[UUID, float] = {}
        before = set(self._plan.order[: self._from])
        for place, event in enumerate(self._plan.order[self._from : self._turn]):
            if event not in before:
                first.setdefault(self._refunds.ids[event], self._begun + place / self._per_s)
        return first

    @property
    def repeats(self) -> int:
        told = self._plan.order[: self._turn]
        return len(told) - len(set(told))

    @property
    def events(self) -> int:
        return len(set(self._plan.order[: self._turn]))

    def _request(self, event: int) -> bytes:
        now = datetime.now(UTC)
        payload = Payload(
            id=f"evt_bench_{event}",
            tenant_id=self._refunds.tenant_id,
            reference=self._refunds.references[event],
            subject="refund",
            kind="refund.succeeded",
            at=now,
        )
        body = msgspec.json.encode(payload)
        return load.webhook(PATH, body=body, headers=sign(body, secret=self._secret, at=now))


def _all_heard(outcome: load.Outcome) -> load.Outcome:
    if set(outcome.statuses) != {200}:
        raise Unavailable(f"not every webhook was heard: {outcome.statuses} {outcome.last_body[:300]!r}")
    return outcome


async def _until_applied(url: str) -> None:
    """Until no job waits any more; raises Unavailable where that takes too long."""
    connection = await asyncpg.connect(url)
    try:
        until = time.monotonic() + SETTLE_SECONDS_MAX
        while await connection.fetchval(_WAITING):
            if time.monotonic() > until:
                raise Unavailable(f"jobs are left after {SETTLE_SECONDS_MAX} s")
            await asyncio.sleep(0.2)
    finally:
        await connection.close()


async def _reckoned(url: str, there: Refunds, post: Post, answered: load.Outcome, told: Told) -> Result:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(_APPLIED, list(there.ids))
        heard = await connection.fetchval(_HEARD)
    finally:
        await connection.close()
    due = post.due()
    measured = (row for row in rows if row["subject_id"] in due)
    applied = load.Outcome(latencies=[row["at"] - due[row["subject_id"]] for row in measured])
    broken = await _broken(url, told)
    if heard != post.events:
        broken.append(f"{heard} events were written down, {post.events} were told")
    for one in broken:
        told(one)
    return Result(
        webhooks_per_s=round(answered.per_s, 1),
        ack_p50_ms=round(answered.percentile_ms(0.5), 2),
        ack_p99_ms=round(answered.percentile_ms(0.99), 2),
        applied_p50_ms=round(applied.percentile_ms(0.5), 2),
        applied_p99_ms=round(applied.percentile_ms(0.99), 2),
        events=post.events,
        repeats=post.repeats,
        movements=len(rows),
        broken_promises=len(broken),
    )


async def _broken(url: str, told: Told) -> list[str]:
    """What the audit finds wrong."""
    told("proving the promises")
    engine = create_engine(url, pool_size=2)
    try:
        promises = await proved(engine, url)
    finally:
        await engine.dispose()
    return [f"{one.name}: {said}" for one in promises for said in one.violations]
