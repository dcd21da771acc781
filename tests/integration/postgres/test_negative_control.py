"""Each rule of the schema refuses something by its name, and once it is dropped, nothing refuses that."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from marketplace.adapters.postgres.connections import connection_of
from marketplace.adapters.postgres.engine import create_engine, create_owner_engine
from marketplace.adapters.postgres.kinds import STORED
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.adapters.postgres.tables import encode_rows, table_of
from marketplace.core.providers.provider import Unit, UnitState
from marketplace.core.shared.rules import AppendOnly, AtMost, Balanced, NoOverlap, Unique, rules_of
from marketplace.ports.storage import Batch

Example = Callable[..., Any]
Statement = tuple[str, tuple[Any, ...]]
# What must be refused, after what makes it possible: each a statement with its arguments.
Probe = list[Statement]

NAMES = """
SELECT conname FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype IN ('p', 'u', 'x', 'c')
UNION SELECT c.relname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
    WHERE i.indrelid = $1::text::regclass AND i.indisunique
UNION SELECT tgname FROM pg_trigger WHERE tgrelid = $1::text::regclass AND NOT tgisinternal
"""
DROP = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_constraint WHERE conname = '{name}' AND contype <> 'n') THEN
        ALTER TABLE {table} DROP CONSTRAINT "{name}";
    ELSIF EXISTS (SELECT FROM pg_trigger WHERE tgname = '{name}' AND NOT tgisinternal) THEN
        DROP TRIGGER "{name}" ON {table};
    ELSE
        DROP INDEX "{name}";
    END IF;
END $$
"""


def insert(*rows: Any) -> Statement:
    table = table_of(type(rows[0]))
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    text = (
        f"INSERT INTO {table.quoted} ({columns}) SELECT {columns}"
        f" FROM jsonb_populate_recordset(NULL::{table.quoted}, $1::text::jsonb)"
    )
    return text, (encode_rows(rows),)


def newborn(example: Example, kind: Any, **given: Any) -> Any:
    if lifecycle := getattr(kind, "LIFECYCLE", None):
        given = {"state": lifecycle.initials[0], "version": 1} | given
    return example(kind, **given)


def probes(kind: Any, example: Example) -> dict[str, Probe]:
    """By the name of the rule that must refuse it."""
    name, one, other = table_of(kind).name, newborn(example, kind), newborn(example, kind)
    same_id = replace(other, tenant_id=one.tenant_id, id=one.id)
    found: dict[str, Probe] = {f"{name}_pkey": [insert(one), insert(same_id)]}
    for rule in rules_of(kind):
        found[rule.name_on(kind)] = against(rule, one, other)
    return found | (lifecycle_probes(kind, example) if hasattr(kind, "LIFECYCLE") else {})


def against(rule: Any, one: Any, other: Any) -> Probe:
    match rule:
        case Unique(fields=fields, everywhere=everywhere):
            shared = fields if everywhere else (*fields, "tenant_id")
            return [insert(one), insert(replace(other, **{name: getattr(one, name) for name in shared}))]
        case NoOverlap(owner=owner, starts=starts, ends=ends):
            later = replace(one, **{ends: getattr(one, starts).replace(hour=23)})
            shared = ("tenant_id", owner, starts, ends)
            return [insert(later), insert(replace(other, **{name: getattr(later, name) for name in shared}))]
        case Balanced(amount=amount):
            return [insert(replace(one, **{amount: 1}))]
        case AtMost(parts=parts, whole=whole):
            return [insert(replace(one, **{whole: 1, parts[0]: 2}))]
        case AppendOnly():
            return [insert(one), (f"DELETE FROM {table_of(type(one)).quoted}", ())]
        case _:
            raise AssertionError(f"no probe for {rule}")


def lifecycle_probes(kind: Any, example: Example) -> dict[str, Probe]:
    table = table_of(kind)
    nullable = {column.name for column in table.columns if column.nullable}
    unguarded = (f'ALTER TABLE {table.quoted} DISABLE TRIGGER "{table.name}_birth"', ())
    row = newborn(example, kind)
    found: dict[str, Probe] = {
        f"{table.name}_birth": [insert(newborn(example, kind, version=2))],
        f"{table.name}_move": [insert(row), (f"UPDATE {table.quoted} SET version = 3", ())],
        f"{table.name}_state": [unguarded, insert(replace(row, state="odd"))],
    }
    for state, needed in kind.LIFECYCLE.requires.items():
        for field in nullable.intersection(needed):
            missing = example(kind, state=state, **{field: None})
            found[f"{table.name}_needs_{field}"] = [unguarded, insert(missing)]
    return found


