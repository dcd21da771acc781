"""Stitch is set up where settings name its client: the rail, its round of files, and what doctor sees."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.leases import PostgresLeases
from marketplace.adapters.stitch import account
from marketplace.adapters.stitch.account import Account, Client
from marketplace.adapters.stitch.batches import Batches
from marketplace.adapters.stitch.calendar import Calendar
from marketplace.adapters.stitch.charges import Charges
from marketplace.adapters.stitch.clearing import Clearing, Post
from marketplace.adapters.stitch.keeping import Keeping
from marketplace.adapters.stitch.news import Newsroom
from marketplace.adapters.stitch.orders import Orders
from marketplace.adapters.stitch.payers import Payers
from marketplace.adapters.stitch.rail import StitchRail
from marketplace.adapters.stitch.setups import Setups
from marketplace.adapters.stitch.soundness import Finding, examine
from marketplace.adapters.stitch.transfers import Transfers
from marketplace.core.shared.errors import Unavailable
from marketplace.core.shared.roles import SYSTEM
from marketplace.core.tenants.tenant import Call, Mode
from marketplace.entrypoints.directory import Directory
from marketplace.entrypoints.hooks import hear
from marketplace.entrypoints.settings import Settings
from marketplace.ports.payments import Hint
from marketplace.ports.shelf import Shelf
from marketplace.ports.storage import Store

# The library for SFTP is loaded where files are exchanged: whoever does not exchange any does without.
if TYPE_CHECKING:
    from marketplace.adapters.stitch.sftp import Host

log = structlog.get_logger(__name__)

NAME = "stitch"


def is_set(settings: Settings) -> bool:
    return settings.stitch_client_id is not None


def rail_of(
    settings: Settings,
    http: httpx.AsyncClient,
    *,
    shelf: Shelf,
    directory: Directory,
    clock: Callable[[], datetime],
) -> StitchRail:
    orders, keeping = Orders(shelf), Keeping(shelf)
    opened = _account_of(settings, http, directory=directory, clock=clock)
    secrets = (settings.stitch_webhook_secret, settings.stitch_webhook_secret_before)
    setups = Setups(
        account=opened,
        keeping=keeping,
        payers=Payers(shelf),
        debits_accounts=settings.stitch_debits_accounts,
    )
    calendar = _calendar_of(settings)
    return StitchRail(
        charges=Charges(account=opened, orders=orders, calendar=calendar, keeping=keeping),
        transfers=Transfers(account=opened, orders=orders),
        setups=setups,
        orders=orders,
        secrets=tuple(filter(None, secrets)),
    )


def exchange_of(
    settings: Settings, *, shelf: Shelf, engine: AsyncEngine, store: Store, directory: Directory
) -> "Exchange":
    orders = Orders(shelf)
    batches = Batches(
        shelf=shelf,
        orders=orders,
        payers=Payers(shelf),
        calendar=_calendar_of(settings),
        client_id=settings.stitch_client_id or "",
    )

    async def call_for(tenant_id: UUID) -> Call:
        return await directory.call(tenant_id, SYSTEM, "stitch files")

    async def tell(hints: Sequence[Hint]) -> None:
        await hear(hints, rail=NAME, call_for=call_for, store=store)

    clearing = Clearing(
        shelf=shelf,
        batches=batches,
        newsroom=Newsroom(orders=orders, batches=batches),
        open_post=lambda: _opened(settings),
        tell=tell,
        clock=directory.clock.now,
    )
    return Exchange(clearing=clearing, engine=engine, seconds=settings.stitch_files_seconds)


@dataclass
class Exchange:
    """A round every so often, whoever asks how often; what came of it is logged."""

    clearing: Clearing
    engine: AsyncEngine
    seconds: float
    clock: Callable[[], float] = monotonic
    _looked_at: float = field(default=float("-inf"))

    async def round(self) -> None:
        """Raises Unavailable."""
        if self.clock() - self._looked_at < self.seconds:
            return
        self._looked_at = self.clock()
        # Its session is lent for as long as the round lasts, and not for good.
        leases = PostgresLeases(self.engine)
        try:
            found = await self.clearing.round(leases)
        finally:
            await leases.close()
        for name in found.sent:
            log.info("debits sent to Stitch", file=name)
        for name in found.read:
            log.info("file of Stitch's read", file=name)
        for trouble in found.troubles:
            log.warning("file of Stitch's not understood", file=trouble.name, problem=trouble.problem)


async def check(settings: Settings, shelf: Shelf) -> list[Finding]:
    """What of Stitch is not as it has to be; nothing where it is not set up."""
    if not is_set(settings):
        return []

    async def live_of(_tenant_id: UUID) -> bool:
        return settings.stitch_live

    async with account.connect() as http:
        asked = Account(
            client=_client_of(settings),
            http=http,
            clock=lambda: datetime.now(UTC),
            live=settings.stitch_live,
            live_of=live_of,
        )
        return [one async for one in examine(asked, open_post=lambda: _opened(settings), shelf=shelf)]


def _account_of(
    settings: Settings, http: httpx.AsyncClient, *, directory: Directory, clock: Callable[[], datetime]
) -> Account:
    async def live_of(tenant_id: UUID) -> bool:
        return (await directory.tenant(tenant_id)).mode is Mode.LIVE

    return Account(
        client=_client_of(settings), http=http, clock=clock, live=settings.stitch_live, live_of=live_of
    )


def _client_of(settings: Settings) -> Client:
    client_id, secret = settings.stitch_client_id or "", settings.stitch_client_secret or ""
    if settings.stitch_api_url is None:
        return Client(client_id=client_id, secret=secret)
    at = settings.stitch_api_url.rstrip("/")
    return Client(
        client_id=client_id, secret=secret, token_url=f"{at}/connect/token", api_url=f"{at}/graphql"
    )


def _calendar_of(settings: Settings) -> Calendar:
    return Calendar(time.fromisoformat(settings.stitch_cut_off))


def _opened(settings: Settings) -> AbstractAsyncContextManager[Post]:
    try:
        from marketplace.adapters.stitch import sftp  # noqa: PLC0415 - an extra, which is not always there
    except ModuleNotFoundError as error:
        raise Unavailable("files need the extra `stitch`: requirements/stitch.txt") from error
    return sftp.opened(_host_of(settings))


def _host_of(settings: Settings) -> "Host":
    from marketplace.adapters.stitch.sftp import Host  # noqa: PLC0415 - an extra, which is not always there

    path = settings.stitch_sftp_key_file or Path()
    try:
        key = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(f"the key for Stitch's files cannot be read: {path}") from error
    return Host(
        name=settings.stitch_sftp_host or "",
        port=settings.stitch_sftp_port,
        user=settings.stitch_sftp_user or "",
        key=key,
        host_key=settings.stitch_sftp_host_key or "",
    )
