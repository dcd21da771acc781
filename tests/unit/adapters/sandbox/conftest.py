from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.adapters.sandbox.books import Books
from marketplace.adapters.sandbox.faults import FaultPlan, no_faults, seeded_random
from marketplace.adapters.sandbox.rail import SandboxRail
from marketplace.adapters.sandbox.shelf import MemoryShelf
from marketplace.adapters.sandbox.webhooks import Courier, hints
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Charge, Transfer

SECRET = "new secret"


@dataclass
class Sandbox:
    """A sandbox in memory, and the webhooks that its tenant has received."""

    faults: FaultPlan = no_faults
    now: datetime = datetime(2026, 11, 2, 9, tzinfo=UTC)
    tenant_id: UUID = field(default_factory=uuid4)
    heard: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        random = seeded_random(7)
        self.shelf = MemoryShelf()
        self.books = Books(shelf=self.shelf, clock=self.clock, random=random, faults=self.faults)
        self.rail = SandboxRail(books=self.books, secrets=(SECRET,))
        self.courier = Courier(shelf=self.shelf, clock=self.clock, secret=SECRET, random=random)

    def clock(self, _tenant_id: UUID) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)

    def charge(self, method: str = "tok_success", **facts: Any) -> Charge:
        given = {"hold": False, "amount": Money(10_000, "ZAR"), "reference": uuid4(), **facts}
        return Charge(tenant_id=self.tenant_id, method=method, description="Wash", at=self.now, **given)

    def transfer(self, payee: str = "payee_ok", **facts: Any) -> Transfer:
        given = {"amount": Money(8_000, "ZAR"), "reference": uuid4(), **facts}
        return Transfer(tenant_id=self.tenant_id, payee=payee, description="Week", at=self.now, **given)

    async def post(self, body: bytes, headers: dict[str, str]) -> int:
        self.heard.append((body, headers))
        return self.answers.pop(0) if self.answers else 200

    async def deliver(self) -> None:
        await self.courier.deliver_due(post=self.post, now=self.now)

    @property
    def heard_ids(self) -> list[str]:
        return [hints(body)[0].event_id for body, _ in self.heard]


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox()


@pytest.fixture
def sandbox_with() -> Callable[[FaultPlan], Sandbox]:
    return Sandbox
