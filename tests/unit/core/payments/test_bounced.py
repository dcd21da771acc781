"""A refund that a bank sends back weeks after it succeeded is owed again, and nobody loses by it."""

from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from marketplace.adapters.sandbox.faults import Fault, Operation
from marketplace.core.bookings.commands import CancelBooking
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.refund import State
from marketplace.core.payments.refunding import PayRefundByHand, RecordRefund, RetryRefund
from marketplace.core.payments.usecases import HearHint, RecordPayment
from marketplace.core.settlements.settlement import Settlement
from marketplace.core.settlements.settlement import State as SettlementState
from marketplace.core.settlements.usecases import ReadStatements
from marketplace.core.shared.errors import MoveRefused
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Hint, Report, Standing, Subject

PRICE = 50_000


async def refunded(world: Any, token: str = "tok_refund_bounces") -> UUID:
    key: UUID = await world.confirm(token)
    await world.do(CancelBooking(booking_id=key, reason="moved"), world.customer)
    await world.settle()
    return key


async def bounced(world: Any, token: str = "tok_refund_bounces") -> Any:
    await refunded(world, token)
    await world.forward(days=21)
    (refund,) = world.refunds()
    assert refund.state == State.BOUNCED
    return refund


def once(world: Any) -> None:
    """The next refund is sent back, those after it are not."""
    asked: Counter[Operation] = Counter()

    def plan(operation: Operation, _: UUID) -> Fault | None:
        asked[operation] += 1
        return Fault.REFUND_BOUNCED if operation is Operation.REFUND and asked[operation] == 1 else None

    world.lane.books.faults = plan


def told(refund: Any, standing: Standing) -> RecordRefund:
    report = Report(
        reference=refund.reference,
        rail_reference="rail",
        standing=standing,
        amount=refund.amount,
        subject=Subject.REFUND,
        failure="account_closed" if standing is Standing.FAILED else None,
    )
    return RecordRefund(refund_id=refund.id, report=report)


async def take_back(world: Any) -> None:
    """The bank disputes the payment, and gets it."""
    payment = await world.payment()
    for standing in (Standing.DISPUTED, Standing.LOST):
        report = Report(
            reference=payment.id,
            rail_reference="rail",
            standing=standing,
            amount=Money(PRICE, payment.currency),
        )
        await world.do(RecordPayment(report=report))
        await world.settle()


