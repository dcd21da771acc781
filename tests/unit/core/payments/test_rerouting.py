"""A payment goes on by another rail where the first has surely never heard of it, and nowhere else."""

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.adapters.sandbox.rail import SandboxRail
from marketplace.core.bookings.commands import RetryPayment
from marketplace.core.payments.payment import Payment, State
from marketplace.core.shared.errors import Invalid, OutcomeUnknown, Unavailable
from marketplace.entrypoints.simulation.trouble import Trouble
from marketplace.ports.payments import Charge, Report
from marketplace.ports.storage import Follow

Step = Callable[[], Awaitable[None]]
TWO = {"rail": "sandbox", "fallback_rail": "spare", "fallback_after_minutes": 1}


@dataclass
class Moody:
    """A rail with the moods that it is given, one for each order to collect, and then its last."""

    rail: SandboxRail
    moods: list[Any] = field(default_factory=list)
    deaf: bool = False
    orders: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rail, name)

    async def collect(self, charge: Charge) -> Report:
        mood = self.moods[min(self.orders, len(self.moods) - 1)]
        self.orders += 1
        if isinstance(mood, Exception):
            raise mood
        found: Report = await mood(charge)
        return found

    async def find(self, reference: UUID) -> Report | None:
        if self.deaf:
            raise Unavailable("down")
        return await self.rail.find(reference)

    async def well(self, charge: Charge) -> Report:
        return await self.rail.collect(charge)

    async def silent(self, charge: Charge) -> Report:
        """It takes the order, and the answer is lost."""
        await self.rail.collect(charge)
        raise OutcomeUnknown("silence")

    def after(self, meanwhile: Step) -> Any:
        """Something happens while the order is on its way."""

        async def collect(charge: Charge) -> Report:
            await meanwhile()
            return await self.rail.collect(charge)

        return collect


@dataclass
class Counting:
    """Storage that counts the statements it is asked for."""

    store: Any
    counted: Counter[str] = field(default_factory=Counter)

    async def read(self, *given: Any) -> Any:
        self.counted["read"] += 1
        return await self.store.read(*given)

    async def write(self, batch: Any) -> None:
        self.counted["write"] += not batch.empty
        await self.store.write(batch)


DOWN = Unavailable("down")
TROUBLES = {"job_twice": 0.3, "job_rerun": 0.2, "stale_read": 0.2, "storage_outcome_unknown": 0.02}


@dataclass
class Stage:
    world: Any
    first: Moody

    @property
    def lane(self) -> Any:
        return self.world.lane

    async def asked_again(self) -> None:
        """As by the timer, or by another worker."""
        payment = await self.world.payment()
        job = Follow(
            tenant_id=payment.tenant_id,
            event_id=uuid4(),
            name="payment.lookup_due",
            subject_id=payment.id,
            at=self.lane.now,
            request_id="again",
        )
        await self.lane.desk.follow(job, self.lane.call())

    async def charged(self) -> set[str]:
        """By which rails the money was taken."""
        names = []
        for payment in self.world.all(Payment):
            found = {name: await rail.books.find(payment.id) for name, rail in self.lane.rails.items()}
            names += [name for name, order in found.items() if order is not None]
        assert len(names) == len(set(names))
        return set(names)


@pytest.fixture
async def stage(make_world: Any) -> Stage:
    world = await make_world(payment=TWO)
    first = Moody(world.lane.rails["sandbox"])
    first.moods = [first.well]
    world.lane.desk.vendors.rails["sandbox"] = first
    return Stage(world, first)


