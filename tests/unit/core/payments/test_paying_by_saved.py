"""A saved method stands wherever a token may, and reading it costs no way to storage of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.core.bookings.booking import Booking
from marketplace.core.bookings.commands import CallOut, CreateBooking, RetryPayment
from marketplace.core.notifications.notification import Notification
from marketplace.core.payments.payment import State
from marketplace.core.payments.saving import SaveMethod
from marketplace.core.shared.errors import NotFound
from marketplace.core.shared.mandates import DebitValue, Frequency, MandateTerms
from marketplace.core.shared.methods import MethodKind
from marketplace.entrypoints.simulation.market import HERE

TERMS = MandateTerms(
    value=DebitValue.USAGE_BASED, frequency=Frequency.AD_HOC, collection_day=99, maximum_minor=100_000
)


async def save(world: Any, **given: Any) -> UUID:
    key = uuid4()
    facts = {"kind": MethodKind.CARD, "source": "setup_success", **given}
    await world.do(SaveMethod(payment_method_id=key, **facts), world.customer)
    await world.settle()
    return key


@contextmanager
def counting(world: Any) -> Iterator[list[int]]:
    """How many questions each way to storage asks."""
    counted: list[int] = []
    read = world.storage.read

    async def reading(tenant_id: UUID, questions: Any) -> Any:
        counted.append(len(questions))
        return await read(tenant_id, questions)

    world.storage.read = reading
    yield counted
    world.storage.read = read


class TestABooking:
    @pytest.mark.parametrize("methods", [0, 1], ids=["token", "saved"])
    async def test_is_read_for_in_one_round_trip(self, world: Any, methods: int) -> None:
        method = str(await save(world)) if methods else "tok_success"
        shop = world.market.shops[0]
        command = CreateBooking(
            booking_id=uuid4(),
            provider_id=shop.provider_id,
            service_id=shop.service_id,
            starts_at=world.start,
            payment_method=method,
        )

        with counting(world) as questions:
            await world.do(command, world.customer)

        assert questions == [4 + methods]

    async def test_that_nobody_paid_is_paid_by_it_in_the_end(self, instant: Any) -> None:
        await instant.book("tok_decline")
        key = await save(instant)

        with counting(instant) as questions:
            await instant.do(
                RetryPayment(booking_id=instant.ids[-1], payment_id=uuid4(), payment_method=str(key)),
                instant.customer,
            )
        await instant.settle()

        payment = await instant.payment()
        assert (payment.state, payment.method_id) == (State.SUCCEEDED, key)
        assert questions == [1, 2]

    async def test_is_paid_by_admin_with_its_customers_own_alone(self, instant: Any) -> None:
        await instant.book("tok_decline", actor=instant.market.customers[1])
        key = await save(instant)
        retry = RetryPayment(
            booking_id=instant.ids[-1], payment_id=uuid4(), payment_method=str(key), reason="by phone"
        )

        with pytest.raises(NotFound):
            await instant.do(retry, instant.admin)


class TestACallOut:
    @pytest.mark.parametrize("methods", [0, 1], ids=["token", "saved"])
    async def test_is_paid_by_it_and_read_for_in_one_round_trip(self, world: Any, methods: int) -> None:
        key = await save(world)
        method = str(key) if methods else "tok_success"
        command = CallOut(
            booking_id=uuid4(), service_id=world.market.house_id, place=HERE, payment_method=method
        )

        with counting(world) as questions:
            await world.do(command, world.customer)
        await world.settle()

        booking = await world.get(Booking, command.booking_id)
        payment = await world.payment(booking.id)
        assert payment.method_id == (key if methods else None)
        assert questions == [1 + methods]


class TestItsOwner:
    async def test_is_told_of_a_mandate_that_stands_and_sees_a_card_done(self, world: Any) -> None:
        card = await save(world)
        mandate = await save(world, kind=MethodKind.DEBIT_ORDER, terms=TERMS)

        told = {one.subject_id: one.text for one in world.all(Notification)}

        assert card not in told
        assert "your debit order Bank account 4242 is saved" in told[mandate]
