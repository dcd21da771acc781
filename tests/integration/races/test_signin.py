"""However many ask at once, one origin gets so many codes in an hour and no more."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from marketplace.core.identity.authentication import CodeToSend, RequestCode
from marketplace.core.identity.signin import CODES_PER_ORIGIN_AND_HOUR_MAX
from marketplace.core.marketplace import run
from marketplace.core.shared.errors import LimitReached

LEFT, RACERS = 20, 50


async def ask(market: Any, number: int, origin: str) -> Any:
    command = RequestCode(sign_in_id=uuid4(), phone=f"+2771{number:07d}")
    return await run(command, call=replace(market.call(), origin=origin), store=market.store)


async def ask_at_once(market: Any, numbers: range, origin: str = "office") -> list[Any]:
    return await asyncio.gather(*(ask(market, one, origin) for one in numbers), return_exceptions=True)


class TestCodesFromOneOrigin:
    async def test_are_so_many_an_hour_for_fifty_at_once(
        self, open_market: Callable[..., Awaitable[Any]]
    ) -> None:
        market = await open_market()
        for first in range(0, CODES_PER_ORIGIN_AND_HOUR_MAX - LEFT, LEFT):
            calm = await ask_at_once(market, range(first, first + LEFT))
            assert {type(one) for one in calm} == {CodeToSend}

        racing = await ask_at_once(market, range(1_000, 1_000 + RACERS))
        (elsewhere,) = await ask_at_once(market, range(2_000, 2_001), "home")
        market.now += timedelta(hours=1)
        (later,) = await ask_at_once(market, range(3_000, 3_001))

        assert sum(isinstance(one, CodeToSend) for one in racing) == LEFT
        assert sum(isinstance(one, LimitReached) for one in racing) == RACERS - LEFT
        assert isinstance(elsewhere, CodeToSend)
        assert isinstance(later, CodeToSend)