class TestARefundThatComesBack:
    async def test_is_owed_again_and_its_customer_is_told(self, world: Any) -> None:
        await refunded(world)
        gone = world.accounts()

        await world.forward(days=21)

        (refund,) = world.refunds()
        texts = [message.text for message in await world.lane.channel.read(world.lane.tenant.id)]
        assert (gone, world.accounts()) == ({}, {"psp_clearing": PRICE, "refunds_payable": -PRICE})
        assert (refund.state, refund.failure) == (State.BOUNCED, "account_closed")
        assert sum("sent back the" in text and "500" in text for text in texts) == 1
        assert await world.broken() == []

    async def test_is_heard_of_without_a_webhook(self, world: Any) -> None:
        world.lane.books.faults = lambda operation, _: (
            Fault.WEBHOOK_LOST if operation is Operation.WEBHOOK else None
        )

        await refunded(world)
        await world.forward(days=100)

        assert [refund.state for refund in world.refunds()] == [State.BOUNCED]
        assert await world.broken() == []

    async def test_is_sent_again_under_a_reference_of_its_own(self, world: Any) -> None:
        once(world)
        back = await bounced(world, "tok_success")

        await world.do(RetryRefund(refund_id=back.id, reason="a new card"), world.admin)
        await world.forward(days=100)

        (refund,) = world.refunds()
        assert (refund.state, refund.attempt) == (State.SUCCEEDED, 2)
        assert refund.reference != back.reference
        assert world.accounts() == {}
        assert await world.rail_minor() == 0
        assert await world.broken() == []

    async def test_may_come_back_again(self, world: Any) -> None:
        back = await bounced(world)

        await world.do(RetryRefund(refund_id=back.id, reason="again"), world.admin)
        await world.forward(days=21)

        (refund,) = world.refunds()
        assert (refund.state, refund.attempt) == (State.BOUNCED, 2)
        assert world.accounts() == {"psp_clearing": PRICE, "refunds_payable": -PRICE}
        assert await world.broken() == []

    async def test_is_paid_by_hand_and_bounces_no_more(self, world: Any) -> None:
        back = await bounced(world)

        await world.do(PayRefundByHand(refund_id=back.id, reason="EFT of today"), world.admin)
        await world.do(told(back, Standing.FAILED))
        hint = Hint(event_id="late", tenant_id=back.tenant_id, reference=back.reference, subject="refund")
        await world.do(HearHint(rail="sandbox", hint=hint))
        await world.forward(days=100)

        (refund,) = world.refunds()
        assert (refund.state, refund.by_hand, refund.due_at) == (State.SUCCEEDED, True, None)
        assert world.accounts() == {"psp_clearing": PRICE, "bank": -PRICE}
        assert await world.broken() == []

    async def test_is_not_settled_twice_by_two_people(self, world: Any) -> None:
        back = await bounced(world)
        await world.do(PayRefundByHand(refund_id=back.id, reason="EFT of today"), world.admin)

        with pytest.raises(MoveRefused):
            await world.do(RetryRefund(refund_id=back.id, reason="again"), world.admin)

        assert await world.broken() == []

    async def test_is_booked_once_by_two_who_hear_of_it(self, world: Any) -> None:
        await refunded(world)
        (refund,) = world.refunds()
        await world.lane.books.hurry(refund.reference)
        news = told(refund, Standing.FAILED)

        world.between(lambda: world.do(news), read=1)
        await world.do(news)
        await world.settle()

        assert [refund.state for refund in world.refunds()] == [State.BOUNCED]
        assert world.accounts() == {"psp_clearing": PRICE, "refunds_payable": -PRICE}
        assert await world.broken() == []

    async def test_is_not_called_done_by_an_answer_that_was_on_its_way(self, world: Any) -> None:
        back = await bounced(world)

        await world.do(told(back, Standing.SUCCEEDED))
        await take_back(world)
        await world.do(told(back, Standing.SUCCEEDED))

        assert [refund.state for refund in world.refunds()] == [State.CANCELLED]
        assert world.accounts() == {}

    async def test_is_looked_up_no_more_by_the_clock_than_it_has_to_be(self, world: Any) -> None:
        await refunded(world, "tok_success")
        looks = [world.refunds()[0].due_at is not None]
        for days in (8, 91):
            await world.forward(days=days)
            looks.append(world.refunds()[0].due_at is not None)

        assert looks == [True, True, False]
        assert await world.broken() == []

    @pytest.mark.parametrize("retried", [True, False])
    async def test_is_settled_line_by_line(self, world: Any, retried: bool) -> None:  # noqa: FBT001
        once(world)
        back = await bounced(world, "tok_success")
        if retried:
            await world.do(RetryRefund(refund_id=back.id, reason="a new card"), world.admin)
        await world.forward(days=3)

        await world.do(ReadStatements())
        await world.settle()

        lines = world.all(Settlement)
        moved = [-PRICE, PRICE, PRICE, *([-PRICE] if retried else [])]
        assert sorted(line.gross_minor for line in lines) == sorted(moved)
        assert {line.state for line in lines} == {SettlementState.BOOKED}
        assert await world.broken() == []


class TestABankThatTookThePaymentToo:
    async def test_leaves_nothing_to_give_back(self, world: Any) -> None:
        await refunded(world)
        await take_back(world)
        lost = world.accounts()

        await world.forward(days=21)

        assert (await world.payment()).state == PaymentState.LOST
        assert lost == {"psp_clearing": -PRICE, "chargeback_loss": PRICE}
        assert [refund.state for refund in world.refunds()] == [State.CANCELLED]
        assert world.accounts() == {}

    async def test_after_it_came_back_leaves_nothing_either(self, world: Any) -> None:
        await bounced(world)

        await take_back(world)

        assert [refund.state for refund in world.refunds()] == [State.CANCELLED]
        assert world.accounts() == {}

    async def test_gives_up_again_what_was_carried_out_after_all(self, world: Any) -> None:
        """Given up, then carried out after all, then sent back: each is booked, and undone."""
        await refunded(world, "tok_refund_fails_once")
        await take_back(world)
        (refund,) = world.refunds()

        await world.do(told(refund, Standing.SUCCEEDED))
        twice = world.accounts()
        await world.do(told(refund, Standing.FAILED))
        await world.settle()
        await world.do(told(refund, Standing.SUCCEEDED))

        assert twice == {"psp_clearing": -PRICE, "chargeback_loss": PRICE}
        assert [refund.state for refund in world.refunds()] == [State.CANCELLED]
        assert world.accounts() == {}
