"""A marketplace in memory, on a clock of its own, with the sandbox for vendors: the core is tested in it."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.unit.core.relied_on import watched

from marketplace.adapters.memory.audit import MemoryAudit
from marketplace.adapters.memory.store import MemoryStore
from marketplace.adapters.sandbox.rail import CAPABILITIES
from marketplace.core.bookings.booking import Booking
from marketplace.core.bookings.commands import (
    AcceptBooking,
    Arrive,
    CreateBooking,
    DeliverBooking,
    DisputeBooking,
    ReportNoShow,
    SetOut,
    StartBooking,
)
from marketplace.core.commands import USE_CASES
from marketplace.core.ledger.movement import Posting
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.refund import Refund
from marketplace.core.payouts.drawing import StartPayoutRun
from marketplace.core.payouts.payout import Payout
from marketplace.core.shared.roles import SYSTEM, Actor
from marketplace.core.tenants.policy import (
    CancellationTerms,
    CancellationTier,
    Capture,
    Confirmation,
    FeePolicy,
    Policy,
    VatPolicy,
    VatRate,
)
from marketplace.core.tenants.tenant import Mode, Tenant
from marketplace.entrypoints.simulation.lane import Lane
from marketplace.entrypoints.simulation.market import Market, open_market
from marketplace.entrypoints.simulation.trouble import Trouble
from marketplace.entrypoints.simulation.vendors import LaneOutbox
from marketplace.ports.payments import Capabilities
from marketplace.ports.storage import Work

MONDAY = datetime(2026, 11, 2, 6, tzinfo=UTC)
# What the market's one service costs, and who gets it: commission 15 %, VAT of 15 % on it.
PRICE, PROVIDER, FEE, VAT = 50_000, 41_375, 7_500, 1_125
POLICY = Policy(
    blueprint="home-services",
    currency="ZAR",
    locale="en_ZA",
    country="ZA",
    time_zone="Africa/Johannesburg",
    fees=FeePolicy(commission_basis_points=1_500),
    vat=VatPolicy(rates=(VatRate(date(2025, 1, 1), 1_500),)),
    cancellation=CancellationTerms(
        (CancellationTier(1_440, 10_000), CancellationTier(120, 5_000)), grace_minutes=10
    ),
)


@dataclass
class World:
    """`start` is when bookings begin unless a test says otherwise."""

    lane: Lane
    storage: MemoryStore
    market: Market
    start: datetime = MONDAY + timedelta(days=2)
    ids: list[UUID] = field(default_factory=list)

    @property
    def customer(self) -> Actor:
        return self.market.customers[0]

    @property
    def provider(self) -> Actor:
        return self.market.shops[0].actor

    @property
    def admin(self) -> Actor:
        return self.market.admin

    async def do(self, command: Any, actor: Actor = SYSTEM) -> Any:
        return await self.lane.do(command, actor)

    def next_id(self) -> UUID:
        return uuid4()

    async def settle(self) -> None:
        """Everything that is due now."""
        await self.lane.until(self.lane.now)

    async def until(self, at: datetime) -> None:
        await self.lane.until(at)

    async def forward(self, **span: float) -> None:
        await self.lane.until(self.lane.now + timedelta(**span))

    def between(self, what: Callable[[], Awaitable[Any]], *, read: int) -> None:
        """Let `what` happen after the read of this number, counted from 1, and before the write."""
        reads = iter(range(1, 1_000))

        async def meanwhile(_: Any) -> bool:
            if next(reads) == read:
                await what()
            return True

        self.lane.store.trouble = Trouble({"stale_read": 1.0}, seed="x")
        self.lane.store.meanwhile = meanwhile

    async def get(self, kind: type, key: UUID) -> Any:
        return await Work(self.storage, self.lane.tenant.id).get(kind, key)

    async def booking(self, key: UUID | None = None) -> Booking:
        booking: Booking = await self.get(Booking, key or self.ids[-1])
        return booking

    async def payment(self, key: UUID | None = None) -> Payment:
        """The one that the booking lives on now."""
        booking = await self.booking(key)
        payment: Payment = await self.get(Payment, booking.payment_id)  # type: ignore[arg-type]
        return payment

    def all(self, kind: type) -> list[Any]:
        return list(self.storage.rows_of(kind, self.lane.tenant.id))

    def refunds(self) -> list[Refund]:
        return self.all(Refund)

    def payouts(self) -> list[Payout]:
        return sorted(self.all(Payout), key=lambda payout: payout.drawn_at)

    def accounts(self) -> dict[str, int]:
        """What the accounts hold, by their names without ids, those with nothing left out."""
        sums: Counter[str] = Counter()
        for posting in self.all(Posting):
            sums[posting.account.split(":")[0]] += posting.amount_minor
        return {account: minor for account, minor in sums.items() if minor}

    async def rail_minor(self, rail: str = "sandbox") -> int:
        found = await self.lane.rails[rail].books.balance(self.lane.tenant.id)
        return found[POLICY.currency].minor if POLICY.currency in found else 0

    async def broken(self) -> list[str]:
        audit = MemoryAudit(
            store=self.storage,
            books=self.lane.all_books,
            outbox=LaneOutbox(self.lane.channel),
        )
        promises = await audit.audit(None, now=self.lane.now)
        parked = [repr(error) for _, error in self.lane.parked]
        return parked + [f"{promise.name}: {v}" for promise in promises for v in promise.violations]

    # Bookings on their way.

    async def book(self, token: str = "tok_success", *, start: datetime | None = None, **given: Any) -> UUID:
        """Asked for, and whatever follows at once has followed."""
        shop = self.market.shops[0]
        self.ids.append(self.next_id())
        actor = given.pop("actor", self.customer)
        command = CreateBooking(
            booking_id=self.ids[-1],
            provider_id=shop.provider_id,
            service_id=shop.service_id,
            starts_at=start or self.start,
            payment_method=token,
        )
        await self.do(replace(command, **given), actor)
        await self.settle()
        return self.ids[-1]

    async def confirm(self, token: str = "tok_success", **given: Any) -> UUID:
        key = await self.book(token, **given)
        await self.do(AcceptBooking(booking_id=key), self.provider)
        await self.settle()
        return key

    async def work(self, token: str = "tok_success", **given: Any) -> UUID:
        """Confirmed, and the provider is at it."""
        key = await self.confirm(token, **given)
        booking = await self.booking(key)
        await self.until(booking.starts_at - timedelta(minutes=20))
        await self.do(SetOut(booking_id=key), self.provider)
        await self.do(Arrive(booking_id=key), self.provider)
        await self.do(StartBooking(booking_id=key, start_code=booking.start_code), self.provider)
        return key

    async def deliver(self, token: str = "tok_success", **given: Any) -> UUID:
        key = await self.work(token, **given)
        await self.forward(hours=1)
        await self.do(DeliverBooking(booking_id=key), self.provider)
        await self.settle()
        return key

    async def dispute(self, token: str = "tok_success", **given: Any) -> UUID:
        key = await self.deliver(token, **given)
        await self.do(DisputeBooking(booking_id=key, reason="not clean"), self.customer)
        return key

    async def miss(self, *, by: Actor) -> UUID:
        """Confirmed, and then one side reports that the other is not there."""
        key = await self.confirm()
        await self.until(self.start + timedelta(minutes=20))
        await self.do(ReportNoShow(booking_id=key, reason="nobody there"), by)
        await self.settle()
        return key

    async def pay_out(self) -> None:
        await self.do(StartPayoutRun(run_id=uuid4()))
        await self.settle()


Make = Callable[..., Awaitable[World]]


@pytest.fixture(autouse=True, scope="session")
def guarding() -> Iterator[None]:
    """Whatever these tests carry out guards what it rests on, unless the table says why not."""
    with pytest.MonkeyPatch.context() as patch:
        for command, use_case in [*USE_CASES.items()]:
            patch.setitem(USE_CASES, command, watched(use_case))
        yield


@pytest.fixture
def make_world() -> Make:
    """
    Makes a world with one shop; `booking`, `payment`, `payout` replace parts of the policy, and `able` is
    what its rails can do.
    """

    async def make(
        *, payee: str = "payee_ok", units: int = 2, able: Capabilities = CAPABILITIES, **given: Any
    ) -> World:
        policy = POLICY
        for part, changes in given.items():
            policy = replace(policy, **{part: replace(getattr(policy, part), **changes)})
        key = uuid4()
        tenant = Tenant(id=key, tenant_id=key, slug=str(key), mode=Mode.TEST, policy=policy)
        storage = MemoryStore()
        lane = Lane(seed=str(key), tenant=tenant, storage=storage, now=MONDAY, able=able)
        return World(lane, storage, await open_market(lane, payees=(payee,), units=units, customers=3))

    return make


@pytest.fixture
async def world(make_world: Make) -> World:
    """Requests that the provider accepts; money taken with the booking."""
    return await make_world()


@pytest.fixture
async def holding(make_world: Make) -> World:
    """Requests that the provider accepts; money only held until then."""
    return await make_world(payment={"capture": Capture.ON_CONFIRMATION})


@pytest.fixture
async def instant(make_world: Make) -> World:
    """The payment makes the booking firm."""
    return await make_world(booking={"confirmation": Confirmation.INSTANT})
