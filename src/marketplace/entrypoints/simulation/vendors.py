"""The played vendors act at their time too: what waits on their shelf wakes them on the lane's agenda."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeVar
from uuid import UUID

from marketplace.adapters.sandbox import books, webhooks
from marketplace.adapters.sandbox.inbox import SandboxChannel
from marketplace.adapters.sandbox.payees import OpenedPayee
from marketplace.adapters.sandbox.setups import SavedSetup
from marketplace.entrypoints.simulation.agenda import Agenda
from marketplace.ports.shelf import Decide, Document, Found, Key, Listing, Shelf

R = TypeVar("R")


class Wake(Enum):
    WEBHOOKS = webhooks.SHELF
    BOOKS = books.SHELF
    SETUPS = SavedSetup.SHELF
    PAYEES = OpenedPayee.SHELF


_WAKES = {wake.value: wake for wake in Wake}


@dataclass
class LaneShelf:
    """A shelf that puts what is due on it on the agenda, so that nobody has to look for it."""

    inner: Shelf
    agenda: Agenda

    async def fetch(self, *, shelf: str, key: str) -> Document | None:
        return await self.inner.fetch(shelf=shelf, key=key)

    async def keep(self, document: Document) -> bool:
        return await self.inner.keep(document)

    async def change(self, keys: Sequence[Key], decide: Decide[R]) -> R:
        kept: list[Document] = []

        def noted(found: Found) -> tuple[R, Sequence[Document]]:
            result, documents = decide(found)
            kept[:] = documents
            return result, documents

        result = await self.inner.change(keys, noted)
        for document in kept:
            if document.due_at is not None and document.shelf in _WAKES:
                self.agenda.put(_WAKES[document.shelf], at=document.due_at)
        return result

    async def listed(self, listing: Listing) -> tuple[Document, ...]:
        return await self.inner.listed(listing)

    async def due(self, *, shelf: str, tenant_id: UUID, at: datetime, limit: int) -> tuple[Document, ...]:
        return await self.inner.due(shelf=shelf, tenant_id=tenant_id, at=at, limit=limit)

    async def tenants_waiting(self, *, shelf: str) -> tuple[UUID, ...]:
        return await self.inner.tenants_waiting(shelf=shelf)


@dataclass(frozen=True, slots=True)
class LaneOutbox:
    """How often each message was received, as the sandbox's inbox shows."""

    channel: SandboxChannel

    async def copies(self, tenant_id: UUID) -> Mapping[UUID, int]:
        received = await self.channel.read(tenant_id, limit=sys.maxsize)
        return Counter(message.reference for message in received)
