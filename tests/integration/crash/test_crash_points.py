import importlib.util
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.memory.store import MemoryStore
from marketplace.adapters.postgres.engine import create_engine, create_owner_engine
from marketplace.adapters.postgres.migrate import HEAD, schema_version
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.core.bookings.booking import State
from marketplace.core.bookings.commands import (
    AcceptBooking,
    CancelBooking,
    DeclineBooking,
    DeliverBooking,
    StartBooking,
)
from marketplace.core.payouts.drawing import StartPayoutRun
from marketplace.entrypoints.blueprints import load
from marketplace.entrypoints.seed import Seeded, seed

_spec = importlib.util.spec_from_file_location("process", Path(__file__).parent / "process.py")
assert _spec is not None
assert _spec.loader is not None
process = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(process)

LEAD = timedelta(hours=5)
EARNED = "SELECT sum(amount_minor)::bigint FROM earning WHERE tenant_id = $1"
PAID = "SELECT sum(amount_minor)::bigint FROM payout WHERE tenant_id = $1 AND state = 'paid'"
PARKED = "SELECT count(*) FROM pgqueuer WHERE headers->>'tenant' = $1::uuid::text AND status = 'failed'"
# One life each, that ends at one point after the other, in the order in which it comes to them.
LIVES = (
    (
        "booked, not answered",
        "money held, not written",
        "told, not marked",
        "money taken, not written",
        "refund sent, not written",
        "payout sent, not written",
    ),
    (
        "job taken, not begun",
        "webhook heard, not answered",
        "money let go, not written",
        "settled, not marked",
        "alarm rung, not marked",
        "payout about to be sent",
    ),
    (
        "message marked, not sent",
        "message left, not recorded",
        "webhook posted, not marked",
        "clock moved, timers not set",
        "payouts half drawn",
    ),
)


def points(scenario: str) -> list[str]:
    return [name for name, point in process.POINTS.items() if point.scenario == scenario]


async def book(scene: Any, number: int, *, shop: int = 0) -> UUID:
    market, (provider, service_id) = scene.market, scene.market.shops[shop]
    start = (market.now + LEAD).replace(minute=0, second=0, microsecond=0)
    booking = await scene.post(
        "/v1/bookings",
        market.customers[number],
        booking_id=str(uuid4()),
        provider_id=str(provider.provider_id),
        service_id=str(service_id),
        starts_at=start.isoformat(),
        payment_method="tok_success",
    )
    return UUID(booking["id"])


class TestAKill:
    def test_has_a_life_for_every_point(self) -> None:
        assert sorted(point for life in LIVES for point in life) == sorted(points("path"))

    @pytest.mark.parametrize("life", LIVES)
    async def test_costs_nobody_a_cent_or_a_message(self, scene: Any, life: tuple[str, ...]) -> None:
        market = scene.market
        (one, _), (other, _) = market.shops
        done, declined = [await book(scene, number) for number in range(2)]
        cancelled = await book(scene, 2, shop=1)
        await scene.do(AcceptBooking(booking_id=done), one)
        await scene.do(AcceptBooking(booking_id=cancelled), other)
        await scene.do(DeclineBooking(booking_id=declined, reason="full"), one)
        await scene.do(CancelBooking(booking_id=cancelled, reason="ill"), market.customers[2])
        await scene.move_clock(hours=4)
        await scene.do(StartBooking(booking_id=done), one)
        await scene.do(DeliverBooking(booking_id=done), one)
        await scene.move_clock(days=2)
        await scene.do(StartPayoutRun(run_id=uuid4()))
        await scene.tick()

        states = [(await market.see(key)).state for key in (done, cancelled, declined)]
        assert scene.died == [(-signal.SIGKILL, point) for point in life]
        assert states == [State.COMPLETED, State.CANCELLED, State.DECLINED]
        assert (await market.see(done)).released_at is not None
        assert await market.sql(PAID) == await market.sql(EARNED) > 0
        assert await market.sql(PARKED) == 0
        assert await market.violations() == []


class TestAKilledStart:
    @pytest.mark.parametrize("point", points("migration"))
    async def test_leaves_no_half_of_a_schema(self, nursery: Any, empty_url: str, point: str) -> None:
        await nursery.start("migration", url=empty_url, point=point)
        ended = await nursery.ended()
        engine = create_owner_engine(empty_url)
        left = await schema_version(engine), await one(engine, "SELECT to_regclass('booking')")

        await nursery.start("migration", url=empty_url)

        assert ended == (-signal.SIGKILL, point)
        assert left == (None, None)
        assert (await nursery.ended())[0] == 0
        assert await schema_version(engine) == HEAD
        await engine.dispose()

    @pytest.mark.parametrize("point", points("seed"))
    async def test_leaves_a_demo_that_the_next_one_completes(
        self, nursery: Any, database_url: str, point: str
    ) -> None:
        await nursery.start("seed", url=database_url, point=point)
        ended = await nursery.ended()
        engine = create_engine(database_url)
        asked = {
            "blueprint": load(process.SEEDED),
            "slug": process.SEEDED,
            "now": datetime.now(UTC),
            "entropy": bytes(32),
        }

        seeded = await seed(store=PostgresStore(engine), **asked)

        assert ended == (-signal.SIGKILL, point)
        assert timeless(seeded) == timeless(await seed(store=MemoryStore(), **asked))
        await engine.dispose()


def timeless(seeded: Seeded) -> Seeded:
    """As if all had been made at once: what the first left keeps its time."""
    at = datetime.min.replace(tzinfo=UTC)
    return replace(
        seeded,
        providers=tuple(replace(one, applied_at=at) for one in seeded.providers),
        services=tuple(replace(one, drafted_at=at) for one in seeded.services),
    )


async def one(engine: AsyncEngine, statement: str) -> Any:
    async with engine.connect() as connection:
        return (await connection.exec_driver_sql(statement)).scalar()


class TestTheProcess:
    async def test_lives_where_nobody_asks_it_to_die(self, nursery: Any, database_url: str) -> None:
        await nursery.start("seed", url=database_url)

        assert await nursery.ended() == (0, None)
