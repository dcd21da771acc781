"""Each move is made by whom the table names, from where it says, and refused to everybody else."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from marketplace.core.bookings.booking import BOOKING, Side, State
from marketplace.core.bookings.commands import (
    AcceptBooking,
    ApproveBooking,
    Arrive,
    AssignBooking,
    CancelBooking,
    DeclineBooking,
    DeliverBooking,
    DisputeBooking,
    HandBack,
    ProposeTime,
    ReportNoShow,
    ResolveDispute,
    RetryPayment,
    SetOut,
    StartBooking,
)
from marketplace.core.bookings.guards import EARLY_SET_OUT_MAX, PaymentUnderWay, TooEarly, TooLate
from marketplace.core.marketplace import run
from marketplace.core.notifications.notification import Notification
from marketplace.core.providers.reservation import Reservation, SlotTaken
from marketplace.core.providers.reservation import State as ReservationState
from marketplace.core.shared.errors import (
    Conflict,
    Invalid,
    LimitReached,
    MoveRefused,
    NotAllowed,
    NotFound,
    Refused,
)
from marketplace.core.shared.events import Event
from marketplace.core.shared.roles import SYSTEM, Actor, Role
from marketplace.core.tenants.policy import Capture

WHY = {"reason": "because"}
COMMANDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "accept": (AcceptBooking, WHY),
    "decline": (DeclineBooking, WHY),
    "set_out": (SetOut, WHY),
    "arrive": (Arrive, WHY),
    "start": (StartBooking, WHY),
    "deliver": (DeliverBooking, WHY),
    "approve": (ApproveBooking, WHY),
    "cancel": (CancelBooking, WHY),
    "report_no_show": (ReportNoShow, WHY | {"absent": "provider"}),
    "hand_back": (HandBack, WHY),
    "dispute": (DisputeBooking, WHY),
    "resolve": (ResolveDispute, WHY | {"refund_minor": 1}),
}
Bring = Callable[[Any], Awaitable[Any]]


async def en_route(world: Any) -> Any:
    key = await world.confirm()
    await world.until(world.start - EARLY_SET_OUT_MAX)
    await world.do(SetOut(booking_id=key), world.provider)
    return key


async def arrived(world: Any) -> Any:
    key = await en_route(world)
    await world.do(Arrive(booking_id=key), world.provider)
    return key


async def then(world: Any, bring: Bring, command: Any, actor: Actor, **more: Any) -> Any:
    key = await bring(world)
    await world.do(command(booking_id=key, **WHY, **more), actor)
    await world.settle()
    return key


async def completed(world: Any) -> Any:
    return await then(world, lambda w: w.deliver(), ApproveBooking, world.customer)


async def cancelled(world: Any) -> Any:
    return await then(world, lambda w: w.book(), CancelBooking, world.customer)


async def declined(world: Any) -> Any:
    return await then(world, lambda w: w.book(), DeclineBooking, world.provider)


async def expired(world: Any) -> Any:
    key = await world.book()
    await world.forward(hours=3)
    return key


async def refunded(world: Any) -> Any:
    return await then(world, lambda w: w.dispute(), ResolveDispute, world.admin, refund_minor=50_000)


STATES: dict[State, Bring] = {
    State.AWAITING_PAYMENT: lambda world: world.book("tok_needs_action"),
    State.AWAITING_PROVIDER: lambda world: world.book(),
    State.CONFIRMED: lambda world: world.confirm(),
    State.EN_ROUTE: en_route,
    State.ARRIVED: arrived,
    State.UNDER_WAY: lambda world: world.work(),
    State.DELIVERED: lambda world: world.deliver(),
    State.COMPLETED: completed,
    State.CANCELLED: cancelled,
    State.EXPIRED: expired,
    State.DECLINED: declined,
    State.NO_SHOW: lambda world: world.miss(by=world.provider),
    State.DISPUTED: lambda world: world.dispute(),
    State.REFUNDED: refunded,
}


def actors(world: Any) -> list[tuple[Actor, bool]]:
    """Everybody who might try, and whether the booking is theirs to see."""
    return [
        (world.customer, True),
        (world.provider, True),
        (world.admin, True),
        (Actor(Role.SUPPORT, world.admin.user_id), True),
        (Actor(Role.PARTNER, uuid4()), True),
        (SYSTEM, True),
        (world.market.customers[1], False),
        (Actor(Role.PROVIDER, uuid4(), uuid4()), False),
    ]


class TestEveryState:
    def test_can_be_reached(self) -> None:
        assert STATES.keys() == set(State)

    @pytest.mark.parametrize("state", State)
    async def test_refuses_whatever_the_table_does_not_allow(self, world: Any, state: State) -> None:
        key = await STATES[state](world)
        before = await world.booking(key)
        assert before.state == state

        for move, (command, needs) in COMMANDS.items():
            for actor, sees in actors(world):
                step = BOOKING.table.get((state, move))
                if sees and step is not None and actor.role in step.by:
                    continue
                with pytest.raises((MoveRefused, NotAllowed, NotFound, Conflict)) as refusal:
                    await world.do(command(booking_id=key, **needs), actor)
                assert sees or refusal.type is NotFound

        assert await world.booking(key) == before

    @pytest.mark.parametrize("state", State)
    async def test_lets_those_through_whom_the_table_names(self, make_world: Any, state: State) -> None:
        for move, (command, needs) in COMMANDS.items():
            step = BOOKING.table.get((state, move))
            for index in range(6) if step else ():
                world = await make_world()
                key = await STATES[state](world)
                actor, _ = actors(world)[index]
                if step is None or actor.role not in step.by:
                    continue
                code = (await world.booking(key)).start_code
                given = needs | ({"start_code": code} if move == "start" else {})
                await world.until(max(world.lane.now, _when(world, state, move)))

                try:
                    moved = await world.do(command(booking_id=key, **given), actor)
                except TooLate:
                    assert (state, move) == (State.COMPLETED, "dispute")
                    continue

                assert moved.state == step.target, (move, actor.role)


def _when(world: Any, state: State, move: str) -> Any:
    """From when a move may be made, where it has a time."""
    early = {State.CONFIRMED, State.EN_ROUTE, State.ARRIVED}
    if (state, move) == (State.CONFIRMED, "set_out"):
        return world.start - EARLY_SET_OUT_MAX
    if state in early and move in {"start", "report_no_show"}:
        return world.start + timedelta(minutes=20)
    return world.lane.now


class TestSettingOut:
    async def test_is_possible_half_a_day_before_the_start_and_offered_from_then_on(self, world: Any) -> None:
        key = await world.confirm()
        await world.until(world.start - EARLY_SET_OUT_MAX - timedelta(seconds=1))

        with pytest.raises(TooEarly) as refused:
            await world.do(SetOut(booking_id=key), world.provider)
        await world.forward(seconds=1)
        offered = BOOKING.moves_for(await world.booking(key), world.lane.call(world.provider))

        assert refused.value.facts["possible_from"] == (world.start - EARLY_SET_OUT_MAX).isoformat()
        assert "set_out" in offered
        assert (await world.do(SetOut(booking_id=key), world.provider)).state == State.EN_ROUTE


class TestABooking:
    async def test_tells_who_acted_for_whom_and_why(self, world: Any) -> None:
        key = await world.confirm()
        await world.until(world.start - EARLY_SET_OUT_MAX)
        with pytest.raises(Invalid, match="reason"):
            await world.do(SetOut(booking_id=key), world.admin)

        await world.do(SetOut(booking_id=key, reason="the phone is broken"), world.admin)

        event = max((e for e in world.all(Event) if e.subject_id == key), key=lambda e: e.version)
        assert (event.actor_role, event.reason) == (Role.ADMIN, "the phone is broken")

    async def test_starts_with_the_customers_code_only(self, world: Any) -> None:
        key = await world.confirm()
        await world.until(world.start)

        for tries_left in (4, 3, 2, 1, 0):
            missed = await world.do(StartBooking(booking_id=key, start_code="nope"), world.provider)
            assert (missed.tries_left, missed.booking.state) == (tries_left, State.CONFIRMED)

        code = (await world.booking(key)).start_code
        with pytest.raises(LimitReached):
            await world.do(StartBooking(booking_id=key, start_code=code), world.provider)
        started = await world.do(StartBooking(booking_id=key, reason="code lost"), world.admin)
        assert started.state == State.UNDER_WAY

    async def test_starts_with_the_code_after_a_miss(self, world: Any) -> None:
        key = await world.confirm()
        await world.until(world.start)
        code = (await world.booking(key)).start_code

        await world.do(StartBooking(booking_id=key, start_code="nope"), world.provider)

        started = await world.do(StartBooking(booking_id=key, start_code=code), world.provider)
        assert started.state == State.UNDER_WAY

    async def test_costs_no_try_where_no_code_is_said(self, world: Any) -> None:
        key = await world.confirm()
        await world.until(world.start)

        with pytest.raises(Invalid, match="start_code: is missing; allowed: the 4 digits"):
            await world.do(StartBooking(booking_id=key), world.provider)

        missed = await world.do(StartBooking(booking_id=key, start_code="nope"), world.provider)
        assert missed.tries_left == 4

    async def test_forgets_a_proposal_of_who_hands_it_back(self, world: Any) -> None:
        """Another provider never agreed to that time."""
        key = await world.confirm()
        later = world.start + timedelta(hours=2)
        await world.do(ProposeTime(booking_id=key, starts_at=later), world.provider)

        await world.do(HandBack(booking_id=key, reason="ill"), world.provider)

        booking = await world.booking(key)
        assert (booking.proposed_starts_at, booking.proposed_by) == (None, None)

    async def test_cannot_be_accepted_when_its_time_is_over(self, world: Any) -> None:
        """Whether or not the timer has run by then."""
        key = await world.book()
        booking = await world.booking(key)
        late = replace(world.lane.call(world.provider), at=booking.accept_by + timedelta(seconds=1))

        with pytest.raises(TooLate):
            await run(AcceptBooking(booking_id=key), call=late, store=world.storage)

    async def test_cannot_start_long_before_its_time(self, world: Any) -> None:
        key = await world.confirm()
        code = (await world.booking(key)).start_code

        with pytest.raises(TooEarly):
            await world.do(StartBooking(booking_id=key, start_code=code), world.provider)

    async def test_cannot_be_missed_before_the_grace_is_over(self, world: Any) -> None:
        key = await world.confirm()
        await world.until(world.start + timedelta(minutes=14))

        with pytest.raises(TooEarly):
            await world.do(ReportNoShow(booking_id=key, reason="late"), world.customer)

    async def test_may_be_missed_by_its_customer_alone_while_its_provider_is_on_the_way(
        self, world: Any
    ) -> None:
        """Or setting out would be enough to be paid for not coming."""
        key = await world.confirm()
        await world.until(world.start)
        await world.do(SetOut(booking_id=key), world.provider)
        await world.until(world.start + timedelta(minutes=20))

        with pytest.raises(NotAllowed):
            await world.do(ReportNoShow(booking_id=key, reason="closed"), world.provider)
        missed = await world.do(ReportNoShow(booking_id=key, reason="nobody came"), world.customer)

        assert (missed.fault, missed.refund_minor) == (Side.PROVIDER, missed.total_minor)

    async def test_cannot_be_disputed_once_the_window_is_closed(self, world: Any) -> None:
        key = await world.deliver()
        await world.forward(days=2)

        with pytest.raises(TooLate):
            await world.do(DisputeBooking(booking_id=key, reason="dirty"), world.customer)

    async def test_is_decided_once(self, world: Any) -> None:
        key = await world.dispute()
        await world.do(ResolveDispute(booking_id=key, refund_minor=100, reason="a stain"), world.admin)

        with pytest.raises(TooLate):
            await world.do(DisputeBooking(booking_id=key, reason="dirty"), world.customer)

    async def test_holds_its_time_until_it_is_called_off(self, make_world: Any) -> None:
        world = await make_world(units=1)
        key = await world.book()
        with pytest.raises(SlotTaken):
            await world.book()

        await world.do(CancelBooking(booking_id=key, reason="moved"), world.customer)

        assert (await world.booking(await world.book())).state == State.AWAITING_PROVIDER

    @pytest.mark.parametrize("minor", [-1, 50_001])
    async def test_gives_back_no_more_than_it_cost(self, world: Any, minor: int) -> None:
        key = await world.dispute()

        with pytest.raises(Invalid):
            await world.do(ResolveDispute(booking_id=key, refund_minor=minor, reason="x"), world.admin)


class TestAPaymentThatFailed:
    async def test_may_be_tried_again_while_the_window_is_open(self, world: Any) -> None:
        key = await world.book("tok_decline")

        await world.do(
            RetryPayment(booking_id=key, payment_id=uuid4(), payment_method="tok_success"), world.customer
        )
        await world.settle()

        booking = await world.booking(key)
        assert (booking.state, booking.payment_failure) == (State.AWAITING_PROVIDER, None)

    async def test_is_told_and_offered_again(self, world: Any) -> None:
        key = await world.book("tok_decline")

        booking = await world.booking(key)

        assert booking.payment_failure == "card_declined"
        assert "retry_payment" in BOOKING.moves_for(booking, world.lane.call(world.customer))
        assert any("did not go through" in message.text for message in world.all(Notification))

    async def test_may_not_be_tried_again_while_the_last_one_may_succeed(self, world: Any) -> None:
        key = await world.book("tok_pending_success")
        booking = await world.booking(key)

        assert BOOKING.moves_for(booking, world.lane.call(world.customer)) == ("cancel",)
        with pytest.raises(PaymentUnderWay):
            await world.do(
                RetryPayment(booking_id=key, payment_id=uuid4(), payment_method="tok_success"),
                world.customer,
            )

    async def test_frees_the_time_when_the_window_closes(self, world: Any) -> None:
        key = await world.book("tok_decline")

        await world.forward(minutes=15)

        assert (await world.booking(key)).state == State.EXPIRED
        assert [held.state for held in world.all(Reservation)] == [ReservationState.RELEASED]


class TestHandingBack:
    async def test_leaves_the_booking_to_the_platform(self, make_world: Any) -> None:
        world = await make_world(payment={"capture": Capture.ON_CONFIRMATION})
        key = await then(world, lambda w: w.confirm(), HandBack, world.provider)

        for command in (AcceptBooking, DeclineBooking):
            with pytest.raises(NotAllowed):
                await world.do(command(booking_id=key, **WHY), world.provider)
        shop = world.market.shops[0]
        assigned = await world.do(
            AssignBooking(booking_id=key, provider_id=shop.provider_id, reason="they can after all"),
            world.admin,
        )

        assert assigned.state == State.CONFIRMED
        assert await world.broken() == []

    async def test_gives_everything_back_when_nobody_else_is_found(self, world: Any) -> None:
        key = await then(world, lambda w: w.confirm(), HandBack, world.provider)

        await world.forward(hours=3)

        assert (await world.booking(key)).state == State.EXPIRED
        assert world.accounts() == {}

    async def test_does_not_take_a_booking_from_its_own_provider(self, world: Any) -> None:
        key = await world.book()

        with pytest.raises(Refused):
            await world.do(
                AssignBooking(booking_id=key, provider_id=world.market.shops[0].provider_id, **WHY),
                world.admin,
            )


class TestAnInstantBooking:
    async def test_is_firm_as_soon_as_it_is_paid(self, instant: Any) -> None:
        key = await instant.book()

        assert (await instant.booking(key)).state == State.CONFIRMED

    async def test_is_not_firm_while_its_payment_is_pending(self, instant: Any) -> None:
        key = await instant.book("tok_pending_success")

        before = (await instant.booking(key)).state
        await instant.forward(minutes=2)

        assert before == State.AWAITING_PAYMENT
        assert (await instant.booking(key)).state == State.CONFIRMED
