import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, get_type_hints
from uuid import UUID, uuid4

import pytest

from marketplace.adapters.postgres import listings
from marketplace.adapters.postgres.connections import Driver, connection_of
from marketplace.adapters.postgres.engine import create_engine, create_owner_engine
from marketplace.adapters.postgres.kinds import STORED
from marketplace.adapters.postgres.lately import LATELY
from marketplace.adapters.postgres.migrate import analyse
from marketplace.adapters.postgres.queries import CLAUSES
from marketplace.adapters.postgres.reads import Listing, numbered, page_statement
from marketplace.adapters.postgres.statements import (
    Shape,
    parameters_of,
    read_statement,
    wording_of,
    write_statement,
)
from marketplace.adapters.postgres.tables import encode_rows, table_of
from marketplace.core.providers.provider import Provider, Unit
from marketplace.ports.storage import Among, Named, One

NOON, ROWS = datetime(2026, 3, 2, 12, tzinfo=UTC), 200
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
            table = table_of(kind)
            columns = ", ".join(f'"{column.name}"' for column in table.columns)
            await connection.exec_driver_sql(f"ALTER TABLE {table.quoted} DISABLE TRIGGER USER")
            await connection.exec_driver_sql(
                f"INSERT INTO {table.quoted} ({columns}) SELECT {columns}"
                f" FROM jsonb_populate_recordset(NULL::{table.quoted}, $1::text::jsonb)",
                (encode_rows([row(make, kind, tenant_id, index) for index in range(ROWS)]),),
            )
        await analyse(connection)
    await engine.dispose()


def row(make: Callable[..., Any], kind: Any, tenant_id: UUID, index: int) -> Any:
    """One of many: each at another time, and all states there are."""
    later = NOON + timedelta(hours=index)
    given = {name: later for name, hint in get_type_hints(kind).items() if hint is datetime}
    if kind in AGGREGATES:
        states = list(kind.LIFECYCLE.states)
        given |= {"version": 1, "state": states[index % len(states)]}
    if "ends_at" in given:
        given["ends_at"] += timedelta(minutes=30)
    return make(kind, tenant_id=tenant_id, **given)


@pytest.fixture
async def connection(grown_url: str) -> AsyncIterator[Driver]:
    engine = create_engine(grown_url)
    async with connection_of(engine, uuid4()) as connection:
        yield connection
    await engine.dispose()


# What no index serves is found by walking the list in its order, which ends with the page.
WALKED = {
    ("BOOKINGS", "from_"),
    ("BOOKINGS", "until"),
    ("SERVICES", "state"),
    ("SERVICES", "category"),
    ("SERVICES", "on_show"),
    ("SERVICES", "text"),
    ("SERVICES", "price_max"),
    ("OFFERED", "category"),
    ("OFFERED", "on_show"),
    ("OFFERED", "text"),
    ("OFFERED", "price_max"),
    ("PROVIDERS", "text"),
    ("UNITS", "state"),
    ("RESERVATIONS", "state"),
    ("USERS", "role"),
    ("SESSIONS", "state"),
    ("EARNINGS", "state"),
    ("SETTLEMENTS", "cause"),
    ("EVENTS", "kind"),
    ("EVENTS", "name"),
    ("EVENTS", "actor_id"),
    ("EVENTS", "party"),
    ("BLOCKS", "state"),
    ("BLOCKS", "set_by"),
}
LISTINGS = {name: one for name, one in vars(listings).items() if isinstance(one, Listing)}
FILTERS = [(name, given) for name, one in LISTINGS.items() for given in one.filters]


_COMPARED = re.compile(r"\b[tp]\.(\w+ (?:=|>=|<)) :")


async def plan_of_page(connection: Driver, listing: Listing, *names: str) -> dict[str, Any]:
    statement = page_statement(listing, names, limit=20, goes_on=True)
    given = dict.fromkeys([*names, "after_at", "after_id", "tenant_id"])
    text, values = numbered(statement, given)
    return await plan_of(connection, text, len(values))


