"""A lane is a marketplace on a virtual clock: nothing in it depends on other lanes, or on real time."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

from marketplace.adapters.memory.assigner import AugmentingAssigner
from marketplace.adapters.memory.livemap import MemoryLiveMap
from marketplace.adapters.memory.roads import GreatCircleRouter
from marketplace.adapters.sandbox.books import Books
from marketplace.adapters.sandbox.faults import Fault, FaultPlan, no_faults, seeded_random
from marketplace.adapters.sandbox.inbox import SandboxChannel
from marketplace.adapters.sandbox.rail import CAPABILITIES, SandboxRail
from marketplace.adapters.sandbox.shelf import MemoryShelf
from marketplace.adapters.sandbox.webhooks import Courier
from marketplace.core.marketplace import Desk, run
from marketplace.core.notifications.usecases import DEFAULT_CHANNEL
from marketplace.core.shared.errors import MarketplaceError, OutcomeUnknown, Unavailable
from marketplace.core.shared.roles import SYSTEM, Actor
from marketplace.core.tenants.tenant import Call, Tenant
from marketplace.entrypoints.hooks import hear
from marketplace.entrypoints.simulation.agenda import Agenda
from marketplace.entrypoints.simulation.storage import LaneStore
from marketplace.entrypoints.simulation.trouble import CALM, Trouble, Troubles
from marketplace.entrypoints.simulation.vendors import LaneShelf, Wake
from marketplace.ports.payments import Capabilities, PaymentRail
from marketplace.ports.storage import Alarm, Follow, Job, Store
from marketplace.ports.vendors import Vendors

SECRET = "simulated"  # noqa: S105 - signs webhooks that never leave this process
TRIES_MAX = 12
_RERUN_AFTER = timedelta(seconds=30)  # as when a worker died, and its jobs' heartbeats run out
_SKEW_MAX = timedelta(seconds=3)

Errand = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Try:
    """A job that is tried again, and how often it was before."""

    job: Job
    tries: int = 0


@dataclass(kw_only=True)
class Lane:
    """
    Jobs, alarms, webhooks and errands, each at its time on the lane's own clock.

    `parked` are the jobs that failed too often, each with its last error; `rivals` are those who may act on a
    booking at any time; `skew_max` is how far a worker's clock may be ahead or behind; `able` is what the
    sandbox's rails can do, `abilities` what those can that are named there; `given` are the rails of other
    vendors, by their names, and `rails_down` those that everybody knows to be down.
    """

    seed: str
    tenant: Tenant
    storage: Store
    now: datetime
    troubles: Troubles = field(default_factory=lambda: CALM)
    faults: FaultPlan = no_faults
    agenda: Agenda = field(default_factory=Agenda)
    parked: list[tuple[Job, Exception]] = field(default_factory=list)
    tally: Counter[Fault] = field(default_factory=Counter)
    rivals: dict[UUID | None, Errand] = field(default_factory=dict)
    calls: int = 0
    skew_max: timedelta = _SKEW_MAX
    able: Capabilities = CAPABILITIES
    abilities: Mapping[str, Capabilities] = field(default_factory=dict)
    rails_down: frozenset[str] = frozenset()
    given: Mapping[str, PaymentRail] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.trouble = Trouble(self.troubles, seed=self.seed)
        self.store = LaneStore(
            inner=self.storage, agenda=self.agenda, trouble=self.trouble, now=lambda: self.now
        )
        self.store.meanwhile = self._meanwhile
        played = (name for name in self.tenant.policy.payment.rails if name not in self.given)
        self.rails = {name: self._rail(name) for name in played}
        shelf = LaneShelf(MemoryShelf(), self.agenda)
        self.channel = SandboxChannel(shelf=shelf, clock=self.clock, faults=self.faults, tally=self.tally)
        vendors = Vendors(
            rails={**self.rails, **self.given},
            channels={DEFAULT_CHANNEL: self.channel},
            live_map=MemoryLiveMap(now=lambda: self.now),
            router=GreatCircleRouter(),
            assigner=AugmentingAssigner(),
        )
        self.desk = Desk(store=self.store, vendors=vendors)

    @property
    def rail(self) -> SandboxRail:
        """That of cards."""
        return self.rails[self.tenant.policy.payment.rail]

    @property
    def books(self) -> Books:
        return self.rail.books

    @property
    def all_books(self) -> dict[str, Books]:
        """Each rail's own, by its name."""
        return {name: rail.books for name, rail in self.rails.items()}

    def _rail(self, name: str) -> SandboxRail:
        """A vendor with books of its own."""
        shelf, random = LaneShelf(MemoryShelf(), self.agenda), seeded_random(self.seed)
        books = Books(shelf=shelf, clock=self.clock, random=random, faults=self.faults, tally=self.tally)
        able = self.abilities.get(name, self.able)
        return SandboxRail(books=books, secrets=(SECRET,), name=name, capabilities=able)

    def clock(self, _tenant_id: UUID) -> datetime:
        return self.now

    def call(self, actor: Actor = SYSTEM, *, skew: timedelta = timedelta()) -> Call:
        self.calls += 1
        name = f"{self.seed}/{self.calls}"
        entropy = sha256(name.encode()).digest()
        return Call(
            actor=actor,
            tenant=self.tenant,
            at=self.now + skew,
            request_id=name,
            entropy=entropy,
            rails_down=self.rails_down,
        )

    async def do(self, command: Any, actor: Actor = SYSTEM) -> Any:
        """A command at the lane's time; raises what it refuses, and what storage does."""
        return await run(command, call=self.call(actor), store=self.store)

    async def until(self, at: datetime) -> None:
        """Everything that is due up to an instant, which is then the time."""
        while (soonest := self.agenda.next_at) is not None and soonest <= at:
            await self.step()
        self.now = max(self.now, at)

    async def to_the_end(self) -> None:
        """Until nothing is to happen any more."""
        while len(self.agenda):
            await self.step()

    async def step(self) -> None:
        at, what = self.agenda.take()
        self.now = max(self.now, at)
        await self._carry_out(what)

    async def _carry_out(self, what: Any) -> None:
        match what:
            case Follow() | Alarm():
                await self._work(Try(what))
            case Try():
                await self._work(what)
            case Wake.WEBHOOKS:
                for rail in self.rails.values():
                    await self._deliver(rail)
            case Wake.BOOKS | Wake.SETUPS | Wake.PAYEES:
                for books in self.all_books.values():
                    await books.tick()
            case _:
                await what()

    async def _work(self, task: Try) -> None:
        """As a worker does: a job that fails is tried again later, and parked when it fails too often."""
        if self.trouble.strikes("job_twice"):
            # To another worker, which is at it while this one is, or right after.
            self.agenda.put(task.job, at=self.now)
        try:
            await self._run(task.job)
        except Exception as error:
            if not isinstance(error, MarketplaceError):
                raise
            self._again(task, error)
            return
        if self.trouble.strikes("job_rerun"):
            self.agenda.put(task.job, at=self.now + _RERUN_AFTER)

    def _again(self, task: Try, error: Exception) -> None:
        if task.tries + 1 >= TRIES_MAX:
            self.parked.append((task.job, error))
            return
        later = self.now + timedelta(seconds=min(2**task.tries, 600))
        self.agenda.put(replace(task, tries=task.tries + 1), at=later)

    async def _run(self, job: Job) -> None:
        call = self.call(skew=self._skew())
        if isinstance(job, Follow):
            await self.desk.follow(job, call)
        else:
            await self.desk.ring(job, call)

    def _skew(self) -> timedelta:
        """No two machines' clocks agree; the queue's own clock is the database's."""
        if not self.trouble.strikes("clock_skew"):
            return timedelta()
        return self.skew_max * self.trouble.between(-1, 1)

    async def _deliver(self, rail: SandboxRail) -> None:
        books = rail.books
        courier = Courier(shelf=books.shelf, clock=self.clock, secret=SECRET, random=books.random)
        await courier.deliver_due(post=partial(self._hook, rail), now=self.now)

    async def _hook(self, rail: SandboxRail, body: bytes, headers: dict[str, str]) -> int:
        """What the webhook's route answers."""

        async def call_for(_tenant_id: UUID) -> Call:
            return self.call()

        hints = rail.verify_and_parse(headers=headers, body=body, now=self.now)
        try:
            await hear(hints, rail=rail.name, call_for=call_for, store=self.store)
        except (Unavailable, OutcomeUnknown):
            return 503
        return 200

    async def _meanwhile(self, booking_id: UUID | None) -> bool:
        """Somebody acts on the same booking, or what is due next is done, between a read and its write."""
        if booking_id in self.rivals and self.trouble.between(0, 1) < 1 / 2:
            await self.rivals[booking_id]()
            return True
        soonest = self.agenda.next_at
        if soonest is None or soonest > self.now:
            return False
        await self.step()
        return True
