"""A marketplace on PostgreSQL with a clock of its own, in which people meet between reading and writing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from marketplace.adapters.memory.assigner import AugmentingAssigner
from marketplace.adapters.memory.livemap import MemoryLiveMap
from marketplace.adapters.memory.roads import GreatCircleRouter
from marketplace.adapters.postgres.audit import PostgresAudit
from marketplace.adapters.postgres.engine import create_engine, create_owner_engine
from marketplace.adapters.postgres.shelf import PostgresShelf
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.adapters.sandbox.books import Books
from marketplace.adapters.sandbox.faults import seeded_random
from marketplace.adapters.sandbox.inbox import SandboxChannel
from marketplace.adapters.sandbox.rail import SandboxRail
from marketplace.adapters.sandbox.webhooks import Courier
from marketplace.core.bookings.booking import Booking
from marketplace.core.bookings.commands import CreateBooking, DeliverBooking, StartBooking
from marketplace.core.catalogue.pricing import PriceRule
from marketplace.core.catalogue.usecases import DraftService, PublishService
from marketplace.core.identity.usecases import GrantRoles
from marketplace.core.identity.user import user_id
from marketplace.core.marketplace import Desk, run
from marketplace.core.payments.payment import Payment
from marketplace.core.providers.hours import OpeningHours
from marketplace.core.providers.usecases import AddUnit, AmendProvider, ApplyAsProvider, MoveProvider
from marketplace.core.shared.errors import MarketplaceError, Unavailable
from marketplace.core.shared.ids import derive
from marketplace.core.shared.roles import SYSTEM, Actor, Role
from marketplace.core.tenants.dispatching import DispatchPolicy
from marketplace.core.tenants.policy import (
    BookingPolicy,
    CancellationTerms,
    CancellationTier,
    Capture,
    Confirmation,
    FeePolicy,
    PaymentPolicy,
    Policy,
    VatPolicy,
    VatRate,
)
from marketplace.core.tenants.tenant import Call, Mode, Tenant
from marketplace.core.tenants.usecases import OpenTenant
from marketplace.entrypoints.hooks import hear
from marketplace.ports.storage import Alarm, Batch, Follow, One, Question, Stale, Store
from marketplace.ports.vendors import Vendors

SHARING = {"races", "crash"}
BEGIN = datetime(2026, 11, 2, 6, tzinfo=UTC)
SLOT = datetime(2026, 11, 5, 9, tzinfo=UTC)
CONNECTIONS = 20
CALM = DispatchPolicy()
# A number that does not divide evenly, so that every split leaves something over.
PRICE = 33_331

_DUE = """
WITH due AS (
    SELECT id FROM pgqueuer WHERE status = 'queued' AND headers->>'tenant' = $1::uuid::text
        AND coalesce((headers->>'due_at')::timestamptz, '-infinity') <= $2
    ORDER BY (headers->>'due_at')::timestamptz NULLS FIRST, id LIMIT 1
)
DELETE FROM pgqueuer WHERE id IN (SELECT id FROM due)
RETURNING entrypoint, convert_from(payload, 'UTF8'), headers->>'due_at'
"""
_NEXT = """
SELECT min((headers->>'due_at')::timestamptz) FROM pgqueuer
WHERE status = 'queued' AND headers->>'tenant' = $1::uuid::text
"""
# Accounts of which no promise speaks, each with what should stand on it.
_ACCOUNT = "SELECT coalesce(sum(amount_minor), 0) FROM posting WHERE tenant_id = $1 AND account"
_OWED = {
    "refunds payable are those that have not been paid": f"""
        SELECT ({_ACCOUNT} = 'refunds_payable') + coalesce(sum(amount_minor), 0) <> 0 FROM refund
        WHERE tenant_id = $1 AND state IN ('requested', 'pending', 'failed')""",
    "what is contested is with the bank": f"""
        SELECT ({_ACCOUNT} = 'dispute_hold') <> coalesce(sum(contested_minor), 0) FROM payment
        WHERE tenant_id = $1 AND state = 'disputed'""",
}
_KINDS: dict[str, Any] = {kind.QUEUE: msgspec.json.Decoder(kind) for kind in (Follow, Alarm)}

# A command and who gives it.
Step = tuple[Any, Actor]


class Meeting:
    """All who take part have read before the first one writes."""

    def __init__(self, parties: int) -> None:
        self._awaited, self._everybody = parties, asyncio.Event()
        self.somebody, self.first_wrote = asyncio.Event(), asyncio.Event()

    def arrive(self) -> None:
        self.somebody.set()
        self._awaited -= 1
        if self._awaited == 0:
            self._everybody.set()

    async def wait(self) -> None:
        await self._everybody.wait()


@dataclass
class Party:
    """A store that waits at the meeting with its first write; `turn` 1 lets another go first."""

    meeting: Meeting
    store: Store
    turn: int = 0
    arrived: bool = False

    async def read(self, tenant_id: UUID, questions: Sequence[Question[Any]]) -> list[tuple[Any, ...]]:
        return await self.store.read(tenant_id, questions)

    async def write(self, batch: Batch) -> None:
        if not self.arrived:
            self.arrive()
            await self.meeting.wait()
            if self.turn:
                await self.meeting.first_wrote.wait()
        try:
            await self.store.write(batch)
        finally:
            self._wrote()

    def leave(self) -> None:
        if not self.arrived:
            self.arrive()
        self._wrote()

    def arrive(self) -> None:
        self.arrived = True
        self.meeting.arrive()

    def _wrote(self) -> None:
        if not self.turn:
            self.meeting.first_wrote.set()


@dataclass(kw_only=True)
class Market:
    """A shop or two, customers, an admin; `now` is its time, and nothing else moves it."""

    engine: AsyncEngine
    owner: AsyncEngine
    connection: AsyncConnection
    tenant: Tenant
    now: datetime = BEGIN

    def __post_init__(self) -> None:
        self._calls = count(1)
        self.store = PostgresStore(self.engine)
        self.shelf = PostgresShelf(self.engine)
        self.books = Books(shelf=self.shelf, clock=lambda _: self.now)
        self.rail = SandboxRail(books=self.books, secrets=("secret",))
        self.channel = SandboxChannel(shelf=self.shelf, clock=lambda _: self.now)
        self.courier = Courier(
            shelf=self.shelf, clock=lambda _: self.now, secret="secret", random=seeded_random("races")
        )
        vendors = Vendors(
            rails={"sandbox": self.rail},
            channels={"sms": self.channel},
            live_map=MemoryLiveMap(now=lambda: self.now),
            router=GreatCircleRouter(),
            assigner=AugmentingAssigner(),
        )
        self.desk = Desk(store=self.store, vendors=vendors)

    def _shop(self, number: int) -> tuple[Actor, UUID]:
        """Whoever acts for a provider, and the one service that it sells."""
        provider_id = derive(self.tenant.id, "provider", number)
        owner = self._actor(Role.CUSTOMER, number)
        return replace(owner, role=Role.PROVIDER, provider_id=provider_id), derive(provider_id, "service")

    def _actor(self, role: Role, number: int) -> Actor:
        return Actor(role, user_id(self.tenant, _phone(number)))

    def call(self, actor: Actor = SYSTEM) -> Call:
        name = f"{self.tenant.id}/{next(self._calls)}"
        entropy = sha256(name.encode()).digest()
        return Call(actor=actor, tenant=self.tenant, at=self.now, request_id=name, entropy=entropy)

    async def do(self, command: Any, actor: Actor = SYSTEM, *, store: Store | None = None) -> Any:
        return await run(command, call=self.call(actor), store=store or self.store)

    async def race(self, one: Step, other: Step, *, first: int | None = None) -> list[Any]:
        """What became of both, who read before either wrote; `first` writes first, or both at once."""
        meeting = Meeting(2)
        parties = [Party(meeting, self.store, turn=int(first not in {None, place})) for place in (0, 1)]
        return await asyncio.gather(*map(self._take_part, (one, other), parties))

    async def _take_part(self, step: Step, party: Party) -> Any:
        try:
            return await self.do(*step, store=party)
        except MarketplaceError as error:
            return error
        finally:
            party.leave()

    async def interrupted(self, step: Step, errand: Callable[[], Awaitable[Any]]) -> Any:
        """What became of a step between whose reading and writing all of the errand is done."""
        meeting = Meeting(2)
        doing = asyncio.create_task(self._take_part(step, Party(meeting, self.store)))
        await meeting.somebody.wait()
        await errand()
        meeting.arrive()
        return await doing

    async def crowd(self, steps: Sequence[Step]) -> list[Any]:
        return await asyncio.gather(*(self.do(*step) for step in steps), return_exceptions=True)

    async def book(self, number: int = 0, **given: Any) -> Booking:
        """A customer's booking as it is before anything followed from it."""
        booking: Booking = await self.do(*self.wish(number, **given))
        return booking

    def wish(self, number: int = 0, **given: Any) -> Step:
        facts = {
            "booking_id": uuid4(),
            "provider_id": self.provider.provider_id,
            "service_id": self.service_id,
            "starts_at": SLOT,
            "payment_method": "tok_success",
        }
        return CreateBooking(**facts | given), self.customers[number % len(self.customers)]

    async def see(self, key: UUID, kind: Any = Booking) -> Any:
        ((row,),) = await self.store.read(self.tenant.id, [One(kind, key)])
        return row

    async def delivered(self, *, jobs: int = 1) -> Booking:
        """Bookings whose work is done, the last of them."""
        bookings = [await self.book(number) for number in range(jobs)]
        await self.work()
        self.now = SLOT
        for booking in bookings:
            await self.do(StartBooking(booking_id=booking.id), self.provider)
            await self.do(DeliverBooking(booking_id=booking.id), self.provider)
        await self.work()
        return bookings[-1]

    async def payment_of(self, booking: Booking) -> Payment:
        payment: Payment = await self.see((await self.see(booking.id)).payment_id, Payment)
        return payment

    async def events(self, name: str) -> int:
        return int(await self.sql("SELECT count(*) FROM event WHERE tenant_id = $1 AND name = $2", name))

    async def held(self) -> int:
        return int(await self.sql("SELECT count(*) FROM reservation WHERE tenant_id = $1 AND state = 'held'"))

    async def sql(self, statement: str, *arguments: Any) -> Any:
        """One value; `$1` is the tenant."""
        return (await self.connection.exec_driver_sql(statement, (self.tenant.id, *arguments))).scalar()

    async def work(self) -> None:
        """Carry out what is due now, and what that brings with it, webhooks too."""
        while (job := await self._job()) is not None:
            entrypoint, payload, _ = job
            task = _KINDS[entrypoint].decode(payload.encode())
            carry_out: Callable[..., Awaitable[None]] = (
                self.desk.follow if isinstance(task, Follow) else self.desk.ring
            )
            try:
                await carry_out(task, self.call())
            except (Stale, Unavailable):
                await carry_out(task, self.call())

    async def work_but(self, name: str) -> list[Follow]:
        """Carry out what is due now, but what follows the events of one name: that is handed back."""
        left = []
        while (job := await self._job()) is not None:
            task = _KINDS[job[0]].decode(job[1].encode())
            if isinstance(task, Follow) and task.name == name:
                left.append(task)
            else:
                await (self.desk.follow if isinstance(task, Follow) else self.desk.ring)(task, self.call())
        return left

    async def follow_at_once(self, jobs: Sequence[Follow]) -> None:
        """Each by a worker of its own, all of whom have read before the first one writes."""
        meeting = Meeting(len(jobs))
        desks = [replace(self.desk, store=Party(meeting, self.store)) for _ in jobs]
        await asyncio.gather(*(desk.follow(job, self.call()) for desk, job in zip(desks, jobs, strict=True)))

    async def _job(self) -> Any:
        await self.books.tick()
        await self.courier.deliver_due(post=self._post, now=datetime.now(UTC))
        found = await self.connection.exec_driver_sql(_DUE, (self.tenant.id, self.now))
        return found.one_or_none()

    async def _post(self, body: bytes, headers: dict[str, str]) -> int:
        hints = self.rail.verify_and_parse(headers=headers, body=body, now=datetime.now(UTC))

        async def call_for(_: UUID) -> Call:
            return self.call()

        await hear(hints, rail="sandbox", call_for=call_for, store=self.store)
        return 200

    async def pass_time(self, by: timedelta) -> None:
        """Every timer on the way rings at its time."""
        until = self.now + by
        await self.work()
        while (soonest := await self.sql(_NEXT)) is not None and soonest <= until:
            self.now = max(self.now, soonest)
            await self.work()
        self.now = until
        await self.work()

    async def violations(self) -> list[str]:
        audit = PostgresAudit(engine=self.owner, books={"sandbox": self.books}, outbox=self)
        promises = await audit.audit(self.tenant.id, now=self.now)
        assert promises
        found = [f"{one.name}: {sentence}" for one in promises for sentence in one.violations]
        return found + [name for name, statement in _OWED.items() if await self.sql(statement)]

    async def copies(self, tenant_id: UUID) -> Mapping[UUID, int]:
        return Counter(message.reference for message in await self.channel.read(tenant_id, limit=1_000))

    async def open(self, *, units: int, shops: int) -> None:
        tenant = self.tenant
        self.tenant = await self.do(
            OpenTenant(tenant_id=tenant.id, slug=tenant.slug, mode=tenant.mode, policy=tenant.policy)
        )
        self.admin = self._actor(Role.ADMIN, 0)
        self.customers = [self._actor(Role.CUSTOMER, number) for number in range(1, 6)]
        self.shops = [self._shop(number) for number in (8, 9)]
        self.provider, self.service_id = self.shops[0]
        for number, role in ((0, Role.ADMIN), *((n, Role.CUSTOMER) for n in (1, 2, 3, 4, 5, 8, 9))):
            await self.do(GrantRoles(phone=_phone(number), roles=(role,), name=f"{role}", reason="test"))
        for owner, service_id in self.shops[:shops]:
            await self._open_shop(owner, service_id, units)

    async def _open_shop(self, owner: Actor, service_id: UUID, units: int) -> None:
        provider_id = owner.provider_id
        as_customer = replace(owner, role=Role.CUSTOMER, provider_id=None)
        await self.do(ApplyAsProvider(provider_id=provider_id, name="Crew"), as_customer)
        hours = tuple(OpeningHours(day, "00:00", "24:00") for day in range(7))
        facts = {"hours": hours, "payee": "payee_ok", "notice_minutes": 0}
        await self.do(AmendProvider(provider_id=provider_id, **facts), owner)
        for move in ("verify", "activate"):
            await self.do(MoveProvider(provider_id=provider_id, move=move, reason="test"), self.admin)
        for number in range(units):
            unit_id = derive(provider_id, "unit", number)
            await self.do(AddUnit(provider_id=provider_id, unit_id=unit_id, name=f"{number}"), owner)
        facts = {"name": "Clean", "category": "cleaning", "rule": PriceRule("fixed", PRICE)}
        draft = DraftService(service_id=service_id, provider_id=provider_id, duration_minutes=60, **facts)
        await self.do(draft, owner)
        await self.do(PublishService(service_id=service_id), owner)


