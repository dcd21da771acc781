"""Whatever people, banks and clocks do, in whatever order: every promise holds after every step."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from tests.unit.core.rehearsal import asked_for, is_elsewhere, outcome

from marketplace.adapters.sandbox.tokens import METHODS, PAYEES
from marketplace.core.bookings.booking import BOOKING, State
from marketplace.core.bookings.commands import CreateBooking, RetryPayment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.refund import State as RefundState
from marketplace.core.payments.refunding import PayRefundByHand, RetryRefund
from marketplace.core.payouts.payout import State as PayoutState
from marketplace.core.payouts.usecases import ApprovePayout, RetryPayout
from marketplace.core.providers.usecases import AmendProvider
from marketplace.core.shared.errors import Refused
from marketplace.core.shared.roles import Actor
from marketplace.core.tenants.policy import Capture, Confirmation
from marketplace.entrypoints.simulation import choices
from marketplace.entrypoints.simulation.choices import Scene

MOVES = sorted(
    {choice.__name__ for options in choices.CHOICES.values() for _, choice in options} - {"nothing"}
)
SPANS = {"minutes": (1, 90), "hours": (1, 48), "days": (1, 12)}


class WholePath(RuleBasedStateMachine):
    """`make` is set by the test: what makes a world."""

    make: Callable[..., Awaitable[Any]]
    bookings = Bundle("bookings")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()

    def teardown(self) -> None:
        self._run(self.world.forward(days=400))
        self._run(self._clear_the_desk())
        self._run(self.world.forward(days=400))
        assert self._run(self.world.broken()) == []
        self.loop.close()

    @initialize(
        capture=st.sampled_from(Capture),
        confirmation=st.sampled_from(Confirmation),
        payee=st.sampled_from(sorted(PAYEES)),
    )
    def open(self, capture: Capture, confirmation: Confirmation, payee: str) -> None:
        self.world = self._run(
            type(self).make(
                payee=payee,
                payment={"capture": capture},
                booking={"confirmation": confirmation},
                payout={"approval_above_minor": 60_000},
            )
        )

    @rule(
        target=bookings,
        token=st.sampled_from(["tok_success", *sorted(METHODS)]),
        days=st.integers(1, 12),
        quarters=st.integers(0, 50),
    )
    def book(self, token: str, days: int, quarters: int) -> Any:
        shop, key = self.world.market.shops[0], uuid4()
        opening = self.world.lane.now.replace(hour=4, minute=0, second=0, microsecond=0)
        command = CreateBooking(
            booking_id=key,
            provider_id=shop.provider_id,
            service_id=shop.service_id,
            starts_at=opening + timedelta(days=days, minutes=15 * quarters),
            payment_method=token,
        )
        return key if self._try(command, self.world.customer) else None

    @rule(key=bookings, random=st.randoms(use_true_random=False), times=st.integers(1, 4))
    def go_on(self, key: Any, random: Any, times: int) -> None:
        """What is likely now, when it is time for it."""
        for _ in range(times if key is not None else 0):
            booking = self._run(self.world.booking(key))
            if booking.state == State.CONFIRMED:
                self._run(self.world.until(booking.starts_at + timedelta(minutes=random.randint(-30, 30))))
            self._step(choices.choose(Scene(booking, self.world.market, random)))
            self._run(self.world.settle())

    @rule(key=bookings, move=st.sampled_from(MOVES), random=st.randoms(use_true_random=False))
    def try_anything(self, key: Any, move: str, random: Any) -> None:
        if key is not None:
            scene = Scene(self._run(self.world.booking(key)), self.world.market, random)
            self._step(getattr(choices, move)(scene))

    @rule(key=bookings, token=st.sampled_from(sorted(METHODS)))
    def pay_again(self, key: Any, token: str) -> None:
        if key is not None:
            command = RetryPayment(booking_id=key, payment_id=uuid4(), payment_method=token)
            self._try(command, self.world.customer)

    @rule(key=bookings)
    def do_what_the_bank_asks(self, key: Any) -> None:
        payment = None if key is None else self._run(self.world.payment(key))
        if payment is not None and payment.state == PaymentState.NEEDS_ACTION:
            self._run(self.world.lane.rail.complete_action(payment.id))
        if payment is not None and payment.state == PaymentState.DISPUTED:
            self._run(self.world.lane.rail.submit_evidence(payment.id, text="photographs"))

    @rule(key=bookings)
    def offers_what_can_be_done(self, key: Any) -> None:
        """Each of the two sides and admin: what is offered is not refused, what is refused not offered."""
        if key is not None:
            self._run(self.world.settle())
            for actor in (self.world.customer, self.world.provider, self.world.admin):
                assert self._run(self._wrong_offers(key, actor)) == []

    async def _wrong_offers(self, key: Any, actor: Actor) -> list[Any]:
        booking, lane = await self.world.booking(key), self.world.lane
        call = lane.call(actor)
        offered = BOOKING.moves_for(booking, call)
        tried = {
            name: await outcome(booking, name, call=call, store=lane.storage) for name in asked_for(actor)
        }
        return [
            (name, booking.state, actor.role, refusal)
            for name, refusal in tried.items()
            if (name in offered) != (refusal is None or is_elsewhere(refusal))
        ]

    @rule(unit=st.sampled_from(sorted(SPANS)), data=st.data())
    def wait(self, unit: str, data: Any) -> None:
        least, most = SPANS[unit]
        self._run(self.world.forward(**{unit: data.draw(st.integers(least, most))}))

    @rule()
    def settle(self) -> None:
        self._run(self.world.settle())

    @rule()
    def pay_out(self) -> None:
        self._run(self.world.pay_out())

    @rule()
    def clear_the_desk(self) -> None:
        self._run(self._clear_the_desk())

    async def _clear_the_desk(self) -> None:
        """What waits for a person."""
        admin, approver = self.world.admin, self.world.market.approver
        for payout in self.world.payouts():
            if payout.state == PayoutState.FAILED:
                provider_id = payout.provider_id
                await self.world.do(
                    AmendProvider(provider_id=provider_id, payee="payee_ok", reason="x"), admin
                )
                await self.world.do(RetryPayout(payout_id=payout.id, reason="x"), admin)
                await self.world.do(ApprovePayout(payout_id=payout.id, reason="x"), approver)
            if payout.state == PayoutState.DUE:
                await self.world.do(ApprovePayout(payout_id=payout.id, reason="x"), approver)
        for refund in self.world.refunds():
            if refund.state == RefundState.FAILED:
                kind = RetryRefund if refund.attempt == 1 else PayRefundByHand
                await self.world.do(kind(refund_id=refund.id, reason="x"), admin)
        await self.world.settle()

    @invariant()
    def every_promise_holds(self) -> None:
        if not hasattr(self, "world"):
            return
        # Between the rail's step and our hearing of it the books differ: the end of the run compares them.
        broken = self._run(self.world.broken())
        assert [found for found in broken if not found.startswith("clearing")] == []

    def _step(self, step: Any) -> None:
        if step is not None:
            self._try(*step)

    def _try(self, command: Any, actor: Actor) -> bool:
        try:
            self._run(self.world.do(command, actor))
        except Refused:
            return False
        return True

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(coroutine)


def test_keeps_every_promise(make_world: Any) -> None:
    machine: Any = type("Machine", (WholePath,), {"make": staticmethod(make_world)})
    runs = settings(
        max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
    )

    run_state_machine_as_test(machine, settings=runs)
