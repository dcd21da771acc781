"""A job counts as done only when what it asked for is done."""

from typing import Any

import pytest

from marketplace.core.bookings.booking import State
from marketplace.core.ledger.movement import Origin, balanced
from marketplace.core.notifications.usecases import PlanMessages
from marketplace.core.payments.usecases import RecordPayment
from marketplace.core.providers.reservation import Reservation
from marketplace.core.shared.aggregate import move
from marketplace.core.shared.errors import MoveRefused
from marketplace.core.shared.events import Event
from marketplace.ports.storage import Alarm, AlreadyThere, Work


class TestAnAlarm:
    async def test_that_cannot_move_what_is_due_says_so(self, world: Any) -> None:
        key = await world.book("tok_needs_action")
        booking = await world.booking(key)
        work = Work(world.storage, booking.tenant_id)
        work.save(move(await work.get(Reservation, booking.reservation_id), "release", world.lane.call()))
        await world.storage.write(work.batch([]))
        world.lane.now = booking.due_at
        alarm = Alarm(
            tenant_id=booking.tenant_id,
            kind="booking",
            subject_id=key,
            version=booking.version,
            due_at=booking.due_at,
            request_id="r",
        )

        with pytest.raises(MoveRefused):
            await world.lane.desk.ring(alarm, world.lane.call())

        assert (await world.booking(key)).state == State.AWAITING_PAYMENT


class TestAReaction:
    async def test_whose_money_is_booked_under_another_s_key_is_not_done(self, world: Any) -> None:
        await world.book("tok_needs_action")
        payment = await world.payment()
        await self._book_as_if(world, payment)
        report = await world.lane.rail.complete_action(payment.id)

        with pytest.raises(AlreadyThere):
            await world.lane.desk.carry_out(RecordPayment(report=report), world.lane.call())

    async def test_that_finds_its_own_work_is_done(self, world: Any) -> None:
        key = await world.book()
        paid = next(event for event in world.all(Event) if event.name == "booking.paid")

        again = PlanMessages(event_id=paid.id, event=paid.name, subject_id=key)
        await world.lane.desk.carry_out(again, world.lane.call())

        assert await world.broken() == []

    async def _book_as_if(self, world: Any, payment: Any) -> None:
        origin = Origin(
            tenant_id=payment.tenant_id,
            name="payment_succeed",
            subject_id=payment.id,
            booking_id=payment.booking_id,
            currency=payment.currency,
            at=world.lane.now,
        )
        work = Work(world.storage, payment.tenant_id)
        work.insert(*balanced(origin, {"bank": 1, "promo": -1}))
        await world.storage.write(work.batch([]))
