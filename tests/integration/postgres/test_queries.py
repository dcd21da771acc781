import asyncio
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import NoneType
from typing import Any, get_args, get_type_hints
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

import marketplace.core
from marketplace.adapters.memory.index import shared_id
from marketplace.adapters.postgres.engine import create_owner_engine
from marketplace.adapters.postgres.kinds import STORED
from marketplace.adapters.postgres.queries import CLAUSES
from marketplace.adapters.postgres.statements import arguments_of, parameters_of, read_statement
from marketplace.adapters.postgres.tables import encode_rows, table_of
from marketplace.core.providers.provider import Unit
from marketplace.ports.storage import Among, One

# Few values of each type, so that rows and questions meet.
IDS = [UUID(int=number) for number in (1, 2)]
NOON = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
VALUES: dict[Any, Any] = {
    UUID: st.sampled_from(IDS),
    int: st.integers(-2, 2),
    str: st.sampled_from(["", "a", "b", "it's", "%", "_"]),
    bool: st.booleans(),
    float: st.sampled_from([0.0, 0.5]),
    datetime: st.integers(-1, 1).map(lambda hours: NOON + timedelta(hours=hours)),
    date: st.integers(-1, 1).map(lambda days: NOON.date() + timedelta(days=days)),
}


def queries() -> set[Any]:
    """Every question that the core knows how to ask."""
    found: set[Any] = set()
    for module in pkgutil.walk_packages(marketplace.core.__path__, "marketplace.core."):
        for thing in vars(importlib.import_module(module.name)).values():
            if isinstance(thing, type) and is_dataclass(thing) and hasattr(thing, "matches"):
                found.add(thing)
    return found


def values_of(annotation: Any) -> st.SearchStrategy[Any] | None:
    """Values of a plain type, and None where it is allowed; None for a type that is nested."""
    members = get_args(annotation)
    if NoneType in members and len(members) == 2:
        inner = values_of(next(member for member in members if member is not NoneType))
        return None if inner is None else st.none() | inner
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return st.sampled_from(list(annotation))
    if annotation in {tuple[UUID, ...], tuple[str, ...]}:
        return st.lists(VALUES[get_args(annotation)[0]], max_size=3).map(tuple)
    return VALUES.get(annotation)


def fields_of(kind: Any) -> st.SearchStrategy[dict[str, Any]]:
    hints = get_type_hints(kind)
    found = {field.name: values_of(hints[field.name]) for field in fields(kind)}
    return st.fixed_dictionaries({name: values for name, values in found.items() if values is not None})


def questions_of(query: Any) -> st.SearchStrategy[Any]:
    if query is One:
        return st.builds(One, st.just(Unit), VALUES[UUID])
    if query is Among:
        return st.builds(Among, st.just(Unit), values_of(tuple[UUID, ...]))
    return fields_of(query).map(lambda given: query(**given))


class Scratch:
    """Tables without any rule, in the place of the real ones, on one connection."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._engine = create_owner_engine(url)
        self._connection: AsyncConnection = self._runner.run(self._connect())

    async def _connect(self) -> AsyncConnection:
        connection = await self._engine.connect()
        for kind in STORED:
            name = table_of(kind).quoted
            await connection.exec_driver_sql(f"CREATE TEMP TABLE {name} (LIKE public.{name})")
        return connection

    def answer(self, question: Any, rows: list[Any]) -> tuple[Any, ...]:
        return self._runner.run(self._answer(question, rows))

    async def _answer(self, question: Any, rows: list[Any]) -> tuple[Any, ...]:
        table = table_of(question.kind)
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        await self._connection.exec_driver_sql(f"TRUNCATE {table.quoted}")
        await self._connection.exec_driver_sql(
            f"INSERT INTO {table.quoted} ({columns}) SELECT {columns}"
            f" FROM jsonb_populate_recordset(NULL::{table.quoted}, $1::text::jsonb)",
            (encode_rows(rows),),
        )
        statement = read_statement(((type(question), question.kind),))
        found = await self._connection.exec_driver_sql(statement, (IDS[0], *arguments_of(question)))
        return table.decoder.decode(found.scalar_one())

    def close(self) -> None:
        self._runner.run(self._connection.close())
        self._runner.run(self._engine.dispose())
        self._runner.close()


@pytest.fixture(scope="module")
def scratch_tables(shared_url: str) -> Iterator[Scratch]:
    tables = Scratch(shared_url)
    yield tables
    tables.close()


class TestQueries:
    def test_have_a_clause_each(self) -> None:
        assert queries() | {One, Among} == set(CLAUSES)

    @pytest.mark.parametrize("query", CLAUSES)
    def test_name_every_field_in_their_clause(self, query: Any) -> None:
        assert set(parameters_of(query)) == {field.name for field in fields(query)} - {"kind"}

    @pytest.mark.parametrize("query", CLAUSES)
    # Shrinking forty rows takes a minute; with many rows a short search finds what differs.
    @settings(
        max_examples=25,
        deadline=None,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(data=st.data())
    def test_mean_the_same_in_python_and_in_sql(
        self, scratch_tables: Scratch, example: Callable[..., Any], query: Any, data: st.DataObject
    ) -> None:
        question = data.draw(questions_of(query))
        drawn = data.draw(st.lists(fields_of(question.kind), min_size=20, max_size=40))
        # The first tenant asks; two rows of one tenant never share an id.
        rows = [
            replace(example(question.kind), **{**values, "id": UUID(int=index + 1)})
            for index, values in enumerate(drawn)
        ]

        answer = scratch_tables.answer(question, rows)

        mine = [row for row in rows if row.tenant_id == IDS[0]]
        matching = tuple(filter(question.matches, mine))
        assert answer == matching[: max(getattr(question, "most", len(matching)), 0)]
        # What the memory adapter's index rests on.
        if shared := shared_id(query, question.kind):
            asked, field = getattr(question, shared[0]), shared[1]
            assert {getattr(row, field) for row in answer} <= set(
                asked if isinstance(asked, tuple) else [asked]
            )
