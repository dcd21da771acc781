"""What follows an event is done at least once, and done twice is done once."""

from datetime import timedelta
from typing import Any

import pytest

from marketplace.core.bookings.booking import State
from marketplace.core.lifecycles import AGGREGATES
from marketplace.core.marketplace import run
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.usecases import HearHint, VendorEvent
from marketplace.core.reactions import CLOCK, REACTIONS
from marketplace.entrypoints.hooks import hear
from marketplace.entrypoints.simulation.trouble import Trouble
from marketplace.ports.payments import Hint
from marketplace.ports.storage import Alarm, Batch


class TestTheTables:
    def test_have_a_command_for_every_timer(self) -> None:
        assert {kind.LIFECYCLE.kind for kind in AGGREGATES if kind.LIFECYCLE.timers} == CLOCK.keys()

    def test_follow_what_is_heard(self) -> None:
        assert {"vendor.charge_heard", "vendor.refund_heard", "vendor.transfer_heard"} <= REACTIONS.keys()


class TestAnAlarm:
    async def test_is_set_again_for_a_deadline_that_has_come_already(self, world: Any) -> None:
        key = await world.deliver()
        due = (await world.booking(key)).due_at

        await world.until(due)

        # The clock approved it, and the release was due in the same instant.
        assert (await world.booking(key)).released_at == due

    async def test_is_not_lost_on_a_machine_whose_clock_is_behind(self, world: Any) -> None:
        key = await world.book()
        booking = await world.booking(key)
        alarm = Alarm(
            tenant_id=booking.tenant_id,
            kind="booking",
            subject_id=key,
            version=booking.version,
            due_at=booking.due_at,
            request_id="r",
        )
        world.lane.now = booking.due_at

        await world.lane.desk.ring(alarm, world.lane.call(skew=timedelta(seconds=-3)))

        assert (await world.booking(key)).state == State.EXPIRED

    async def test_changes_nothing_when_it_goes_off_again(self, world: Any) -> None:
        key = await world.book()
        await world.forward(hours=3)
        before = await world.booking(key)

        alarm = Alarm(
            tenant_id=before.tenant_id,
            kind="booking",
            subject_id=key,
            version=1,
            due_at=world.lane.now,
            request_id="r",
        )
        await world.lane.desk.ring(alarm, world.lane.call())

        assert await world.booking(key) == before


def hint_of(world: Any, reference: Any, event_id: str = "evt_1") -> Hint:
    return Hint(event_id=event_id, tenant_id=world.lane.tenant.id, reference=reference, subject="charge")


async def call_for(world: Any) -> Any:
    return world.lane.call()


class TestAWebhook:
    async def test_brings_the_question_what_is_true(self, world: Any) -> None:
        key = await world.book("tok_needs_action")
        payment = await world.payment(key)
        world.lane.books.faults = lambda *_: None
        await world.lane.rail.complete_action(payment.id)

        heard = await hear(
            [hint_of(world, payment.id)],
            rail="sandbox",
            call_for=lambda _: call_for(world),
            store=world.lane.store,
        )
        await world.settle()

        assert heard == 1
        assert (await world.payment(key)).state == PaymentState.SUCCEEDED

    async def test_counts_once_however_often_it_comes(self, world: Any) -> None:
        payment = await world.payment(await world.book())
        hints = [hint_of(world, payment.id), hint_of(world, payment.id)]
        before = len(world.all(VendorEvent))

        heard = await hear(hints, rail="sandbox", call_for=lambda _: call_for(world), store=world.lane.store)

        assert heard == 1
        assert len(world.all(VendorEvent)) == before + 1

    async def test_is_asked_after_even_if_whoever_heard_it_dies(self, world: Any) -> None:
        payment = await world.payment(await world.book())
        written: list[Batch] = []

        class Recorder:
            async def read(self, *question: Any) -> Any:
                return await world.storage.read(*question)

            async def write(self, batch: Batch) -> None:
                written.append(batch)

        command = HearHint(rail="sandbox", hint=hint_of(world, payment.id))
        await run(command, call=world.lane.call(), store=Recorder())

        (batch,) = written
        assert [job.name for job in batch.jobs] == ["vendor.charge_heard"]


class TestAJob:
    @pytest.mark.parametrize("kind", ["job_twice", "job_rerun", "storage_outcome_unknown", "clock_skew"])
    async def test_may_always_be_done_again(self, world: Any, kind: str) -> None:
        key = await world.book("tok_pending_success")
        world.lane.trouble = world.lane.store.trouble = Trouble({kind: 0.5}, seed="x")

        await world.until(world.lane.now + timedelta(hours=6))

        assert world.lane.trouble.struck[kind]
        assert (await world.booking(key)).state == State.EXPIRED
        assert await world.broken() == []
        assert world.accounts() == {}
