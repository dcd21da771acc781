"""
A question that names an id looks at the rows that name the same id in the same field.

Whoever writes a query may rely on it: a field of a query that is an id, and that its rows have too, must be
equal. A test holds every query to that.
"""

from collections.abc import Iterable
from dataclasses import fields
from functools import lru_cache
from typing import Any, get_type_hints
from uuid import UUID


@lru_cache(maxsize=256)
def shared_id(query: type, kind: type) -> str | None:
    """The first field that is an id in both; None where they share none."""
    theirs = {field.name for field in fields(kind)}
    hints = get_type_hints(query)
    shared = (field.name for field in fields(query) if field.name in theirs)
    return next((name for name in shared if hints[name] is UUID), None)


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

    def rows(self, *, field: str, tenant_id: UUID, value: UUID, everything: Iterable[Any]) -> Iterable[Any]:
        """The tenant's rows with that value; `everything` fills the index of a field asked for first."""
        if field not in self._by:
            self._by[field] = {}
            for row in everything:
                self._by[field].setdefault((row.tenant_id, getattr(row, field)), {})[row.id] = row
        return self._by[field].get((tenant_id, value), {}).values()
