import importlib
import pkgutil
from collections.abc import AsyncIterator, Callable
from dataclasses import fields, is_dataclass
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

import marketplace.core
from marketplace.adapters.postgres.draft import whole_schema
from marketplace.adapters.postgres.engine import create_owner_engine
from marketplace.adapters.postgres.kinds import STORED
from marketplace.adapters.postgres.tables import encode_rows, table_of
from marketplace.core.ledger.movement import Movement, Posting
from marketplace.core.shared.events import Event
from marketplace.core.shared.rules import AppendOnly, rules_of

AGGREGATES = [kind for kind in STORED if hasattr(kind, "LIFECYCLE")]
APPEND_ONLY = [kind for kind in STORED if AppendOnly() in rules_of(kind)]

# One line for each thing that a schema is made of; Alembic's own table is no business of ours.
CATALOGUE = """
WITH tables AS (
    SELECT c.oid, c.relname, c.relrowsecurity, c.reloptions, c.relacl FROM pg_class AS c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'schema_version'
), lines AS (
    SELECT format('table %s rls=%s options=%s', relname, relrowsecurity, reloptions) AS line FROM tables
    UNION ALL SELECT format('column %s.%s %s null=%s default=%s identity=%s', t.relname, a.attname,
        format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
        a.attidentity)
        FROM tables AS t JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef AS d ON d.adrelid = t.oid AND d.adnum = a.attnum
    UNION ALL SELECT format('constraint %s.%s %s', t.relname, conname, pg_get_constraintdef(c.oid))
        FROM tables AS t JOIN pg_constraint AS c ON c.conrelid = t.oid
    UNION ALL SELECT 'index ' || indexdef FROM pg_indexes
        WHERE schemaname = 'public' AND tablename <> 'schema_version'
    UNION ALL SELECT 'trigger ' || pg_get_triggerdef(g.oid)
        FROM tables AS t JOIN pg_trigger AS g ON g.tgrelid = t.oid AND NOT g.tgisinternal
    UNION ALL SELECT 'function ' || pg_get_functiondef(p.oid) FROM pg_proc AS p
        WHERE p.pronamespace = 'public'::regnamespace AND p.prolang <> 12 AND p.prokind = 'f'
        AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'i')
    UNION ALL SELECT format('policy %s.%s %s %s %s %s', tablename, policyname, cmd, roles, qual, with_check)
        FROM pg_policies WHERE schemaname = 'public'
    UNION ALL SELECT format('grant %s to %s on %s', x.privilege_type, x.grantee::regrole, t.relname)
        FROM tables AS t, aclexplode(t.relacl) AS x WHERE x.grantee::regrole::text = 'marketplace_app'
)
SELECT line FROM lines
"""


async def described(url: str) -> set[str]:
    engine = create_owner_engine(url)
    async with engine.connect() as connection:
        lines = set((await connection.exec_driver_sql(CATALOGUE)).scalars())
    await engine.dispose()
    return lines


async def run_script(url: str, script: str) -> None:
    engine = create_owner_engine(url)
    async with engine.connect() as connection:
        await (await connection.get_raw_connection()).driver_connection.execute(script)
    await engine.dispose()


