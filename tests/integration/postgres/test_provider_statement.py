"""Whatever happened, a provider's statements add up, follow on one another, and say what the ledger says."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.provider_statement import Statement, accounts_of, provider_statement
from marketplace.adapters.postgres.reads import Reads
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.core.ledger.movement import (
    DISPUTE_HOLD,
    PLATFORM_FEE,
    VAT_OUTPUT,
    Origin,
    balanced,
    customer_funds,
    provider_payable,
    provider_receivable,
    psp_clearing,
)
from marketplace.core.shared.period import Period
from marketplace.ports.storage import Batch

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = 30
DAY = st.integers(0, DAYS * 24 - 1).map(lambda hours: BEGIN + timedelta(hours=hours))
MINOR = st.integers(1, 1_000_000)


def amounts_of(name: str, provider: UUID, booking: UUID, parts: tuple[int, int, int]) -> dict[str, int]:
    first, second, third = parts
    match name:
        case "released":
            return {
                customer_funds(booking): first + second + third,
                provider_payable(provider): -first,
                PLATFORM_FEE: -second,
                VAT_OUTPUT: -third,
            }
        case "loss_absorbed":
            return {
                provider_payable(provider): first,
                provider_receivable(provider): second,
                DISPUTE_HOLD: -first - second,
            }
        case "owed_made_good":
            return {provider_payable(provider): first, provider_receivable(provider): -first}
        case _:
            sign = 1 if name == "payout_sent" else -1
            return {provider_payable(provider): sign * first, psp_clearing("sandbox"): -sign * first}


NAMES = ("released", "loss_absorbed", "owed_made_good", "payout_sent", "payout_returned")
HISTORY = st.lists(st.tuples(st.sampled_from(NAMES), DAY, st.tuples(MINOR, MINOR, MINOR)), max_size=12)
CUTS = st.lists(st.integers(1, DAYS * 24 - 1), unique=True, max_size=4).map(sorted)


class TestAStatement:
    @pytest.fixture
    def reads(self, engine: AsyncEngine) -> Reads:
        return Reads(engine)

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(history=HISTORY, cuts=CUTS)
    async def test_adds_up_and_goes_on_where_the_last_one_closed(
        self, engine: AsyncEngine, reads: Reads, history: Sequence[Any], cuts: Sequence[int]
    ) -> None:
        tenant_id, provider = uuid4(), uuid4()
        rows = [row for one in history for row in movement(tenant_id, provider, *one)]
        await PostgresStore(engine).write(Batch(tenant_id=tenant_id, rows=tuple(rows)))
        edges = [BEGIN, *(BEGIN + timedelta(hours=cut) for cut in cuts), BEGIN + timedelta(days=DAYS)]

        told = [
            await provider_statement(
                reads, tenant_id, provider_id=provider, currency="ZAR", period=Period(*edge)
            )
            for edge in pairwise(edges)
        ]

        assert all(adds_up(one) for one in told)
        # What only moves between its two accounts is none of the provider's lines.
        assert all(line.net_minor and line.kind != "owed_made_good" for one in told for line in one.lines)
        assert told[0].opening_minor == 0
        assert all(one.closing_minor == other.opening_minor for one, other in pairwise(told))
        assert told[-1].closing_minor == -sum(
            row.amount_minor for row in rows if getattr(row, "account", "") in accounts_of(provider)
        )
        assert [sum(getattr(one, name) for one in told) for name in ("fee_minor", "vat_minor")] == [
            -sum(row.amount_minor for row in rows if getattr(row, "account", "") == account)
            for account in (PLATFORM_FEE, VAT_OUTPUT)
        ]


def movement(tenant_id: UUID, provider: UUID, name: str, at: datetime, parts: Any) -> tuple[object, ...]:
    booking = uuid4()
    origin = Origin(
        tenant_id=tenant_id, name=name, subject_id=booking, booking_id=booking, currency="ZAR", at=at
    )
    return balanced(origin, amounts_of(name, provider, booking, parts))


def adds_up(told: Statement) -> bool:
    earned = told.gross_minor - told.fee_minor - told.vat_minor + told.adjustments_minor
    lines = sum(
        one.gross_minor - one.fee_minor - one.vat_minor + one.adjustment_minor - one.payout_minor
        for one in told.lines
    )
    return (
        told.earned_minor == earned
        and told.opening_minor + earned - told.paid_minor == told.closing_minor
        and told.opening_minor + lines == told.closing_minor
        and lines == sum(one.net_minor for one in told.lines)
        and list(told.lines) == sorted(told.lines, key=lambda one: one.at)
    )
