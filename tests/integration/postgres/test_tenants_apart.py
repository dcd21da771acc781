from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.connections import Driver, connection_of
from marketplace.adapters.postgres.kinds import STORED
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.adapters.postgres.tables import encode_rows, table_of
from marketplace.core.providers.provider import Unit
from marketplace.ports.storage import Batch

INSERT = (
    "INSERT INTO unit (id, tenant_id, version, state, provider_id, name, added_at)"
    " SELECT id, tenant_id, version, state, provider_id, name, added_at"
    " FROM jsonb_populate_recordset(NULL::unit, $1::text::jsonb)"
)


def unit_of(tenant_id: UUID) -> Unit:
    return Unit(
        id=uuid4(),
        tenant_id=tenant_id,
        version=1,
        provider_id=uuid4(),
        name="Crew",
        added_at=datetime.now(UTC),
    )


async def state_of(connection: Driver, statement: str, *arguments: Any) -> str | None:
    """The state of the error with which a statement ends, None where it passes."""
    try:
        await connection.execute(statement, *arguments)
    except Exception as error:  # noqa: BLE001 - the driver has no type for its errors
        return str(getattr(error, "sqlstate", error))
    return None


class TestRowLevelSecurity:
    async def test_guards_every_table_that_knows_a_tenant(self, owner: AsyncEngine) -> None:
        async with owner.connect() as connection:
            rows = await connection.exec_driver_sql(
                "SELECT c.relname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid"
                " AND a.attname = 'tenant_id' WHERE c.relkind = 'r' AND NOT c.relrowsecurity"
                " AND c.relnamespace = 'public'::regnamespace"
            )

        assert set(rows.scalars()) == set()

    async def test_binds_the_application(self, engine: AsyncEngine) -> None:
        async with connection_of(engine, uuid4()) as connection:
            role = await connection.fetchrow(
                "SELECT rolname, rolsuper, rolbypassrls, rolcanlogin FROM pg_roles"
                " WHERE rolname = current_user"
            )
            owned = await connection.fetchval(
                "SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole"
            )

        assert tuple(role) == ("marketplace_app", False, False, False)
        assert owned == 0

    async def test_hides_others_rows_from_a_statement_that_forgets_the_tenant(
        self, engine: AsyncEngine
    ) -> None:
        store, mine, others = PostgresStore(engine), uuid4(), uuid4()
        for tenant_id in (mine, others):
            await store.write(Batch(tenant_id=tenant_id, added=(unit_of(tenant_id),)))

        async with connection_of(engine, mine) as connection:
            seen = await connection.fetch("SELECT DISTINCT tenant_id FROM unit")
            moved = await connection.execute("UPDATE unit SET version = version + 1, state = 'retired'")

        assert [row["tenant_id"] for row in seen] == [mine]
        assert moved == "UPDATE 1"

    async def test_hides_every_row_from_a_connection_of_nobody(self, engine: AsyncEngine) -> None:
        tenant_id = uuid4()
        await PostgresStore(engine).write(Batch(tenant_id=tenant_id, added=(unit_of(tenant_id),)))

        async with connection_of(engine, None) as connection:
            assert await connection.fetchval("SELECT count(*) FROM unit") == 0

    async def test_refuses_rows_in_another_s_name(self, engine: AsyncEngine) -> None:
        async with connection_of(engine, uuid4()) as connection:
            assert await state_of(connection, INSERT, encode_rows([unit_of(uuid4())])) == "42501"

    @pytest.mark.parametrize("kind", STORED)
    async def test_leaves_the_application_no_way_to_remove_rows(
        self, engine: AsyncEngine, example: Callable[..., Any], kind: type
    ) -> None:
        name = table_of(kind).quoted
        async with connection_of(engine, uuid4()) as connection:
            states = [
                await state_of(connection, statement.format(name))
                for statement in ("DELETE FROM {}", "TRUNCATE {}", "ALTER TABLE {} DISABLE TRIGGER ALL")
            ]

        assert states == ["42501"] * 3


class TestConnections:
    async def test_change_their_tenant_only_when_another_asks(
        self, engines: Callable[..., AsyncEngine]
    ) -> None:
        engine = engines(pool_size=1)
        first, second = uuid4(), uuid4()

        seen = []
        for tenant_id in (first, first, second, first):
            async with connection_of(engine, tenant_id) as connection:
                seen.append(await connection.fetchval("SELECT current_setting('marketplace.tenant')"))

        assert seen == [str(first), str(first), str(second), str(first)]

    async def test_serve_in_utc_and_give_up_after_five_seconds(self, engine: AsyncEngine) -> None:
        async with connection_of(engine, None) as connection:
            settings = await connection.fetchrow(
                "SELECT current_setting('timezone'), current_setting('statement_timeout'),"
                " current_setting('application_name'), current_setting('jit')"
            )

        assert tuple(settings) == ("UTC", "5s", "marketplace", "off")
