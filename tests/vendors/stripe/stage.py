"""A rail at a server that plays Stripe."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from tests.vendors.stripe.server import KEY, SECRET

from marketplace.adapters.stripe.account import Account, connect
from marketplace.adapters.stripe.orders import Orders
from marketplace.adapters.stripe.rail import StripeRail
from marketplace.ports.shelf import Shelf

RETURN_URL = "https://market.example/back"


@asynccontextmanager
async def rail_at(
    url: str, *, shelf: Shelf, clock: Callable[[], datetime], key: str = KEY
) -> AsyncIterator[StripeRail]:
    async def live_of(_tenant_id: UUID) -> bool:
        return False

    connection = connect(key=key, url=url)
    account = Account(
        client=connection.client,
        orders=Orders(shelf),
        clock=clock,
        live=False,
        live_of=live_of,
        return_url=RETURN_URL,
    )
    yield StripeRail(account=account, secrets=(SECRET,))
    await connection.close()
