"""A shelf in memory: one process, one event loop, gone with it; the rules are those of the lasting ones."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import TypeVar
from uuid import UUID

from marketplace.ports.shelf import Decide, Document, Key, Listing

R = TypeVar("R")

Drawers = dict[tuple[str, UUID], dict[Key, Document]]  # (shelf, tenant) → documents, oldest first


class MemoryShelf:
    """No method waits between reading and writing, which is all the locking that one event loop needs."""

    def __init__(self) -> None:
        self._documents: dict[Key, Document] = {}
        self._drawers: Drawers = defaultdict(dict)
        self._waiting: Drawers = defaultdict(dict)

    async def fetch(self, *, shelf: str, key: str) -> Document | None:
        return self._documents.get((shelf, key))

    async def keep(self, document: Document) -> bool:
        if (document.shelf, document.key) in self._documents:
            return False
        self._put(document)
        return True

    async def change(self, keys: Sequence[Key], decide: Decide[R]) -> R:
        result, documents = decide({key: self._documents[key] for key in keys if key in self._documents})
        for document in documents:
            self._put(document)
        return result

    async def listed(self, listing: Listing) -> tuple[Document, ...]:
        drawer = self._drawers[listing.shelf, listing.tenant_id]
        found = (
            document
            for document in reversed(drawer.values())
            if listing.label in {None, document.label}
            and (listing.before is None or document.position < listing.before)
        )
        return tuple(islice(found, listing.limit))

    async def due(self, *, shelf: str, tenant_id: UUID, at: datetime, limit: int) -> tuple[Document, ...]:
        waiting = [
            (document.due_at, document.position, document)
            for document in self._waiting[shelf, tenant_id].values()
            if document.due_at is not None and document.due_at <= at
        ]
        return tuple(document for _, _, document in sorted(waiting, key=lambda row: row[:2])[:limit])

    async def tenants_waiting(self, *, shelf: str) -> tuple[UUID, ...]:
        return tuple(
            sorted(tenant for (name, tenant), drawer in self._waiting.items() if name == shelf and drawer)
        )

    def _put(self, document: Document) -> None:
        key = (document.shelf, document.key)
        standing = self._documents.get(key)
        kept = replace(document, position=len(self._documents) + 1 if standing is None else standing.position)
        if standing is not None and standing.tenant_id != kept.tenant_id:
            del self._drawers[standing.shelf, standing.tenant_id][key]
            self._waiting[standing.shelf, standing.tenant_id].pop(key, None)
        self._documents[key] = kept
        self._drawers[kept.shelf, kept.tenant_id][key] = kept
        self._waiting[kept.shelf, kept.tenant_id].pop(key, None)
        if kept.due_at is not None:
            self._waiting[kept.shelf, kept.tenant_id][key] = kept
