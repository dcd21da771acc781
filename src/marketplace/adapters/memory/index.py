"""
A question that names an id, or several, looks at the rows that name one of them in the same field.

Whoever writes a query may rely on it: a field of a query that is an id, and that its rows have too, must be
equal; of a field of ids, named in the plural of its rows' field, one must. A test holds every query to that.
"""

from collections.abc import Iterable
from dataclasses import fields
from functools import lru_cache
from itertools import chain
from typing import Any, get_type_hints
from uuid import UUID


@lru_cache(maxsize=256)
def shared_id(query: type, kind: type) -> tuple[str, str] | None:
    """The first field of the query that holds an id, or ids, and its rows' field; None without one."""
    theirs = {field.name for field in fields(kind)}
    hints = get_type_hints(query)
    for field in fields(query):
        one = field.name.removesuffix("s")
        if hints[field.name] is UUID and field.name in theirs:
            return field.name, field.name
        if hints[field.name] == tuple[UUID, ...] and one in theirs:
            return field.name, one
    return None


class Index:
    """The rows of one kind by those of their fields that were asked for; each from its first question on."""

    def __init__(self) -> None:
        self._by: dict[str, dict[tuple[UUID, UUID | None], dict[UUID, Any]]] = {}

    def put(self, row: Any) -> None:
        for field, places in self._by.items():
            places.setdefault((row.tenant_id, getattr(row, field)), {})[row.id] = row

    def take_out(self, row: Any) -> None:
        for field, places in self._by.items():
            del places[row.tenant_id, getattr(row, field)][row.id]

    def rows(
        self, *, field: str, tenant_id: UUID, values: Iterable[UUID], everything: Iterable[Any]
    ) -> Iterable[Any]:
        """The tenant's rows with such a value; `everything` fills the index of a field asked for first."""
        if field not in self._by:
            self._by[field] = {}
            for row in everything:
                self._by[field].setdefault((row.tenant_id, getattr(row, field)), {})[row.id] = row
        places = self._by[field]
        return chain.from_iterable(places.get((tenant_id, value), {}).values() for value in set(values))
