"""A command's reads are one statement, and so is everything it writes: all of it stands, or none of it."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.connections import connection_of
from marketplace.adapters.postgres.kinds import STORED
from marketplace.adapters.postgres.refusals import reading_failed, writing_failed
from marketplace.adapters.postgres.statements import (
    Shape,
    arguments_of,
    read_statement,
    wording_of,
    write_statement,
)
from marketplace.adapters.postgres.tables import encode_rows, table_of
from marketplace.core.shared.errors import MarketplaceError
from marketplace.core.shared.rules import NoOverlap, rules_of
from marketplace.ports.storage import Alarm, Batch, Follow, Job, Question

# Whoever waits for the clock can wait a little longer than whoever waits for an answer.
_PRIORITY = {Follow: 1, Alarm: 0}
# The kinds whose rows take up somebody's time, and the field that says whose.
CLAIMANTS = {kind: rule.owner for kind in STORED for rule in rules_of(kind) if isinstance(rule, NoOverlap)}


class PostgresStore:
    """Storage by PostgreSQL; every statement commits by itself."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def read(self, tenant_id: UUID, questions: Sequence[Question[Any]]) -> list[tuple[Any, ...]]:
        if not questions:
            return []
        statement = read_statement(tuple(map(wording_of, questions)))
        arguments = [value for question in questions for value in arguments_of(question)]
        try:
            async with connection_of(self._engine, tenant_id) as connection:
                answers = await connection.fetchrow(statement, tenant_id, *arguments)
        except Exception as error:
            raise _translated(error, reading_failed(error)) from error
        return [
            table_of(question.kind).decoder.decode(answer)
            for question, answer in zip(questions, answers, strict=True)
        ]

    async def write(self, batch: Batch) -> None:
        if batch.empty:
            return
        statement, arguments = _prepared(batch)
        try:
            async with connection_of(self._engine, batch.tenant_id) as connection:
                await connection.fetchval(statement, batch.tenant_id, *arguments)
        except Exception as error:
            raise _translated(error, writing_failed(error)) from error


def _translated(error: Exception, refusal: MarketplaceError | None) -> Exception:
    return refusal or error


def _prepared(batch: Batch) -> tuple[str, list[Any]]:
    """The statement of a batch, and its arguments after the tenant."""
    # In the order of ids, so that writers who meet lock in one order.
    saved = _by_kind(sorted(batch.saved, key=_id))
    inserted = _by_kind((*batch.added, *batch.rows, *batch.events))
    guarded = _guarded(batch)
    claimed = _claimed(saved, inserted)
    counted = (batch.saved, *(ids for ids, _ in guarded.values()), *claimed.values())
    shape = Shape(tuple(claimed), tuple(saved), tuple(guarded), tuple(inserted), bool(batch.jobs))
    arguments: list[Any] = [sum(map(len, counted)), *claimed.values()]
    for rows in saved.values():
        arguments += (list(map(_id, rows)), encode_rows(rows))
    for ids, versions in guarded.values():
        arguments += (ids, versions)
    arguments += map(encode_rows, inserted.values())
    if batch.jobs:
        arguments.append(encode_rows([_queued(job) for job in batch.jobs]))
    return write_statement(shape), arguments


def _id(row: Any) -> UUID:
    key: UUID = row.id
    return key


def _by_kind(rows: Iterable[Any]) -> dict[type, list[Any]]:
    grouped: dict[type, list[Any]] = {}
    for row in rows:
        grouped.setdefault(type(row), []).append(row)
    return grouped


def _claimed(*rows_of: dict[type, list[Any]]) -> dict[type, list[str]]:
    """Whose time is claimed, by the kinds that know a rule of it, in the order of ids."""
    owners: dict[type, set[str]] = {}
    for grouped in rows_of:
        for kind in grouped.keys() & CLAIMANTS.keys():
            field = CLAIMANTS[kind]
            owners.setdefault(kind, set()).update(str(getattr(row, field)) for row in grouped[kind])
    return {kind: sorted(found) for kind, found in owners.items()}


def _guarded(batch: Batch) -> dict[type, tuple[list[UUID], list[int]]]:
    """Versions to check, each once, in the order of ids; what is saved guards itself."""
    saved = {row.id for row in batch.saved}
    grouped: dict[type, tuple[list[UUID], list[int]]] = {}
    for kind, key, version in sorted(set(batch.guarded), key=lambda guard: guard[1]) if batch.guarded else ():
        if key not in saved:
            ids, versions = grouped.setdefault(kind, ([], []))
            ids.append(key)
            versions.append(version)
    return grouped


def _queued(job: Job) -> dict[str, Any]:
    return {
        "priority": _PRIORITY[type(job)],
        "entrypoint": job.QUEUE,
        "dedupe_key": job.key,
        "due_at": job.due_at if isinstance(job, Alarm) else None,
        "payload": job,
    }