@pytest.fixture
async def connection(owner: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with owner.connect() as connection:
        yield connection


async def put(connection: AsyncConnection, *rows: Any) -> None:
    """Writes rows of one kind as they are, past the guard of how a row begins."""
    table = table_of(type(rows[0]))
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    guarded = hasattr(type(rows[0]), "LIFECYCLE")
    if guarded:
        await connection.exec_driver_sql(f'ALTER TABLE {table.quoted} DISABLE TRIGGER "{table.name}_birth"')
    await connection.exec_driver_sql(
        f"INSERT INTO {table.quoted} ({columns}) SELECT {columns}"
        f" FROM jsonb_populate_recordset(NULL::{table.quoted}, $1::text::jsonb)",
        (encode_rows(rows),),
    )
    if guarded:
        await connection.exec_driver_sql(f'ALTER TABLE {table.quoted} ENABLE TRIGGER "{table.name}_birth"')


async def refused(connection: AsyncConnection, statement: str, *arguments: Any) -> str | None:
    """The state of the error with which a statement ends, None where it passes."""
    try:
        await connection.exec_driver_sql(statement, arguments)
    except DBAPIError as error:
        return str(getattr(error.orig, "sqlstate", error))
    return None


class TestSchema:
    async def test_is_what_the_core_calls_for(self, shared_url: str, empty_url: str) -> None:
        await run_script(empty_url, whole_schema())

        migrated, wanted = await described(shared_url), await described(empty_url)

        assert {"missing": wanted - migrated, "left over": migrated - wanted} == {
            "missing": set(),
            "left over": set(),
        }

    def test_stores_every_class_with_a_tenant_and_an_id(self) -> None:
        found = set()
        for module in pkgutil.walk_packages(marketplace.core.__path__, "marketplace.core."):
            for thing in vars(importlib.import_module(module.name)).values():
                if isinstance(thing, type) and is_dataclass(thing) and thing.__module__ == module.name:
                    names = {field.name for field in fields(thing)}
                    if names >= {"id", "tenant_id"} or hasattr(thing, "LIFECYCLE"):
                        found.add(thing)

        assert found == set(STORED)

    async def test_puts_the_tenant_first_in_every_index(self, connection: AsyncConnection) -> None:
        rows = await connection.exec_driver_sql(
            "SELECT i.indexrelid::regclass::text FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid"
            " WHERE c.relrowsecurity AND i.indkey[0] <> (SELECT attnum FROM pg_attribute"
            " WHERE attrelid = c.oid AND attname = 'tenant_id')"
        )

        # These are unique everywhere; an exclusion indexes the range that stands for the tenant.
        everywhere = {"tenant_slug_key", "payment_id_key", "payout_reference_key"}
        assert set(rows.scalars()) == {*everywhere, "reservation_no_overlap", "sign_in_no_overlap"}


class TestLifecycles:
    @pytest.mark.parametrize("kind", AGGREGATES)
    async def test_let_through_the_listed_moves_and_no_other(
        self, connection: AsyncConnection, example: Callable[..., Any], kind: Any
    ) -> None:
        states = list(kind.LIFECYCLE.states)
        table, tenant_id = table_of(kind), uuid4()
        tries = {
            (str(source), str(target)): example(kind, tenant_id=tenant_id, state=source, version=7)
            for source in states
            for target in states
        }
        await put(connection, *tries.values())

        passed = set()
        for (source, target), row in tries.items():
            statement = f"UPDATE {table.quoted} SET state = $1, version = 8 WHERE tenant_id = $2 AND id = $3"
            outcome = await refused(connection, statement, target, tenant_id, row.id)
            assert outcome in {None, "MP002"}, (source, target, outcome)
            if outcome is None:
                passed.add((source, target))

        assert passed == kind.LIFECYCLE.pairs()

    @pytest.mark.parametrize("kind", AGGREGATES)
    async def test_let_nothing_change_without_a_new_version_of_the_same_row(
        self, connection: AsyncConnection, example: Callable[..., Any], kind: Any
    ) -> None:
        source, target = min(kind.LIFECYCLE.pairs())
        row = example(kind, state=source, version=7)
        await put(connection, row)
        start = f"UPDATE {table_of(kind).quoted} SET state = $1"
        where = "WHERE tenant_id = $2 AND id = $3"

        outcomes = [
            await refused(connection, f"{start}, {change} {where}", target, row.tenant_id, row.id)
            for change in (
                "version = 7",
                "version = 9",
                "version = 8, id = gen_random_uuid()",
                "version = 8, tenant_id = gen_random_uuid()",
            )
        ]

        assert outcomes == ["MP002"] * 4

    @pytest.mark.parametrize("kind", AGGREGATES)
    async def test_begin_where_they_may(
        self, connection: AsyncConnection, example: Callable[..., Any], kind: Any
    ) -> None:
        table = table_of(kind)
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        insert = (
            f"INSERT INTO {table.quoted} ({columns}) SELECT {columns}"
            f" FROM jsonb_populate_recordset(NULL::{table.quoted}, $1::text::jsonb)"
        )

        begun = {
            (str(state), version)
            for state in kind.LIFECYCLE.states
            for version in (0, 1, 2)
            if not await refused(
                connection, insert, encode_rows([example(kind, state=state, version=version)])
            )
        }

        assert begun == {(str(state), 1) for state in kind.LIFECYCLE.initials}

    @pytest.mark.parametrize("kind", AGGREGATES)
    async def test_know_no_other_state(
        self, connection: AsyncConnection, example: Callable[..., Any], kind: Any
    ) -> None:
        row = example(kind, version=7)
        await put(connection, row)
        name = table_of(kind).name
        await connection.exec_driver_sql(f'ALTER TABLE "{name}" DISABLE TRIGGER "{name}_move"')

        outcome = await refused(
            connection, f'UPDATE "{name}" SET state = $1 WHERE tenant_id = $2', "odd", row.tenant_id
        )

        await connection.exec_driver_sql(f'ALTER TABLE "{name}" ENABLE TRIGGER "{name}_move"')
        assert outcome == "23514"

    @pytest.mark.parametrize(
        ("kind", "state", "field"),
        [
            (kind, state, field)
            for kind in AGGREGATES
            for state, needed in kind.LIFECYCLE.requires.items()
            for field in sorted(needed)
        ],
    )
    async def test_need_what_a_state_requires(
        self, connection: AsyncConnection, example: Callable[..., Any], kind: Any, state: Any, field: str
    ) -> None:
        row = example(kind, state=state, version=7)
        await put(connection, row)
        name = table_of(kind).name
        await connection.exec_driver_sql(f'ALTER TABLE "{name}" DISABLE TRIGGER "{name}_move"')

        outcome = await refused(
            connection,
            f'UPDATE "{name}" SET "{field}" = NULL WHERE tenant_id = $1',
            row.tenant_id,
        )

        await connection.exec_driver_sql(f'ALTER TABLE "{name}" ENABLE TRIGGER "{name}_move"')
        column = next(column for column in table_of(kind).columns if column.name == field)
        assert outcome == ("23514" if column.nullable else "23502")


class TestAppendOnlyTables:
    @pytest.mark.parametrize("kind", APPEND_ONLY)
    @pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}"])
    async def test_refuse_every_change(self, connection: AsyncConnection, kind: Any, statement: str) -> None:
        assert await refused(connection, statement.format(table_of(kind).quoted)) == "MP002"

    def test_are_events_and_the_ledger(self) -> None:
        assert {Event, Movement, Posting} <= set(APPEND_ONLY)
