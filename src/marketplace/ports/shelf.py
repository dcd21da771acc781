"""
A shelf keeps JSON documents for vendors' adapters, and changes several of them or none.

It stands apart from the platform's own storage: on it are the books of vendors that we play ourselves, and
what an adapter has sent to one that it does not play.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

R = TypeVar("R")

Key = tuple[str, str]  # (shelf, key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """
    `body` is JSON; `label` finds it again among its tenant's; `due_at` is when something must be done.

    `position` is given by the shelf when the document is first kept, and rises with every new one.
    """

    shelf: str
    key: str
    tenant_id: UUID
    body: bytes
    label: str = ""
    due_at: datetime | None = None
    position: int = 0


Found = Mapping[Key, Document]
Decide = Callable[[Found], tuple[R, Sequence[Document]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A page of one tenant's documents, newest first; `before` is where the last page ended."""

    shelf: str
    tenant_id: UUID
    label: str | None = None
    before: int | None = None
    limit: int = 100


class Shelf(Protocol):
    """Raises Unavailable when nothing was changed, OutcomeUnknown when that is in doubt."""

    async def fetch(self, *, shelf: str, key: str) -> Document | None: ...
    async def keep(self, document: Document) -> bool:
        """Keep it unless one stands under its key; whether it was kept."""
        ...

    async def change(self, keys: Sequence[Key], decide: Decide[R]) -> R:
        """
        Keep what `decide` makes of `keys`, all of it or nothing, unless they have moved meanwhile.

        It must not wait, and runs again when somebody else was faster. It answers with its result and the
        documents to keep: those of `keys`, or new ones that nobody else could make. When it raises, nothing
        is changed. A key that is absent, and stays so, is not watched.
        """
        ...

    async def listed(self, listing: Listing) -> tuple[Document, ...]: ...
    async def due(self, *, shelf: str, tenant_id: UUID, at: datetime, limit: int) -> tuple[Document, ...]:
        """Those whose `due_at` has come, the longest due first."""
        ...

    async def tenants_waiting(self, *, shelf: str) -> tuple[UUID, ...]:
        """The tenants of whom something on the shelf has a `due_at`, whenever that is."""
        ...
