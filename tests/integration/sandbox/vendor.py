"""One process of the vendor, told by its arguments what to do and at which point to die."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from marketplace.adapters.postgres.engine import create_engine
from marketplace.adapters.postgres.shelf import PostgresShelf
from marketplace.adapters.sandbox.books import Books
from marketplace.adapters.sandbox.rail import SandboxRail
from marketplace.adapters.sandbox.webhooks import Courier
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Charge

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def say(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def die() -> None:
    say("reached")
    os.kill(os.getpid(), signal.SIGKILL)


class DyingShelf(PostgresShelf):
    point = "never"

    async def _write(self, statement: str, *arguments: Any) -> Any:
        if self.point == "before the write":
            die()
        if self.point.startswith("during"):
            asyncio.get_running_loop().call_later(float(self.point.split()[1]) / 1_000, die)
        result = await super()._write(statement, *arguments)
        if self.point == "after the write":
            die()
        return result


async def collect(rail: SandboxRail, tenant_id: UUID, reference: UUID) -> None:
    charge = Charge(
        reference=reference,
        tenant_id=tenant_id,
        amount=Money(10_000, "ZAR"),
        method="tok_success",
        hold=False,
        description="Wash",
        at=NOON,
    )
    await rail.collect(charge)


async def refund(rail: SandboxRail, reference: UUID) -> None:
    """Twenty refunds of a tenth each; says how many there was money for."""
    given = 0
    for _ in range(20):
        try:
            await rail.refund(reference, refund=uuid4(), amount=Money(1_000, "ZAR"))
        except Invalid:
            continue
        given += 1
    say(given)


async def deliver(shelf: DyingShelf) -> None:
    async def post(body: bytes, _headers: dict[str, str]) -> int:
        say(body.decode())
        if shelf.point == "after the post":
            die()
        return 200

    courier = Courier(shelf=shelf, clock=lambda _: NOON, secret="s", random=lambda _: 0)
    await courier.deliver_due(post=post, now=NOON)


async def main(url: str, what: str, point: str, tenant: str, reference: str) -> None:
    engine = create_engine(url)
    shelf = DyingShelf(engine)
    rail = SandboxRail(books=Books(shelf=shelf, clock=lambda _: NOON), secrets=("s",))
    await shelf.fetch(shelf="warm", key="up")
    shelf.point = point
    match what:
        case "collect":
            await collect(rail, UUID(tenant), UUID(reference))
        case "refund":
            await refund(rail, UUID(reference))
        case "deliver":
            await deliver(shelf)
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
