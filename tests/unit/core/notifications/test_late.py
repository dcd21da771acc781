"""What is told late is still true, and what a channel is unsure of is not said again."""

from typing import Any

from marketplace.adapters.sandbox.faults import Fault, Operation
from marketplace.core.bookings.commands import CancelBooking
from marketplace.core.notifications.messages import MESSAGES
from marketplace.core.notifications.notification import Notification, State
from marketplace.core.notifications.usecases import PlanMessages
from marketplace.core.shared.events import Event
from marketplace.ports.messaging import Answer, Verdict


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
