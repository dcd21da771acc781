"""The queue can be looked at, parked jobs sent again or given up, timers set to a clock that was moved."""

# ruff: noqa: S608 - the text is made of constants of this module; every value is a parameter

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.connections import connection_of
from marketplace.adapters.postgres.refusals import reading_failed, writing_failed
from marketplace.core.shared.errors import MarketplaceError

_NEWS = """pg_notify('ch_pgqueuer', json_build_object('channel', 'ch_pgqueuer', 'operation', 'update',
    'sent_at', now(), 'table', 'pgqueuer', 'type', 'table_changed_event')::text)"""

_PARKED = """
SELECT coalesce(json_agg(p ORDER BY p.since DESC), '[]')::text FROM (
    SELECT j.id, j.entrypoint AS queue, j.headers->>'tenant' AS tenant_id, j.updated AS since,
        j.attempts + 1 AS tries, convert_from(j.payload, 'UTF8')::json AS job,
        failure.traceback->>'exception_type' AS error, failure.traceback->>'exception_message' AS why
    FROM pgqueuer AS j
    LEFT JOIN LATERAL (
        SELECT traceback FROM pgqueuer_log AS l
        WHERE l.job_id = j.id AND l.status = 'failed' ORDER BY l.created DESC LIMIT 1
    ) AS failure ON true
    WHERE j.status = 'failed' AND ($1::uuid IS NULL OR j.headers->>'tenant' = $1::text)
    ORDER BY j.updated DESC LIMIT $2
) AS p
"""
_REQUEUE = f"""
WITH sent_again AS (
    UPDATE pgqueuer SET status = 'queued', execute_after = now(), updated = now(), attempts = 0
    WHERE id = ANY($1::bigint[]) AND status = 'failed'
        AND ($2::uuid IS NULL OR headers->>'tenant' = $2::text)
    RETURNING id, entrypoint, priority
), logged AS (
    INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority, traceback)
    SELECT id, 'queued', entrypoint, priority, $3::text::jsonb FROM sent_again
)
SELECT (SELECT count(*) FROM sent_again), {_NEWS}
"""
_DISCARD = """
WITH given_up AS (
    DELETE FROM pgqueuer WHERE id = ANY($1::bigint[]) AND status = 'failed'
        AND ($2::uuid IS NULL OR headers->>'tenant' = $2::text)
    RETURNING id, entrypoint, priority
), logged AS (
    INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority, traceback)
    SELECT id, 'deleted', entrypoint, priority, $3::text::jsonb FROM given_up
)
SELECT count(*) FROM given_up
"""
_FOLLOW_CLOCK = f"""
WITH clock AS (
    SELECT make_interval(secs => clock_ahead_seconds) AS ahead
    FROM "tenant" WHERE tenant_id = $1::uuid AND id = $1::uuid
), moved AS (
    UPDATE pgqueuer AS j SET execute_after = (j.headers->>'due_at')::timestamptz - clock.ahead FROM clock
    WHERE j.status = 'queued' AND j.entrypoint = 'timer' AND j.attempts = 0
        AND j.headers->>'tenant' = $1::uuid::text
        AND j.execute_after <> (j.headers->>'due_at')::timestamptz - clock.ahead
    RETURNING 1
)
SELECT (SELECT count(*) FROM moved), CASE WHEN EXISTS (SELECT FROM moved) THEN {_NEWS} END
"""
_BACKLOG = """
SELECT json_build_object(
    'oldest_seconds', coalesce(extract(epoch FROM now() - min(execute_after)
        FILTER (WHERE status = 'queued' AND execute_after <= now())), 0)::float,
    'due', count(*) FILTER (WHERE status = 'queued' AND execute_after <= now()),
    'waiting', count(*) FILTER (WHERE status = 'queued' AND execute_after > now()),
    'in_hand', count(*) FILTER (WHERE status = 'picked'),
    'parked', count(*) FILTER (WHERE status = 'failed')
)::text FROM pgqueuer
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A job that failed as often as it may; `why` is the last error."""

    id: int
    queue: str
    tenant_id: UUID | None
    since: datetime
    tries: int
    job: dict[str, Any]
    error: str | None
    why: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How many jobs there are, and how long the oldest has been due."""

    oldest_seconds: float
    due: int
    waiting: int
    in_hand: int
    parked: int


Meaning = Callable[[BaseException], MarketplaceError | None]
_parked = msgspec.json.Decoder(tuple[Parked, ...])
_backlog = msgspec.json.Decoder(Backlog)


async def list_parked(
    *, engine: AsyncEngine, tenant_id: UUID | None = None, limit: int = 100
) -> tuple[Parked, ...]:
    """The latest first; of one tenant, or of all."""
    return _parked.decode(await _fetch(engine, None, reading_failed, _PARKED, tenant_id, limit))


async def requeue(
    *, engine: AsyncEngine, ids: list[int], by: UUID | None, reason: str, tenant_id: UUID | None = None
) -> int:
    """
    Sends parked jobs again, as if for the first time; how many there were. Who and why stay in the
    queue's log.
    """
    why = _why("requeued_by", by, reason)
    return int(await _fetch(engine, None, writing_failed, _REQUEUE, ids, tenant_id, why))


async def discard(
    *, engine: AsyncEngine, ids: list[int], by: UUID | None, reason: str, tenant_id: UUID | None = None
) -> int:
    """Gives parked jobs up for good; how many there were. Who and why stay in the queue's log."""
    why = _why("discarded_by", by, reason)
    return int(await _fetch(engine, None, writing_failed, _DISCARD, ids, tenant_id, why))


def _why(done: str, by: UUID | None, reason: str) -> str:
    return msgspec.json.encode({done: by, "reason": reason}).decode()


async def follow_clock(*, engine: AsyncEngine, tenant_id: UUID) -> int:
    """
    Sets a tenant's waiting timers to its clock, after that was moved; how many stood elsewhere.

    May be repeated: a timer knows when it is due in the tenant's time.
    """
    return int(await _fetch(engine, tenant_id, writing_failed, _FOLLOW_CLOCK, tenant_id))


async def backlog(*, engine: AsyncEngine) -> Backlog:
    return _backlog.decode(await _fetch(engine, None, reading_failed, _BACKLOG))


async def _fetch(
    engine: AsyncEngine, tenant_id: UUID | None, meaning: Meaning, statement: str, *arguments: Any
) -> Any:
    try:
        async with connection_of(engine, tenant_id) as connection:
            return await connection.fetchval(statement, *arguments)
    except Exception as error:
        raise (meaning(error) or error) from error
