"""
A lane's storage hands the jobs of a write to the lane's own agenda, and has the trouble that storage has.

Not to the queue's table: its jobs are due on real time and go to whoever is first, so no run would be like
another. All else is written as ever. What the queue does (together with the write or not at all, at least
once, dropped, twice) the lane does by itself.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from itertools import chain
from typing import Any
from uuid import UUID

import msgspec

from marketplace.core.bookings.booking import Booking
from marketplace.core.shared.errors import OutcomeUnknown, Unavailable
from marketplace.core.shared.events import Event
from marketplace.entrypoints.simulation.agenda import Agenda
from marketplace.entrypoints.simulation.trouble import Trouble
from marketplace.ports.storage import Alarm, Batch, Question, Store

_encoder = msgspec.json.Encoder()


async def _nothing(_booking_id: UUID | None) -> bool:
    return False


@dataclass(kw_only=True)
class LaneStore:
    """
    `meanwhile` lets something else happen, if it can, between a read and the write that rests on it; it is
    told which booking was read, if one was.

    `told` hears of every event, `history` is the digest of them all, and `standing` the state of each
    aggregate after its last.
    """

    inner: Store
    agenda: Agenda
    trouble: Trouble
    now: Callable[[], datetime]
    meanwhile: Callable[[UUID | None], Awaitable[bool]] = field(default=_nothing)
    told: Callable[[Event], None] = field(default=lambda _: None)
    moves: int = 0
    history: Any = field(default_factory=sha256)
    standing: dict[tuple[str, UUID], str] = field(default_factory=dict)
    _busy: bool = False

    async def read(self, tenant_id: UUID, questions: Sequence[Question[Any]]) -> list[tuple[Any, ...]]:
        if self.trouble.strikes("storage_unavailable"):
            raise Unavailable("storage is down")
        answers = await self.inner.read(tenant_id, questions)
        # While somebody is in between already, nobody else gets there: real ones queue behind as well.
        if not self._busy and self.trouble.may_strike("stale_read"):
            await self._others_first(_booking_of(answers))
        return answers

    async def write(self, batch: Batch) -> None:
        if batch.empty:
            return  # as the real one: nothing is sent, so nothing is lost
        await self.inner.write(replace(batch, jobs=()))
        self.moves += len(batch.events)
        for event in batch.events:
            self.history.update(_encoder.encode(event))
            self.standing[event.kind, event.subject_id] = event.after
            self.told(event)
        for job in batch.jobs:
            self.agenda.put(job, at=job.due_at if isinstance(job, Alarm) else self.now())
        if self.trouble.strikes("storage_outcome_unknown"):
            raise OutcomeUnknown("storage was lost after it wrote")

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Let nothing come between what is read here and what is written."""
        before, self._busy = self._busy, True
        try:
            yield
        finally:
            self._busy = before

    async def _others_first(self, booking_id: UUID | None) -> None:
        with self.undisturbed():
            if await self.meanwhile(booking_id):
                self.trouble.count("stale_read")


def _booking_of(answers: Sequence[Sequence[Any]]) -> UUID | None:
    """The booking that was read, or that of a payment, a refund or a reservation that was."""
    for row in chain.from_iterable(answers):
        if isinstance(row, Booking):
            return row.id
        key: UUID | None = getattr(row, "booking_id", None)
        if key is not None:
            return key
    return None
