"""A read and a write are one statement each, whose text depends on nothing but the kinds that it touches."""

# ruff: noqa: S608 - the text is made of names of our own classes; every value is a parameter

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import count
from typing import Any

from marketplace.adapters.postgres.queries import CLAUSES
from marketplace.adapters.postgres.tables import Table, table_of
from marketplace.core.shared.rules import kind_name
from marketplace.ports.storage import Named

# A tuple, because each read makes and hashes one for each of its questions.
Wording = tuple[Any, ...]
_NAMED = re.compile(r"(?<!:):([a-z_]+)")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a write touches, each a tuple of kinds in the order of its parameters."""

    claimed: tuple[type, ...]
    saved: tuple[type, ...]
    guarded: tuple[type, ...]
    inserted: tuple[type, ...]
    jobs: bool


def wording_of(question: Any) -> Wording:
    """What a question's text depends on: (query, kind), and for rows that others name how those are found."""
    if isinstance(question, Named):
        return (Named, question.kind, question.field, wording_of(question.by))
    return (question.__class__, question.kind)


@lru_cache(maxsize=1024)
def read_statement(questions: tuple[Wording, ...]) -> str:
    """One row with a JSON array for each question. $1 is the tenant, then every query's parameters."""
    answers, position = [], 1
    for wording in questions:
        names = parameters_of(_asked(wording))
        places = {name: position + 1 + index for index, name in enumerate(names)}
        position += len(names)
        answers.append(_answer(table_of(wording[1]), _condition(wording, places), places.get("most")))
    return "SELECT " + ",\n".join(answers)


def _asked(wording: Wording) -> type:
    """The query whose parameters count."""
    query: type = _asked(wording[-1]) if wording[0] is Named else wording[0]
    return query


def _condition(wording: Wording, places: dict[str, int]) -> str:
    """Ids are collected first, and then looked up: no join, for which an order would have to be guessed."""
    if wording[0] is not Named:
        return clause(wording[0], places)
    _, _, field, by = wording
    rows = f"{table_of(by[1]).quoted} AS t WHERE t.tenant_id = $1 AND ({_condition(by, places)})"
    return f't.id = ANY(ARRAY(SELECT t."{field}" FROM {rows}))'


@lru_cache(maxsize=256)
def parameters_of(query: type) -> tuple[str, ...]:
    """The fields that a query's clause names, and its limit, each once, in the order of its fields."""
    used = {*_NAMED.findall(CLAUSES[query]), "most"}
    return tuple(field.name for field in fields(query) if field.name in used)


def clause(query: type, places: dict[str, int]) -> str:
    """The query's condition with `:field` replaced by the number of its parameter."""
    return _NAMED.sub(lambda match: f"${places[match[1]]}", CLAUSES[query])


def _answer(table: Table, condition: str, most: int | None) -> str:
    """`most` is the number of the parameter that says how many rows at most."""
    rows = f"{table.quoted} AS t WHERE t.tenant_id = $1 AND ({condition})"
    if most is not None:
        rows = f"(SELECT * FROM {rows} ORDER BY t.id LIMIT greatest(${most}::bigint, 0)) AS t"
    return f"(SELECT coalesce(json_agg(t ORDER BY t.id), '[]')::text FROM {rows})"


@lru_cache(maxsize=1024)
def write_statement(shape: Shape) -> str:
    """
    One statement: claims, moves and guards, then `guard`, which refuses a stale one, then all that is new.

    PostgreSQL runs the parts that `guard` counts before it, tables in one order for everybody, so that
    writers who meet wait in line; the parts that nobody counts run last, so that a stale writer hears that
    it is stale rather than that its event stands. $1 is the tenant, $2 how many rows must be found.
    """
    numbers = count(3)
    claims = [*_claims(shape.claimed, numbers)]
    counted = [*_updates(shape.saved, numbers), *_guards(shape.guarded, numbers)]
    uncounted = [*_inserts(shape.inserted, numbers)]
    if shape.jobs:
        uncounted.append(("jobs queued", _enqueue(next(numbers))))
    # Of the parts that nobody counts PostgreSQL runs the last one first.
    parts = (*claims, *counted, *reversed(uncounted))
    standing = " + ".join(f'(SELECT count(*) FROM "{name}")' for name, _ in (*claims, *sorted(counted)))
    body = ",\n".join(f'"{name}" AS ({text})' for name, text in parts)
    return f"WITH {body}\nSELECT guard({standing or '0'}, $2::bigint)"


