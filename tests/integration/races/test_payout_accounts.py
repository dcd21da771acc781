"""A provider is paid into one account, whoever opens, closes or tells of it at the same moment."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.core.payouts.account import OpeningUnderWay, PayoutAccount, State
from marketplace.core.payouts.opening import ClosePayoutAccount, OpenPayoutAccount, RecordPayoutAccount
from marketplace.core.providers.provider import Provider
from marketplace.core.shared.errors import MoveRefused
from marketplace.core.shared.payees import PayeeKind
from marketplace.core.shared.roles import SYSTEM
from marketplace.ports.storage import AlreadyThere, Follow

Open = Callable[..., Awaitable[Any]]
orders = pytest.mark.parametrize("first", [0, 1, None], ids=["first", "second", "at-once"])


def opening(market: Any, source: str = "opening_success") -> tuple[OpenPayoutAccount, Any]:
    command = OpenPayoutAccount(
        provider_id=market.provider.provider_id,
        payout_account_id=uuid4(),
        kind=PayeeKind.HOSTED,
        source=source,
    )
    return command, market.provider


async def open_account(market: Any, source: str = "opening_success") -> UUID:
    command, actor = opening(market, source)
    await market.do(command, actor)
    await market.work()
    return command.payout_account_id


async def payee(market: Any) -> str | None:
    provider = await market.see(market.provider.provider_id, Provider)
    found: str | None = provider.payee
    return found


async def state(market: Any, key: UUID) -> State:
    account = await market.see(key, PayoutAccount)
    found: State = account.state
    return found


class TestAnAccount:
    @orders
    async def test_is_opened_once_at_a_time(self, open_market: Open, first: int | None) -> None:
        market = await open_market()

        outcomes = await market.race(opening(market), opening(market), first=first)
        await market.work()

        refused = [one for one in outcomes if isinstance(one, OpeningUnderWay | AlreadyThere)]
        assert len(refused) == 1
        assert await market.events("payout_account.activated") == 1

    @orders
    async def test_is_opened_once_however_often_it_is_asked_for(
        self, open_market: Open, first: int | None
    ) -> None:
        market = await open_market()
        one = opening(market)

        outcomes = await market.race(one, one, first=first)
        await market.work()

        assert [isinstance(outcome, AlreadyThere) for outcome in outcomes].count(True) == 1
        assert await market.events("payout_account.begun") == 1

    async def test_may_be_told_of_before_the_call_that_opens_it_has_answered(self, open_market: Open) -> None:
        market = await open_market()
        command, actor = opening(market)
        await market.do(command, actor)
        begun = await market.work_but("payout_account.begun")
        heard = Follow(
            tenant_id=market.tenant.id,
            event_id=uuid4(),
            name="vendor.payee_heard",
            subject_id=command.payout_account_id,
            at=market.now,
            request_id="a webhook",
        )

        await market.follow_at_once([*begun, heard])
        await market.work()

        assert await state(market, command.payout_account_id) == State.ACTIVE
        assert await market.events("payout_account.activated") == 1

    @orders
    async def test_can_receive_or_is_closed(self, open_market: Open, first: int | None) -> None:
        market = await open_market()
        key = await open_account(market, "opening_needs_action")
        await market.rail.answer_payee(key, agreed=True)
        report = await market.rail.find_payee(key)

        await market.race(
            (RecordPayoutAccount(report=report), SYSTEM),
            (ClosePayoutAccount(payout_account_id=key), market.provider),
            first=first,
        )
        await market.work()

        assert await state(market, key) == State.CLOSED
        assert await payee(market) != report.token

    @orders
    async def test_is_closed_once(self, open_market: Open, first: int | None) -> None:
        market = await open_market()
        key = await open_account(market)
        closing = (ClosePayoutAccount(payout_account_id=key), market.provider)

        outcomes = await market.race(closing, closing, first=first)

        assert [isinstance(one, MoveRefused) for one in outcomes].count(True) == 1
        assert (await state(market, key), await payee(market)) == (State.CLOSED, None)

    @orders
    async def test_takes_the_place_of_one_that_falls_just_then(
        self, open_market: Open, first: int | None
    ) -> None:
        market = await open_market()
        old = await open_account(market)
        new = await open_account(market, "opening_needs_action")
        await market.rail.answer_payee(new, agreed=True)
        report = await market.rail.find_payee(new)

        await market.race(
            (RecordPayoutAccount(report=report), SYSTEM),
            (ClosePayoutAccount(payout_account_id=old), market.provider),
            first=first,
        )
        await market.work()

        assert (await state(market, old), await state(market, new)) == (State.CLOSED, State.ACTIVE)
        assert await payee(market) == report.token
