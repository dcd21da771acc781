"""A whole marketplace on a virtual clock whose money goes by a rail that a server on loopback plays."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid5

import pytest
from tests.contracts.vendors.conftest import (
    SANDBOX_METHODS,
    SANDBOX_PAYEES,
    SANDBOX_SOURCES,
    STRIPE_METHODS,
    STRIPE_PAYEES,
    STRIPE_SOURCES,
    VirtualClock,
)
from tests.unit.core.conftest import MONDAY, POLICY, World
from tests.vendors.stitch import server as played_stitch
from tests.vendors.stitch.stage import rail_at as stitch_rail_at
from tests.vendors.stripe.post import body_of, signed, untold
from tests.vendors.stripe.server import playing as playing_stripe
from tests.vendors.stripe.stage import rail_at as stripe_rail_at

from marketplace.adapters.memory.audit import MemoryAudit
from marketplace.adapters.memory.store import MemoryStore
from marketplace.adapters.sandbox.faults import Fault, Operation
from marketplace.adapters.sandbox.shelf import MemoryShelf
from marketplace.core.payments.saving import SaveMethod
from marketplace.core.shared.errors import Unavailable
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.money import Money
from marketplace.core.tenants.policy import Policy
from marketplace.core.tenants.tenant import Call, Mode, Tenant
from marketplace.entrypoints.hooks import hear
from marketplace.entrypoints.simulation.lane import Lane
from marketplace.entrypoints.simulation.market import open_market
from marketplace.ports.payments import Hint, PaymentRail, SavingRail, Tracing

LOOK = timedelta(hours=4)  # how often the vendor's own clock is let go on while time passes
NAMESPACE = UUID(int=1)


@dataclass(kw_only=True)
class Vendor:
    """
    A rail and its vendor's truth: `news` are the signed webhooks that it has to tell, as (headers, body).

    `methods` and `payees` are its test tokens by what comes of them.
    """

    name: str
    clock: VirtualClock
    methods: Mapping[str, str]
    payees: Mapping[str, str]
    sources: Mapping[str, str] = field(default_factory=dict)
    rail: PaymentRail | None = None
    balance: Callable[[UUID], int] | None = None
    played: Any = None
    news: Callable[[], Iterable[tuple[dict[str, str], bytes]]] = tuple


@dataclass
class RailBooks:
    """What the audit holds the ledger against."""

    balance_minor: Callable[[UUID], int]

    async def balance(self, tenant_id: UUID, *, read_to: str | None = None) -> Mapping[str, Money]:
        del read_to  # nothing is settled here
        return {POLICY.currency: Money(self.balance_minor(tenant_id), POLICY.currency)}


class PlayedLane(Lane):
    """The vendor goes by the lane's time."""

    vendor: Vendor

    async def _carry_out(self, what: Any) -> None:
        self.vendor.clock.now = self.now
        await super()._carry_out(what)


@dataclass
class House(World):
    """`told` decides what becomes of each webhook: at how many hours from now it comes, each time."""

    vendor: Vendor = field(kw_only=True)
    told: Callable[[int], tuple[float, ...]] = field(default=lambda _: (0.0,))
    heard: int = 0

    def deafen(self) -> None:
        """The vendor's news never come."""
        self.told = lambda _: ()
        if self.vendor.rail is None:
            self.lane.books.faults = lambda operation, _: (
                Fault.WEBHOOK_LOST if operation is Operation.WEBHOOK else None
            )

    async def save(self, outcome: str = "succeeds") -> UUID:
        """A card that its bank lets pay."""
        if MethodKind.CARD not in self.rail.capabilities.saves:
            pytest.skip(f"{self.vendor.name} saves no cards")
        if outcome not in self.vendor.sources:
            pytest.skip(f"{self.vendor.name} has nothing to save that {outcome}")
        key, source = uuid5(NAMESPACE, "card"), self.vendor.sources[outcome]
        await self.do(SaveMethod(payment_method_id=key, kind=MethodKind.CARD, source=source), self.customer)
        await self.settle()
        return key

    def method(self, outcome: str) -> str:
        if outcome not in self.vendor.methods:
            pytest.skip(f"{self.vendor.name} has no method that {outcome}")
        return self.vendor.methods[outcome]

    @property
    def rail(self) -> PaymentRail:
        return self.lane.desk.vendors.rails[self.vendor.name]

    @property
    def saving(self) -> SavingRail:
        return cast("SavingRail", self.rail)

    def claws_back(self, payee: str) -> bool:
        return self.rail.capabilities.claws_back and payee == "succeeds"

    def next_start(self) -> datetime:
        """A slot that is free still: six a day."""
        day, slot = divmod(len(self.ids), 6)
        return self.start.replace(minute=0) + timedelta(days=day, hours=2 * slot)

    def next_id(self) -> UUID:
        """The same in each run, so that two runs can be laid side by side."""
        return uuid5(NAMESPACE, str(len(self.ids)))

    async def do(self, command: Any, *actor: Any) -> Any:
        self.vendor.clock.now = self.lane.now
        return await super().do(command, *actor)

    async def settle(self) -> None:
        await super().settle()
        while await self._hear_news():
            await super().settle()

    async def until(self, at: datetime) -> None:
        while self.lane.now < at:
            await self.lane.until(min(at, self.lane.now + LOOK))
            await self.settle()

    async def forward(self, **span: float) -> None:
        await self.until(self.lane.now + timedelta(**span))

    async def _hear_news(self) -> bool:
        """Each webhook as often, and as late, as is decided; whether one is due at once."""
        self.vendor.clock.now, at_once = self.lane.now, False
        for headers, body in self.vendor.news():
            rail = self.vendor.rail
            assert rail is not None
            hints = rail.verify_and_parse(headers=headers, body=body, now=self.lane.now)
            if not hints and isinstance(rail, Tracing):
                hints = await rail.trace(body)
            self.heard += 1
            for hours in self.told(self.heard):
                at_once = at_once or not hours
                self.lane.agenda.put(self._hearing(hints), at=self.lane.now + timedelta(hours=hours))
        return at_once

    def _hearing(self, hints: tuple[Hint, ...]) -> Callable[[], Awaitable[None]]:
        async def call_for(_tenant_id: UUID) -> Call:
            return self.lane.call()

        async def heard() -> None:
            await hear(hints, rail=self.vendor.name, call_for=call_for, store=self.lane.store)

        return heard

    async def rail_minor(self, rail: str = "") -> int:
        del rail
        if self.vendor.balance is None:
            return await super().rail_minor()
        return self.vendor.balance(self.lane.tenant.id)

    async def broken(self) -> list[str]:
        if self.vendor.balance is None:
            return await super().broken()
        books = {self.vendor.name: RailBooks(self.vendor.balance)}
        promises = await MemoryAudit(store=self.storage, books=books).audit(None, now=self.lane.now)
        parked = [repr(error) for _, error in self.lane.parked]
        return parked + [f"{promise.name}: {v}" for promise in promises for v in promise.violations]


