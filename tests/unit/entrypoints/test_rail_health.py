"""A rail behind its breaker: what is let through, what stays to be seen of it, what other processes hear."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from marketplace.adapters.sandbox.books import Books
from marketplace.adapters.sandbox.rail import SandboxRail
from marketplace.adapters.sandbox.shelf import MemoryShelf
from marketplace.adapters.stitch.rail import StitchRail
from marketplace.adapters.stripe.rail import StripeRail
from marketplace.core.shared.errors import Invalid, MarketplaceError, NotAllowed, OutcomeUnknown, Unavailable
from marketplace.core.shared.money import Money
from marketplace.entrypoints.breaker import Limits, Standing
from marketplace.entrypoints.rail_health import RailHealth
from marketplace.ports.payments import Charge, Hint, PaymentRail, SavingRail, Tracing

KEY, AT = uuid4(), datetime(2026, 11, 2, 6, tzinfo=UTC)
LIMITS = Limits(failures=3, pause_seconds=10, trickle_seconds=1)
CHARGE = Charge(
    reference=KEY, tenant_id=KEY, amount=Money(100, "ZAR"), method="tok", hold=False, description="", at=AT
)


@dataclass
class Played:
    """Answers what it is told to, and counts who asked."""

    name: str = "played"
    answer: Any = None
    asked: list[str] = field(default_factory=list)

    async def collect(self, charge: Charge) -> Any:
        return self._said("collect")

    async def capture(self, reference: UUID, amount: Money) -> Any:
        return self._said("capture")

    async def find(self, reference: UUID) -> Any:
        return self._said("find")

    def check_method(self, token: str, *, field: str) -> None:
        raise Invalid(field, f"knows no {token}")

    async def trace(self, body: bytes) -> tuple[Hint, ...]:
        return ()

    def _said(self, what: str) -> Any:
        self.asked.append(what)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@dataclass
class Machine:
    """A process of its own, on a shelf that it shares."""

    shelf: MemoryShelf = field(default_factory=MemoryShelf)
    played: Played = field(default_factory=Played)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.health = RailHealth(
            shelf=self.shelf,
            now=lambda: AT + timedelta(seconds=self.seconds),
            clock=lambda: self.seconds,
            limits=LIMITS,
        )
        rails = {"played": cast("PaymentRail", self.played)}
        self.rail = self.health.guard(rails)["played"]

    @property
    def standing(self) -> Standing:
        return self.health.breakers["played"].standing

    async def collect(self, answer: Any, times: int = 1) -> None:
        self.played.answer = answer
        for _ in range(times):
            try:
                await self.rail.collect(CHARGE)
            except MarketplaceError as error:
                assert answer is None or error is answer  # noqa: PT017 - whatever it is, it is the rail's


@pytest.fixture
def machine() -> Machine:
    return Machine()


class TestAGuardedRail:
    @pytest.mark.parametrize("failure", [Unavailable("down"), OutcomeUnknown("silence")])
    async def test_is_left_alone_when_it_has_failed_too_often(
        self, machine: Machine, failure: Exception
    ) -> None:
        await machine.collect(failure, 3)

        with pytest.raises(Unavailable) as refused:
            await machine.rail.capture(KEY, Money(100, "ZAR"))

        assert machine.played.asked == ["collect"] * 3
        assert refused.value.facts == {"rail": "played"}

    @pytest.mark.parametrize("refusal", [Invalid("amount", "is too much"), NotAllowed("not here")])
    async def test_has_answered_where_it_refuses(self, machine: Machine, refusal: Exception) -> None:
        await machine.collect(refusal, 10)

        assert machine.standing is Standing.CLOSED
        assert machine.health.breakers["played"].figures().failures == 0

    async def test_is_asked_for_the_truth_while_it_is_left_alone(self, machine: Machine) -> None:
        await machine.collect(Unavailable("down"), 3)
        machine.played.answer = None

        assert await machine.rail.find(KEY) is None
        with pytest.raises(Unavailable):
            await machine.rail.find(KEY)
        machine.seconds += 1
        assert await machine.rail.find(KEY) is None

    async def test_is_found_back_by_one_order(self, machine: Machine) -> None:
        await machine.collect(Unavailable("down"), 3)
        machine.seconds += 10
        await machine.collect("charged")

        assert machine.standing is Standing.CLOSED
        assert await machine.rail.collect(CHARGE) == "charged"

    @pytest.mark.parametrize("defect", [ZeroDivisionError(), asyncio.CancelledError()])
    async def test_is_tried_again_where_the_try_was_ours_to_fail(
        self, machine: Machine, defect: BaseException
    ) -> None:
        await machine.collect(Unavailable("down"), 3)
        machine.seconds += 10
        machine.played.answer = defect
        with pytest.raises(type(defect)):
            await machine.rail.collect(CHARGE)

        await machine.collect("charged")

        assert machine.standing is Standing.CLOSED

    async def test_answers_without_a_call_as_ever(self, machine: Machine) -> None:
        await machine.collect(Unavailable("down"), 3)

        assert machine.rail.name == "played"
        with pytest.raises(Invalid):
            machine.rail.check_method("tok", field="payment_method")

    def test_stays_what_it_is_besides(self, machine: Machine) -> None:
        sandbox = SandboxRail(books=Books(shelf=MemoryShelf(), clock=lambda _: AT), secrets=("secret",))
        raw: Mapping[str, Any] = {
            "sandbox": sandbox,
            "stitch": object.__new__(StitchRail),
            "stripe": object.__new__(StripeRail),
            "played": machine.played,
        }

        rails = machine.health.guard(raw)

        traces = {name for name, rail in rails.items() if isinstance(rail, Tracing)}
        assert traces == {name for name, rail in raw.items() if isinstance(rail, Tracing)}
        assert traces == {"stripe", "played"}
        assert rails["sandbox"].capabilities == sandbox.capabilities
        cast("SavingRail", rails["sandbox"]).check_source("setup_success", field="source")


class TestTheHealthOfRails:
    async def test_is_told_to_other_processes(self, machine: Machine) -> None:
        other = Machine(shelf=machine.shelf)

        await machine.collect(Unavailable("down"), 3)

        assert await machine.health.down() == await other.health.down() == {"played"}
        (told,) = await other.health.elsewhere()
        assert (told.until, told.failure) == (AT + timedelta(seconds=10), "unavailable")

    async def test_is_told_when_it_is_back(self, machine: Machine) -> None:
        other = Machine(shelf=machine.shelf)
        await machine.collect(Unavailable("down"), 3)
        machine.seconds = other.seconds = 10
        await machine.collect(Unavailable("down"))
        assert await other.health.down() == {"played"}

        machine.seconds = other.seconds = 30
        await machine.collect("charged")

        assert await machine.health.down() == await other.health.down() == frozenset()

    async def test_is_not_asked_for_more_often_than_every_two_seconds(self, machine: Machine) -> None:
        other = Machine(shelf=machine.shelf)
        await other.health.down()
        await machine.collect(Unavailable("down"), 3)

        before = await other.health.down()
        other.seconds = 3

        assert (before, await other.health.down()) == (frozenset(), {"played"})

    async def test_is_forgotten_where_whoever_told_of_it_is_gone(self, machine: Machine) -> None:
        other = Machine(shelf=machine.shelf)
        await machine.collect(Unavailable("down"), 3)

        other.seconds = 11

        assert await other.health.down() == frozenset()

    async def test_does_without_what_cannot_be_written_or_read(self, machine: Machine) -> None:
        class Gone(MemoryShelf):
            async def change(self, keys: Any, decide: Any) -> Any:
                raise OutcomeUnknown("the database went away")

            async def listed(self, listing: Any) -> Any:
                raise Unavailable("the database is away")

        alone = Machine(shelf=Gone())
        await alone.collect(Unavailable("down"), 3)

        assert await alone.health.down() == {"played"}
