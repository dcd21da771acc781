"""A whole marketplace behind its front door: the wired platform, a demo of its own, and people signed in."""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
import structlog
from dependency_injector import providers
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres import jobs, queue
from marketplace.adapters.postgres.engine import create_owner_engine
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.identity.session import ACCESS_LIFE, REFRESH_LIFE, Session, Token
from marketplace.core.shared.aggregate import create
from marketplace.core.shared.place import Place
from marketplace.core.shared.roles import SYSTEM, Role
from marketplace.entrypoints import blueprints, configuration
from marketplace.entrypoints.asking import rails_asked
from marketplace.entrypoints.enquiry import unseen
from marketplace.entrypoints.generated_secrets import with_secrets
from marketplace.entrypoints.seed import Seeded, SignInAs, seed
from marketplace.entrypoints.wiring import Platform, close
from marketplace.ports.audit import Promise
from marketplace.ports.storage import Work

HERE = Path(__file__).parent
BASE_URL = "http://market.test"
ROUNDS_MAX = 20


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a module share a platform, so they share its loop."""
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("asyncio") is not None:
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest.fixture(autouse=True, scope="session")
def quiet() -> Iterator[None]:
    """What is logged is another suite's business."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    yield
    structlog.configure(**before)


@dataclass
class Person:
    """Somebody with a client in one marketplace; nobody in particular where there is no token."""

    client: httpx.AsyncClient
    slug: str
    facts: SignInAs | None = None
    tokens: dict[str, Any] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        tenant = {"marketplace-tenant": self.slug}
        return tenant | ({"authorization": f"Bearer {self.tokens['access_token']}"} if self.tokens else {})

    async def get(self, path: str, *, headers: dict[str, str] | None = None, **asked: Any) -> httpx.Response:
        asked = {name.rstrip("_"): value for name, value in asked.items()}
        return await self.client.get(path, params=asked or None, headers=self.headers | (headers or {}))

    async def post(
        self, path: str, *, key: str | None = None, headers: dict[str, str] | None = None, **body: Any
    ) -> httpx.Response:
        sent = self.headers | ({"idempotency-key": key} if key else {}) | (headers or {})
        return await self.client.post(path, json=body or None, headers=sent)

    async def read(self, path: str, **asked: Any) -> Any:
        response = await self.get(path, **asked)
        assert response.status_code == 200, (path, response.status_code, response.text)
        return response.json()

    async def do(self, path: str, **body: Any) -> Any:
        response = await self.post(path, **body)
        assert response.is_success, (path, response.status_code, response.text)
        return response.json()

    async def refused(self, path: str, status: int, **body: Any) -> Any:
        """The problem that a command is answered with."""
        response = await self.post(path, **body)
        assert response.status_code == status, (path, response.status_code, response.text)
        assert response.headers["content-type"] == "application/problem+json"
        return response.json()

    async def pages(self, path: str, **asked: Any) -> list[Any]:
        """Every item of a list, page by page."""
        items: list[Any] = []
        after: dict[str, Any] = {}
        while True:
            page = await self.read(path, **asked, **after)
            items += page["items"]
            if page["after"] is None:
                return items
            after = {"after": page["after"]}


@dataclass
class Market:
    """The platform of a module, in this process, on a database of its own."""

    platform: Platform
    url: str
    client: httpx.AsyncClient
    owner: AsyncEngine

    @property
    def front(self) -> Any:
        return self.platform.front()

    async def open(self, blueprint: str = "home-services") -> "Shop":
        slug = f"{blueprint}-{uuid4().hex[:8]}"
        store, business = self.platform.api_store(), blueprints.load(blueprint)
        seeded = await seed(
            store=store, blueprint=business, slug=slug, now=datetime.now(UTC), entropy=token_bytes(32)
        )
        return Shop(self, slug, seeded)

    async def drain(self) -> None:
        """Carry out what is due, and what that brings with it, the vendor's post too."""
        for _ in range(ROUNDS_MAX):
            await self.platform.post().round()
            if not (await queue.backlog(engine=self.platform.worker_engine())).due:
                return
            await self.work()
        raise AssertionError("there is always something due")

    async def work(self) -> None:
        """What `Worker.drain` does with the queue; its schedules would go through every test's shop."""
        worker = self.platform.worker()
        await jobs.drain(engine=worker.engine, follow=worker._follow, ring=worker._ring)

    async def hasten(self) -> None:
        """Jobs that wait for another try are tried now."""
        await self.sql("UPDATE pgqueuer SET execute_after = now() WHERE attempts > 0 AND status = 'queued'")
        await self.drain()

    async def sql(self, statement: str) -> Any:
        """One value, asked for as the owner of the tables."""
        async with self.owner.connect() as connection:
            found = await connection.exec_driver_sql(statement)
            return found.scalar() if found.returns_rows else None


