"""Lists and reports come straight from the tables, a page at a time, in an order that new rows keep."""

# ruff: noqa: S608 - the text is made of names in this package; every value is a parameter

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.connections import connection_of
from marketplace.adapters.postgres.refusals import reading_failed
from marketplace.adapters.postgres.tables import table_of
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.limits import check_range

R = TypeVar("R")

PAGE_MAX = 100
_BEFORE_TIME = "(t.{}, t.id) < (:after_at::timestamptz, :after_id::uuid)"
_BEFORE_ID = "t.id < :after_id::uuid"
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_NAMED = re.compile(r"(?<!:):([a-z_]+)")


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """`after` is the cursor of the next page, None at the end."""

    items: tuple[R, ...]
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """
    Rows by an instant (or by id alone), the latest first. Filters that are not given do not count.

    `filters` maps a name to a condition on `t` that uses `:name`; a condition must be served by an index.
    """

    kind: type
    order: str
    filters: Mapping[str, str]


class Reads:
    """Questions of lists, reports and documents; each is one statement."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def page(
        self, tenant_id: UUID, listing: Listing, *, limit: int = 20, after: str | None = None, **given: Any
    ) -> Page[Any]:
        """Raises Invalid for a limit out of range or a cursor that is none."""
        check_range("limit", limit, least=1, most=PAGE_MAX)
        used = {name: value for name, value in given.items() if value is not None}
        conditions = [f"({listing.filters[name]})" for name in used]
        if after is not None:
            at, used["after_id"] = _parse(after, listing)
            by_time = at is not None
            used |= {"after_at": at} if by_time else {}
            conditions.append(_BEFORE_TIME.format(listing.order) if by_time else _BEFORE_ID)
        table = table_of(listing.kind)
        condition = "".join(f" AND {part}" for part in conditions)
        statement = (
            f"SELECT coalesce(json_agg(r), '[]')::text FROM (SELECT t.* FROM {table.quoted} AS t"
            f" WHERE t.tenant_id = :tenant_id{condition}"
            f" ORDER BY t.{listing.order} DESC, t.id DESC LIMIT {limit + 1}) AS r"
        )
        rows = table.decoder.decode(await self.value(tenant_id, statement, **used))
        items = rows[:limit]
        last = _cursor(items[-1], listing) if len(rows) > limit else None
        return Page(items, last)

    async def value(self, tenant_id: UUID, statement: str, **given: Any) -> Any:
        """The one value of a statement with `:name` parameters; `:tenant_id` is always there."""
        text, values = numbered(statement, given | {"tenant_id": tenant_id})
        try:
            async with connection_of(self._engine, tenant_id) as connection:
                return await connection.fetchval(text, *values)
        except Exception as error:
            raise reading_failed(error) or error from error

    async def rows(self, tenant_id: UUID, statement: str, **given: Any) -> list[Mapping[str, Any]]:
        """The rows of a statement, as mappings from column to value."""
        text, values = numbered(statement, given | {"tenant_id": tenant_id})
        try:
            async with connection_of(self._engine, tenant_id) as connection:
                return [dict(row) for row in await connection.fetch(text, *values)]
        except Exception as error:
            raise reading_failed(error) or error from error


def numbered(statement: str, given: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """`:name` becomes PostgreSQL's `$n`; a name that is not given is a defect."""
    text, names = _numbered(statement)
    return text, [given[name] for name in names]


@lru_cache(maxsize=512)
def _numbered(statement: str) -> tuple[str, tuple[str, ...]]:
    order: dict[str, int] = {}
    text = _NAMED.sub(lambda m: f"${order.setdefault(m[1], len(order) + 1)}", statement)
    return text, tuple(order)


def _cursor(last: Any, listing: Listing) -> str:
    at = None if listing.order == "id" else getattr(last, listing.order)
    return urlsafe_b64encode(msgspec.json.encode((at, last.id))).decode().rstrip("=")


def _parse(after: str, listing: Listing) -> tuple[datetime | None, UUID]:
    """Raises Invalid for what is no cursor, or one of a list in another order."""
    try:
        packed = urlsafe_b64decode(after + "=" * (-len(after) % 4))
        at, key = msgspec.json.decode(packed, type=tuple[_Instant | None, UUID])
    except (ValueError, msgspec.MsgspecError) as error:
        raise Invalid("after", "is no cursor of ours", "the `after` of the page before") from error
    if (at is None) != (listing.order == "id"):
        raise Invalid("after", "is a cursor of another list", "the `after` of the page before")
    return at, key
