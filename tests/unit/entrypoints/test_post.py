import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import pytest

from marketplace.adapters.memory.store import MemoryStore
from marketplace.adapters.sandbox.books import Books
from marketplace.adapters.sandbox.rail import SandboxRail
from marketplace.adapters.sandbox.shelf import MemoryShelf
from marketplace.adapters.sandbox.webhooks import Courier
from marketplace.core.shared.money import Money
from marketplace.entrypoints.directory import Directory
from marketplace.entrypoints.post import SandboxPost
from marketplace.ports.payments import Charge

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
Answer = Callable[[httpx.Request], httpx.Response]


def clock(_: UUID) -> datetime:
    return NOON


def unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody listens", request=request)


def failing(_: httpx.Request) -> httpx.Response:
    return httpx.Response(503)


def post_to(answer: Answer) -> tuple[SandboxPost, Courier]:
    shelf = MemoryShelf()
    books = Books(shelf=shelf, clock=clock)
    courier = Courier(shelf=shelf, clock=clock, secret="s", random=lambda _: 0)
    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return SandboxPost(books, courier, shelf, Directory(MemoryStore()), client, "http://test"), courier


class TestSandboxPost:
    @pytest.mark.parametrize("answer", [unreachable, failing])
    async def test_waits_for_an_api_that_is_away(self, answer: Answer) -> None:
        post, courier = post_to(answer)
        tenant_id = uuid4()
        charges = [
            Charge(
                reference=uuid4(),
                tenant_id=tenant_id,
                amount=Money(100, "ZAR"),
                method="tok_success",
                hold=False,
                description="Wash",
                at=NOON,
            )
            for _ in range(3)
        ]
        rail = SandboxRail(books=post.books, secrets=("s",))
        await asyncio.gather(*(rail.collect(charge) for charge in charges))

        await post.round()

        # Each was tried, however the one before it fared, and waits for its next turn.
        assert [event.failures for event in await courier.events(tenant_id)] == [1, 1, 1]
