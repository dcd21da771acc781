"""The promises of the core are proved on a whole database, with the sandbox's own books beside it."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.audit import PostgresAudit
from marketplace.adapters.postgres.clock import DatabaseClock
from marketplace.adapters.postgres.engine import create_owner_engine
from marketplace.adapters.postgres.overview import Overview
from marketplace.adapters.postgres.shelf import PostgresShelf
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.adapters.sandbox.books import Books
from marketplace.adapters.sandbox.inbox import SandboxChannel
from marketplace.entrypoints.directory import Directory
from marketplace.entrypoints.simulation.vendors import LaneOutbox
from marketplace.ports.audit import Promise


async def proved(engine: AsyncEngine, url: str, *, tenant_id: UUID | None = None) -> tuple[Promise, ...]:
    """Of one marketplace, or of all; raises NotFound."""
    shelf, directory = PostgresShelf(engine), await met(engine, url, tenant_id)
    owner = create_owner_engine(url, application_name="marketplace audit")
    books = Books(shelf=shelf, clock=directory.now)
    outbox = LaneOutbox(SandboxChannel(shelf=shelf, clock=directory.now))
    try:
        return await PostgresAudit(engine=owner, books={"sandbox": books}, outbox=outbox).audit(tenant_id)
    finally:
        await owner.dispose()


async def met(engine: AsyncEngine, url: str, key: UUID | None) -> Directory:
    """Knows the clocks of the marketplaces in question; raises NotFound."""
    directory = Directory(PostgresStore(engine), DatabaseClock(engine))
    overview = Overview(engine, url)
    for tenant_id in [key] if key else await overview.tenants():
        await directory.tenant(tenant_id)
    return directory
