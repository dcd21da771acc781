import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from marketplace.adapters.sandbox.faults import Fault, FaultPlan, Operation
from marketplace.adapters.sandbox.webhooks import RETRY_SECONDS, deliver_over_http, hints
from marketplace.core.shared.errors import Invalid, NotAllowed, Unavailable


class TestDelivery:
    async def test_brings_a_signed_hint_that_the_rail_can_read(self, sandbox: Any) -> None:
        charge = sandbox.charge()
        await sandbox.rail.collect(charge)

        await sandbox.deliver()
        ((body, headers),) = sandbox.heard
        (hint,) = sandbox.rail.verify_and_parse(headers=headers, body=body, now=sandbox.now)

        assert (hint.tenant_id, hint.reference, hint.subject) == (
            sandbox.tenant_id,
            charge.reference,
            "charge",
        )

    async def test_tells_of_every_step_once(self, sandbox: Any) -> None:
        charge = sandbox.charge("tok_chargeback_won")
        await sandbox.rail.collect(charge)
        sandbox.forward(minutes=2)
        await sandbox.rail.submit_evidence(charge.reference, text="Signed for.")
        sandbox.forward(minutes=2)
        await sandbox.books.tick()

        for _ in range(3):
            await sandbox.deliver()

        assert len(sandbox.heard_ids) == len(set(sandbox.heard_ids)) == 3

    async def test_tells_nothing_new_of_a_repeat(self, sandbox: Any) -> None:
        charge = sandbox.charge()
        for _ in range(3):
            await sandbox.rail.collect(charge)

        await sandbox.deliver()

        assert len(sandbox.heard) == 1

    async def test_tells_of_a_charge_whose_answer_was_lost(self, sandbox: Any) -> None:
        with pytest.raises(Exception, match="did not answer"):
            await sandbox.rail.collect(sandbox.charge("tok_timeout_after"))

        await sandbox.deliver()

        assert len(sandbox.heard) == 1

    @pytest.mark.parametrize("status", [199, 302, 400, 409, 500, 503])
    async def test_tries_again_until_it_is_heard(self, sandbox: Any, status: int) -> None:
        sandbox.answers = [status, status, 204]
        await sandbox.rail.collect(sandbox.charge())

        for seconds in (0, *RETRY_SECONDS):
            sandbox.forward(seconds=seconds)
            await sandbox.deliver()

        assert len(sandbox.heard) == 3
        assert len(set(sandbox.heard_ids)) == 1

    async def test_waits_before_it_tries_again(self, sandbox: Any) -> None:
        sandbox.answers = [500]
        await sandbox.rail.collect(sandbox.charge())
        await sandbox.deliver()

        sandbox.forward(seconds=RETRY_SECONDS[0] - 1)
        await sandbox.deliver()

        assert len(sandbox.heard) == 1

    async def test_gives_up_in_the_end(self, sandbox: Any) -> None:
        sandbox.answers = [500] * 100
        await sandbox.rail.collect(sandbox.charge())

        for _ in range(20):
            await sandbox.deliver()
            sandbox.forward(days=1)

        assert len(sandbox.heard) == len(RETRY_SECONDS) + 1

    async def test_counts_nobody_there_as_unheard(self, sandbox: Any) -> None:
        async def nobody(_body: bytes, _headers: dict[str, str]) -> int:
            raise Unavailable("nobody there")

        await sandbox.rail.collect(sandbox.charge())

        outcome = await sandbox.courier.deliver_due(post=nobody, now=sandbox.now)

        assert (outcome.delivered, outcome.failed) == (0, 1)

    async def test_comes_again_when_the_courier_died_after_posting(self, sandbox: Any) -> None:
        async def dies(_body: bytes, _headers: dict[str, str]) -> int:
            raise KeyboardInterrupt

        await sandbox.rail.collect(sandbox.charge())
        with pytest.raises(KeyboardInterrupt):
            await sandbox.courier.deliver_due(post=dies, now=sandbox.now)

        sandbox.forward(seconds=RETRY_SECONDS[0])
        await sandbox.deliver()

        assert len(sandbox.heard) == 1

    async def test_posts_each_once_when_two_couriers_go_at_once(self, sandbox: Any) -> None:
        async def slow(body: bytes, headers: dict[str, str]) -> int:
            await asyncio.sleep(0)
            return int(await sandbox.post(body, headers))

        for _ in range(5):
            await sandbox.rail.collect(sandbox.charge())

        await asyncio.gather(*(sandbox.courier.deliver_due(post=slow, now=sandbox.now) for _ in range(2)))

        assert len(sandbox.heard_ids) == len(set(sandbox.heard_ids)) == 5

    async def test_signs_with_the_real_time_whatever_the_tenants(self, sandbox: Any) -> None:
        real = sandbox.now
        sandbox.forward(days=3)
        await sandbox.rail.collect(sandbox.charge())

        await sandbox.courier.deliver_due(post=sandbox.post, now=real)
        ((body, headers),) = sandbox.heard

        assert sandbox.rail.verify_and_parse(headers=headers, body=body, now=real)

    async def test_is_refused_when_it_was_tampered_with(self, sandbox: Any) -> None:
        await sandbox.rail.collect(sandbox.charge())
        await sandbox.deliver()
        ((body, headers),) = sandbox.heard
        forged = body.replace(str(sandbox.tenant_id).encode(), str(uuid4()).encode())

        with pytest.raises(NotAllowed):
            sandbox.rail.verify_and_parse(headers=headers, body=forged, now=sandbox.now)


