"""Stitch as it is played, and debits by file over a real SFTP server: a rail, its files, what was told."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.vendors.stitch.consents import payer
from tests.vendors.stitch.house import House, playing_house
from tests.vendors.stitch.server import CLIENT_ID, Stitch, playing
from tests.vendors.stitch.stage import CALENDAR, Watch, rail_at

from marketplace.adapters.memory.leases import MemoryLeases
from marketplace.adapters.postgres.engine import create_engine
from marketplace.adapters.postgres.shelf import PostgresShelf
from marketplace.adapters.sandbox.shelf import MemoryShelf
from marketplace.adapters.stitch import sftp
from marketplace.adapters.stitch.batches import Batches
from marketplace.adapters.stitch.clearing import Clearing, Round
from marketplace.adapters.stitch.news import Newsroom
from marketplace.adapters.stitch.payers import Payer, Payers
from marketplace.adapters.stitch.rail import StitchRail
from marketplace.core.shared.mandates import DebitValue, Frequency, MandateTerms
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Charge, Hint, Report, Setup, Standing
from marketplace.ports.shelf import Shelf

# A Thursday, two hours and a half before the cut-off.
START = datetime(2026, 11, 19, 10, 30, tzinfo=UTC)
MANDATE = "mandate:Y29uc2VudC8x:CONTRACT-1"
TERMS = MandateTerms(
    value=DebitValue.USAGE_BASED, frequency=Frequency.AD_HOC, collection_day=99, maximum_minor=100_000
)
PAYER = Payer(contract="CONTRACT-9", name="Mokoena, T", account_number="4081234567", branch_code="632005")


@dataclass(kw_only=True)
class Desk:
    """A rail, its files, and what was told of them; `folders` is how a round reaches them."""

    rail: StitchRail
    shelf: Shelf
    house: House
    stitch: Stitch
    batches: Batches
    now: datetime = START
    leases: MemoryLeases = field(default_factory=MemoryLeases)
    told: list[Hint] = field(default_factory=list)
    tenant_id: UUID = field(default_factory=uuid4)

    def clock(self) -> datetime:
        return self.now

    def charge(self, method: str = MANDATE, *, minor: int = 12_345) -> Charge:
        return Charge(
            reference=uuid4(),
            tenant_id=self.tenant_id,
            amount=Money(minor, "ZAR"),
            method=method,
            hold=False,
            description="Wash",
            at=self.now,
        )

    def setup(self, source: str | None) -> Setup:
        reference = uuid4()
        return Setup(
            reference=reference,
            tenant_id=self.tenant_id,
            customer_id=uuid4(),
            kind=MethodKind.DEBIT_ORDER,
            currency="ZAR",
            description="Wash",
            at=self.now,
            source=source,
            payer=payer(),
            terms=TERMS,
            contract=reference.hex[:14],
        )

    async def collect(self, *charges: Charge) -> list[str]:
        for charge in charges:
            await self.rail.collect(charge)
        return [charge.reference.hex for charge in charges]

    def clearing(self, *, open_post: Any = None) -> Clearing:
        async def tell(hints: Sequence[Hint]) -> None:
            self.told += hints

        return Clearing(
            shelf=self.shelf,
            batches=self.batches,
            newsroom=Newsroom(orders=self.rail.orders, batches=self.batches),
            open_post=open_post or (lambda: sftp.opened(self.house.host)),
            tell=tell,
            clock=self.clock,
        )

    async def round(self, **span: float) -> Round:
        self.now += timedelta(**span)
        return await self.clearing().round(self.leases)

    async def truth(self, charge: Charge) -> Report:
        report = await self.rail.find(charge.reference)
        assert report is not None
        return report

    async def standings(self, *charges: Charge) -> list[Standing]:
        return [(await self.truth(charge)).standing for charge in charges]


@asynccontextmanager
async def desk_on(shelf: Shelf, root: Path) -> AsyncIterator[Desk]:
    desk: list[Desk] = []

    def clock() -> datetime:
        return desk[0].now if desk else START

    async with AsyncExitStack() as stack:
        stitch = stack.enter_context(playing(clock))
        house = await stack.enter_async_context(playing_house(root))
        rail = await stack.enter_async_context(
            rail_at(stitch, shelf=shelf, clock=clock, debits_accounts=True)
        )
        drafted = Batches(
            shelf=shelf, orders=rail.orders, payers=Payers(shelf), calendar=CALENDAR, client_id=CLIENT_ID
        )
        desk.append(Desk(rail=rail, shelf=shelf, house=house, stitch=stitch, batches=drafted))
        yield desk[0]


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def stitch(watch: Watch) -> Iterator[Stitch]:
    with playing(watch) as played:
        yield played


@pytest.fixture(params=["memory", "postgres"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    if request.param == "memory":
        async with desk_on(MemoryShelf(), tmp_path) as opened:
            yield opened
        return
    engine = create_engine(request.getfixturevalue("shared_url"))
    async with engine.begin() as connection:
        # Files are all tenants': what the test before has left would be sent, and read, by this one.
        await connection.exec_driver_sql("DELETE FROM sandbox_document")
    async with desk_on(PostgresShelf(engine), tmp_path) as opened:
        yield opened
    await engine.dispose()
