"""Whatever a rail settles and when, its clearing is explained to the cent, and what is late is found."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.reads import Reads
from marketplace.adapters.postgres.reconciliation import Clearing, Reconciliation, lines_of, reconcile
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.core.ledger.movement import (
    BANK,
    PROCESSOR_FEE,
    Movement,
    Origin,
    balanced,
    customer_funds,
    psp_clearing,
)
from marketplace.core.settlements.cause import Cause
from marketplace.core.settlements.settlement import Settlement, State
from marketplace.core.shared.period import Period
from marketplace.ports.payments import Subject
from marketplace.ports.storage import Batch

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
HOURS = 40 * 24
END = BEGIN + timedelta(hours=HOURS)
RAIL = "sandbox"
# When money moved, how much, and after how many hours a line settled it, where one did.
MOVED = st.tuples(
    st.integers(0, HOURS - 1),
    st.integers(-1_000, 1_000).filter(bool),
    st.none() | st.integers(0, HOURS),
    st.sampled_from(["ZAR", "USD"]),
)
HISTORY = st.lists(MOVED, max_size=10)
CUTS = st.lists(st.integers(1, HOURS - 1), unique=True, max_size=3).map(sorted)


def origin(tenant_id: UUID, name: str, subject: UUID, currency: str, at: datetime) -> Origin:
    return Origin(
        tenant_id=tenant_id, name=name, subject_id=subject, booking_id=None, currency=currency, at=at
    )


def line(tenant_id: UUID, minor: int, at: datetime, **changed: Any) -> Settlement:
    key = uuid4()
    facts: dict[str, Any] = {"currency": "ZAR", "reference": uuid4()} | changed
    return Settlement(
        id=key,
        tenant_id=tenant_id,
        version=1,
        rail=RAIL,
        line_id=key.hex,
        subject=Subject.CHARGE,
        gross_minor=minor,
        fee_minor=1,
        settled_at=at,
        **facts,
    )


def rows(tenant_id: UUID, hour: int, minor: int, after: int | None, currency: str) -> Iterator[object]:
    """A movement of the rail's clearing, and the line that settled it."""
    subject, at = uuid4(), BEGIN + timedelta(hours=hour)
    amounts = {psp_clearing(RAIL): minor, customer_funds(subject): -minor}
    moved = balanced(origin(tenant_id, "payment_succeed", subject, currency, at), amounts)
    yield from moved
    if after is None:
        return
    assert isinstance(moved[0], Movement)
    settled_at = at + timedelta(hours=after)
    facts: dict[str, Any] = {"state": State.BOOKED, "movement_id": moved[0].id, "reference": subject}
    told = line(tenant_id, minor, settled_at, currency=currency, **facts)
    yield told
    booked = {BANK: minor - 1, PROCESSOR_FEE: 1, psp_clearing(RAIL): -minor}
    yield from balanced(origin(tenant_id, "settled", told.id, currency, settled_at), booked)


async def written(engine: AsyncEngine, tenant_id: UUID, found: Sequence[object]) -> None:
    await PostgresStore(engine).write(Batch(tenant_id=tenant_id, rows=tuple(found)))


def clearing(found: Reconciliation, currency: str = "ZAR") -> dict[str, Any]:
    told: dict[str, Clearing] = {one.currency: one for one in found.clearings}
    names = ("opening_minor", "moved_minor", "settled_minor", "closing_minor")
    return {name: getattr(told[currency], name) if currency in told else 0 for name in names}


class TestReconciling:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(history=HISTORY, cuts=CUTS)
    @example(history=[(0, 5, 10, "ZAR")], cuts=[10])  # settled at the very end
    async def test_explains_every_cent_of_every_period(
        self, engine: AsyncEngine, history: Sequence[Any], cuts: Sequence[int]
    ) -> None:
        tenant_id, reads = uuid4(), Reads(engine)
        await written(engine, tenant_id, [row for one in history for row in rows(tenant_id, *one)])
        edges = [BEGIN, *(BEGIN + timedelta(hours=cut) for cut in cuts), END]

        told = [
            await reconcile(reads, tenant_id, rail=RAIL, period=Period(*edge), now=END)
            for edge in pairwise(edges)
        ]

        for one in (one for found in told for one in found.clearings):
            assert one.opening_minor + one.moved_minor - one.settled_minor == one.closing_minor
            assert one.settled_since_minor + one.waiting_minor + one.overdue_minor == one.closing_minor
            assert one.unexplained_minor == 0
            assert one.net_minor == one.gross_minor - one.fee_minor
        for before, after in pairwise(told):
            for currency in ("ZAR", "USD"):
                closed = clearing(before, currency)["closing_minor"]
                assert closed == clearing(after, currency)["opening_minor"]
        untold = [one for one in history if one[2] is None]
        late = [one for one in untold if BEGIN + timedelta(hours=one[0]) < END - timedelta(days=7)]
        assert told[-1].open_breaks == len(told[-1].breaks) == len(late)

    @pytest.mark.parametrize(("days", "is_open"), [(6, False), (8, True)])
    async def test_calls_a_movement_late_after_the_rails_delay(
        self, engine: AsyncEngine, days: int, *, is_open: bool
    ) -> None:
        tenant_id = uuid4()
        await written(engine, tenant_id, list(rows(tenant_id, 0, 500, None, "ZAR")))
        now = BEGIN + timedelta(days=days)

        found = await reconcile(Reads(engine), tenant_id, rail=RAIL, period=Period(BEGIN, now), now=now)

        (balance,) = found.clearings
        assert (balance.overdue_minor, balance.waiting_minor) == ((500, 0) if is_open else (0, 500))
        assert found.clear is not is_open
        assert [(one.kind, one.cause, one.age_days) for one in found.breaks] == (
            [("movement", Cause.MOVEMENT_WITHOUT_LINE, days)] if is_open else []
        )

    async def test_lists_lines_that_settle_nothing_the_oldest_first(self, engine: AsyncEngine) -> None:
        tenant_id = uuid4()
        young = line(tenant_id, 5, END - timedelta(days=1), cause=Cause.AMOUNT_DIFFERS)
        old = line(tenant_id, 7, END - timedelta(days=30), cause=Cause.DUPLICATE_LINE)
        await written(engine, tenant_id, [young, old])
        period = Period(END - timedelta(days=2), END)

        found = await reconcile(Reads(engine), tenant_id, rail=RAIL, period=period, now=END)
        dated = await lines_of(Reads(engine), tenant_id, rail=RAIL, period=period)

        assert [(one.id, one.cause, one.age_days) for one in found.breaks] == [
            (old.id, Cause.DUPLICATE_LINE, 30),
            (young.id, Cause.AMOUNT_DIFFERS, 1),
        ]
        assert not found.clear
        assert [one.id for one in dated] == [young.id]

    async def test_leaves_other_marketplaces_and_other_rails_alone(self, engine: AsyncEngine) -> None:
        tenant_id, other = uuid4(), uuid4()
        await written(engine, other, [line(other, 5, BEGIN), *rows(other, 0, 500, None, "ZAR")])

        here = await reconcile(Reads(engine), tenant_id, rail=RAIL, period=Period(BEGIN, END), now=END)
        there = await reconcile(Reads(engine), other, rail="another", period=Period(BEGIN, END), now=END)

        assert (here.clear, here.clearings, here.breaks) == (True, (), ())
        assert (there.clear, there.clearings, there.breaks) == (True, (), ())
