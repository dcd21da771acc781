import asyncio
from typing import Any
from uuid import uuid4

import pytest

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Subject


def zar(minor: int) -> Money:
    return Money(minor, "ZAR")


async def settled(stage: Any, after: str | None = None) -> list[Any]:
    """Every line after a cursor, a few at a time."""
    found: list[Any] = []
    while page := await stage.rail.settlement_lines(stage.tenant_id, after=after, limit=2):
        if not page.lines:
            return found
        found += page.lines
        after = page.cursor
    return found


@pytest.fixture
def settling(stage: Any) -> None:
    if not stage.rail.capabilities.settles:
        pytest.skip(f"{stage.rail.name} does not tell what it settled")


@pytest.mark.usefixtures("settling")
class TestSettlement:
    async def test_tells_nothing_of_what_was_not_settled_yet(self, stage: Any) -> None:
        await stage.take()

        page = await stage.rail.settlement_lines(stage.tenant_id, after=None, limit=10)

        assert (page.lines, page.cursor) == ((), None)

    async def test_tells_each_movement_with_its_reference_once(self, stage: Any) -> None:
        charge = await stage.take()
        await stage.rail.refund(charge.reference, refund=(refund := uuid4()), amount=zar(4_000))
        await stage.rail.release(transfer := stage.transfer(minor=1_000))

        stage.clock.forward(days=14)
        lines = await settled(stage)

        assert sorted(((line.subject, line.reference, line.gross) for line in lines), key=str) == sorted(
            [
                (Subject.CHARGE, charge.reference, zar(10_000)),
                (Subject.REFUND, refund, zar(-4_000)),
                (Subject.TRANSFER, transfer.reference, zar(-1_000)),
            ],
            key=str,
        )
        assert len({line.line_id for line in lines}) == 3
        assert all(line.net == line.gross - line.fee for line in lines)

    async def test_adds_up_to_what_was_moved(self, stage: Any) -> None:
        for outcome in ("succeeds", "is disputed, and won", "is returned", "needs action", "is declined"):
            await stage.take(outcome)

        stage.clock.forward(days=40)
        held = await stage.held_minor()

        assert sum(line.gross.minor for line in await settled(stage)) == held

    async def test_repeats_a_line_as_it_was(self, stage: Any) -> None:
        await stage.take()
        stage.clock.forward(days=14)
        first = await settled(stage)
        await stage.take()
        stage.clock.forward(days=14)

        again = await settled(stage)

        assert again[: len(first)] == first
        assert len(again) == 2

    async def test_goes_on_after_a_cursor_with_what_came_late_too(self, stage: Any) -> None:
        charge = await stage.take("is disputed")
        await stage.take()
        stage.clock.forward(days=14)
        page = await stage.rail.settlement_lines(stage.tenant_id, after=None, limit=10)

        await stage.rail.find(charge.reference)
        stage.clock.forward(days=14)
        later = await settled(stage, page.cursor)

        assert not {line.line_id for line in page.lines} & {line.line_id for line in later}
        assert sum(line.gross.minor for line in (*page.lines, *later)) == 10_000

    async def test_is_one_statement_for_many_who_read_it_at_once(self, stage: Any) -> None:
        for _ in range(5):
            await stage.take()
        stage.clock.forward(days=14)

        told = await asyncio.gather(*(settled(stage) for _ in range(10)))

        assert len(told[0]) == 5
        assert all(lines == told[0] for lines in told)

    async def test_is_apart_for_each_tenant(self, stage: Any) -> None:
        await stage.take()
        stage.clock.forward(days=14)

        page = await stage.rail.settlement_lines(uuid4(), after=None, limit=10)

        assert page.lines == ()

    @pytest.mark.parametrize(("after", "limit"), [("no cursor", 10), (None, 0)])
    async def test_refuses_what_it_cannot_go_on_from(self, stage: Any, after: str | None, limit: int) -> None:
        with pytest.raises(Invalid):
            await stage.rail.settlement_lines(stage.tenant_id, after=after, limit=limit)