@dataclass
class Shop:
    """One marketplace with its demo; its clock is its own."""

    market: Market
    slug: str
    seeded: Seeded
    _signed_in: dict[tuple[Role, int], Person] = field(default_factory=dict)

    @property
    def nobody(self) -> Person:
        return Person(self.market.client, self.slug)

    async def rails_asked(self) -> Promise:
        """What an audit hears of the rails about this marketplace."""
        platform = self.market.platform
        return await rails_asked(
            platform.settings(),
            platform.api_engine(),
            platform.database_url(),
            tenant_id=self.seeded.tenant.id,
            since=None,
            most=100,
            told=unseen,
        )

    def people(self, role: Role) -> list[SignInAs]:
        return [person for person in self.seeded.people if person.role == role]

    async def a(self, role: Role, index: int = 0) -> Person:
        """The role's first, second … person, signed in once."""
        if (role, index) not in self._signed_in:
            self._signed_in[role, index] = await self.admit(self.people(role)[index])
        return self._signed_in[role, index]

    async def customer(self, index: int = 0) -> Person:
        return await self.a(Role.CUSTOMER, index)

    async def provider(self, index: int = 0) -> Person:
        return await self.a(Role.PROVIDER, index)

    async def support(self) -> Person:
        return await self.a(Role.SUPPORT)

    async def admin(self) -> Person:
        return await self.a(Role.ADMIN)

    async def admit(self, who: SignInAs) -> Person:
        """With a session written straight into storage: signing in is proved where it is the subject."""
        store, tenant_id, key = self.market.platform.api_store(), self.seeded.tenant.id, uuid4()
        access, refresh = (Token(tenant_id, key, token_bytes(32)) for _ in range(2))
        session = Session(
            id=key,
            tenant_id=tenant_id,
            user_id=who.user_id,
            role=who.role,
            provider_id=who.provider_id,
            access_digest=access.digest,
            refresh_digest=refresh.digest,
            opened_at=datetime.now(UTC),
            access_until=datetime.now(UTC) + ACCESS_LIFE,
            refresh_until=datetime.now(UTC) + 100 * REFRESH_LIFE,
        )
        call = await self.market.platform.directory().call(tenant_id, SYSTEM, "test")
        work = Work(store, tenant_id)
        work.add(create(session, call))
        await store.write(work.batch([]))
        tokens = {"access_token": access.text(), "refresh_token": refresh.text()}
        told = {"session_id": str(key), "user_id": str(who.user_id), "role": str(who.role)}
        return Person(self.market.client, self.slug, who, tokens | told)

    async def sign_in(self, who: SignInAs, role: Role | None = None) -> Person:
        key = str(uuid4())
        await self.nobody.do("/v1/sign-in/codes", sign_in_id=key, phone=who.phone)
        code = await self.code_of(who.phone)
        tokens = await self.nobody.do(
            "/v1/sign-in/tokens", sign_in_id=key, code=code, role=str(role or who.role)
        )
        return Person(self.market.client, self.slug, who, tokens)

    async def code_of(self, phone: str) -> str:
        """The last code that was sent to a number."""
        inbox = await self.nobody.read("/v1/sandbox/inbox", address=phone)
        found = (re.search(r"code is (\d{6})", message["text"]) for message in inbox["items"])
        return next(match[1] for match in found if match)

    async def advance(self, **ahead: float) -> None:
        """Let the marketplace's clock jump ahead, and what falls due happen."""
        seconds = int(timedelta(**ahead).total_seconds())
        admin = await self.admin()
        await admin.do("/admin/v1/tenant/clock", seconds=seconds, reason="test")
        await self.market.drain()

    async def now(self) -> datetime:
        admin = await self.admin()
        ahead = (await admin.read("/admin/v1/tenant"))["clock_ahead_seconds"]
        return datetime.now(UTC) + timedelta(seconds=ahead)

    async def until(self, instant: datetime | str) -> None:
        """Advance to an instant; one that is past is left alone."""
        wanted = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
        ahead = (wanted - await self.now()).total_seconds()
        if ahead > 0:
            await self.advance(seconds=ahead + 1)

    def service(self, *, provider: int = 0, index: int = 0) -> Any:
        owner = self.people(Role.PROVIDER)[provider].provider_id
        return [one for one in self.seeded.services if one.provider_id == owner][index]

    async def slots(
        self, *, days: int = 5, provider: int = 0, index: int = 0, skip: int = 0, **asked: Any
    ) -> list[Any]:
        start = await self.now() + timedelta(days=skip)
        path = f"/v1/services/{self.service(provider=provider, index=index).id}/slots"
        until = (start + timedelta(days=days)).isoformat()
        found = await self.nobody.read(path, from_=start.isoformat(), until=until, **asked)
        slots: list[Any] = found["slots"]
        return slots

    async def a_start(self, *, provider: int = 0, index: int = 0) -> str:
        """The last one of the next days, or weeks where it has to be booked well ahead."""
        soon = await self.slots(provider=provider, index=index)
        start: str = (soon or await self.slots(days=30, provider=provider, index=index))[-1]["start"]
        return start

    async def book(
        self, *, by: int = 0, at: str | None = None, provider: int = 0, index: int = 0, **more: Any
    ) -> Any:
        """A booking as the customer's POST answers it; the payment is still to come."""
        customer = await self.customer(by)
        start = at or await self.a_start(provider=provider, index=index)
        body = self.booking_at(start, provider=provider, index=index)
        return await customer.do("/v1/bookings", **(body | more))

    def booking_at(self, start: str, *, provider: int = 0, index: int = 0) -> dict[str, Any]:
        """The body of a POST that asks for it."""
        service = self.service(provider=provider, index=index)
        return {
            "booking_id": str(uuid4()),
            "provider_id": str(service.provider_id),
            "service_id": str(service.id),
            "starts_at": start,
            "payment_method": "tok_success",
            "address": "14 Kloof Street",
        }

    async def booked(self, **asked: Any) -> Any:
        """A booking that is paid, and waits for its provider."""
        booking = await self.book(**asked)
        await self.market.drain()
        return await self.booking(booking["id"])

    async def confirmed(self, **asked: Any) -> Any:
        booking = await self.booked(**asked)
        provider = await self.provider(asked.get("provider", 0))
        if booking["state"] == "awaiting_provider":
            await provider.do(f"/v1/bookings/{booking['id']}/accept")
            await self.market.drain()
        return await self.booking(booking["id"])

    async def delivered(self, **asked: Any) -> Any:
        """A booking whose work is done; the clock stands at its start."""
        booking = await self.confirmed(**asked)
        await self.until(booking["starts_at"])
        provider, path = await self.provider(asked.get("provider", 0)), f"/v1/bookings/{booking['id']}"
        for step in ("set-out", "arrive"):
            await provider.do(f"{path}/{step}")
        await provider.do(f"{path}/start", start_code=booking["start_code"])
        return await provider.do(f"{path}/deliver")

    async def released(self, **asked: Any) -> Any:
        booking = await self.delivered(**asked)
        await (await self.customer(asked.get("by", 0))).do(f"/v1/bookings/{booking['id']}/approve")
        await self.until(booking["complaint_until"])
        return await self.booking(booking["id"])

    async def offered(self, booking_id: str) -> dict[str, str]:
        """An offer to the first provider, of a job that does not look for anybody in earnest."""
        owner, now = self.service().provider_id, datetime.now(UTC)
        unit_id = str(uuid4())
        await (await self.provider()).do(f"/v1/providers/{owner}/units", unit_id=unit_id, name="Van")
        job = DispatchJob(
            id=uuid4(),
            tenant_id=self.seeded.tenant.id,
            booking_id=uuid4(),
            customer_id=uuid4(),
            area_id=uuid4(),
            place=Place(-33.9293, 18.4125),
            skill="gutters",
            duration_minutes=60,
            window_start=now,
            window_end=now,
            queued_at=now,
            give_up_at=now,
        )
        offer = DispatchOffer(
            id=uuid4(),
            tenant_id=job.tenant_id,
            job_id=job.id,
            booking_id=UUID(booking_id),
            provider_id=owner,
            unit_id=UUID(unit_id),
            wave=0,
            leaves_at=now,
            travel_seconds=60,
            starts_at=now,
            sent_at=now,
            expires_at=now,
        )
        work = Work(self.market.platform.api_store(), job.tenant_id)
        call = await self.market.platform.directory().call(job.tenant_id, SYSTEM, "test")
        work.add(create(job, call))
        work.add(create(offer, call))
        await work.store.write(work.batch([]))
        return {"job_id": str(job.id), "offer_id": str(offer.id)}

    async def detail(self, key: str) -> Any:
        """A booking as admin sees it, with its payment."""
        admin = await self.admin()
        booking = await admin.read(f"/admin/v1/bookings/{key}")
        customer = next(
            person
            for person in self._signed_in.values()
            if person.tokens["user_id"] == booking["customer_id"]
        )
        return await customer.read(f"/v1/bookings/{key}")

    async def booking(self, key: str) -> Any:
        return (await self.detail(key))["booking"]

    async def payment(self, key: str) -> Any:
        return (await self.detail(key))["payment"]

    async def ledger(self) -> dict[str, int]:
        """Balances by the account's first word; their sum is checked to be nothing."""
        accounts = await (await self.admin()).read("/admin/v1/ledger/accounts")
        balances = {row["account"]: row["balance_minor"] for row in accounts}
        assert sum(balances.values()) == 0
        return {account: balance for account, balance in balances.items() if balance}


