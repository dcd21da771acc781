from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from tests.integration.rails.house import VENDORS, House, build

Open = Callable[..., Awaitable[House]]


@pytest.fixture(params=VENDORS)
async def open_house(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    """A market on this rail; `payee` is by what comes of it, the rest replaces parts of the policy."""
    async with AsyncExitStack() as opened:

        async def make(**given: Any) -> House:
            vendor = await opened.enter_async_context(VENDORS[request.param]())
            return await build(vendor, **given)

        yield make


@pytest.fixture
async def house(open_house: Open) -> House:
    return await open_house()
