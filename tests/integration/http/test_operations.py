"""What a supervisor sees, and what a caller sees when there is too much to do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from marketplace.adapters.postgres.connections import connection_of
from marketplace.adapters.postgres.lanes import lanes_of
from marketplace.entrypoints.http.watch import _HELP
from marketplace.entrypoints.wiring import Platform

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


@contextlib.asynccontextmanager
async def client_of(front: Any) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=front, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://market.test") as client:
        yield client


def is_put_off(response: httpx.Response, code: str) -> None:
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert int(response.headers["retry-after"]) >= 1
    assert response.json()["code"] == code
    assert response.json()["request_id"] == response.headers["x-request-id"]


class TestAnAnswer:
    async def test_is_not_sent_again_while_it_stands(self, shop: Any) -> None:
        customer, booking = await shop.customer(), await shop.booked()
        path = f"/v1/bookings/{booking['id']}"
        first = await customer.get(path)
        tag = {"if-none-match": first.headers["etag"]}

        same = await customer.get(path, headers=tag)
        listed = await customer.get(path, headers={"if-none-match": f'W/"x", {first.headers["etag"]}'})
        await customer.do(f"{path}/cancel", reason="it rains")
        changed = await customer.get(path, headers=tag)

        assert (same.status_code, same.content) == (304, b"")
        assert same.headers["etag"] == first.headers["etag"]
        assert listed.status_code == 304
        assert changed.status_code == 200
        assert changed.headers["etag"] != first.headers["etag"]

    async def test_is_private_and_of_its_type_alone(self, shop: Any) -> None:
        response = await (await shop.customer()).get("/v1/me")

        assert response.headers["cache-control"] == "private, no-cache"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-type"] == "application/json"

    async def test_tells_another_role_something_else_under_another_tag(self, shop: Any) -> None:
        booking = await shop.booked()
        path = f"/v1/bookings/{booking['id']}"

        tags = [
            (await person.get(path)).headers["etag"]
            for person in (await shop.customer(), await shop.provider())
        ]

        assert len(set(tags)) == 2


class TestTooMuch:
    async def test_is_put_off_when_every_connection_is_taken(
        self, shop: Any, market: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        engine = market.platform.api_engine()
        monkeypatch.setattr(lanes_of(engine), "_wait_seconds", 0.1)
        customer = await shop.customer()
        async with contextlib.AsyncExitStack() as taken:
            for _ in range(market.platform.settings().api_connections):
                await taken.enter_async_context(connection_of(engine, shop.seeded.tenant.id))
            response = await customer.get("/v1/bookings")
            alive = await market.client.get("/livez")

        is_put_off(response, "unavailable")
        assert alive.text == "alive"
        assert (await customer.get("/v1/bookings")).status_code == 200

    async def test_is_put_off_when_too_many_requests_are_under_way(
        self, shop: Any, market: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(market.front, "_waiting_max", 3)

        responses = await asyncio.gather(*(shop.nobody.get("/v1/services") for _ in range(12)))

        refused = [response for response in responses if response.status_code == 503]
        assert [response.status_code for response in responses].count(200) == 3
        assert len(refused) == 9
        for response in refused:
            is_put_off(response, "busy")
        assert (await shop.nobody.get("/v1/services")).status_code == 200

    async def test_leaves_supervisors_and_listeners_alone(
        self, market: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(market.front, "_waiting_max", 0)

        answers = {
            path: (await market.client.get(path)).status_code for path in ("/livez", "/readyz", "/metrics")
        }

        assert set(answers.values()) == {200}
        assert (await market.client.get("/v1/events")).status_code == 401

    async def test_is_counted_down_again_when_callers_hang_up(self, shop: Any, market: Any) -> None:
        asking = [asyncio.create_task(shop.nobody.get("/v1/services")) for _ in range(5)]
        await asyncio.sleep(0)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

        assert market.front._under_way == 0


class TestWithoutADatabase:
    async def test_the_process_lives_and_is_not_ready(self, market: Any) -> None:
        settings = market.platform.settings()
        lost = Platform(settings=settings, database_url=NOWHERE, base_url="http://market.test")

        async with client_of(lost.front()) as client:
            alive, ready = await client.get("/livez"), await client.get("/readyz")
            asked, page = await client.get("/v1/services"), await client.get("/metrics")

        assert (alive.status_code, alive.text) == (200, "alive")
        is_put_off(ready, "unavailable")
        is_put_off(asked, "unavailable")
        assert "marketplace_database_reachable 0.0" in page.text

    async def test_it_lives_without_touching_it(self, market: Any) -> None:
        settings = market.platform.settings()
        lost = Platform(settings=settings, database_url=NOWHERE, base_url="http://market.test")

        async with client_of(lost.front()) as client:
            assert (await client.get("/livez")).status_code == 200

        assert lost.api_engine().pool.checkedin() == lost.api_engine().pool.checkedout() == 0


class TestReadiness:
    async def test_is_there_with_database_and_schema(self, market: Any) -> None:
        response = await market.client.get("/readyz")

        assert (response.status_code, response.text) == (200, "ready")

    async def test_is_not_there_with_an_older_schema(self, market: Any) -> None:
        version = await market.sql("SELECT version_num FROM schema_version")
        await market.sql("UPDATE schema_version SET version_num = '0000'")

        try:
            response = await market.client.get("/readyz")
        finally:
            await market.sql(f"UPDATE schema_version SET version_num = '{version}'")

        is_put_off(response, "unavailable")
        assert "0000" in response.json()["detail"]


class TestMetrics:
    async def test_group_paths_by_route(self, shop: Any) -> None:
        customer, booking = await shop.customer(), await shop.booked()
        await customer.get(f"/v1/bookings/{booking['id']}")
        await customer.get("/v1/nothing/here")

        text = (await shop.market.client.get("/metrics")).text

        assert 'route="/v1/bookings/{booking_id}",status="200"' in text
        assert 'route="none",status="404"' in text
        assert booking["id"] not in text
        assert "nothing" not in text

    async def test_show_the_business(self, shop: Any, market: Any) -> None:
        await shop.book(payment_method="tok_timeout_after")
        await market.platform.worker().drain()
        market.platform.figures()._read_at = float("-inf")

        lines = (await market.client.get("/metrics")).text.splitlines()

        found = {line.split(" ")[0]: float(line.split(" ")[1]) for line in lines if not line.startswith("#")}
        assert {f"marketplace_{name}" for name in _HELP} <= found.keys()
        assert found["marketplace_payments_unknown"] >= 1
        assert found["marketplace_ledger_unbalanced"] == 0
        assert found["marketplace_database_reachable"] == 1

    async def test_are_not_there_where_settings_say_so(self, market: Any) -> None:
        settings = replace(market.platform.settings(), metrics=False)
        quiet = Platform(settings=settings, database_url=market.url, base_url="http://market.test")

        async with client_of(quiet.front()) as client:
            assert (await client.get("/metrics")).status_code == 404


class TestProduction:
    async def test_has_no_sandbox(self, market: Any) -> None:
        settings = replace(market.platform.settings(), sandbox=False)
        real = Platform(settings=settings, database_url=market.url, base_url="http://market.test")

        async with client_of(real.front()) as client:
            paths = (await client.get("/v1/openapi.json")).json()["paths"]
            answers = [
                (await client.get("/v1/sandbox/inbox")).status_code,
                (await client.get("/v1/sandbox/tokens")).status_code,
                (await client.post("/hooks/sandbox", content=b"{}")).status_code,
            ]

        assert answers == [404, 404, 404]
        assert not [path for path in paths if "sandbox" in path]
