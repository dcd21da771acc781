import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from marketplace.adapters.postgres.connections import Driver, connection_of
from marketplace.adapters.postgres.engine import create_engine, create_owner_engine
from marketplace.adapters.postgres.kinds import STORED
from marketplace.adapters.postgres.migrate import analyse
from marketplace.adapters.postgres.queries import CLAUSES
from marketplace.adapters.postgres.statements import Shape, parameters_of, read_statement, write_statement
from marketplace.adapters.postgres.tables import encode_rows, table_of
from marketplace.core.providers.provider import Unit
from marketplace.ports.storage import One

AGGREGATES = [kind for kind in STORED if hasattr(kind, "LIFECYCLE")]


async def plan_of(connection: Driver, statement: str, count: int) -> dict[str, Any]:
    """The plan that every connection makes once and keeps."""
    await connection.execute(f"PREPARE question AS {statement}")
    try:
        nothing = ", ".join(["NULL"] * count)
        found = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE question ({nothing})")
    finally:
        await connection.execute("DEALLOCATE question")
    plan: dict[str, Any] = found[0]["Plan"]
    return plan


def scans(plan: dict[str, Any], table: str) -> Iterator[dict[str, Any]]:
    """The nodes that read a table's rows, however deep."""
    if plan.get("Relation Name") == table and "Scan" in plan["Node Type"]:
        yield plan
    for part in plan.get("Plans", ()):
        yield from scans(part, table)


def conditions(plan: dict[str, Any]) -> str:
    """What is looked for in indexes, here and below."""
    return plan.get("Index Cond", "") + "".join(map(conditions, plan.get("Plans", ())))


@pytest.fixture(scope="module")
def grown_url(shared_url: str, example: Callable[..., Any]) -> str:
    """Some rows of one tenant in every table, as after the first minutes, and statistics of them."""
    asyncio.run(grow(shared_url, example))
    return shared_url


async def grow(url: str, make: Callable[..., Any]) -> None:
    engine, tenant_id = create_owner_engine(url), uuid4()
    async with engine.connect() as connection:
        for kind in STORED:
            given = {"tenant_id": tenant_id}
            if kind in AGGREGATES:
                given |= {"version": 1, "state": kind.LIFECYCLE.initials[0]}
            table = table_of(kind)
            columns = ", ".join(f'"{column.name}"' for column in table.columns)
            await connection.exec_driver_sql(
                f"INSERT INTO {table.quoted} ({columns}) SELECT {columns}"
                f" FROM jsonb_populate_recordset(NULL::{table.quoted}, $1::text::jsonb)",
                (encode_rows([make(kind, **given) for _ in range(200)]),),
            )
        await analyse(connection)
    await engine.dispose()


@pytest.fixture
async def connection(grown_url: str) -> AsyncIterator[Driver]:
    engine = create_engine(grown_url)
    async with connection_of(engine, uuid4()) as connection:
        yield connection
    await engine.dispose()


class TestPlans:
    @pytest.mark.parametrize("query", CLAUSES)
    async def test_answer_a_question_from_an_index_of_what_it_asks(
        self, connection: Driver, query: Any
    ) -> None:
        kind = Unit if query is One else query.kind
        plan = await plan_of(connection, read_statement(((query, kind),)), 1 + len(parameters_of(query)))

        (scan,) = scans(plan, table_of(kind).name)
        found = conditions(scan)
        assert "tenant_id" in found
        # The tenant alone would mean all of its rows.
        assert found.count("=") + found.count("<") + found.count(">") > 1, found

    @pytest.mark.parametrize("kind", AGGREGATES)
    async def test_move_and_guard_rows_by_their_ids(self, connection: Driver, kind: Any) -> None:
        statement = write_statement(Shape((), (kind,), (kind,), (), jobs=False))

        plan = await plan_of(connection, statement, 6)

        found = [conditions(scan) for scan in scans(plan, table_of(kind).name)]
        assert len(found) == 2
        assert all("tenant_id = $1" in condition and "id = ANY" in condition for condition in found)
