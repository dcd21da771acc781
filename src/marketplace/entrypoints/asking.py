"""Whoever audits an installation asks its rails past their breakers: nothing is ordered of them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.claims import PostgresClaims
from marketplace.adapters.postgres.engine import create_owner_engine
from marketplace.adapters.postgres.shelf import PostgresShelf
from marketplace.adapters.sandbox.books import Books
from marketplace.adapters.sandbox.rail import SandboxRail
from marketplace.adapters.stitch.account import connect
from marketplace.entrypoints import stitch
from marketplace.entrypoints.directory import Directory
from marketplace.entrypoints.enquiry import Enquiry, Progress
from marketplace.entrypoints.proof import met
from marketplace.entrypoints.rails import (
    rails_of,
    sandbox_capabilities_of,
    stripe_connection_of,
    stripe_rail_of,
)
from marketplace.entrypoints.settings import Settings
from marketplace.ports.audit import Promise
from marketplace.ports.payments import PaymentRail

_UNUSED = "nobody sends webhooks here"


async def rails_asked(
    settings: Settings,
    engine: AsyncEngine,
    url: str,
    *,
    tenant_id: UUID | None,
    since: datetime | None,
    most: int,
    told: Progress,
) -> Promise:
    """Whether they say what is stored, of one marketplace or of all; raises NotFound, Unavailable."""
    directory = await met(engine, url, tenant_id)
    owner = create_owner_engine(url, application_name="marketplace audit")
    try:
        async with _opened(settings, engine, directory) as rails:
            enquiry = Enquiry(
                claims=PostgresClaims(owner), rails=rails, now=directory.now, most=most, told=told
            )
            return await enquiry.ask(tenant_id, since=since)
    finally:
        await owner.dispose()


@asynccontextmanager
async def _opened(
    settings: Settings, engine: AsyncEngine, directory: Directory
) -> AsyncIterator[Mapping[str, PaymentRail]]:
    shelf, clock = PostgresShelf(engine), directory.clock.now
    async with AsyncExitStack() as opened:

        def at_sandbox() -> PaymentRail:
            books, able = Books(shelf=shelf, clock=directory.now), sandbox_capabilities_of(settings)
            return SandboxRail(books=books, secrets=(_UNUSED,), capabilities=able)

        def at_stripe() -> PaymentRail:
            connection = stripe_connection_of(settings)
            opened.push_async_callback(connection.close)
            base_url = settings.base_url
            return stripe_rail_of(
                settings, connection, shelf=shelf, directory=directory, clock=clock, base_url=base_url
            )

        def at_stitch() -> PaymentRail:
            http = connect()
            opened.push_async_callback(http.aclose)
            return stitch.rail_of(settings, http, shelf=shelf, directory=directory, clock=clock)

        yield rails_of(settings, sandbox=at_sandbox, stripe=at_stripe, stitch=at_stitch)