@contextlib.asynccontextmanager
async def running(url: str, **flags: Any) -> AsyncIterator[Market]:
    # A machine may be busy with other tests, or stand still for a while.
    patient = {"connection_wait_seconds": 30.0, "statement_timeout_seconds": 60.0}
    given = {"blueprint": "home-services", **patient, **flags}
    settings = with_secrets(configuration.load(environ={}, flags=given))
    platform = Platform(settings=settings, database_url=url, base_url=BASE_URL)
    transport = httpx.ASGITransport(app=platform.front(), raise_app_exceptions=False)
    owner = create_owner_engine(url)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        # The sandbox's courier posts to the same front door.
        platform.client.override(providers.Object(client))
        yield Market(platform, url, client, owner)
        await close(platform)
    await owner.dispose()


@pytest.fixture(scope="session")
def data_directory(tmp_path_factory: pytest.TempPathFactory) -> str:
    return os.fspath(tmp_path_factory.mktemp("marketplace"))


Opened = Callable[..., Awaitable[Market]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(shared_url: str, data_directory: str) -> AsyncIterator[Market]:
    async with running(shared_url, data_directory=data_directory) as market:
        yield market


@pytest_asyncio.fixture(loop_scope="module")
async def shop(market: Market) -> Shop:
    """A marketplace of this test's own."""
    return await market.open()


@pytest.fixture
def together() -> Callable[..., Awaitable[list[Any]]]:
    """Ask many things at once."""

    async def gather(*questions: Awaitable[Any]) -> list[Any]:
        return list(await asyncio.gather(*questions))

    return gather


@pytest.fixture(scope="session")
def running_market() -> Callable[..., Any]:
    """Runs a platform where a test wants another than its module's."""
    return running
