import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.adapters.sandbox.faults import FaultPlan, no_faults, seeded_faults
from marketplace.adapters.sandbox.orders import Kind
from marketplace.adapters.sandbox.tokens import METHODS, PAYEES
from marketplace.core.shared.errors import Invalid, OutcomeUnknown, Unavailable
from marketplace.core.shared.ids import derive
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Standing

HERE = UUID(int=1)
CURRENCIES = ("ZAR", "USD")
numbers = st.integers(0, 2)
amounts = st.integers(-5, 120)
terms = st.tuples(st.sampled_from(sorted(METHODS)), st.booleans(), st.sampled_from(CURRENCIES))
calls = st.one_of(
    st.tuples(st.just("collect"), numbers),
    st.tuples(st.just("capture"), numbers, amounts),
    st.tuples(st.just("void"), numbers),
    st.tuples(st.just("refund"), numbers, numbers, amounts),
    st.tuples(st.just("release"), numbers, st.sampled_from(sorted(PAYEES))),
    st.tuples(st.just("evidence"), numbers),
    st.tuples(st.just("act"), numbers),
    st.tuples(st.just("fail"), numbers),
    st.tuples(st.just("hurry"), numbers),
    st.tuples(st.just("find"), numbers),
    st.tuples(st.just("forward"), st.sampled_from([1, 70, 90_000, 3_000_000])),
    st.tuples(st.just("tick")),
)


class Caller:
    """Makes calls in whatever order; each number stands for one charge, and each has three refunds."""

    def __init__(self, sandbox: Any, given_terms: list[tuple[str, bool, str]]) -> None:
        self.sandbox, self.rail, self.terms = sandbox, sandbox.rail, given_terms

    def charge(self, number: int) -> Any:
        method, hold, currency = self.terms[number]
        reference = derive(HERE, "charge", number)
        return self.sandbox.charge(method, reference=reference, hold=hold, amount=Money(100, currency))

    async def make(self, call: tuple[Any, ...]) -> None:
        with contextlib.suppress(Invalid, Unavailable, OutcomeUnknown):
            await getattr(self, f"_{call[0]}")(*call[1:])

    async def _collect(self, number: int) -> None:
        await self.rail.collect(self.charge(number))

    async def _capture(self, number: int, minor: int) -> None:
        charge = self.charge(number)
        await self.rail.capture(charge.reference, replace(charge.amount, minor=minor))

    async def _void(self, number: int) -> None:
        await self.rail.void(self.charge(number).reference)

    async def _refund(self, number: int, part: int, minor: int) -> None:
        charge = self.charge(number)
        refund = derive(HERE, "refund", number, part)
        await self.rail.refund(charge.reference, refund=refund, amount=replace(charge.amount, minor=minor))

    async def _release(self, number: int, payee: str) -> None:
        await self.rail.release(self.sandbox.transfer(payee, reference=derive(HERE, "transfer", number)))

    async def _evidence(self, number: int) -> None:
        await self.rail.submit_evidence(self.charge(number).reference, text="Signed for.")

    async def _act(self, number: int) -> None:
        await self.rail.complete_action(self.charge(number).reference)

    async def _fail(self, number: int) -> None:
        await self.rail.fail_action(self.charge(number).reference)

    async def _hurry(self, number: int) -> None:
        await self.sandbox.books.hurry(derive(HERE, "refund", number, 0))

    async def _find(self, number: int) -> None:
        await self.rail.find(self.charge(number).reference)

    async def _forward(self, seconds: int) -> None:
        self.sandbox.forward(seconds=seconds)

    async def _tick(self) -> None:
        await self.sandbox.books.tick()


async def check(sandbox: Any) -> None:
    orders = await sandbox.books.orders(sandbox.tenant_id)
    refunds = Counter[Any]()
    totals = Counter[str]()
    for order in orders:
        gone = order.standing in {Standing.FAILED, Standing.CANCELLED}
        if order.kind is Kind.REFUND and not gone:
            refunds[order.charge] += order.minor
        totals[order.currency] += expected(order)
    for order in orders:
        if order.kind is Kind.CHARGE:
            assert 0 <= order.captured_minor <= order.minor
            assert 0 <= refunds[order.reference] == order.refunded_minor <= order.captured_minor
            assert 0 <= order.left_minor <= order.captured_minor
    balance = await sandbox.books.balance(sandbox.tenant_id)
    assert {currency: money.minor for currency, money in balance.items()} == dict(totals)
    events = await sandbox.courier.events(sandbox.tenant_id, limit=10_000)
    assert len(events) == sum(len(order.history) for order in orders)


def expected(order: Any) -> int:
    """What an order must have moved, told from where it stands and not from how it came there."""
    if order.kind is Kind.CHARGE:
        taken_back = order.standing in {Standing.DISPUTED, Standing.LOST, Standing.RETURNED}
        return int(order.captured_minor - (order.contested_minor if taken_back else 0))
    return -order.minor if order.standing is Standing.SUCCEEDED else 0


class TestBooks:
    @settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        given_terms=st.lists(terms, min_size=3, max_size=3),
        made=st.lists(calls, max_size=60),
        seed=st.none() | st.integers(0, 1_000),
    )
    async def test_balance_whatever_the_order_and_repetition_of_calls(
        self,
        sandbox_with: Callable[[FaultPlan], Any],
        given_terms: list[tuple[str, bool, str]],
        made: list[tuple[Any, ...]],
        seed: int | None,
    ) -> None:
        sandbox = sandbox_with(no_faults if seed is None else seeded_faults(seed=seed, share=0.3))
        caller = Caller(sandbox, given_terms)

        for call in made:
            await caller.make(call)
            await check(sandbox)

    @settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(given_terms=st.lists(terms, min_size=3, max_size=3), made=st.lists(calls, max_size=40))
    async def test_end_the_same_when_every_call_is_made_twice(
        self,
        sandbox_with: Callable[[FaultPlan], Any],
        given_terms: list[tuple[str, bool, str]],
        made: list[tuple[Any, ...]],
    ) -> None:
        """Called once or thrice, though not when a call is lost at first: then only the repeat arrives."""
        given_terms = [t for t in given_terms if "once" not in t[0] and "before" not in t[0]]
        made = [c for c in made if c[0] not in {"hurry", "forward", "release"} and len(given_terms) == 3]
        balances = []
        for times in (1, 3):
            sandbox = sandbox_with(no_faults)
            caller = Caller(sandbox, given_terms)
            for call in made:
                for _ in range(times):
                    await caller.make(call)
            balances.append(await sandbox.books.balance(sandbox.tenant_id))

        assert balances[0] == balances[1]

    async def test_list_more_orders_than_a_page_holds(self, sandbox: Any) -> None:
        for _ in range(2_100):
            await sandbox.rail.release(sandbox.transfer())

        assert len(await sandbox.books.orders(sandbox.tenant_id)) == 2_100

    async def test_move_by_the_tick_what_nobody_looks_at(self, sandbox: Any) -> None:
        for _ in range(3):
            await sandbox.rail.collect(sandbox.charge("tok_pending_success"))
        sandbox.forward(minutes=2)

        moved = await sandbox.books.tick()
        again = await sandbox.books.tick()

        assert (moved, again) == (3, 0)
        assert (await sandbox.books.balance(sandbox.tenant_id))["ZAR"].minor == 30_000
