"""The rail on a server of loopback that plays Stripe."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from tests.vendors.stripe.server import Stripe, playing
from tests.vendors.stripe.stage import rail_at

from marketplace.adapters.sandbox.shelf import MemoryShelf
from marketplace.adapters.stripe.rail import StripeRail
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Charge, Setup, SetupStanding, Transfer

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
PAYEE = "acct_1032D82eZvKYlo2C"


@dataclass(kw_only=True)
class Scene:
    stripe: Stripe
    shelf: MemoryShelf
    now: datetime = START
    tenant_id: UUID = field(default_factory=uuid4)
    rails: list[StripeRail] = field(default_factory=list)

    @property
    def rail(self) -> StripeRail:
        return self.rails[0]

    def clock(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)

    def charge(self, method: str = "pm_card_visa", *, minor: int = 10_000, hold: bool = False) -> Charge:
        return Charge(
            reference=uuid4(),
            tenant_id=self.tenant_id,
            amount=Money(minor, "ZAR"),
            method=method,
            hold=hold,
            description="Wash and vacuum",
            at=self.now,
        )

    def transfer(self, payee: str = PAYEE, *, minor: int = 8_000, charge: UUID | None = None) -> Transfer:
        return Transfer(
            reference=uuid4(),
            tenant_id=self.tenant_id,
            amount=Money(minor, "ZAR"),
            payee=payee,
            description="Week 45",
            at=self.now,
            charge=charge,
        )

    async def take(self, method: str = "pm_card_visa", **asked: int) -> Charge:
        charge = self.charge(method, **asked)
        await self.rail.collect(charge)
        return charge

    async def hold(self, method: str = "pm_card_visa") -> Charge:
        charge = self.charge(method, hold=True)
        await self.rail.collect(charge)
        return charge

    def setup(self, source: str | None = "pm_card_visa", *, customer_id: UUID | None = None) -> Setup:
        return Setup(
            reference=uuid4(),
            tenant_id=self.tenant_id,
            customer_id=customer_id or uuid4(),
            kind=MethodKind.CARD,
            currency="ZAR",
            description="Shine Brothers",
            at=self.now,
            source=source,
        )

    async def keep(self, source: str = "pm_card_visa") -> tuple[Setup, str]:
        """A saved card, and what a charge names."""
        wanted = self.setup(source)
        report = await self.rail.begin_setup(wanted)
        if report.standing is SetupStanding.NEEDS_ACTION:
            self.stripe.books.wallet.authorise(str(wanted.reference), proves=True)
        found = await self.rail.find_setup(wanted.reference)
        assert found is not None
        assert found.token is not None
        return wanted, found.token

    def posts(self) -> list[str]:
        return [path for method, path, _ in self.stripe.asked if method == "POST"]


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    made: list[Scene] = []

    def clock() -> datetime:
        return made[0].now if made else START

    with playing(clock) as stripe:
        for key in ("cus_1", "cus_7", "cus_8"):
            stripe.books.wallet.take_in(key)
        made.append(Scene(stripe=stripe, shelf=MemoryShelf()))
        async with rail_at(stripe.url, shelf=made[0].shelf, clock=clock) as rail:
            made[0].rails.append(rail)
            yield made[0]
