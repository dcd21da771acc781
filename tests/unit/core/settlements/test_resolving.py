"""A person ends what no machine could, and the ledger says what it cost; lines come in by hand, once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.core.ledger.movement import Movement
from marketplace.core.settlements.cause import Cause
from marketplace.core.settlements.importing import Imported, ImportedLine, ImportLines
from marketplace.core.settlements.resolving import Outcome, ResolveSettlement
from marketplace.core.settlements.settlement import Settlement, State
from marketplace.core.settlements.statement import RailStatement
from marketplace.core.settlements.usecases import ReadStatements
from marketplace.core.shared.errors import Invalid, MoveRefused, NotAllowed
from marketplace.ports.payments import Subject
from marketplace.ports.storage import AlreadyThere

PRICE = 50_000
WHY = "the rail has explained it"


def line_of(reference: UUID, minor: int, world: Any, **changed: Any) -> ImportedLine:
    line = ImportedLine(
        line_id=f"line_{reference.hex}",
        reference=reference,
        subject=Subject.CHARGE,
        currency="ZAR",
        gross_minor=minor,
        settled_at=world.lane.now,
    )
    return replace(line, **changed)


async def brought_in(world: Any, *lines: ImportedLine) -> Imported:
    found: Imported = await world.do(ImportLines(rail="sandbox", lines=lines, reason=WHY), world.admin)
    return found


def broken(world: Any) -> Settlement:
    (line,) = [line for line in world.all(Settlement) if line.state == State.BREAK]
    return line


def captured(world: Any) -> Movement:
    (movement,) = [one for one in world.all(Movement) if one.name == "payment_succeed"]
    return movement


async def resolved(world: Any, outcome: Outcome, movement_id: UUID | None = None) -> Settlement:
    command = ResolveSettlement(
        settlement_id=broken(world).id, outcome=outcome, reason=WHY, movement_id=movement_id
    )
    line: Settlement = await world.do(command, world.admin)
    return line


class TestResolving:
    async def test_books_what_came_and_says_what_is_missing(self, world: Any) -> None:
        await world.book()
        await brought_in(world, line_of((await world.payment()).id, PRICE - 300, world, fee_minor=100))

        line = await resolved(world, Outcome.BOOK, captured(world).id)

        accounts = world.accounts()
        assert (line.state, line.cleared_minor) == (State.RESOLVED, PRICE)
        assert (accounts["bank"], accounts["processor_fee"]) == (PRICE - 400, 100)
        assert accounts["settlement_difference"] == 300
        assert "psp_clearing" not in accounts

    async def test_books_money_that_nobody_knows(self, world: Any) -> None:
        await brought_in(world, line_of(uuid4(), 700, world))

        await resolved(world, Outcome.BOOK)

        assert world.accounts() == {"bank": 700, "settlement_difference": -700}

    async def test_sets_aside_what_was_told_in_error(self, world: Any) -> None:
        await brought_in(world, line_of(uuid4(), 700, world))

        line = await resolved(world, Outcome.SET_ASIDE)

        assert (line.state, line.due_at, world.accounts()) == (State.RESOLVED, None, {})

    async def test_ends_it_for_good(self, world: Any) -> None:
        await brought_in(world, line_of(uuid4(), 700, world))
        line = await resolved(world, Outcome.SET_ASIDE)

        with pytest.raises(MoveRefused):
            await world.do(
                ResolveSettlement(settlement_id=line.id, outcome=Outcome.BOOK, reason=WHY), world.admin
            )

    async def test_settles_no_movement_twice(self, world: Any) -> None:
        await world.book()
        payment = await world.payment()
        line = line_of(payment.id, PRICE, world)
        await brought_in(world, line, replace(line, line_id="again"))

        with pytest.raises(AlreadyThere):
            await resolved(world, Outcome.BOOK, captured(world).id)

        assert broken(world).cause == Cause.DUPLICATE_LINE
        assert world.accounts()["bank"] == PRICE

    async def test_takes_only_a_movement_of_this_rail(self, world: Any) -> None:
        await world.deliver()
        await world.forward(days=2)
        (released,) = [one for one in world.all(Movement) if one.name == "released"]
        await brought_in(world, line_of(uuid4(), 700, world))

        with pytest.raises(Invalid, match="movement_id"):
            await resolved(world, Outcome.BOOK, released.id)

    async def test_keeps_the_promises(self, world: Any) -> None:
        await world.book()
        await world.forward(days=3)
        await world.do(ReadStatements())
        await world.settle()
        await brought_in(world, line_of((await world.payment()).id, 1, world))

        await resolved(world, Outcome.SET_ASIDE)

        assert [one for one in await world.broken() if "clearing" not in one] == []


class TestImportedLines:
    async def test_are_booked_where_they_match(self, world: Any) -> None:
        await world.book()
        line = line_of((await world.payment()).id, PRICE, world)

        found = await brought_in(world, line, line_of(uuid4(), 5, world))

        assert found == Imported(lines=2, known=0, booked=1, breaks=1)
        assert world.accounts()["bank"] == PRICE

    async def test_count_once_however_often_they_are_brought_in(self, world: Any) -> None:
        await world.book()
        line = line_of((await world.payment()).id, PRICE, world)
        await brought_in(world, line)

        found = await brought_in(world, line)

        assert found == Imported(lines=1, known=1, booked=0, breaks=0)
        assert world.accounts()["bank"] == PRICE

    async def test_are_refused_whole_where_one_is_told_otherwise(self, world: Any) -> None:
        line = line_of(uuid4(), 5, world)
        await brought_in(world, line)

        with pytest.raises(Invalid, match="told otherwise"):
            await brought_in(world, line_of(uuid4(), 6, world), replace(line, gross_minor=7))

        assert len(world.all(Settlement)) == 1

    async def test_are_of_a_rail_that_there_is(self, world: Any) -> None:
        command = ImportLines(rail="another", lines=(line_of(uuid4(), 5, world),), reason=WHY)

        with pytest.raises(Invalid, match="rail"):
            await world.do(command, world.admin)

    async def test_may_be_of_any_rail_that_policy_names(self, world: Any) -> None:
        tenant = world.lane.tenant
        payment = replace(tenant.policy.payment, payout_rail="another")
        world.lane.tenant = replace(tenant, policy=replace(tenant.policy, payment=payment))
        command = ImportLines(rail="another", lines=(line_of(uuid4(), 5, world),), reason=WHY)

        assert (await world.do(command, world.admin)).breaks == 1

    async def test_move_something(self, world: Any) -> None:
        with pytest.raises(Invalid, match="gross_minor"):
            await brought_in(world, line_of(uuid4(), 0, world))

    async def test_leave_a_statement_that_is_read_where_it_was(self, world: Any) -> None:
        await world.do(ReadStatements())
        await world.settle()
        (before,) = world.all(RailStatement)

        await brought_in(world, line_of(uuid4(), 5, world, settled_at=world.lane.now - timedelta(days=9)))

        assert world.all(RailStatement) == [before]


class TestWhoMayResolve:
    async def test_is_admin_alone(self, world: Any) -> None:
        await brought_in(world, line_of(uuid4(), 700, world))
        command = ResolveSettlement(settlement_id=broken(world).id, outcome=Outcome.BOOK, reason=WHY)

        with pytest.raises(NotAllowed):
            await world.do(command)
