import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from marketplace.adapters.postgres.engine import create_engine
from marketplace.adapters.postgres.shelf import PostgresShelf
from marketplace.adapters.sandbox.books import Books
from marketplace.adapters.sandbox.rail import SandboxRail
from marketplace.adapters.sandbox.webhooks import Courier
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Charge, Report, Standing

VENDOR = Path(__file__).parent / "vendor.py"
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@dataclass(kw_only=True)
class Survivor:
    """What another process finds when one has died."""

    url: str
    rail: SandboxRail
    courier: Courier
    heard: list[bytes] = field(default_factory=list)
    tenant_id: UUID = field(default_factory=uuid4)
    reference: UUID = field(default_factory=uuid4)

    async def vendor(self, what: str, point: str) -> tuple[int, list[str]]:
        """How a process of its own ended, and the lines that it printed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            VENDOR,
            self.url,
            what,
            point,
            str(self.tenant_id),
            str(self.reference),
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        printed, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, printed.decode().split("\n")[:-1]

    async def collect(self) -> Report:
        charge = Charge(
            reference=self.reference,
            tenant_id=self.tenant_id,
            amount=Money(10_000, "ZAR"),
            method="tok_success",
            hold=False,
            description="Wash",
            at=NOON,
        )
        return await self.rail.collect(charge)

    async def held_minor(self) -> int:
        balance = await self.rail.books.balance(self.tenant_id)
        return balance["ZAR"].minor if balance else 0

    async def post(self, body: bytes, _headers: dict[str, str]) -> int:
        if str(self.tenant_id).encode() in body:
            self.heard.append(body)
        return 200


@pytest.fixture
async def survivor(database_url: str) -> AsyncIterator[Survivor]:
    engine = create_engine(database_url)
    shelf = PostgresShelf(engine)
    rail = SandboxRail(books=Books(shelf=shelf, clock=lambda _: NOON), secrets=("s",))
    later = NOON + timedelta(minutes=1)
    courier = Courier(shelf=shelf, clock=lambda _: later, secret="s", random=lambda _: 0)
    yield Survivor(url=database_url, rail=rail, courier=courier)
    await engine.dispose()


class TestKill:
    async def test_after_taking_the_money_leaves_the_truth_to_be_found(self, survivor: Survivor) -> None:
        ended = await survivor.vendor("collect", "after the write")

        report = await survivor.rail.find(survivor.reference)

        assert ended == (-signal.SIGKILL, ["reached"])
        assert report is not None
        assert report.standing == Standing.SUCCEEDED
        assert await survivor.collect() == report
        assert await survivor.held_minor() == 10_000

    async def test_after_taking_the_money_leaves_its_webhook_to_be_sent(self, survivor: Survivor) -> None:
        await survivor.vendor("collect", "after the write")

        await survivor.courier.deliver_due(post=survivor.post, now=NOON)

        assert len(survivor.heard) == 1

    async def test_before_taking_the_money_leaves_nothing(self, survivor: Survivor) -> None:
        ended = await survivor.vendor("collect", "before the write")

        assert ended == (-signal.SIGKILL, ["reached"])
        assert await survivor.rail.find(survivor.reference) is None
        assert (await survivor.collect()).standing == Standing.SUCCEEDED
        assert await survivor.held_minor() == 10_000

    @pytest.mark.parametrize("milliseconds", [0, 0.3, 0.6, 1])
    async def test_at_any_moment_leaves_money_and_webhook_both_or_neither(
        self, survivor: Survivor, milliseconds: float
    ) -> None:
        code, _ = await survivor.vendor("collect", f"during {milliseconds}")

        taken = await survivor.rail.find(survivor.reference) is not None
        told = await survivor.courier.events(survivor.tenant_id)

        assert code in {0, -signal.SIGKILL}
        assert (await survivor.held_minor(), len(told)) == (10_000 * taken, int(taken))
        assert (await survivor.collect()).standing == Standing.SUCCEEDED
        assert await survivor.held_minor() == 10_000

    async def test_after_posting_a_webhook_posts_it_again(self, survivor: Survivor) -> None:
        await survivor.collect()
        code, printed = await survivor.vendor("deliver", "after the post")

        await survivor.courier.deliver_due(post=survivor.post, now=NOON)

        assert (code, printed[-1]) == (-signal.SIGKILL, "reached")
        assert survivor.heard == [printed[0].encode()]


class TestProcesses:
    async def test_together_never_refund_more_than_there_is(self, survivor: Survivor) -> None:
        await survivor.collect()

        ended = await asyncio.gather(*(survivor.vendor("refund", "never") for _ in range(3)))

        assert [code for code, _ in ended] == [0, 0, 0]
        assert sum(int(printed[0]) for _, printed in ended) == 10
        assert await survivor.held_minor() == 0

    async def test_deliver_each_webhook_once_when_none_dies(self, survivor: Survivor) -> None:
        await survivor.collect()
        for _ in range(10):
            await survivor.rail.refund(survivor.reference, refund=uuid4(), amount=Money(1_000, "ZAR"))

        ended = await asyncio.gather(*(survivor.vendor("deliver", "never") for _ in range(2)))
        posted = [line for _, printed in ended for line in printed]

        assert len(posted) == len(set(posted)) == 11
