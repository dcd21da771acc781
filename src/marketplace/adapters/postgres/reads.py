"""Lists and reports come straight from the tables, a page at a time, in an order that new rows keep."""

# ruff: noqa: S608 - the text is made of names in this package; every value is a parameter

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
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
_BEFORE = "(t.{}, t.id) < (:after_at::timestamptz, :after_id::uuid)"
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_NAMED = re.compile(r"(?<!:):([a-z_]+)")


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """`after` is the cursor of the next page, None at the end."""

    items: tuple[R, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on `t` that uses `:name`, and the type of what it is compared with."""

    condition: str
    kind: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """
    Rows by an instant, the latest first. Filters by name; those that are not given do not count.

    A row comes back as `shown`, made of `columns`, where it is not `kind` itself.
    """

    kind: type
    order: str
    filters: Mapping[str, Filter]
    columns: str = "t.*"
    shown: type | None = None

    @property
    def item(self) -> type:
        return self.shown or self.kind


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
        names = tuple(used)
        if after is not None:
            used["after_at"], used["after_id"] = _parse(after, listing)
        statement = page_statement(listing, names, limit=limit, goes_on=after is not None)
        rows = _decoder(listing.item).decode(await self.value(tenant_id, statement, **used))
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


def page_statement(listing: Listing, names: Sequence[str], *, limit: int, goes_on: bool) -> str:
    """One page, and one row more to see whether there is another; `names` are the filters that are given."""
    conditions = [f"({listing.filters[name].condition})" for name in names]
    if goes_on:
        conditions.append(_BEFORE.format(listing.order))
    condition = "".join(f" AND {part}" for part in conditions)
    return (
        f"SELECT coalesce(json_agg(r), '[]')::text FROM ("
        f"SELECT {listing.columns} FROM {table_of(listing.kind).quoted} AS t"
        f" WHERE t.tenant_id = :tenant_id{condition}"
        f" ORDER BY t.{listing.order} DESC, t.id DESC LIMIT {limit + 1}) AS r"
    )


@lru_cache(maxsize=64)
def _decoder(kind: Any) -> msgspec.json.Decoder[tuple[Any, ...]]:
    return msgspec.json.Decoder(tuple[kind, ...])


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
    at = getattr(last, listing.order)
    return urlsafe_b64encode(msgspec.json.encode((_name(listing), at, last.id))).decode().rstrip("=")


def _parse(after: str, listing: Listing) -> tuple[datetime, UUID]:
    """Raises Invalid for what is no cursor, or one of another list."""
    try:
        packed = urlsafe_b64decode(after + "=" * (-len(after) % 4))
        name, at, key = msgspec.json.decode(packed, type=tuple[str, _Instant, UUID])
    except (ValueError, msgspec.MsgspecError) as error:
        raise Invalid("after", "is no cursor of ours", "the `after` of the page before") from error
    if name != _name(listing):
        raise Invalid("after", "is a cursor of another list", "the `after` of the page before")
    return at, key


def _name(listing: Listing) -> str:
    return table_of(listing.kind).name
