"""What we say of each reference at a rail, as the owner reads it, from whom no row hides."""

# ruff: noqa: S608 - the text is made of names of our own classes; every value is a parameter

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.connections import driver_of
from marketplace.adapters.postgres.refusals import reading_failed
from marketplace.adapters.postgres.tables import table_of
from marketplace.core.agreement import ASKED, Asked, Claim, claim_of


def _statement(kind: type[Asked], condition: str) -> str:
    """Rows, newest first: the row, when it came to be, and when anything last happened to it."""
    name, born = kind.LIFECYCLE.kind, ASKED[kind]
    return f"""SELECT json_build_array(t)::text, t.{born}, (SELECT max(e.at) FROM event AS e
            WHERE e.tenant_id = t.tenant_id AND e.subject_id = t.id AND e.kind = '{name}')
        FROM {table_of(kind).quoted} AS t WHERE {condition}
        ORDER BY t.{born} DESC, t.id DESC LIMIT $3"""


_SCOPE = "($1::uuid IS NULL OR t.tenant_id = $1)"
_MADE = {
    kind: _statement(kind, f"{_SCOPE} AND ($2::timestamptz IS NULL OR t.{born} >= $2)")
    for kind, born in ASKED.items()
}
_ONE = {kind: _statement(kind, "t.tenant_id = $1 AND t.id = $2") for kind in ASKED}


class PostgresClaims:
    """`engine` is the owner's."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def made(self, tenant_id: UUID | None, *, since: datetime | None, limit: int) -> tuple[Claim, ...]:
        """The newest first; raises Unavailable."""
        found = [
            one for kind in ASKED for one in await self._fetch(kind, _MADE[kind], tenant_id, since, limit)
        ]
        found.sort(key=lambda one: (one[0], one[1].subject_id), reverse=True)
        return tuple(claim for _, claim in found[:limit])

    async def again(self, claim: Claim) -> Claim | None:
        found = await self._fetch(claim.kind, _ONE[claim.kind], claim.tenant_id, claim.subject_id, 1)
        return found[0][1] if found else None

    async def _fetch(
        self, kind: type[Asked], statement: str, *arguments: Any
    ) -> list[tuple[datetime, Claim]]:
        try:
            async with self._engine.connect() as connection:
                driver = driver_of(await connection.get_raw_connection())
                rows = await driver.fetch(statement, *arguments)
        except Exception as error:
            raise reading_failed(error) or error from error
        decoder, found = table_of(kind).decoder, []
        for text, born, since in rows:
            claim = claim_of(decoder.decode(text)[0], since=since)
            if claim is not None:
                found.append((born, claim))
        return found