class TestAPaymentWhoseRailIsDown:
    @pytest.mark.parametrize("deaf", [False, True])
    async def test_goes_on_by_the_other_after_a_while(self, stage: Stage, *, deaf: bool) -> None:
        stage.first.moods, stage.first.deaf = [DOWN], deaf
        await stage.world.book()
        await stage.world.forward(seconds=50)
        before = await stage.world.payment()
        await stage.world.forward(minutes=2)

        payment = await stage.world.payment()
        assert (before.rail, before.state) == ("sandbox", State.CREATED)
        assert (payment.rail, payment.state) == ("spare", State.SUCCEEDED)
        assert await stage.charged() == {"spare"}
        assert stage.world.accounts() == {"psp_clearing": 50_000, "customer_funds": -50_000}
        assert await stage.world.broken() == []

    async def test_waits_for_it_where_that_is_down_too(self, stage: Stage) -> None:
        stage.lane.rails_down = frozenset({"spare"})
        stage.first.moods = [DOWN] * 6 + [stage.first.well]
        await stage.world.book()
        await stage.world.forward(minutes=14)

        assert (await stage.world.payment()).state == State.SUCCEEDED
        assert await stage.charged() == {"sandbox"}

    async def test_waits_for_it_where_there_is_no_other(self, make_world: Any) -> None:
        world = await make_world()
        first = Moody(world.lane.rails["sandbox"])
        first.moods = [DOWN] * 3 + [first.well]
        world.lane.desk.vendors.rails["sandbox"] = first
        await world.book()
        await world.forward(minutes=5)

        payment = await world.payment()
        assert (payment.state, payment.collecting, payment.fallback_rail) == (State.SUCCEEDED, 0, None)

    @pytest.mark.parametrize(("payment", "reads", "writes"), [({}, 2, 1), (TWO, 4, 2)])
    async def test_costs_more_only_where_there_is_another(
        self, make_world: Any, payment: Any, reads: int, writes: int
    ) -> None:
        world = await make_world(payment=payment)
        first = Moody(world.lane.rails["sandbox"])
        first.moods = [DOWN, first.well]
        world.lane.desk.vendors.rails["sandbox"] = first
        await world.book()
        counting = Counting(world.lane.desk.store)
        world.lane.desk = replace(world.lane.desk, store=counting)

        await Stage(world, first).asked_again()

        assert (await world.payment()).state == State.SUCCEEDED
        assert counting.counted == {"read": reads, "write": writes}

    async def test_is_asked_for_anew_where_its_method_is_none_of_the_other_s(self, stage: Stage) -> None:
        class Choosy(SandboxRail):
            def check_method(self, token: str, *, field: str) -> None:
                if token != "tok_pending_success":
                    raise Invalid(field, "is none of the spare rail's")

        spare = stage.lane.rails["spare"]
        choosy = Choosy(books=spare.books, secrets=spare.secrets, name="spare")
        stage.lane.desk.vendors.rails["spare"] = choosy
        stage.first.moods = [DOWN]
        key = await stage.world.book()
        await stage.world.forward(minutes=3)
        failed, booking = await stage.world.payment(), await stage.world.booking()
        stage.lane.rails_down = frozenset({"sandbox"})
        again = RetryPayment(booking_id=key, payment_id=uuid4(), payment_method="tok_pending_success")
        await stage.world.do(again, stage.world.customer)
        await stage.world.forward(minutes=2)

        assert (failed.state, failed.failure, booking.payment_failure) == (
            State.FAILED,
            "rail_down",
            "rail_down",
        )
        assert (await stage.world.payment()).state == State.SUCCEEDED
        assert await stage.charged() == {"spare"}

    async def test_tells_each_step_of_it(self, stage: Stage) -> None:
        told: list[Any] = []
        stage.lane.store.told = lambda event: told.append(event) if event.kind == "payment" else None
        stage.first.moods = [DOWN]
        await stage.world.book()
        await stage.world.forward(minutes=3)

        (moved,) = [event for event in told if event.name == "payment.rerouted"]
        assert moved.changes["rail"] == ["sandbox", "spare"]
        assert [event.name for event in told][:3] == [
            "payment.created",
            "payment.collect_begun",
            "payment.put_off",
        ]


