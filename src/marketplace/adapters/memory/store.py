"""Storage in plain memory refuses what PostgreSQL refuses; for tests, simulations and trying things out."""

import heapq
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import count
from operator import attrgetter
from typing import Any
from uuid import UUID

from marketplace.adapters.memory.table import Table
from marketplace.core.shared.aggregate import Aggregate
from marketplace.core.shared.rules import Balanced, rules_of
from marketplace.ports.storage import Alarm, Batch, Broken, Job, Named, One, Question, Stale

_by_id = attrgetter("id")


class MemoryStore:
    """The rows of one process. Nothing awaits between a check and its write, so a write is atomic."""

    def __init__(self) -> None:
        self._tables: dict[type, Table] = {}
        self._queue: list[tuple[datetime, int, Job]] = []
        self._queued: set[str] = set()
        self._tickets = count()

    async def read(self, tenant_id: UUID, questions: Sequence[Question[Any]]) -> list[tuple[Any, ...]]:
        return [self._answer(tenant_id, question) for question in questions]

    async def write(self, batch: Batch) -> None:
        if batch.empty:
            return
        self._refuse_stale(batch)
        _refuse_unbalanced(batch)
        undo: list[tuple[Any, Any | None]] = []
        try:
            self._put_all(batch, undo)
        except BaseException:
            for row, before in reversed(undo):
                self._restore(row, before)
            raise
        for job in batch.jobs:
            self.enqueue(job, at=job.due_at if isinstance(job, Alarm) else job.at)

    def enqueue(self, job: Job, *, at: datetime) -> None:
        if job.key not in self._queued:
            self._queued.add(job.key)
            heapq.heappush(self._queue, (at, next(self._tickets), job))

    def due(self, now: datetime) -> list[Job]:
        """Takes out the jobs that are due, soonest first, in the order in which they came."""
        taken: list[Job] = []
        while self._queue and self._queue[0][0] <= now:
            job = heapq.heappop(self._queue)[-1]
            self._queued.discard(job.key)
            taken.append(job)
        return taken

    @property
    def next_due(self) -> datetime | None:
        """When the soonest job is due."""
        return self._queue[0][0] if self._queue else None

    def rows_of(self, kind: type, tenant_id: UUID | None = None) -> Iterator[Any]:
        """Every row of a kind, of one tenant or of all."""
        return self._table(kind).rows(tenant_id)

    def _table(self, kind: type) -> Table:
        if kind not in self._tables:
            self._tables[kind] = Table(kind)
        return self._tables[kind]

    def _answer(self, tenant_id: UUID, question: Question[Any]) -> tuple[Any, ...]:
        table = self._table(question.kind)
        if isinstance(question, Named):
            ids = {getattr(row, question.field) for row in self._answer(tenant_id, question.by)}
            named = (table.get(tenant_id, key) for key in ids)
            return tuple(sorted((row for row in named if row is not None), key=_by_id))
        if isinstance(question, One):
            row = table.get(tenant_id, question.id)
            return () if row is None else (row,)
        rows = sorted(filter(question.matches, table.candidates(tenant_id, question)), key=_by_id)
        most = getattr(question, "most", None)
        return tuple(rows if most is None else rows[: max(most, 0)])

    def _refuse_stale(self, batch: Batch) -> None:
        relied_on = [(type(row), row.id, row.version - 1) for row in batch.saved]
        for kind, key, version in (*relied_on, *batch.guarded):
            standing = self._table(kind).get(batch.tenant_id, key)
            if standing is None or standing.version != version:
                raise Stale("what this was decided on has changed meanwhile")

    def _put_all(self, batch: Batch, undo: list[tuple[Any, Any | None]]) -> None:
        for row in batch.saved:
            table = self._table(type(row))
            before = table.get(row.tenant_id, row.id)
            _check_move(before, row)
            table.put(row)
            undo.append((row, before))
        for row in batch.added:
            _check_birth(row)
        for row in (*batch.added, *batch.rows, *batch.events):
            self._table(type(row)).add(row)
            undo.append((row, None))

    def _restore(self, row: Any, before: Any | None) -> None:
        table = self._table(type(row))
        table.take_out(row)
        if before is not None:
            table.put(before)


def _check_birth(row: Aggregate) -> None:
    if row.version != 1 or row.state not in row.LIFECYCLE.initials:
        raise Broken(f"{row.LIFECYCLE.kind} cannot begin as {row.state} in version {row.version}")


def _check_move(before: Any, row: Aggregate) -> None:
    if (str(before.state), str(row.state)) not in row.LIFECYCLE.pairs():
        raise Broken(f"{row.LIFECYCLE.kind} cannot go from {before.state} to {row.state}")


def _refuse_unbalanced(batch: Batch) -> None:
    sums: dict[tuple[str, tuple[Any, ...]], int] = {}
    for row in batch.rows:
        for rule in rules_of(type(row)):
            if isinstance(rule, Balanced):
                group = rule.name_on(type(row)), tuple(getattr(row, field) for field in rule.group)
                sums[group] = sums.get(group, 0) + getattr(row, rule.amount)
    for (name, _), total in sums.items():
        if total:
            raise Broken("what is added does not sum to zero", rule=name)