def _phone(number: int) -> str:
    return f"+2783000{number:04d}"


def policy_of(confirmation: Confirmation, capture: Capture, dispatch: DispatchPolicy) -> Policy:
    return Policy(
        blueprint="races",
        currency="ZAR",
        locale="en-ZA",
        country="ZA",
        time_zone="UTC",
        booking=BookingPolicy(confirmation=confirmation, start_code=False),
        payment=PaymentPolicy(capture=capture),
        fees=FeePolicy(commission_basis_points=1_750, customer_fee_minor=499),
        vat=VatPolicy(rates=(VatRate(datetime(2020, 1, 1, tzinfo=UTC).date(), 1_500),)),
        cancellation=CancellationTerms((CancellationTier(24 * 60, 10_000), CancellationTier(0, 5_000))),
        dispatch=dispatch,
    )


Open = Callable[..., Awaitable[Market]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a module share connections, and with them what these have prepared."""
    for item in items:
        if item.path.parent.name in SHARING and item.get_closest_marker("asyncio") is not None:
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_market(shared_url: str) -> AsyncIterator[Open]:
    """Opens marketplaces on the module's database, each of its own tenant."""
    engine = create_engine(shared_url, pool_size=CONNECTIONS, wait_seconds=30, statement_seconds=60)
    owner = create_owner_engine(shared_url)
    connection = await owner.connect()

    async def make(
        *,
        units: int = 1,
        shops: int = 1,
        confirmation: Confirmation = Confirmation.REQUEST,
        capture: Capture = Capture.ON_BOOKING,
        dispatch: DispatchPolicy = CALM,
        now: datetime = BEGIN,
    ) -> Market:
        key = uuid4()
        policy = policy_of(confirmation, capture, dispatch)
        tenant = Tenant(id=key, tenant_id=key, slug=f"races-{key}", mode=Mode.TEST, policy=policy)
        market = Market(engine=engine, owner=owner, connection=connection, tenant=tenant, now=now)
        await market.open(units=units, shops=shops)
        return market

    yield make
    await connection.close()
    await owner.dispose()
    await engine.dispose()
