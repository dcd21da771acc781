"""Nothing in the database keeps rows apart, whole or unique that has not been seen to do so."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from marketplace.adapters.postgres.kinds import STORED
from marketplace.adapters.postgres.tables import encode_rows, table_of

Example = Callable[..., Any]

TABLES = {table_of(kind).name for kind in STORED}
# The queue is the library's, the version Alembic's.
NOT_OURS = {"pgqueuer", "pgqueuer_log", "pgqueuer_schedules", "pgqueuer_statistics", "schema_version"}
EVERYTHING = """
SELECT c.conrelid::regclass::text, c.conname FROM pg_constraint AS c
    WHERE c.connamespace = 'public'::regnamespace AND c.contype <> 'n' AND c.conrelid <> 0
UNION SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text FROM pg_index AS i
    JOIN pg_class AS t ON t.oid = i.indrelid AND t.relnamespace = 'public'::regnamespace WHERE i.indisunique
UNION SELECT g.tgrelid::regclass::text, g.tgname FROM pg_trigger AS g
    JOIN pg_class AS t ON t.oid = g.tgrelid AND t.relnamespace = 'public'::regnamespace
    WHERE NOT g.tgisinternal
UNION SELECT quote_ident(tablename), policyname FROM pg_policies WHERE schemaname = 'public'
"""
VENDOR = (
    "INSERT INTO sandbox_document (id, drawer, label, waiting, due_at, version, body)"
    " VALUES ('one', 'd', 'l', {}, {}, 1, '{{}}')"
)
# What must be refused, after what makes it possible.
ELSEWHERE = {
    "sandbox_document_pkey": [VENDOR.format("NULL", "NULL"), VENDOR.format("NULL", "NULL")],
    "sandbox_document_waits": [VENDOR.format("NULL", "now()")],
}
IN_THE_APPLICATION_S_ROLE = "SELECT set_config('marketplace.tenant', $1, true), set_config('role', $2, true)"


@pytest.fixture
async def transaction(owner: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """In which everything can be tried, because it is never committed."""
    async with owner.connect() as connection:
        await connection.execution_options(isolation_level="READ COMMITTED")
        yield connection
        await connection.rollback()


async def outcome(connection: AsyncConnection, statement: str, *arguments: Any) -> Any:
    """What a statement returns, or the state of the error with which it ends; nothing of it stays."""
    tried = await connection.begin_nested()
    try:
        found = await connection.exec_driver_sql(statement, arguments)
        return found.scalar() if found.returns_rows else None
    except DBAPIError as error:
        return str(error.orig.sqlstate)  # type: ignore[union-attr]
    finally:
        await tried.rollback()


def newborn(example: Example, kind: Any, tenant_id: UUID) -> Any:
    if lifecycle := getattr(kind, "LIFECYCLE", None):
        return example(kind, tenant_id=tenant_id, state=lifecycle.initials[0], version=1)
    return example(kind, tenant_id=tenant_id)


def insert(kind: Any) -> str:
    table = table_of(kind)
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    return (
        f"INSERT INTO {table.quoted} ({columns}) SELECT {columns}"
        f" FROM jsonb_populate_recordset(NULL::{table.quoted}, $1::text::jsonb)"
    )


class TestTheDatabase:
    async def test_has_no_rule_outside_the_tables_whose_rules_are_probed(
        self, transaction: AsyncConnection
    ) -> None:
        rules = (await transaction.exec_driver_sql(EVERYTHING)).all()
        elsewhere = {name for table, name in rules if table.strip('"') not in TABLES | NOT_OURS}

        assert {table.strip('"') for table, _ in rules} >= TABLES
        assert elsewhere == ELSEWHERE.keys()

    @pytest.mark.parametrize("name", ELSEWHERE)
    async def test_refuses_by_each_rule_elsewhere_what_passes_without_it(
        self, transaction: AsyncConnection, name: str
    ) -> None:
        *before, last = ELSEWHERE[name]
        for statement in before:
            await transaction.exec_driver_sql(statement)

        refused = await outcome(transaction, last)
        await transaction.exec_driver_sql(f"ALTER TABLE sandbox_document DROP CONSTRAINT {name}")

        assert refused in {"23505", "23514"}
        assert await outcome(transaction, last) is None


class TestEveryColumn:
    @pytest.mark.parametrize("kind", STORED)
    async def test_that_must_be_there_is_missed_until_it_need_not_be(
        self, transaction: AsyncConnection, example: Example, kind: Any
    ) -> None:
        table, outcomes = table_of(kind), {}
        (row,) = json.loads(encode_rows([newborn(example, kind, uuid4())]))
        needed = [c.name for c in table.columns if not c.nullable and c.name not in {"id", "tenant_id"}]
        for name in needed:
            without = json.dumps([row | {name: None}])
            missed = await outcome(transaction, insert(kind), without)
            dropped = await transaction.begin_nested()
            await transaction.exec_driver_sql(
                f'ALTER TABLE {table.quoted} ALTER COLUMN "{name}" DROP NOT NULL'
            )
            outcomes[name] = missed, await outcome(transaction, insert(kind), without)
            await dropped.rollback()

        assert outcomes == dict.fromkeys(needed, ("23502", None))


class TestEveryPolicy:
    @pytest.mark.parametrize("kind", STORED)
    async def test_shows_its_own_rows_to_a_tenant_and_without_it_nothing_and_unbound_everything(
        self, transaction: AsyncConnection, example: Example, kind: Any
    ) -> None:
        mine, others = uuid4(), uuid4()
        table = table_of(kind)
        for tenant_id in (mine, others):
            await transaction.exec_driver_sql(
                insert(kind), (encode_rows([newborn(example, kind, tenant_id)]),)
            )
        seen = f"SELECT array_agg(tenant_id) FROM {table.quoted} WHERE tenant_id = ANY($1::uuid[])"

        async def shown(change: str = "SELECT 1") -> set[UUID]:
            tried = await transaction.begin_nested()
            await transaction.exec_driver_sql(change)
            await transaction.exec_driver_sql(IN_THE_APPLICATION_S_ROLE, (str(mine), "marketplace_app"))
            rows = await transaction.exec_driver_sql(seen, ([mine, others],))
            found = set(rows.scalar() or ())
            await tried.rollback()
            return found

        assert await shown() == {mine}
        assert await shown(f'DROP POLICY "{table.name}_own" ON {table.quoted}') == set()
        assert await shown(f"ALTER TABLE {table.quoted} DISABLE ROW LEVEL SECURITY") == {mine, others}

    @pytest.mark.parametrize("kind", STORED)
    async def test_refuses_a_row_in_another_s_name_which_passes_unbound(
        self, transaction: AsyncConnection, example: Example, kind: Any
    ) -> None:
        foreign = encode_rows([newborn(example, kind, uuid4())])

        async def tried(change: str = "SELECT 1") -> Any:
            attempt = await transaction.begin_nested()
            await transaction.exec_driver_sql(change)
            await transaction.exec_driver_sql(IN_THE_APPLICATION_S_ROLE, (str(uuid4()), "marketplace_app"))
            result = await outcome(transaction, insert(kind), foreign)
            await attempt.rollback()
            return result

        assert await tried() == "42501"
        assert await tried(f"ALTER TABLE {table_of(kind).quoted} DISABLE ROW LEVEL SECURITY") is None
