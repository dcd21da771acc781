"""While the rail is down another one takes the cards; what was on its way to the first is charged once."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from tests.integration.http.conftest import Market, running

from marketplace.adapters.sandbox.books import Books
from marketplace.adapters.sandbox.rail import SandboxRail
from marketplace.adapters.sandbox.shelf import MemoryShelf
from marketplace.core.shared.errors import Invalid, Unavailable
from marketplace.core.shared.money import Money
from marketplace.entrypoints.breaker import Limits
from marketplace.entrypoints.rail_health import RailHealth, read_down
from marketplace.ports.payments import Charge, Report

SPARE_ALONE = "tok_webhook_late"


class Spare(SandboxRail):
    """Has forms of its own: of the first rail's tokens it knows one."""

    def check_method(self, token: str, *, field: str) -> None:
        if token not in {"tok_success", SPARE_ALONE}:
            raise Invalid(field, "is none of the spare rail's")


class Troubled(SandboxRail):
    down = False

    async def collect(self, charge: Charge) -> Report:
        if self.down:
            raise Unavailable("the line is dead")
        return await super().collect(charge)


@dataclass
class Stage:
    """`seconds` is how far the breakers' time is ahead of the real one."""

    market: Any
    shop: Any = None
    seconds: float = 0.0
    booked: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        platform = self.market.platform
        sandbox, health = platform.sandbox_rail(), platform.rail_health()
        began, health.shelf, health._read_at = datetime.now(UTC), MemoryShelf(), float("-inf")
        health.clock = lambda: self.seconds
        health.now = lambda: began + timedelta(seconds=self.seconds)
        self.first = Troubled(books=sandbox.books, secrets=sandbox.secrets)
        self.spare_books = Books(shelf=MemoryShelf(), clock=sandbox.books.clock)
        spare = Spare(books=self.spare_books, secrets=sandbox.secrets, name="spare")
        platform.vendors().rails.update(health.guard({"sandbox": self.first, "spare": spare}))

    async def open(self, **payment: Any) -> None:
        self.shop = await self.market.open()
        admin = await self.shop.admin()
        policy = (await admin.read("/admin/v1/tenant"))["policy"]
        policy["booking"]["confirmation"] = "instant"
        policy["payment"] |= {"capture": "on_booking", "fallback_rail": "spare", **payment}
        await admin.do("/admin/v1/tenant/policy", policy=policy, reason="for this test")

    async def book(self, token: str = "tok_success", **more: Any) -> Any:
        booking = await self.shop.book(payment_method=token, at=await self._free(), **more)
        await self.market.work()
        self.booked.append(booking["id"])
        return await self.paid(booking["id"])

    async def _free(self) -> str:
        slots = await self.shop.slots(days=14)
        start: str = slots[len(self.booked) * 12]["start"]
        return start

    async def paid(self, key: str) -> tuple[str, str]:
        payment = await self.shop.payment(key)
        return payment["rail"], payment["state"]

    async def offered(self) -> dict[str, Any]:
        told = await self.shop.nobody.read("/v1/payment-options")
        return {one["kind"]: (one["rail"], one["is_down"]) for one in told}

    async def twice(self) -> list[str]:
        """Bookings whose money was taken by both."""
        found = []
        for key in self.booked:
            payment = (await self.shop.payment(key))["id"]
            took = [await books.find(payment) for books in (self.first.books, self.spare_books)]
            found += [key] if all(took) else []
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(shared_url: str, data_directory: str) -> AsyncIterator[Market]:
    async with running(shared_url, data_directory=data_directory, rail_failures_max=3) as market:
        yield market


@pytest_asyncio.fixture(loop_scope="module")
async def stage(market: Market) -> Stage:
    """Rails of this test's own, in a marketplace of its own."""
    stage = Stage(market)
    await stage.open()
    return stage


class TestTheDesk:
    async def test_sees_how_each_rail_does_and_what_waits_for_it(self, stage: Stage) -> None:
        await stage.book()
        stage.first.down = True
        for _ in range(3):
            await stage.book()

        support = await stage.shop.support()
        rails = {one["name"]: one for one in await support.read("/admin/v1/rails")}
        text = (await stage.market.client.get("/metrics")).text

        first, spare = rails["sandbox"], rails["spare"]
        assert (first["standing"], spare["standing"]) == ("down", "answers")
        assert (first["failures"], first["failure"], first["in_use"]) == (3, "unavailable", True)
        assert first["down_until"] > first["failed_at"] >= first["succeeded_at"]
        assert (first["payments_created"], first["payments_unknown"], spare["payments_created"]) == (3, 0, 0)
        assert 0 <= first["oldest_seconds"] < 60
        assert (first["p50_ms"], spare["p99_ms"]) == (0.0, None)  # by a clock that stands
        assert first["capabilities"]["collects"] == ["card", "debit_order"]
        assert 'marketplace_rail_down{rail="sandbox"} 1.0' in text
        assert 'marketplace_rail_down{rail="spare"} 0.0' in text
        assert 'marketplace_rail_failures{rail="sandbox"} 3.0' in text
        assert re.search(r'marketplace_rail_payments_waiting{rail="sandbox"} [1-9]', text)

    async def test_is_told_by_other_processes_through_the_database(self, stage: Stage) -> None:
        shelf, name, failing = stage.market.platform.shelf(), f"rail-{uuid4()}", Limits(failures=1)
        one, other = RailHealth(shelf=shelf, limits=failing), RailHealth(shelf=shelf)
        stage.first.down = True
        rail = one.guard({name: stage.first})[name]
        at = datetime.now(UTC)
        charge = Charge(
            reference=uuid4(),
            tenant_id=uuid4(),
            amount=Money(100, "ZAR"),
            method="tok_success",
            hold=False,
            description="",
            at=at,
        )

        with pytest.raises(Unavailable):
            await rail.collect(charge)

        assert name in await other.down()
        (told,) = [found for found in await read_down(shelf) if found.rail == name]
        assert timedelta(seconds=10) < told.until - at < timedelta(seconds=30)


