"""The rows of one kind, with an index for each rule that compares a row with others."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any
from uuid import UUID

from marketplace.adapters.memory.index import Index, shared_id
from marketplace.core.shared.rules import AtMost, NoOverlap, Unique, kind_name, rules_of
from marketplace.ports.storage import AlreadyThere, Broken, Overlap

Key = tuple[Any, ...]


class Table:
    """Keeps the rules of its kind row by row; says no by an error of the port and is then unchanged."""

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self._rows: dict[UUID, dict[UUID, Any]] = {}
        self._taken: dict[Unique, dict[Key, UUID]] = {}
        self._busy: dict[NoOverlap, dict[Key, dict[UUID, Any]]] = {}
        self._limits: list[AtMost] = []
        self._index = Index()
        for rule in rules_of(kind):
            match rule:
                case Unique():
                    self._taken[rule] = {}
                case NoOverlap():
                    self._busy[rule] = {}
                case AtMost():
                    self._limits.append(rule)
                case _:
                    pass

    def get(self, tenant_id: UUID, key: UUID) -> Any | None:
        return self._rows.get(tenant_id, {}).get(key)

    def rows(self, tenant_id: UUID | None) -> Iterator[Any]:
        """One tenant's, or everybody's."""
        if tenant_id is not None:
            return iter(self._rows.get(tenant_id, {}).values())
        return chain.from_iterable(rows.values() for rows in self._rows.values())

    def candidates(self, tenant_id: UUID, question: Any) -> Iterable[Any]:
        """The tenant's rows among which the answer is."""
        shared = shared_id(question.__class__, self._kind)
        if shared is None:
            return self.rows(tenant_id)
        asked, field = getattr(question, shared[0]), shared[1]
        values = (asked,) if isinstance(asked, UUID) else asked
        return self._index.rows(field=field, tenant_id=tenant_id, values=values, everything=self.rows(None))

    def add(self, row: Any) -> None:
        """Raises AlreadyThere for an id that stands, and whatever `put` raises."""
        if self.get(row.tenant_id, row.id) is not None:
            raise AlreadyThere(
                "something with this id or name stands already", rule=f"{kind_name(self._kind)}_pkey"
            )
        self.put(row)

    def put(self, row: Any) -> None:
        """Adds or replaces a row; raises AlreadyThere, Overlap or Broken."""
        self._check(row)
        self.take_out(row)
        self._rows.setdefault(row.tenant_id, {})[row.id] = row
        self._index.put(row)
        for rule, taken in self._taken.items():
            if (key := _unique_key(rule, row)) is not None:
                taken[key] = row.id
        for claim, busy in self._busy.items():
            if row.state in claim.states:
                busy.setdefault(_owner(claim, row), {})[row.id] = row

    def take_out(self, row: Any) -> None:
        """Forgets what stands under the row's id."""
        old = self._rows.get(row.tenant_id, {}).pop(row.id, None)
        if old is None:
            return
        self._index.take_out(old)
        for rule, taken in self._taken.items():
            if (key := _unique_key(rule, old)) is not None:
                del taken[key]
        for claim, busy in self._busy.items():
            busy.get(_owner(claim, old), {}).pop(old.id, None)

    def _check(self, row: Any) -> None:
        for rule, taken in self._taken.items():
            holder = taken.get(_unique_key(rule, row) or ())
            if holder not in {None, row.id}:
                raise AlreadyThere(
                    "something with this id or name stands already", rule=rule.name_on(self._kind)
                )
        for claim, busy in self._busy.items():
            others = busy.get(_owner(claim, row), {}) if row.state in claim.states else {}
            if any(_meet(claim, row, other) for other in others.values() if other.id != row.id):
                raise Overlap("taken in that period", rule=claim.name_on(self._kind))
        for limit in self._limits:
            parts = [getattr(row, part) for part in limit.parts]
            if min(parts) < 0 or sum(parts) > getattr(row, limit.whole):
                raise Broken("more than there is", rule=limit.name_on(self._kind))


def _unique_key(rule: Unique, row: Any) -> Key | None:
    """None where the rule does not count this row."""
    values = [getattr(row, field) for field in rule.fields]
    if None in values or (rule.states and row.state not in rule.states):
        return None
    return (*values,) if rule.everywhere else (row.tenant_id, *values)


def _owner(claim: NoOverlap, row: Any) -> Key:
    return (row.tenant_id, getattr(row, claim.owner))


def _meet(claim: NoOverlap, one: Any, other: Any) -> bool:
    starts, ends = claim.starts, claim.ends
    return bool(getattr(one, starts) < getattr(other, ends) and getattr(other, starts) < getattr(one, ends))