def sorts(plan: dict[str, Any]) -> set[str]:
    """The nodes that put rows in order, however deep."""
    below = [sorts(part) for part in plan.get("Plans", ())]
    return {plan["Node Type"]} & {"Sort"} | set().union(*below)


class TestPages:
    @pytest.mark.parametrize("name", LISTINGS)
    async def test_are_read_in_the_order_of_an_index(self, connection: Driver, name: str) -> None:
        listing = LISTINGS[name]

        plan = await plan_of_page(connection, listing)

        assert not sorts(plan)
        assert f"{listing.order} <= $" in conditions(plan)

    @pytest.mark.parametrize(("name", "given"), [one for one in FILTERS if one not in WALKED])
    async def test_find_what_is_asked_for_in_an_index(
        self, connection: Driver, name: str, given: str
    ) -> None:
        plan = await plan_of_page(connection, LISTINGS[name], given)

        # $1 is the tenant.
        (condition,) = _COMPARED.findall(LISTINGS[name].filters[given].condition)
        assert f"{condition} $2" in conditions(plan)

    @pytest.mark.parametrize(
        ("name", "tables"), [("ASKED", ("dispatch_job", "booking")), ("BOOKINGS", ("reservation", "unit"))]
    )
    async def test_look_up_what_a_row_names_by_its_id(
        self, connection: Driver, name: str, tables: tuple[str, ...]
    ) -> None:
        plan = await plan_of_page(connection, LISTINGS[name], "provider_id")

        for table in tables:
            # Of bookings themselves the list reads more, in another scan.
            assert any("(id = " in conditions(scan) for scan in scans(plan, table)), table

    def test_that_are_walked_are_there(self) -> None:
        assert set(FILTERS) >= WALKED


class TestWhatWasDecidedLately:
    async def test_is_read_in_the_order_of_indexes_and_no_further(self, connection: Driver) -> None:
        names = ("area_ids", "states", "since", "until", "unit_id", "skills", "tenant_id")
        text, values = numbered(LATELY, dict.fromkeys(names))

        plan = await plan_of(connection, text, len(values))

        (sought,), (decided,) = (scans(plan, table) for table in ("dispatch_job", "dispatch_decision"))
        assert conditions(sought).count("ROW(area_id, state, queued_at)") == 1, conditions(sought)
        assert "Backward" in sought["Scan Direction"]
        assert "job_id = " in conditions(decided)
        assert "Backward" in decided["Scan Direction"]


class TestPlans:
    @pytest.mark.parametrize("query", CLAUSES)
    async def test_answer_a_question_from_an_index_of_what_it_asks(
        self, connection: Driver, query: Any
    ) -> None:
        kind = Unit if query in {One, Among} else query.kind
        plan = await plan_of(connection, read_statement(((query, kind),)), 1 + len(parameters_of(query)))

        (scan,) = scans(plan, table_of(kind).name)
        found = conditions(scan)
        assert "tenant_id" in found
        # The tenant alone would mean all of its rows.
        assert sum(map(found.count, ("=", "<", ">", "IS NULL"))) > 1, found

    async def test_look_up_what_others_name_by_its_id(self, connection: Driver) -> None:
        wording = wording_of(Named(Provider, "provider_id", Among(Unit, ())))

        plan = await plan_of(connection, read_statement((wording,)), 2)

        found = {table: [conditions(scan) for scan in scans(plan, table)] for table in ("unit", "provider")}
        assert all(len(scanned) == 1 and "id = ANY" in scanned[0] for scanned in found.values())

    @pytest.mark.parametrize("kind", AGGREGATES)
    async def test_move_and_guard_rows_by_their_ids(self, connection: Driver, kind: Any) -> None:
        statement = write_statement(Shape((), (kind,), (kind,), (), jobs=False))

        plan = await plan_of(connection, statement, 6)

        found = [conditions(scan) for scan in scans(plan, table_of(kind).name)]
        assert len(found) == 2
        assert all("tenant_id = $1" in condition and "id = ANY" in condition for condition in found)