class TestAMarketplaceWhoseRailIsDown:
    async def test_has_its_cards_taken_by_the_other_until_the_first_is_back(self, stage: Stage) -> None:
        before, on_time = await stage.offered(), await stage.book()
        stage.first.down = True

        stuck = [await stage.book() for _ in range(3)]
        meanwhile, elsewhere = await stage.offered(), await stage.book()
        await stage.shop.advance(minutes=2)
        moved = [await stage.paid(key) for key in stage.booked]
        stage.first.down, stage.seconds = False, 16
        back = await stage.book()

        assert on_time == ("sandbox", "succeeded")
        assert stuck == [("sandbox", "created")] * 3
        assert elsewhere == ("spare", "succeeded")
        assert moved == [("sandbox", "succeeded"), *[("spare", "succeeded")] * 4]
        assert back == ("sandbox", "succeeded")
        assert [found["card"] for found in (before, meanwhile, await stage.offered())] == [
            ("sandbox", False),
            ("spare", False),
            ("sandbox", False),
        ]
        assert await stage.twice() == []
        await stage.shop.ledger()

    async def test_refuses_what_only_the_rail_knows_that_is_down(self, stage: Stage) -> None:
        stage.first.down = True
        for _ in range(3):
            await stage.book()

        customer = await stage.shop.customer()
        asked = stage.shop.booking_at(await stage._free())
        refused = await customer.refused("/v1/bookings", 400, **(asked | {"payment_method": "tok_returned"}))

        assert refused["facts"]["field"] == "payment_method"
        assert refused["facts"]["allowed"] == "a card, by the form of spare"
        assert "sandbox is down" in refused["detail"]
        assert await stage.book(SPARE_ALONE) == ("spare", "succeeded")

    async def test_refuses_a_card_that_was_saved_there(self, stage: Stage) -> None:
        customer, key = await stage.shop.customer(), str(uuid4())
        await customer.do("/v1/payment-methods", payment_method_id=key, kind="card", source="setup_success")
        await stage.market.drain()
        stage.first.down = True
        for _ in range(3):
            await stage.book()

        asked = stage.shop.booking_at(await stage._free())
        refused = await customer.refused("/v1/bookings", 400, **(asked | {"payment_method": key}))

        assert refused["facts"]["field"] == "payment_method"

    async def test_asks_for_another_method_where_the_other_does_not_know_it(self, stage: Stage) -> None:
        stage.first.down = True
        await stage.book("tok_webhook_lost")
        await stage.shop.advance(minutes=2)
        (key,) = stage.booked
        detail = await stage.shop.detail(key)
        for _ in range(3):
            await stage.book()

        path = f"/v1/bookings/{key}/retry-payment"
        customer = await stage.shop.customer()
        await customer.do(path, payment_id=str(uuid4()), payment_method=SPARE_ALONE)
        await stage.shop.advance(minutes=2)

        assert (detail["payment"]["state"], detail["payment"]["failure"]) == ("failed", "rail_down")
        assert "retry_payment" in detail["booking"]["moves"]
        assert await stage.paid(key) == ("spare", "succeeded")

    async def test_gives_the_answer_again_that_it_gave_before_it_was_down(self, stage: Stage) -> None:
        customer, asked = await stage.shop.customer(), stage.shop.booking_at(await stage._free())
        asked["payment_method"] = "tok_webhook_lost"
        named = {"idempotency-key": str(uuid4())}
        first = await customer.post("/v1/bookings", headers=named, **asked)
        stage.booked.append(asked["booking_id"])
        stage.first.down = True
        for _ in range(3):
            await stage.book()

        again = await customer.post("/v1/bookings", headers=named, **asked)

        assert (first.status_code, again.status_code) == (201, 201)
        assert again.json() == first.json()

    async def test_says_so_where_nothing_stands_in_for_it(self, stage: Stage) -> None:
        await stage.open(fallback_rail=None)
        stage.first.down = True
        for _ in range(3):
            await stage.book()

        assert await stage.offered() == {"card": ("sandbox", True), "debit_order": (None, True)}
        stage.first.down, stage.seconds = False, 16
        for _ in range(3):
            await stage.market.hasten()  # one of them tries it, and then come the others
        assert {await stage.paid(key) for key in stage.booked} == {("sandbox", "succeeded")}
