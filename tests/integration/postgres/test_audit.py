"""On PostgreSQL too each promise is seen broken, and clean data is found clean, as memory finds it."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.memory.audit import MemoryAudit
from marketplace.adapters.memory.claims import MemoryClaims
from marketplace.adapters.memory.store import MemoryStore
from marketplace.adapters.postgres.audit import PostgresAudit
from marketplace.adapters.postgres.claims import PostgresClaims
from marketplace.adapters.postgres.engine import create_engine
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.core.promises import Name
from marketplace.entrypoints.simulation.engine import BEGIN, lane_of
from marketplace.entrypoints.simulation.lane import Lane
from marketplace.entrypoints.simulation.share import Share
from marketplace.entrypoints.simulation.vendors import LaneOutbox
from marketplace.ports.audit import Promise
from marketplace.ports.storage import Store

LIVES = 24


async def live(store: Store) -> Lane:
    lane = lane_of(0, seed=1, faults=True, storage=store)
    await Share(number=0, lane=lane, bookings=LIVES, faults=True, over=lambda: None).run()
    return lane


@dataclass
class Stored:
    lane: Lane
    owner: AsyncEngine

    @property
    def now(self) -> datetime:
        return self.lane.now

    def auditor(self) -> PostgresAudit:
        return PostgresAudit(
            engine=self.owner, books={"sandbox": self.lane.books}, outbox=LaneOutbox(self.lane.channel)
        )

    async def broken(self, *corruption: str) -> dict[str, tuple[str, ...]]:
        """What is found after statements that no rule of the schema stops; they are taken back."""
        async with self.owner.connect() as connection:
            await connection.execution_options(isolation_level="READ COMMITTED")
            await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            for statement in corruption:
                changed = await connection.exec_driver_sql(statement)
                assert changed.rowcount != 0, statement
            promises = await self.auditor().audit_on(connection, self.lane.tenant.id, now=self.now)
            await connection.rollback()
        return {promise.name: promise.violations for promise in promises if promise.violations}


async def live_in(url: str) -> Lane:
    engine = create_engine(url)
    lane = await live(PostgresStore(engine))
    await engine.dispose()
    return lane


@pytest.fixture(scope="module")
def lane(shared_url: str) -> Lane:
    return asyncio.run(live_in(shared_url))


@pytest.fixture
def stored(lane: Lane, owner: AsyncEngine) -> Stored:
    return Stored(lane, owner)


def any_of(table: str, where: str = "true") -> str:
    return f"(SELECT id FROM {table} WHERE {where} ORDER BY id LIMIT 1)"


def copied(table: str, where: str = "true", **changes: str) -> str:
    """A row once more, under another id, and otherwise changed."""
    changes = {"id": "gen_random_uuid()"} | changes
    told = ", ".join(f"'{name}', {value}" for name, value in changes.items())
    return (
        f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT r.* FROM {table} AS t,"
        f" jsonb_populate_record(t, jsonb_build_object({told})) AS r WHERE t.id = {any_of(table, where)}"
    )


CORRUPTIONS: dict[str, tuple[Name, tuple[str, ...]]] = {
    "an unbalanced movement": (
        Name.LEDGER,
        (f"UPDATE posting SET amount_minor = amount_minor + 1 WHERE id = {any_of('posting')}",),
    ),
    "a lost posting": (Name.LEDGER, (f"DELETE FROM posting WHERE id = {any_of('posting')}",)),
    "a hold resolved twice": (
        Name.HOLDS,
        (
            "ALTER TABLE payment DROP CONSTRAINT payment_captured_minor_at_most",
            "UPDATE payment SET refunded_minor = captured_minor WHERE released_minor > 0",
        ),
    ),
    "a capture that is not posted": (
        Name.HOLDS,
        ("UPDATE payment SET captured_minor = captured_minor + 1 WHERE captured_minor > 0",),
    ),
    "a refund that is not posted": (
        Name.HOLDS,
        ("UPDATE payment SET refunded_minor = refunded_minor - 1 WHERE refunded_minor > 0",),
    ),
    "a release that is not posted": (
        Name.HOLDS,
        ("UPDATE payment SET released_minor = released_minor - 1 WHERE released_minor > 0",),
    ),
    "a unit sold twice": (
        Name.CAPACITY,
        (
            "ALTER TABLE reservation DROP CONSTRAINT reservation_no_overlap",
            f"UPDATE reservation SET state = 'held' WHERE id = {any_of('reservation')}",
            copied("reservation"),
        ),
    ),
    "an unlawful step": (
        Name.HISTORIES,
        ("UPDATE event SET before = 'completed' WHERE kind = 'booking' AND after = 'cancelled'",),
    ),
    "a gap in a history": (
        Name.HISTORIES,
        ("DELETE FROM event WHERE kind = 'booking' AND version = 2",),
    ),
    "a row unlike its history": (
        Name.HISTORIES,
        ("UPDATE booking SET state = 'completed' WHERE state = 'cancelled'",),
    ),
    "a row without a history": (Name.HISTORIES, (copied("refund"),)),
    "a vendor's event twice": (
        Name.VENDOR_EVENTS,
        (
            "ALTER TABLE vendor_event DROP CONSTRAINT vendor_event_rail_event_id_key",
            copied("vendor_event"),
        ),
    ),
    "funds that no payment holds": (
        Name.CUSTOMER_FUNDS,
        ("UPDATE payment SET released_minor = released_minor - 1 WHERE released_minor > 0",),
    ),
    "a closed booking that holds money": (
        Name.CUSTOMER_FUNDS,
        (
            "UPDATE payment SET released_minor = 0 WHERE released_minor > 0",
            "DELETE FROM posting USING movement AS m WHERE movement_id = m.id AND name = 'released'",
        ),
    ),
    "a loss that nobody bears": (
        Name.CUSTOMER_FUNDS,
        ("DELETE FROM movement WHERE name = 'loss_absorbed'",),
    ),
    "money that the rail does not have": (
        Name.CLEARING,
        ("UPDATE posting SET amount_minor = amount_minor + 1 WHERE account = 'psp_clearing:sandbox'",),
    ),
    "a settled line that nobody booked": (
        Name.CLEARING,
        (f"UPDATE settlement SET state = 'break' WHERE id = {any_of('settlement')}",),
    ),
    "a break that was resolved and took nothing out of clearing": (
        Name.CLEARING,
        (f"UPDATE settlement SET state = 'resolved' WHERE id = {any_of('settlement')}",),
    ),
    "a line of the statement that was skipped": (
        Name.CLEARING,
        ("UPDATE rail_statement SET cursor = '1'",),
    ),
    "an earning in a payout that does not pay it": (
        Name.EARNINGS,
        (copied("earning", "payout_id IS NOT NULL"),),
    ),
    "an earning drawn twice": (
        Name.EARNINGS,
        (copied("event", "kind = 'earning' AND move = 'draw'", version="99"),),
    ),
    "a provider who is owed something else": (
        Name.PROVIDER_PAYABLE,
        ("UPDATE payout SET amount_minor = amount_minor + 1",),
    ),
    "a payable on the wrong side": (
        Name.PROVIDER_PAYABLE,
        ("UPDATE posting SET account = replace(account, 'payable', 'receivable') WHERE amount_minor < 0",),
    ),
    "a provider who owes something else": (
        Name.PROVIDER_PAYABLE,
        ("UPDATE provider SET owed_minor = owed_minor + 1",),
    ),
    "refunds that are owed and not in the books": (
        Name.REFUNDS_PAYABLE,
        ("UPDATE refund SET state = 'failed' WHERE state = 'succeeded'",),
    ),
    "what banks contest and the books do not say": (
        Name.DISPUTE_HOLD,
        ("UPDATE payment SET state = 'disputed' WHERE contested_minor > 0",),
    ),
    "money on its way back that nobody has asked for": (
        Name.REVERSALS,
        ("UPDATE posting SET account = 'reversals_pending' WHERE account = 'vat_output'",),
    ),
    "more asked back than was paid": (
        Name.REVERSALS,
        (
            """INSERT INTO payout_reversal (id, tenant_id, version, state, payout_id, provider_id, booking_id,
                payment_id, rail, transfer, currency, amount_minor, requested_at, lookups)
            SELECT id, tenant_id, 1, 'succeeded', id, provider_id, id, id, rail, reference, currency,
                amount_minor + 1, drawn_at, 0 FROM payout""",
        ),
    ),
    "a provider with stars that nobody gave": (
        Name.STARS,
        ("UPDATE provider SET stars_sum = stars_sum + 1",),
    ),
    "a unit with a review too many": (Name.STARS, ("UPDATE unit SET reviews_count = reviews_count + 1",)),
    "a hidden review that still counts": (Name.STARS, ("UPDATE review SET state = 'hidden'",)),
    "an overdue booking": (
        Name.STUCK,
        ("UPDATE booking SET state = 'confirmed', due_at = '2026-01-01', reservation_id = id",),
    ),
    "a payment that waits for nothing": (
        Name.STUCK,
        ("UPDATE payment SET state = 'unknown', due_at = NULL",),
    ),
    "a message begun twice": (
        Name.MESSAGES,
        (copied("event", "kind = 'notification' AND move = 'begin'", version="99"),),
    ),
}


class TestAnAudit:
    async def test_finds_nothing_in_clean_data(self, stored: Stored) -> None:
        assert await stored.broken() == {}

    @pytest.mark.parametrize("corruption", CORRUPTIONS)
    async def test_finds(self, stored: Stored, corruption: str) -> None:
        promise, statements = CORRUPTIONS[corruption]

        assert promise in await stored.broken(*statements)

    async def test_finds_a_message_that_came_twice(self, stored: Stored) -> None:
        message = (await stored.lane.channel.read(stored.lane.tenant.id))[0]

        class Doubled:
            async def copies(self, _: object) -> dict[Any, int]:
                return {message.reference: 2}

        auditor = PostgresAudit(engine=stored.owner, outbox=Doubled())
        promises = await auditor.audit(stored.lane.tenant.id, now=stored.now)

        assert "received 2 times" in _found(promises, Name.MESSAGES)[0]

    async def test_looks_at_everybody_when_no_tenant_is_named(self, stored: Stored) -> None:
        one = await stored.auditor().audit(stored.lane.tenant.id, now=stored.now)
        everybody = await stored.auditor().audit(None, now=stored.now)

        assert everybody == one

    async def test_counts_the_rows_that_memory_counts(self, stored: Stored) -> None:
        store = MemoryStore()
        lane = await live(store)
        memory = await MemoryAudit(store=store, books={"sandbox": lane.books}).audit(None, now=lane.now)

        postgres = await stored.auditor().audit(None, now=stored.now)

        def counts(promises: tuple[Promise, ...]) -> dict[str, int]:
            return {promise.name: promise.rows for promise in promises}

        assert counts(postgres) == counts(memory)


class TestClaims:
    @pytest.mark.parametrize(("since", "limit"), [(None, 10_000), (BEGIN + timedelta(days=1), 10)])
    async def test_are_those_that_memory_makes(
        self, stored: Stored, since: datetime | None, limit: int
    ) -> None:
        store = MemoryStore()
        lane = await live(store)
        claims = PostgresClaims(stored.owner)

        made = await claims.made(None, since=since, limit=limit)

        assert made
        assert made == await MemoryClaims(store).made(lane.tenant.id, since=since, limit=limit)
        assert await claims.again(made[0]) == made[0]


def _found(promises: tuple[Promise, ...], name: Name) -> tuple[str, ...]:
    return next(promise.violations for promise in promises if promise.name == name)