class TestTrouble:
    async def test_loses_those_that_the_token_loses(self, sandbox: Any) -> None:
        charge = sandbox.charge("tok_webhook_lost")
        await sandbox.rail.collect(charge)
        sandbox.forward(days=1)

        await sandbox.deliver()

        assert sandbox.heard == []
        assert await sandbox.rail.find(charge.reference) is not None

    async def test_doubles_and_shuffles_those_that_the_token_doubles(self, sandbox: Any) -> None:
        charge = sandbox.charge("tok_webhooks_doubled", hold=True)
        await sandbox.rail.collect(charge)
        await sandbox.rail.capture(charge.reference, charge.amount)
        for _ in range(8):
            await sandbox.rail.refund(charge.reference, refund=uuid4(), amount=charge.amount.share(1_000))

        for _ in range(10):
            sandbox.forward(minutes=1)
            await sandbox.deliver()

        assert set(Counter(sandbox.heard_ids).values()) == {2}
        assert len(set(sandbox.heard_ids)) == 10
        told = [event.payload.id for event in reversed(await sandbox.courier.events(sandbox.tenant_id))]
        assert list(dict.fromkeys(sandbox.heard_ids)) != told

    async def test_delays_those_that_the_token_delays(self, sandbox: Any) -> None:
        await sandbox.rail.collect(sandbox.charge("tok_webhook_late"))
        await sandbox.deliver()
        early = len(sandbox.heard)

        sandbox.forward(hours=1)
        await sandbox.deliver()

        assert (early, len(sandbox.heard)) == (0, 1)

    @pytest.mark.parametrize(
        ("fault", "times"), [(Fault.WEBHOOK_LOST, 0), (Fault.WEBHOOKS_DOUBLED, 2), (Fault.WEBHOOK_LATE, 1)]
    )
    async def test_follows_a_plan(
        self, sandbox_with: Callable[[FaultPlan], Any], fault: Fault, times: int
    ) -> None:
        sandbox = sandbox_with(lambda operation, _: fault if operation is Operation.WEBHOOK else None)
        await sandbox.rail.collect(sandbox.charge())

        for _ in range(5):
            sandbox.forward(hours=2)
            await sandbox.deliver()

        assert len(sandbox.heard) == times
        assert sandbox.books.tally == {fault: 1}


class TestHints:
    @pytest.mark.parametrize(
        "body", [b"", b"{}", b"null", b"[]", b"\xff", b'{"id":1}', b"[" * 100_000, b'{"id":"\\ud800"}']
    )
    def test_refuses_a_body_that_it_cannot_read(self, body: bytes) -> None:
        with pytest.raises(Invalid, match="body"):
            hints(body)


class TestDeliverOverHttp:
    async def test_posts_to_the_platforms_hook(self) -> None:
        seen: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(request)
            return httpx.Response(204)

        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            status = await deliver_over_http(
                client=client,
                base_url="http://127.0.0.1:8000/",
                body=b"{}",
                headers={"Sandbox-Signature": "s"},
            )

        assert status == 204
        assert str(seen[0].url) == "http://127.0.0.1:8000/hooks/sandbox"
        assert (seen[0].headers["Sandbox-Signature"], seen[0].content) == ("s", b"{}")

    async def test_says_when_nobody_answers(self) -> None:
        async with httpx.AsyncClient() as client:
            with pytest.raises(Unavailable):
                await deliver_over_http(client=client, base_url="http://127.0.0.1:1", body=b"{}", headers={})


class TestEvents:
    async def test_are_kept_to_be_looked_at(self, sandbox: Any) -> None:
        sandbox.answers = [500]
        await sandbox.rail.collect(sandbox.charge())
        await sandbox.deliver()

        (event,) = await sandbox.courier.events(sandbox.tenant_id)

        assert (event.deliveries, event.delivered_at, event.payload.kind) == (1, None, "charge.succeeded")
        assert event.payload.at == sandbox.now