def _claims(kinds: Sequence[type], numbers: Iterator[int]) -> Iterator[tuple[str, str]]:
    """
    A lock for each owner of time, because two writers whose rows exclude each other deadlock: each has its
    row in the index before it looks for others'. 200 racers for a unit: 6 s without, 0.1 s with.
    """
    for kind in kinds:
        name = kind_name(kind)
        text = (
            f"SELECT pg_advisory_xact_lock(hashtext('{name}'), hashtext(owner))"
            f" FROM unnest(${next(numbers)}::text[]) AS owner"
        )
        yield f"{name} claimed", text


def _updates(kinds: Sequence[type], numbers: Iterator[int]) -> Iterator[tuple[str, str]]:
    for kind in kinds:
        table, ids, rows = table_of(kind), next(numbers), next(numbers)
        names = [column.name for column in table.columns if column.name not in {"tenant_id", "id"}]
        changes = ", ".join(f'"{name}" = r."{name}"' for name in names)
        text = (
            f"UPDATE {table.quoted} AS t SET {changes} FROM {_rows(table, rows)}"
            f" WHERE {_among(ids)} AND t.id = r.id AND t.version = r.version - 1 RETURNING 1"
        )
        yield f"{table.name} moved", text


def _guards(kinds: Sequence[type], numbers: Iterator[int]) -> Iterator[tuple[str, str]]:
    """
    FOR SHARE, because a plain read sees the row as it was when the statement began: two commands, each
    guarding what the other moves, would both go through. The lock re-reads a row that has just moved, and
    keeps it until the commit; those who merely guard the same row don't wait for one another.
    """
    for kind in kinds:
        table, ids, versions = table_of(kind), next(numbers), next(numbers)
        text = (
            f"SELECT 1 FROM {table.quoted} AS t"
            f" JOIN unnest(${ids}::uuid[], ${versions}::bigint[]) AS r (id, version)"
            f" ON t.id = r.id AND t.version = r.version WHERE {_among(ids)} FOR SHARE OF t"
        )
        yield f"{table.name} guarded", text


def _inserts(kinds: Sequence[type], numbers: Iterator[int]) -> Iterator[tuple[str, str]]:
    for kind in kinds:
        table = table_of(kind)
        names = [column.name for column in table.columns]
        columns = ", ".join(f'"{name}"' for name in names)
        # The tenant is the connection's, whatever the row says.
        values = ", ".join("$1::uuid" if name == "tenant_id" else f'r."{name}"' for name in names)
        text = f"INSERT INTO {table.quoted} ({columns}) SELECT {values} FROM {_rows(table, next(numbers))}"
        yield f"{table.name} added", text


def _enqueue(number: int) -> str:
    """
    The queue runs on real time: a job of a test tenant whose clock is ahead is due that much earlier.

    It is all tenants', and two of them may have taken the same id: a job's key is its tenant's.
    """
    ahead = '(SELECT clock_ahead_seconds FROM "tenant" WHERE tenant_id = $1::uuid AND id = $1)'
    return (
        "INSERT INTO pgqueuer (priority, status, entrypoint, dedupe_key, execute_after, headers, payload)"
        " SELECT r.priority, 'queued', r.entrypoint, concat($1::uuid, ':', r.dedupe_key),"
        f" coalesce(r.due_at - make_interval(secs => coalesce({ahead}, 0)), now()),"
        " jsonb_build_object('tenant', $1::uuid, 'due_at', r.due_at), convert_to(r.payload::text, 'UTF8')"
        f" FROM jsonb_to_recordset(${number}::text::jsonb) AS r"
        " (priority int, entrypoint text, dedupe_key text, due_at timestamptz, payload jsonb)"
    )


def _among(ids: int) -> str:
    """Says again what the join says, so that no statistics can talk the planner out of the primary key."""
    return f"t.tenant_id = $1 AND t.id = ANY(${ids}::uuid[])"


def _rows(table: Table, number: int) -> str:
    return f"jsonb_populate_recordset(NULL::{table.quoted}, ${number}::text::jsonb) AS r"


def arguments_of(question: Any) -> tuple[Any, ...]:
    if isinstance(question, Named):
        return arguments_of(question.by)
    return tuple(getattr(question, name) for name in parameters_of(question.__class__))
