"""What an audit asks of a memory store more than once, gathered in one go."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from marketplace.adapters.memory.store import MemoryStore
from marketplace.core.ledger.movement import Movement, Posting
from marketplace.core.promises import PATIENCE
from marketplace.core.shared.events import Event
from marketplace.core.tenants.tenant import Tenant


class Facts:
    """The rows of one tenant or of all, and what of them is asked more than once."""

    def __init__(self, store: MemoryStore, tenant_id: UUID | None, now: datetime | None) -> None:
        self._store, self._tenant_id, self._now = store, tenant_id, now
        self.movements: dict[UUID, Movement] = {row.id: row for row in self.rows(Movement)}
        self.balances: Counter[tuple[UUID, str, str]] = Counter()
        for row in self.rows(Posting):
            self.balances[row.tenant_id, row.account, row.currency] += row.amount_minor
        self.histories: dict[tuple[str, UUID], list[Event]] = defaultdict(list)
        for event in self.rows(Event):
            self.histories[event.kind, event.subject_id].append(event)
        for events in self.histories.values():
            events.sort(key=lambda event: event.version)
        self._ahead = {row.id: row.clock_ahead_seconds for row in self.rows(Tenant)}

    def rows(self, kind: type) -> Iterator[Any]:
        return self._store.rows_of(kind, self._tenant_id)

    def count(self, kind: type) -> int:
        return sum(1 for _ in self.rows(kind))

    def long_past(self, tenant_id: UUID) -> datetime:
        """What was due before this is overdue."""
        now = self._now or datetime.now(UTC) + timedelta(seconds=self._ahead.get(tenant_id, 0))
        return now - PATIENCE

    def postings(self, *names: str) -> Iterator[tuple[Movement, Posting]]:
        for posting in self.rows(Posting):
            movement = self.movements.get(posting.movement_id)
            if movement is not None and movement.name in names:
                yield movement, posting
