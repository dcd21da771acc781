"""
What played vendors keep lives in one table of its own, and every change of it stands whole or not at all.

The vendor's books are no tenant's: there is no row-level security, and no foreign key to anything of ours.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.connections import connection_of
from marketplace.adapters.postgres.refusals import reading_failed, writing_failed
from marketplace.core.shared.errors import Unavailable
from marketplace.ports.shelf import Decide, Document, Key, Listing
from marketplace.ports.storage import Stale

R = TypeVar("R")

DDL = """
CREATE TABLE sandbox_document (
    shelf text NOT NULL,
    key text NOT NULL,
    tenant_id uuid NOT NULL,
    label text NOT NULL,
    due_at timestamptz,
    version bigint NOT NULL,
    position bigint GENERATED ALWAYS AS IDENTITY,
    body json NOT NULL,
    CONSTRAINT sandbox_document_pkey PRIMARY KEY (shelf, key)
);
CREATE INDEX sandbox_document_listed ON sandbox_document (shelf, tenant_id, position);
CREATE INDEX sandbox_document_labelled ON sandbox_document (shelf, tenant_id, label, position);
CREATE INDEX sandbox_document_due ON sandbox_document (shelf, tenant_id, due_at) WHERE due_at IS NOT NULL;
"""

_NO_TENANT = UUID(int=0)  # so that a connection lent to the shelf sees no tenant's rows
# Each loss means that somebody else got on, so this many in a row is no race but a fault.
_ROUNDS_MAX = 500

# One look into the primary key for each key, whatever the planner believes of a table that was just made.
_READ = """
SELECT d.*, d.body::text AS text FROM unnest($1::text[], $2::text[]) AS wanted (shelf, key)
CROSS JOIN LATERAL (
    SELECT * FROM sandbox_document AS d WHERE d.shelf = wanted.shelf AND d.key = wanted.key OFFSET 0
) AS d
"""
_KEEP = """
INSERT INTO sandbox_document (shelf, key, tenant_id, label, due_at, version, body)
SELECT $1, $2, $3, $4, $5, 1, $6::text::json ON CONFLICT DO NOTHING RETURNING 1
"""
# A document that has moved since it was read is not written, so the count is short and `guard` refuses all.
_WRITE = """
WITH kept AS (
    INSERT INTO sandbox_document AS d (shelf, key, tenant_id, label, due_at, body, version)
    SELECT shelf, key, tenant_id, label, due_at, body::json, version + 1
    FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::timestamptz[], $6::text[], $7::bigint[])
        WITH ORDINALITY AS new (shelf, key, tenant_id, label, due_at, body, version, place)
    ORDER BY place
    ON CONFLICT (shelf, key) DO UPDATE
        SET tenant_id = excluded.tenant_id, label = excluded.label, due_at = excluded.due_at,
            body = excluded.body, version = excluded.version
        WHERE d.version = excluded.version - 1
    RETURNING 1
)
SELECT guard((SELECT count(*) FROM kept), cardinality($1::text[]))
"""
_LISTED = """
SELECT d.*, d.body::text AS text FROM sandbox_document AS d
WHERE shelf = $1 AND tenant_id = $2 AND position < coalesce($3, 9223372036854775807)
ORDER BY position DESC LIMIT $4
"""
_LABELLED = _LISTED.replace("AND position", "AND label = $5 AND position", 1)
_DUE = """
SELECT d.*, d.body::text AS text FROM sandbox_document AS d
WHERE shelf = $1 AND tenant_id = $2 AND due_at <= $3 ORDER BY due_at, position LIMIT $4
"""
# Steps from tenant to tenant through the index: there are few tenants, and may be many documents.
_TENANTS_WAITING = """
WITH RECURSIVE waiting AS (
    (SELECT tenant_id FROM sandbox_document
     WHERE shelf = $1 AND due_at IS NOT NULL ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT d.tenant_id FROM sandbox_document AS d
            WHERE d.shelf = $1 AND d.due_at IS NOT NULL AND d.tenant_id > waiting.tenant_id
            ORDER BY d.tenant_id LIMIT 1)
    FROM waiting WHERE waiting.tenant_id IS NOT NULL
)
SELECT tenant_id FROM waiting WHERE tenant_id IS NOT NULL
"""


class PostgresShelf:
    """Give it an engine (a pool) apart from the store's, as connections keep the tenant they serve."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def fetch(self, *, shelf: str, key: str) -> Document | None:
        found = await self._read(_READ, [shelf], [key])
        return _document(found[0]) if found else None

    async def keep(self, document: Document) -> bool:
        d = document
        kept = await self._write(_KEEP, d.shelf, d.key, d.tenant_id, d.label, d.due_at, d.body.decode())
        return kept is not None

    async def change(self, keys: Sequence[Key], decide: Decide[R]) -> R:
        """Nobody waits for a lock: whoever finds that another was faster decides again."""
        for _ in range(_ROUNDS_MAX):
            rows = await self._read(_READ, [shelf for shelf, _ in keys], [key for _, key in keys])
            found = {(row["shelf"], row["key"]): _document(row) for row in rows}
            result, documents = decide(found)
            versions = {(row["shelf"], row["key"]): row["version"] for row in rows}
            if await self._written(found, documents, versions):
                return result
            await asyncio.sleep(0)
        raise Unavailable("the shelf is too busy")

    async def listed(self, listing: Listing) -> tuple[Document, ...]:
        page = (listing.shelf, listing.tenant_id, listing.before, listing.limit)
        if listing.label is None:
            return tuple(map(_document, await self._read(_LISTED, *page)))
        return tuple(map(_document, await self._read(_LABELLED, *page, listing.label)))

    async def due(self, *, shelf: str, tenant_id: UUID, at: datetime, limit: int) -> tuple[Document, ...]:
        return tuple(map(_document, await self._read(_DUE, shelf, tenant_id, at, limit)))

    async def tenants_waiting(self, *, shelf: str) -> tuple[UUID, ...]:
        return tuple(row["tenant_id"] for row in await self._read(_TENANTS_WAITING, shelf))

    async def _written(
        self, found: Mapping[Key, Document], documents: Iterable[Document], versions: Mapping[Key, int]
    ) -> bool:
        """Whether it stands; False when something of what was read has moved meanwhile."""
        new = {(document.shelf, document.key): document for document in documents}
        if not new:
            return True
        # What was read and stays as it is gets a new version too, so that the decision rests on it; what
        # stands already comes first and in one order, so that writers who meet wait in line.
        wanted = {key: new.get(key, found[key]) for key in sorted(found)} | new
        try:
            await self._write(_WRITE, *_columns(wanted, versions))
        except Stale:
            return False
        return True

    async def _read(self, statement: str, *arguments: Any) -> list[Any]:
        try:
            async with connection_of(self._engine, _NO_TENANT) as connection:
                return await connection.fetch(statement, *arguments)
        except Exception as error:
            raise reading_failed(error) or error from error

    async def _write(self, statement: str, *arguments: Any) -> Any:
        try:
            async with connection_of(self._engine, _NO_TENANT) as connection:
                return await connection.fetchval(statement, *arguments)
        except Exception as error:
            raise writing_failed(error) or error from error


def _document(row: Any) -> Document:
    return Document(
        shelf=row["shelf"],
        key=row["key"],
        tenant_id=row["tenant_id"],
        label=row["label"],
        due_at=row["due_at"],
        position=row["position"],
        body=row["text"].encode(),
    )


def _columns(documents: Mapping[Key, Document], versions: Mapping[Key, int]) -> tuple[list[Any], ...]:
    rows = documents.values()
    return (
        [document.shelf for document in rows],
        [document.key for document in rows],
        [document.tenant_id for document in rows],
        [document.label for document in rows],
        [document.due_at for document in rows],
        [document.body.decode() for document in rows],
        [versions.get(key, 0) for key in documents],
    )
