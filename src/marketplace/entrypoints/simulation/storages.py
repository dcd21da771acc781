"""Where a simulation is kept, and who audits it there."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from marketplace.adapters.memory.audit import MemoryAudit
from marketplace.adapters.memory.claims import MemoryClaims
from marketplace.adapters.memory.store import MemoryStore
from marketplace.adapters.postgres.audit import PostgresAudit
from marketplace.adapters.postgres.claims import PostgresClaims
from marketplace.adapters.postgres.engine import create_engine, create_owner_engine
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.entrypoints import scratch
from marketplace.entrypoints.enquiry import Claims
from marketplace.entrypoints.simulation.lane import Lane
from marketplace.entrypoints.simulation.vendors import LaneOutbox
from marketplace.ports.audit import Auditor
from marketplace.ports.storage import Store

CONNECTIONS = 9  # one for each lane: nobody waits, so nobody is refused


@dataclass(frozen=True, slots=True)
class Storage:
    store: Store
    auditor_of: Callable[[Lane], Auditor]
    claims: Claims


@asynccontextmanager
async def in_memory() -> AsyncIterator[Storage]:
    store = MemoryStore()

    def auditor_of(lane: Lane) -> Auditor:
        return MemoryAudit(store=store, books=lane.all_books, outbox=LaneOutbox(lane.channel))

    yield Storage(store, auditor_of, MemoryClaims(store))


@asynccontextmanager
async def on_postgres(url: str) -> AsyncIterator[Storage]:
    """In a database of its own on that server, made for it and gone with it: nobody's own data is touched."""
    async with scratch.database(url, purpose="simulation") as made:
        engine = create_engine(made, pool_size=CONNECTIONS, wait_seconds=30, application_name="simulation")
        owner = create_owner_engine(made, application_name="simulation's audit")

        def auditor_of(lane: Lane) -> Auditor:
            return PostgresAudit(engine=owner, books=lane.all_books, outbox=LaneOutbox(lane.channel))

        try:
            yield Storage(PostgresStore(engine), auditor_of, PostgresClaims(owner))
        finally:
            await engine.dispose()
            await owner.dispose()