class TestAPaymentInDoubt:
    """Never twice charged, however it comes about."""

    async def test_stays_with_its_rail_while_an_order_is_on_its_way(self, stage: Stage) -> None:
        seen: list[Payment] = []

        async def meanwhile() -> None:
            stage.lane.now += timedelta(minutes=3)
            for _ in range(3):
                await stage.asked_again()
            seen.append(await stage.world.payment())

        stage.first.moods = [stage.first.after(meanwhile), DOWN]
        await stage.world.book()

        (under_way,) = seen
        assert (under_way.rail, under_way.state, under_way.collecting) == ("sandbox", State.CREATED, 1)
        assert stage.first.orders == 4
        assert (await stage.world.payment()).state == State.SUCCEEDED
        assert await stage.charged() == {"sandbox"}

    async def test_stays_with_its_rail_when_a_worker_died_over_it(self, stage: Stage) -> None:
        class Killed(Exception):
            pass

        stage.first.moods, stage.first.deaf = [Killed(), DOWN], True
        with pytest.raises(Killed):
            await stage.world.book()
        await stage.world.forward(minutes=1)
        for _ in range(5):
            await stage.asked_again()
            await stage.world.forward(minutes=2)

        payment = await stage.world.payment()
        assert (payment.rail, payment.state, payment.collecting) == ("sandbox", State.CREATED, 1)

    async def test_stays_with_its_rail_when_the_answer_was_lost(self, stage: Stage) -> None:
        stage.first.moods = [DOWN, stage.first.silent, DOWN]
        await stage.world.book()
        await stage.world.forward(minutes=5)

        payment = await stage.world.payment()
        assert (payment.rail, payment.state) == ("sandbox", State.SUCCEEDED)
        assert await stage.charged() == {"sandbox"}

    async def test_stays_with_its_rail_when_that_says_that_it_has_it_after_all(self, stage: Stage) -> None:
        async def taken_and_denied(charge: Charge) -> Report:
            await stage.first.rail.collect(charge)
            raise DOWN

        stage.first.moods = [taken_and_denied, DOWN]
        await stage.world.book("tok_webhook_lost")
        await stage.world.forward(minutes=5)

        payment = await stage.world.payment()
        assert (payment.rail, payment.state) == ("sandbox", State.SUCCEEDED)
        assert await stage.charged() == {"sandbox"}

    @pytest.mark.parametrize("part", range(4))
    async def test_is_charged_once_however_everything_comes_together(
        self, make_world: Any, part: int
    ) -> None:
        moved = 0
        for seed in range(part * 15, part * 15 + 15):
            world = await make_world(payment=TWO)
            chance = Random(f"rerouting/{seed}")
            first = Moody(world.lane.rails["sandbox"])
            world.lane.desk.vendors.rails["sandbox"] = first
            stage = Stage(world, first)
            first.moods = [_any_mood(first, world.lane, chance, share=seed % 5 / 4)]
            world.lane.store.trouble = world.lane.trouble = Trouble(TROUBLES, seed=str(seed))
            world.lane.store.meanwhile = world.lane._meanwhile
            with suppress(OutcomeUnknown):  # it is written down all the same
                await world.book()
            await world.forward(minutes=14)
            await world.forward(hours=10)

            charged = await stage.charged()
            assert len(charged) <= 1, seed
            moved += charged == {"spare"}
            assert await world.broken() == [], seed
        assert moved


def _any_mood(first: Moody, lane: Any, chance: Random, *, share: float) -> Any:
    """Down, silent or well; while an order is on its way, minutes may pass, and whatever is due happens."""
    under_way = 0

    async def wait() -> None:
        if under_way < 3 and chance.random() < 0.5:
            await lane.until(lane.now + timedelta(seconds=chance.choice([0, 6, 90])))

    async def collect(charge: Charge) -> Report:
        nonlocal under_way
        under_way += 1
        try:
            await wait()
            if chance.random() < share:
                raise DOWN
            found = await (first.silent if chance.random() < 0.2 else first.well)(charge)
            await wait()
            return found
        finally:
            under_way -= 1

    return collect