async def refusing(connection: AsyncConnection, probe: Probe) -> str | None:
    """The name of the rule that refuses the last statement of a probe, None where it passes."""
    *before, (last, arguments) = probe
    for statement, given in before:
        await connection.exec_driver_sql(statement, given)
    try:
        async with connection.begin_nested():
            await connection.exec_driver_sql(last, arguments)
    except DBAPIError as error:
        return str(getattr(error.orig.__cause__, "constraint_name", error))
    return None


@pytest.fixture
async def transaction(owner: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """In which everything can be tried, because it is never committed."""
    async with owner.connect() as connection:
        await connection.execution_options(isolation_level="READ COMMITTED")
        yield connection
        await connection.rollback()


class TestEveryRule:
    @pytest.mark.parametrize("kind", STORED)
    async def test_of_a_table_has_a_probe(
        self, transaction: AsyncConnection, example: Example, kind: Any
    ) -> None:
        names = await transaction.exec_driver_sql(NAMES, (table_of(kind).quoted,))

        assert set(names.scalars()) == set(probes(kind, example))

    @pytest.mark.parametrize("kind", STORED)
    async def test_refuses_its_probe_and_once_dropped_nothing_does(
        self, transaction: AsyncConnection, example: Example, kind: Any
    ) -> None:
        table, outcomes = table_of(kind), {}
        for name, probe in probes(kind, example).items():
            kept = await transaction.begin_nested()
            refused_by = await refusing(transaction, probe)
            await kept.rollback()
            dropped = await transaction.begin_nested()
            await transaction.exec_driver_sql(DROP.format(name=name, table=table.quoted))
            outcomes[name] = (refused_by, await refusing(transaction, probe))
            await dropped.rollback()

        # What is one of its kind everywhere is so within its tenant.
        uniques = [rule for rule in rules_of(kind) if isinstance(rule, Unique) and rule.fields == ("id",)]
        wider = {f"{table.name}_pkey": rule.name_on(kind) for rule in uniques}
        assert outcomes == {name: (name, wider.get(name)) for name in outcomes}


class TestWithoutTheSecondNet:
    async def test_a_forgotten_tenant_shows_everybody_s_rows(self, database_url: str) -> None:
        await run(database_url, "ALTER TABLE unit DISABLE ROW LEVEL SECURITY")
        engine = create_engine(database_url)
        for tenant_id in (uuid4(), uuid4()):
            unit = a_unit(tenant_id)
            await PostgresStore(engine).write(Batch(tenant_id=tenant_id, added=(unit,)))

        async with connection_of(engine, uuid4()) as connection:
            assert await connection.fetchval("SELECT count(*) FROM unit") == 2

        await engine.dispose()


class TestWithoutTheGuard:
    async def test_every_writer_of_one_version_believes_to_have_won(self, database_url: str) -> None:
        await run(
            database_url,
            "CREATE OR REPLACE FUNCTION guard(standing bigint, wanted bigint) RETURNS boolean"
            " LANGUAGE sql AS 'SELECT true'",
        )
        engine, tenant_id = create_engine(database_url), uuid4()
        store = PostgresStore(engine)
        unit = a_unit(tenant_id)
        await store.write(Batch(tenant_id=tenant_id, added=(unit,)))

        retired = replace(unit, version=2, state=UnitState.RETIRED)
        await asyncio.gather(*(store.write(Batch(tenant_id=tenant_id, saved=(retired,))) for _ in range(5)))

        await engine.dispose()


def a_unit(tenant_id: UUID) -> Unit:
    return Unit(
        id=uuid4(),
        tenant_id=tenant_id,
        version=1,
        provider_id=uuid4(),
        name="Crew",
        added_at=datetime.now(UTC),
    )


async def run(url: str, statement: str) -> None:
    engine = create_owner_engine(url)
    async with engine.connect() as connection:
        await connection.exec_driver_sql(statement)
    await engine.dispose()
