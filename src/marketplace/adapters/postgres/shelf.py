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

# A shelf and a tenant stand in one column each time, so that one index alone can answer each question:
# the planner, asked of an empty table, takes any that could, and keeps to it when the table has grown.
DDL = """
CREATE TABLE sandbox_document (
    id text COLLATE "C" NOT NULL,
    drawer text COLLATE "C" NOT NULL,
    label text COLLATE "C" NOT NULL,
    waiting text COLLATE "C",
    due_at timestamptz,
    version bigint NOT NULL,
    position bigint GENERATED ALWAYS AS IDENTITY,
    body json NOT NULL,
    CONSTRAINT sandbox_document_pkey PRIMARY KEY (id),
    CONSTRAINT sandbox_document_waits CHECK ((waiting IS NULL) = (due_at IS NULL))
);
CREATE INDEX sandbox_document_drawer ON sandbox_document (drawer, position);
CREATE INDEX sandbox_document_label ON sandbox_document (label, position);
CREATE INDEX sandbox_document_waiting ON sandbox_document (waiting, due_at, position)
    WHERE waiting IS NOT NULL;
"""

_NO_TENANT = UUID(int=0)  # so that a connection lent to the shelf sees no tenant's rows
# Each loss means that somebody else got on, so this many in a row is no race but a fault.
_ROUNDS_MAX = 500
_FOUND = "SELECT id, drawer, label, due_at, position, version, body::text AS text FROM sandbox_document "

_READ = _FOUND + "WHERE id = ANY ($1::text[])"
_KEEP = """
INSERT INTO sandbox_document (id, drawer, label, waiting, due_at, body, version)
SELECT $1, $2, $3, $4, $5, $6::text::json, 1 ON CONFLICT DO NOTHING RETURNING true
"""
# A document that has moved since it was read is not written, so the count is short and `guard` refuses all.
_WRITE = """
WITH kept AS (
    INSERT INTO sandbox_document AS d (id, drawer, label, waiting, due_at, body, version)
    SELECT id, drawer, label, waiting, due_at, body::json, version + 1
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::bigint[])
        WITH ORDINALITY AS new (id, drawer, label, waiting, due_at, body, version, place)
    ORDER BY place
    ON CONFLICT (id) DO UPDATE
        SET drawer = excluded.drawer, label = excluded.label, waiting = excluded.waiting,
            due_at = excluded.due_at, body = excluded.body, version = excluded.version
        WHERE d.version = excluded.version - 1
    RETURNING 1
)
SELECT guard((SELECT count(*) FROM kept), cardinality($1::text[]))
"""
_PAGE = "AND position < coalesce($2, 9223372036854775807) ORDER BY position DESC LIMIT $3"
_LISTED = _FOUND + "WHERE drawer = $1 " + _PAGE
_LABELLED = _FOUND + "WHERE label = $1 " + _PAGE
_DUE = _FOUND + "WHERE waiting = $1 AND due_at <= $2 ORDER BY due_at, position LIMIT $3"
# From one waiting drawer to the next through the index: there are few, and may be many documents in each.
_WAITING = """
WITH RECURSIVE found AS (
    (SELECT waiting FROM sandbox_document WHERE waiting > $1 AND waiting < $2 ORDER BY waiting LIMIT 1)
    UNION ALL
    SELECT (SELECT d.waiting FROM sandbox_document AS d
            WHERE d.waiting > found.waiting AND d.waiting < $2 ORDER BY d.waiting LIMIT 1)
    FROM found WHERE found.waiting IS NOT NULL
)
SELECT waiting FROM found WHERE waiting IS NOT NULL
"""


class PostgresShelf:
    """Give it an engine (a pool) apart from the store's, as connections keep the tenant they serve."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def fetch(self, *, shelf: str, key: str) -> Document | None:
        found = await self._read(_READ, [_id((shelf, key))])
        return _document(found[0]) if found else None

    async def keep(self, document: Document) -> bool:
        return await self._write(_KEEP, *_row(document)) is not None

    async def change(self, keys: Sequence[Key], decide: Decide[R]) -> R:
        """Nobody waits for a lock: whoever finds that another was faster decides again."""
        for _ in range(_ROUNDS_MAX):
            rows = await self._read(_READ, [_id(key) for key in keys])
            found = {_key(row): _document(row) for row in rows}
            result, documents = decide(found)
            versions = {_key(row): row["version"] for row in rows}
            if await self._written(found, documents, versions):
                return result
            await asyncio.sleep(0)
        raise Unavailable("the shelf is too busy")

    async def listed(self, listing: Listing) -> tuple[Document, ...]:
        drawer = f"{listing.shelf}/{listing.tenant_id}"
        page = (listing.before, listing.limit)
        if listing.label is None:
            return tuple(map(_document, await self._read(_LISTED, drawer, *page)))
        return tuple(map(_document, await self._read(_LABELLED, f"{drawer}/{listing.label}", *page)))

    async def due(self, *, shelf: str, tenant_id: UUID, at: datetime, limit: int) -> tuple[Document, ...]:
        return tuple(map(_document, await self._read(_DUE, f"{shelf}/{tenant_id}", at, limit)))

    async def tenants_waiting(self, *, shelf: str) -> tuple[UUID, ...]:
        after_slash = chr(ord("/") + 1)
        rows = await self._read(_WAITING, f"{shelf}/", f"{shelf}{after_slash}")
        return tuple(_tenant(row["waiting"]) for row in rows)

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
            rows = [(*_row(document), versions.get(key, 0)) for key, document in wanted.items()]
            await self._write(_WRITE, *map(list, zip(*rows, strict=True)))
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


def _id(key: Key) -> str:
    return "/".join(key)


def _key(row: Any) -> Key:
    shelf, _, key = row["id"].partition("/")
    return (shelf, key)


def _tenant(drawer: str) -> UUID:
    return UUID(drawer.partition("/")[2])


def _row(document: Document) -> tuple[Any, ...]:
    drawer = f"{document.shelf}/{document.tenant_id}"
    return (
        _id((document.shelf, document.key)),
        drawer,
        f"{drawer}/{document.label}",
        None if document.due_at is None else drawer,
        document.due_at,
        document.body.decode(),
    )


def _document(row: Any) -> Document:
    shelf, key = _key(row)
    return Document(
        shelf=shelf,
        key=key,
        tenant_id=_tenant(row["drawer"]),
        label=row["label"].removeprefix(row["drawer"] + "/"),
        due_at=row["due_at"],
        position=row["position"],
        body=row["text"].encode(),
    )
