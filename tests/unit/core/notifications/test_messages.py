"""A message reaches its receiver once, whatever the channel does, or is given up in the end."""

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import uuid4

from marketplace.adapters.sandbox.faults import Fault, Operation
from marketplace.core.bookings.commands import SetOut
from marketplace.core.notifications.notification import Notification, State
from marketplace.core.notifications.usecases import BeginSending, PlanMessages
from marketplace.ports.storage import Follow


def trouble(world: Any, *faults: Fault) -> None:
    """The first sends of each message meet these faults, one after the other."""
    asked: Counter[Any] = Counter()

    def plan(operation: Operation, reference: Any) -> Fault | None:
        if operation is not Operation.SEND:
            return None
        asked[reference] += 1
        return faults[asked[reference] - 1] if asked[reference] <= len(faults) else None

    world.lane.channel.faults = plan


async def received(world: Any) -> list[str]:
    return [message.text for message in await world.lane.channel.read(world.lane.tenant.id)]


class TestAMessage:
    async def test_tells_whom_it_concerns(self, world: Any) -> None:
        await world.confirm()

        texts = await received(world)

        assert len(texts) == 3
        assert any("Please accept or decline" in text for text in texts)
        assert any("Start code" in text for text in texts)

    async def test_says_nothing_of_start_codes_where_none_is_asked_for(self, make_world: Any) -> None:
        world = await make_world(booking={"start_code": False})
        key = await world.confirm()
        await world.until(world.start - timedelta(hours=1))
        await world.do(SetOut(booking_id=key), world.provider)
        await world.settle()

        told = [text for text in await received(world) if "confirmed" in text or "on the way" in text]

        assert len(told) == 2
        assert not any("code" in text for text in told)
        assert told[0].endswith("is on the way.")

    async def test_comes_once_when_its_job_runs_twice(self, world: Any) -> None:
        await world.book()
        (message,) = world.all(Notification)
        job = Follow(
            tenant_id=message.tenant_id,
            event_id=message.id,
            name="notification.planned",
            subject_id=message.id,
            at=world.lane.now,
            request_id="again",
        )

        await world.lane.desk.follow(job, world.lane.call())

        assert len(await received(world)) == 1

    async def test_in_doubt_is_looked_up_and_not_sent_again(self, world: Any) -> None:
        trouble(world, Fault.TIMEOUT_AFTER)
        await world.book()
        (before,) = world.all(Notification)

        await world.forward(minutes=2)

        (after,) = world.all(Notification)
        assert (before.state, after.state) == (State.UNKNOWN, State.ACCEPTED)
        assert len(await received(world)) == 1

    async def test_that_never_arrived_is_sent_again(self, world: Any) -> None:
        trouble(world, Fault.TIMEOUT_BEFORE, Fault.UNAVAILABLE)
        await world.book()

        await world.forward(minutes=10)

        (message,) = world.all(Notification)
        assert message.state == State.ACCEPTED
        assert len(await received(world)) == 1

    async def test_is_given_up_when_it_is_of_no_more_use(self, world: Any) -> None:
        trouble(world, *[Fault.TIMEOUT_BEFORE] * 100)
        await world.book("tok_needs_action")  # nobody has to be told of anything yet
        await world.lane.rail.complete_action((await world.payment()).id)
        await world.settle()

        await world.forward(hours=20)

        assert {message.state for message in world.all(Notification)} == {State.EXPIRED}
        assert await received(world) == []
        assert await world.broken() == []

    async def test_that_another_try_is_sending_is_left_to_it(self, world: Any) -> None:
        key = await world.book()
        told_before = await received(world)
        plan = PlanMessages(event_id=uuid4(), event="booking.delivered", subject_id=key)
        (planned,) = await world.do(plan)
        await world.do(BeginSending(notification_id=planned.id))  # and that try died

        await world.settle()
        at_once = await received(world)
        await world.forward(minutes=2)

        assert at_once == told_before
        assert len(await received(world)) == len(told_before) + 1


class TestTheEndOfABooking:
    async def test_that_was_paid_tells_that_the_money_goes_back(self, world: Any) -> None:
        await world.book()
        await world.until((await world.booking()).accept_by)
        await world.settle()

        (told,) = [text for text in await received(world) if "has lapsed" in text]

        assert told.endswith("You get ZAR 500.00 back.")

    async def test_that_was_never_paid_speaks_of_no_refund(self, world: Any) -> None:
        await world.book("tok_needs_action")
        await world.until((await world.booking()).pay_by)
        await world.settle()

        (told,) = [text for text in await received(world) if "has lapsed" in text]

        assert told.endswith("You pay nothing.")

    async def test_in_a_hold_that_is_let_go_costs_nothing(self, holding: Any) -> None:
        await holding.book()
        await holding.until((await holding.booking()).accept_by)
        await holding.settle()

        (told,) = [text for text in await received(holding) if "has lapsed" in text]

        assert told.endswith("You pay nothing.")

    async def test_that_nobody_did_anything_about_is_told_to_both(self, world: Any) -> None:
        await world.confirm()
        await world.until((await world.booking()).lapses_at)
        await world.settle()

        told = [text.partition(", ")[2] for text in await received(world) if "nobody reported" in text]

        ends = {text.partition(". ")[2] for text in told}
        assert ends == {"You get ZAR 500.00 back.", "It has lapsed."}

    async def test_by_a_no_show_tells_what_comes_back(self, world: Any) -> None:
        await world.miss(by=world.customer)

        told = [text for text in await received(world) if "no-show" in text]

        assert sorted(text.endswith("You get ZAR 500.00 back.") for text in told) == [False, True]
