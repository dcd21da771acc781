"""What is told late is still true, and what a channel is unsure of is not said again."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from marketplace.adapters.sandbox.faults import Fault, Operation
from marketplace.core.bookings.commands import (
    AcceptBooking,
    AssignBooking,
    CancelBooking,
    DeclineTime,
    HandBack,
    ProposeTime,
    RetryPayment,
)
from marketplace.core.notifications.messages import MESSAGES
from marketplace.core.notifications.notification import Notification, State
from marketplace.core.notifications.usecases import PlanMessages
from marketplace.core.shared.events import Event
from marketplace.ports.messaging import Answer, Verdict


async def told_late(world: Any, key: UUID) -> set[str]:
    """Which of these events a customer or provider would hear of now, had all their jobs been late."""
    names = ("payment_failed", "paid", "confirmed", "handed_back", "time_proposed")
    return {
        name
        for name in names
        if await world.do(PlanMessages(event_id=uuid4(), event=f"booking.{name}", subject_id=key))
    }


class TestAMessage:
    async def test_of_what_is_over_is_not_sent_after_the_end_was_told(self, world: Any) -> None:
        key = await world.confirm()
        await world.do(CancelBooking(booking_id=key, reason="ill"), world.customer)
        await world.settle()
        told = world.all(Notification)

        for event in world.all(Event):
            if event.name in MESSAGES and event.subject_id == key:
                late = PlanMessages(event_id=key, event=event.name, subject_id=key)
                planned = await world.do(late)
                assert bool(planned) == (event.name == "booking.cancelled")

        assert {message.template.split(":")[0] for message in told} >= {"booking.cancelled"}

    async def test_of_what_is_not_so_any_more_is_not_sent(self, world: Any) -> None:
        """A job that comes late finds the booking further on, and with another provider."""
        key, shop = await world.book(), world.market.shops[0]
        waiting = await told_late(world, key)
        await world.do(AcceptBooking(booking_id=key), world.provider)
        proposal = ProposeTime(booking_id=key, starts_at=world.start + timedelta(hours=2))
        await world.do(proposal, world.provider)
        proposed = await told_late(world, key)
        await world.do(DeclineTime(booking_id=key), world.customer)
        firm = await told_late(world, key)
        await world.do(HandBack(booking_id=key, reason="ill"), world.provider)
        handed_back = await told_late(world, key)
        by_hand = AssignBooking(booking_id=key, provider_id=shop.provider_id, reason="well again")
        await world.do(by_hand, world.admin)
        assigned = await told_late(world, key)

        assert waiting == {"paid"}
        assert proposed == {"confirmed", "time_proposed"}
        assert handed_back == {"handed_back"}
        assert firm == assigned == {"confirmed"}

    async def test_of_a_payment_that_failed_is_not_sent_once_it_is_tried_again(self, world: Any) -> None:
        key = await world.book("tok_decline")
        failed = await told_late(world, key)
        again = RetryPayment(booking_id=key, payment_id=uuid4(), payment_method="tok_success")
        await world.do(again, world.customer)

        assert "payment_failed" in failed
        assert "payment_failed" not in await told_late(world, key)

    async def test_of_which_the_channel_is_unsure_is_not_sent_again(self, world: Any) -> None:
        world.lane.channel.faults = _timeout_after
        world.lane.channel.lookup = _unsure
        await world.book()

        await world.forward(hours=1)

        (message,) = world.all(Notification)
        assert message.state == State.UNKNOWN
        assert len(await world.lane.channel.read(world.lane.tenant.id)) == 1


class TestAProvider:
    async def test_is_told_of_money_that_was_released(self, world: Any) -> None:
        await world.deliver()
        await world.forward(days=2)

        assert len(_released(world)) == 1

    async def test_is_not_told_of_money_that_went_back(self, world: Any) -> None:
        await world.miss(by=world.customer)
        await world.forward(days=2)

        assert (await world.booking()).released_at is not None
        assert _released(world) == []
        assert await world.broken() == []

    async def test_is_not_told_of_money_that_the_bank_took(self, world: Any) -> None:
        await world.deliver("tok_chargeback")
        await world.forward(days=20)

        assert (await world.booking()).released_at is not None
        assert _released(world) == []
        assert await world.broken() == []


def _released(world: Any) -> list[Notification]:
    return [one for one in world.all(Notification) if one.template.startswith("booking.released")]


def _timeout_after(operation: Operation, _: Any) -> Fault | None:
    return Fault.TIMEOUT_AFTER if operation is Operation.SEND else None


async def _unsure(_: Any) -> Answer:
    return Answer(verdict=Verdict.UNKNOWN)
