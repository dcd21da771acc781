"""A rail at the played Stitch."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

import httpx
from tests.vendors.stitch.server import CLIENT_ID, CLIENT_SECRET, Stitch

from marketplace.adapters.sandbox.shelf import MemoryShelf
from marketplace.adapters.stitch.account import Account, Client, connect
from marketplace.adapters.stitch.calendar import Calendar
from marketplace.adapters.stitch.charges import Charges
from marketplace.adapters.stitch.keeping import Keeping
from marketplace.adapters.stitch.orders import Orders
from marketplace.adapters.stitch.payers import Payers
from marketplace.adapters.stitch.rail import StitchRail
from marketplace.adapters.stitch.setups import Setups
from marketplace.adapters.stitch.transfers import Transfers
from marketplace.ports.shelf import Shelf

SECRET = "whsec_cGxheWVkLXdlYmhvb2stc2VjcmV0"
CALENDAR = Calendar(time(15))


def client_of(stitch: Stitch, *, secret: str = CLIENT_SECRET, url: str | None = None) -> Client:
    at = url or stitch.url
    return Client(
        client_id=CLIENT_ID, secret=secret, token_url=f"{at}/connect/token", api_url=f"{at}/graphql"
    )


@asynccontextmanager
async def rail_at(
    stitch: Stitch,
    *,
    shelf: Shelf,
    clock: Callable[[], datetime],
    client: Client | None = None,
    http: httpx.AsyncClient | None = None,
    live: bool = False,
    debits_accounts: bool = False,
) -> AsyncIterator[StitchRail]:
    async def live_of(_tenant_id: UUID) -> bool:
        return live

    orders, keeping = Orders(shelf), Keeping(shelf)
    async with http or connect() as opened:
        account = Account(
            client=client or client_of(stitch), http=opened, clock=clock, live=False, live_of=live_of
        )
        yield StitchRail(
            charges=Charges(account=account, orders=orders, calendar=CALENDAR, keeping=keeping),
            transfers=Transfers(account=account, orders=orders),
            setups=Setups(
                account=account, keeping=keeping, payers=Payers(shelf), debits_accounts=debits_accounts
            ),
            orders=orders,
            secrets=(SECRET,),
        )


START = datetime(2026, 11, 19, 10, tzinfo=UTC)


@dataclass
class Watch:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@asynccontextmanager
async def rail_of(stitch: Stitch, watch: Watch, **how: Any) -> AsyncIterator[StitchRail]:
    async with rail_at(stitch, shelf=MemoryShelf(), clock=watch, **how) as rail:
        yield rail
