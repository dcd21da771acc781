import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from marketplace.core.bookings.booking import State
from marketplace.core.identity.authentication import (
    RefreshSession,
    RequestCode,
    SignedIn,
    VerifyCode,
    WrongCode,
)
from marketplace.core.shared.roles import SYSTEM
from marketplace.core.tenants.policy import Confirmation
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.hooks import hear
from marketplace.entrypoints.settings import Settings
from marketplace.entrypoints.wiring import Platform, close
from marketplace.ports.payments import Hint

Open = Callable[..., Awaitable[Any]]

LONG = timedelta(days=12)
orders = pytest.mark.parametrize("first", [0, 1, None], ids=["first", "second", "at-once"])


async def signed_in(market: Any, phone: str) -> SignedIn:
    sent = await market.do(RequestCode(sign_in_id=uuid4(), phone=phone))
    pair: SignedIn = await market.do(VerifyCode(sign_in_id=sent.sign_in.id, code=sent.code))
    return pair


class TestRefreshToken:
    @orders
    async def test_gives_one_pair_and_shown_twice_ends_the_session(
        self, open_market: Open, first: int | None
    ) -> None:
        market = await open_market()
        pair = await signed_in(market, "+27830009999")
        refresh = (RefreshSession(refresh_token=pair.refresh.text()), SYSTEM)

        outcomes = await market.race(refresh, refresh, first=first)

        # Two holders of one token mean that it was stolen from one of them: both are out.
        assert sorted(type(one).__name__ for one in outcomes) == [SignedIn.__name__, WrongCode.__name__]
        assert await market.events("session.revoked") == 1


class TestWebhook:
    async def test_counts_once_when_heard_fifty_times_at_once(self, open_market: Open) -> None:
        market = await open_market(confirmation=Confirmation.INSTANT)
        booking = await market.book(payment_method="tok_needs_action")
        await market.work()
        await market.rail.complete_action(booking.payment_id)
        hint = Hint(
            event_id="evt_1", tenant_id=market.tenant.id, reference=booking.payment_id, subject="charge"
        )

        async def call_for(_: UUID) -> Call:
            call: Call = market.call()
            return call

        heard = await asyncio.gather(
            *(hear([hint], rail="sandbox", call_for=call_for, store=market.store) for _ in range(50))
        )
        await market.work()

        assert sorted(heard) == [0] * 49 + [1]
        assert (await market.see(booking.id)).state == State.CONFIRMED
        await market.pass_time(LONG)
        assert await market.violations() == []


class TestIdempotencyKey:
    async def test_sent_fifty_times_at_once_books_once_and_answers_all_alike(
        self, open_market: Open, shared_url: str
    ) -> None:
        market = await open_market(units=5)
        market.now = datetime.now(UTC)  # as the platform goes by real time
        pair = await signed_in(market, "+27830000001")
        settings = Settings(sandbox_webhook_secret="x" * 32, connection_wait_seconds=30)
        platform = Platform(settings=settings, database_url=shared_url, base_url="http://test")
        headers = {"Authorization": f"Bearer {pair.access.text()}", "Idempotency-Key": "one"}
        body = {
            "booking_id": str(uuid4()),
            "provider_id": str(market.provider.provider_id),
            "service_id": str(market.service_id),
            "starts_at": f"{market.now + timedelta(days=2):%Y-%m-%d}T09:00:00Z",
            "payment_method": "tok_success",
        }

        transport = httpx.ASGITransport(app=platform.front())  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answers = await asyncio.gather(
                *(client.post("/v1/bookings", json=body, headers=headers) for _ in range(50))
            )
        await close(platform)

        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
        assert await market.held() == await market.events("booking.requested") == 1
