"""What stands in the vendor's books is brought up to its tenant's now, and a webhook tells of every step."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, Self, TypeVar
from uuid import UUID

from marketplace.adapters.orders import Placed, document_of, find, key_of, order_of
from marketplace.adapters.sandbox.faults import Random
from marketplace.adapters.sandbox.tokens import ON_TIME
from marketplace.adapters.sandbox.webhooks import Clock, Payload, queued
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.ids import derive
from marketplace.ports.shelf import Document, Found, Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Placed, ABC):
    """`history` names its steps, each with a webhook about its `SUBJECT`, which people call `NOUN`."""

    SUBJECT: ClassVar[str]
    NOUN: ClassVar[str]

    history: tuple[tuple[datetime, str], ...] = ()

    @abstractmethod
    def brought_up(self, *, now: datetime) -> Self:
        """As it is after everything that the time has brought it by now."""


R = TypeVar("R", bound=Record)
Decide = Callable[[R | None], R]


def known(standing: R | None, kind: type[R], reference: UUID) -> R:
    if standing is None:
        raise Invalid("reference", f"the sandbox knows of no {kind.NOUN} {reference}")
    return standing


@dataclass(frozen=True, kw_only=True)
class Records(Generic[R]):
    """All of one kind, each moved at its time."""

    kind: type[R]
    shelf: Shelf
    clock: Clock
    random: Random

    async def find(self, reference: UUID) -> R | None:
        """The record as of its tenant's now."""
        record = await find(self.shelf, self.kind, reference)
        if record is None or record.due_at is None or record.due_at > self.clock(record.tenant_id):
            return record
        return await self.change(reference, lambda standing: known(standing, self.kind, reference))

    async def change(self, reference: UUID, decide: Decide[R]) -> R:
        """Let `decide` change the record, brought up to now first; nobody else can meanwhile."""
        key = key_of(self.kind, reference)

        def decided(found: Found) -> tuple[R, list[Document]]:
            before = order_of(found[key], self.kind) if key in found else None
            current = before and before.brought_up(now=self.clock(before.tenant_id))
            after = decide(current)
            return after, [] if after == before else self._documents(before, after)

        return await self.shelf.change([key], decided)

    async def tick(self, *, limit: int = 1_000) -> int:
        """Bring what is due up to now, up to `limit` records of each tenant; how many there were."""
        moved, shelf = 0, self.kind.SHELF
        for tenant_id in await self.shelf.tenants_waiting(shelf=shelf):
            at = self.clock(tenant_id)
            for document in await self.shelf.due(shelf=shelf, tenant_id=tenant_id, at=at, limit=limit):
                await self.find(UUID(document.key))
                moved += 1
        return moved

    def _documents(self, before: R | None, after: R) -> list[Document]:
        told = 0 if before is None else len(before.history)
        news = (self._event(after, index) for index in range(told, len(after.history)))
        return [document_of(after), *news]

    def _event(self, record: R, index: int) -> Document:
        at, name = record.history[index]
        payload = Payload(
            id=f"evt_{derive(record.reference, record.SUBJECT, index).hex}",
            tenant_id=record.tenant_id,
            reference=record.reference,
            subject=record.SUBJECT,
            kind=f"{record.SUBJECT}.{name}",
            at=at,
        )
        return queued(payload, habit=ON_TIME, random=self.random)
