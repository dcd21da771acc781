"""What the rail has settled is in the bank, less its fee, once; what matches nothing of ours is seen."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.adapters.sandbox.faults import Fault, Operation
from marketplace.core.payouts.payout import Payout
from marketplace.core.payouts.payout import State as PayoutState
from marketplace.core.payouts.usecases import RecordPayout
from marketplace.core.settlements.cause import Cause
from marketplace.core.settlements.settlement import RECHECKS, Settlement, State
from marketplace.core.settlements.statement import RailStatement
from marketplace.core.settlements.statement import State as StatementState
from marketplace.core.settlements.usecases import BookLines, ReadStatements, RecheckSettlement
from marketplace.core.shared.aggregate import create
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.ids import derive
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Report, SettlementLine, Standing, Statement, Subject
from marketplace.ports.storage import Work

PRICE = 50_000
FEE = 1_650  # 2.9 % and 2.00


async def read(world: Any) -> None:
    """What the schedule of the day does."""
    await world.do(ReadStatements())
    await world.settle()


def lines(world: Any) -> list[Settlement]:
    return sorted(world.all(Settlement), key=lambda line: (line.settled_at, line.gross_minor))


def line_of(reference: UUID, minor: int, **changed: Any) -> SettlementLine:
    line = SettlementLine(
        line_id=f"line_{reference.hex}",
        reference=reference,
        subject=Subject.CHARGE,
        gross=Money(minor, "ZAR"),
        fee=Money(0, "ZAR"),
        settled_at=changed.pop("at"),
    )
    return replace(line, **changed)


async def told(world: Any, *lines: SettlementLine, after: str | None = None, cursor: str = "1") -> Any:
    """As if the rail had answered so, to a reading that has just begun."""
    if not world.all(RailStatement):
        work, key = Work(world.storage, world.lane.tenant.id), uuid4()
        begun = RailStatement(id=key, tenant_id=work.tenant_id, rail="sandbox", asked_at=world.lane.now)
        work.add(create(begun, world.lane.call()))
        await world.storage.write(work.batch([]))
    (statement,) = world.all(RailStatement)
    answer = Statement(lines=lines, cursor=cursor)
    return await world.do(BookLines(statement_id=statement.id, after=after, told=answer))


class TestAStatement:
    async def test_brings_what_was_captured_to_the_bank_less_the_fee(self, world: Any) -> None:
        await world.deliver()
        await world.forward(days=3)

        await read(world)

        accounts = world.accounts()
        assert (accounts["bank"], accounts["processor_fee"]) == (PRICE - FEE, FEE)
        assert "psp_clearing" not in accounts
        assert await world.broken() == []

    async def test_tells_nothing_before_the_rail_has_settled(self, world: Any) -> None:
        await world.confirm()
        await world.forward(days=1)

        await read(world)

        assert world.accounts()["psp_clearing"] == PRICE
        assert await world.broken() == []

    async def test_takes_refunds_and_payouts_out_of_the_bank(self, world: Any) -> None:
        await world.deliver()
        await world.forward(days=1)
        await world.pay_out()
        await world.forward(days=4)

        await read(world)

        assert [line.gross_minor for line in lines(world)] == [PRICE, -41_375]
        assert world.accounts()["bank"] == PRICE - FEE - 41_375
        assert "psp_clearing" not in world.accounts()

    async def test_shows_with_a_booking_what_its_payment_cost(self, world: Any) -> None:
        key = await world.deliver()
        await world.forward(days=3)

        await read(world)

        assert [line.booking_id for line in lines(world)] == [key]

    async def test_is_read_on_from_where_the_day_before_ended(self, world: Any) -> None:
        await world.deliver()
        await world.forward(days=3)
        await read(world)
        await world.pay_out()
        await world.forward(days=3)

        await read(world)

        (statement,) = world.all(RailStatement)
        assert (statement.state, statement.lines, statement.cursor) == (StatementState.READ, 2, "2")
        assert await world.broken() == []

    async def test_is_read_once_a_day_whoever_asks(self, world: Any) -> None:
        await read(world)
        (before,) = world.all(RailStatement)

        await read(world)

        assert world.all(RailStatement) == [before]

    async def test_is_read_although_the_rail_is_down_now_and_then(self, world: Any) -> None:
        asked: list[Operation] = []

        def down_first(operation: Operation, _: UUID) -> Fault | None:
            asked.append(operation)
            first = asked.count(Operation.STATEMENT) == 1
            return Fault.UNAVAILABLE if operation is Operation.STATEMENT and first else None

        world.lane.books.faults = down_first
        await world.deliver()
        await world.forward(days=3)
        await read(world)

        await world.forward(minutes=1)

        assert world.accounts()["bank"] == PRICE - FEE

    async def test_that_was_given_up_is_asked_for_again_the_next_day(self, world: Any) -> None:
        world.lane.books.faults = lambda operation, _: (
            Fault.UNAVAILABLE if operation is Operation.STATEMENT else None
        )
        await world.deliver()
        await world.forward(days=3)
        await read(world)
        await world.forward(days=1)
        world.lane.books.faults = lambda _, __: None

        await read(world)

        assert world.accounts()["bank"] == PRICE - FEE


class TestLines:
    async def test_that_come_twice_count_once(self, world: Any) -> None:
        await world.book()
        payment = await world.payment()
        line = line_of(payment.id, PRICE, at=world.lane.now)

        await told(world, line, line)
        await told(world, line, after="1", cursor="2")

        assert len(lines(world)) == 1
        assert world.accounts()["bank"] == PRICE

    async def test_that_another_worker_has_booked_are_left(self, world: Any) -> None:
        await world.book()
        payment = await world.payment()
        line = line_of(payment.id, PRICE, at=world.lane.now)
        await told(world, line)

        await told(world, replace(line, line_id="another"), after=None)

        assert len(lines(world)) == 1

    async def test_that_are_told_otherwise_are_refused_whole(self, world: Any) -> None:
        await world.book()
        line = line_of((await world.payment()).id, PRICE, at=world.lane.now)
        await told(world, line)

        with pytest.raises(Invalid, match="told otherwise"):
            await told(world, replace(line, gross=Money(1, "ZAR")), after="1", cursor="2")

        (statement,) = world.all(RailStatement)
        assert statement.cursor == "1"

    async def test_settle_a_movement_once_however_many_ask_for_it(self, world: Any) -> None:
        await world.book()
        line = line_of((await world.payment()).id, PRICE, at=world.lane.now)

        await told(world, line, replace(line, line_id="again"))

        assert sorted(line.state for line in lines(world)) == [State.BOOKED, State.BREAK]
        assert {line.cause for line in lines(world)} == {None, Cause.DUPLICATE_LINE}
        assert world.accounts()["bank"] == PRICE


class TestABreak:
    @pytest.mark.parametrize(
        ("changed", "problem", "cause"),
        [
            ({"reference": UUID(int=7)}, "no charge of ours is known", Cause.LINE_WITHOUT_MOVEMENT),
            (
                {"gross": Money(PRICE - 1, "ZAR")},
                "of what we know 50000 ZAR is not settled",
                Cause.AMOUNT_DIFFERS,
            ),
            (
                {"gross": Money(PRICE - 200, "ZAR"), "fee": Money(200, "ZAR")},
                "49800 ZAR is told",
                Cause.FEE_UNEXPECTED,
            ),
            ({"fee": Money(PRICE + 1, "ZAR")}, "a fee of 50001 ZAR", Cause.FEE_UNEXPECTED),
            ({"fee": Money(-1, "ZAR")}, "a fee of -1 ZAR", Cause.FEE_UNEXPECTED),
            (
                {"gross": Money(PRICE, "USD"), "fee": Money(0, "USD")},
                "50000 USD is told",
                Cause.CURRENCY_DIFFERS,
            ),
            (
                {"subject": Subject.REFUND, "reference": UUID(int=7)},
                "no refund of ours",
                Cause.LINE_WITHOUT_MOVEMENT,
            ),
            (
                {"subject": Subject.TRANSFER, "reference": UUID(int=7)},
                "no transfer of ours",
                Cause.LINE_WITHOUT_MOVEMENT,
            ),
        ],
        ids=str,
    )
    async def test_is_what_matches_nothing_and_is_not_booked(
        self, world: Any, changed: dict[str, Any], problem: str, cause: Cause
    ) -> None:
        await world.book()
        payment = await world.payment()

        await told(world, replace(line_of(payment.id, PRICE, at=world.lane.now), **changed))

        (line,) = lines(world)
        assert line.state == State.BREAK
        assert problem in (line.problem or "")
        assert line.cause == cause
        assert world.accounts() == {"psp_clearing": PRICE, "customer_funds": -PRICE}

    async def test_makes_the_rail_tell_of_what_we_had_missed(self, world: Any) -> None:
        """No webhook told of the dispute, and the next look is two months away."""
        await world.deliver("tok_chargeback_late")
        await world.forward(days=20)
        world.lane.books.faults = lambda operation, _: (
            Fault.WEBHOOK_LOST if operation is Operation.WEBHOOK else None
        )
        await world.forward(days=13)
        await world.lane.books.tick()
        before = world.accounts().get("dispute_hold", 0)
        await read(world)

        await world.forward(hours=3)

        assert before == 0
        assert world.accounts()["dispute_hold"] == PRICE
        assert {line.state for line in lines(world)} == {State.BOOKED}

    async def test_is_looked_at_again_a_few_times_and_then_rests(self, world: Any) -> None:
        await told(world, line_of(uuid4(), 1, at=world.lane.now))

        await world.forward(days=400)

        (line,) = lines(world)
        assert (line.state, line.rechecks, line.due_at) == (State.BREAK, len(RECHECKS), None)

    async def test_is_booked_when_admin_has_it_checked_and_it_matches_by_now(self, world: Any) -> None:
        key = uuid4()
        await told(world, line_of(derive(key, "payment"), PRICE, at=world.lane.now))
        await world.forward(days=40)
        await world.book(booking_id=key, start=world.lane.now + timedelta(days=2))
        (line,) = lines(world)

        await world.do(RecheckSettlement(settlement_id=line.id, reason="found it"), world.admin)

        assert [line.state for line in lines(world)] == [State.BOOKED]
        assert world.accounts()["bank"] == PRICE


class TestAPayoutThatCameBackBeforeWeHeardThatItWent:
    async def test_is_booked_both_ways_as_the_statement_tells_it(self, world: Any) -> None:
        await world.deliver()
        await world.forward(days=1)
        world.lane.books.faults = lambda operation, _: (
            Fault.UNAVAILABLE if operation is Operation.RELEASE else None
        )
        await world.pay_out()
        (payout,) = world.payouts()
        came_back = Report(
            reference=payout.reference,
            rail_reference="r",
            standing=Standing.RETURNED,
            amount=payout.amount,
            subject=Subject.TRANSFER,
        )

        await world.do(RecordPayout(payout_id=payout.id, report=came_back))

        failed = await world.get(Payout, payout.id)
        both = [
            line_of(payout.reference, sign * payout.amount_minor, at=world.lane.now, subject=Subject.TRANSFER)
            for sign in (-1, 1)
        ]
        await told(world, both[0], replace(both[1], line_id="back"))
        assert failed.state == PayoutState.FAILED
        assert {line.state for line in lines(world)} == {State.BOOKED}