@dataclass
class Mortal:
    """A rail at which a worker dies: its vendor has done it, and what it answered is never written down."""

    rail: Any
    method: str
    house: House
    died: int = 0

    def __getattr__(self, name: str) -> Any:
        return self._last if name == self.method else getattr(self.rail, name)

    async def _last(self, *given: Any, **named: Any) -> Any:
        report = await getattr(self.rail, self.method)(*given, **named)
        if not self.died:
            self.died, store = 1, self.house.lane.store
            store.inner = Unwritten(store.inner, store)
        return report


@dataclass
class Unwritten:
    """The next write does not come about; whoever takes the job up again finds storage as ever."""

    inner: Any
    outer: Any

    async def read(self, *given: Any) -> Any:
        return await self.inner.read(*given)

    async def write(self, _batch: Any) -> None:
        self.outer.inner = self.inner
        raise Unavailable("the worker died")


def dies_after(house: House, method: str) -> Mortal:
    """The first call of this method is a worker's last."""
    rails: Any = house.lane.desk.vendors.rails
    rails[house.vendor.name] = Mortal(rails[house.vendor.name], method, house)
    mortal: Mortal = rails[house.vendor.name]
    return mortal


@asynccontextmanager
async def sandbox() -> AsyncIterator[Vendor]:
    yield Vendor(
        name="sandbox",
        clock=VirtualClock(),
        methods=SANDBOX_METHODS,
        payees=SANDBOX_PAYEES,
        sources=SANDBOX_SOURCES,
    )


@asynccontextmanager
async def stripe() -> AsyncIterator[Vendor]:
    clock = VirtualClock()
    with playing_stripe(lambda: clock.now) as played:
        async with stripe_rail_at(played.url, shelf=MemoryShelf(), clock=lambda: clock.now) as rail:

            def news() -> Iterable[tuple[dict[str, str], bytes]]:
                with played.books.lock:
                    played.books.advance()
                for event in untold(played):
                    body = body_of(event)
                    yield signed(body, at=clock.now), body

            yield Vendor(
                name="stripe",
                clock=clock,
                methods=STRIPE_METHODS,
                payees=STRIPE_PAYEES,
                sources=STRIPE_SOURCES,
                rail=rail,
                balance=played.balance,
                played=played,
                news=news,
            )
            assert played.violations == []


@asynccontextmanager
async def stitch() -> AsyncIterator[Vendor]:
    """Its webhooks stay away: whatever happens is found by asking."""
    clock = VirtualClock()
    with played_stitch.playing(lambda: clock.now) as played:
        async with stitch_rail_at(played, shelf=MemoryShelf(), clock=lambda: clock.now) as rail:
            yield Vendor(
                name="stitch",
                clock=clock,
                methods=played_stitch.METHODS,
                payees=played_stitch.PAYEES,
                rail=rail,
                balance=played.balance,
                played=played,
            )


VENDORS: Mapping[str, Callable[[], AbstractAsyncContextManager[Vendor]]] = {
    "sandbox": sandbox,
    "stripe": stripe,
    "stitch": stitch,
}


async def build(vendor: Vendor, *, payee: str = "succeeds", **changes: Any) -> House:
    """A market of one shop; `changes` are of the policy, part by part."""
    if payee not in vendor.payees:
        pytest.skip(f"{vendor.name} has no payee that {payee}")
    policy: Policy = replace(POLICY, payment=replace(POLICY.payment, rail=vendor.name))
    for part, fields in changes.items():
        policy = replace(policy, **{part: replace(getattr(policy, part), **fields)})
    key = uuid5(NAMESPACE, "market")
    tenant = Tenant(id=key, tenant_id=key, slug="played", mode=Mode.TEST, policy=policy)
    storage, given = MemoryStore(), {} if vendor.rail is None else {vendor.name: vendor.rail}
    vendor.clock.now, PlayedLane.vendor = MONDAY, vendor
    lane = PlayedLane(seed="played", tenant=tenant, storage=storage, now=MONDAY, given=given)
    lane.vendor = vendor
    market = await open_market(lane, payees=(vendor.payees[payee],), units=2, customers=3)
    return House(lane, storage, market, vendor=vendor)
