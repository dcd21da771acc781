"""A saved method that somebody uses while somebody else removes it is used, or removed, and never both."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.core.bookings.booking import Booking
from marketplace.core.payments.method import MethodUnusable, PaymentMethod, State
from marketplace.core.payments.saving import LookUpMethod, RecordMethod, RemoveMethod, SaveMethod
from marketplace.core.shared.errors import MoveRefused
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.roles import SYSTEM
from marketplace.ports.payments import SetupStanding
from marketplace.ports.storage import Follow

Open = Callable[..., Awaitable[Any]]
orders = pytest.mark.parametrize("first", [0, 1, None], ids=["first", "second", "at-once"])


async def save(market: Any, source: str = "setup_success") -> UUID:
    key = uuid4()
    command = SaveMethod(payment_method_id=key, kind=MethodKind.CARD, source=source)
    await market.do(command, market.customers[0])
    await market.work()
    return key


async def state(market: Any, key: UUID) -> State:
    method = await market.see(key, PaymentMethod)
    found: State = method.state
    return found


class TestASavedMethod:
    @orders
    async def test_is_removed_once(self, open_market: Open, first: int | None) -> None:
        market = await open_market()
        key = await save(market)
        removal = (RemoveMethod(payment_method_id=key), market.customers[0])

        outcomes = await market.race(removal, removal, first=first)
        await market.work()

        assert [isinstance(one, MoveRefused) for one in outcomes].count(True) == 1
        assert await market.events("payment_method.removed") == 1
        assert await state(market, key) == State.CANCELLED

    @orders
    async def test_is_used_or_removed(self, open_market: Open, first: int | None) -> None:
        market = await open_market()
        key = await save(market)
        removal = (RemoveMethod(payment_method_id=key), market.customers[0])

        booked, removed = await market.race(market.wish(payment_method=str(key)), removal, first=first)

        assert isinstance(removed, PaymentMethod)
        assert isinstance(booked, MethodUnusable if first == 1 else Booking | MethodUnusable)
        assert first != 0 or isinstance(booked, Booking)
        await market.pass_time(timedelta(days=12))
        assert await market.violations() == []

    async def test_may_be_told_of_before_the_call_that_began_it_has_answered(self, open_market: Open) -> None:
        market = await open_market()
        key = uuid4()
        command = SaveMethod(payment_method_id=key, kind=MethodKind.CARD, source="setup_success")
        await market.do(command, market.customers[0])
        begun = await market.work_but("payment_method.begun")
        heard = Follow(
            tenant_id=market.tenant.id,
            event_id=uuid4(),
            name="vendor.method_heard",
            subject_id=key,
            at=market.now,
            request_id="a webhook",
        )

        await market.follow_at_once([*begun, heard])
        await market.work()

        assert await state(market, key) == State.ACTIVE
        assert await market.events("payment_method.activated") == 1

    @orders
    async def test_is_authorised_or_removed(self, open_market: Open, first: int | None) -> None:
        market = await open_market()
        key = await save(market, "setup_needs_action")
        await market.rail.answer_setup(key, agreed=True)
        report = await market.rail.find_setup(key)

        await market.race(
            (RecordMethod(report=report), SYSTEM),
            (RemoveMethod(payment_method_id=key), market.customers[0]),
            first=first,
        )
        await market.work()

        assert await state(market, key) == State.CANCELLED
        assert (await market.rail.find_setup(key)).standing is SetupStanding.CANCELLED

    @orders
    async def test_is_looked_up_by_two_at_once(self, open_market: Open, first: int | None) -> None:
        market = await open_market()
        key = await save(market, "setup_revoked")
        look = (LookUpMethod(payment_method_id=key, reason="a test"), market.admin)

        await market.race(look, look, first=first)
        await market.pass_time(timedelta(minutes=2))

        assert await state(market, key) == State.CANCELLED
