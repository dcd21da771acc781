"""Which marketplace a request or a job is for, what time it is there, and which rails are down."""

import math
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_bytes
from typing import Protocol
from uuid import NAMESPACE_DNS, UUID

from marketplace.core.shared.errors import NotFound
from marketplace.core.shared.ids import derive
from marketplace.core.shared.roles import Actor
from marketplace.core.tenants.tenant import Call, Tenant
from marketplace.ports.storage import One, Store

FRESH_SECONDS = 2.0
ENTROPY_BYTES = 32


def tenant_id_of(slug: str) -> UUID:
    """A marketplace's id derives from its slug, so that finding it needs no look-up."""
    return derive(NAMESPACE_DNS, "marketplace", slug)


class Clock(Protocol):
    """What time it really is; `keep` is asked now and then, and may correct it."""

    def now(self) -> datetime: ...
    async def keep(self) -> None: ...


class Health(Protocol):
    """What is down just now, as far as this process knows."""

    async def down(self) -> frozenset[str]:
        """The names of the payment rails to which nothing new should be sent."""
        ...


class AllWell:
    """For one that sends nothing to any rail."""

    async def down(self) -> frozenset[str]:
        return frozenset()


class MachineClock:
    """For one process by itself."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def keep(self) -> None:
        """It is what it is."""


@dataclass
class Directory:
    """Tenants by id, read again when older than two seconds: a changed policy is in force that soon."""

    store: Store
    clock: Clock = field(default_factory=MachineClock)
    health: Health = field(default_factory=AllWell)
    _known: dict[UUID, tuple[float, Tenant]] = field(default_factory=dict)
    _changes: int = 0

    async def tenant(self, tenant_id: UUID) -> Tenant:
        """Raises NotFound."""
        known = self._known.get(tenant_id)
        if known is not None and time.monotonic() - known[0] < FRESH_SECONDS:
            return known[1]
        await self.clock.keep()
        changes = None
        while changes != self._changes:
            changes = self._changes
            (found,) = await self.store.read(tenant_id, [One(Tenant, tenant_id)])
        if not found:
            raise NotFound("marketplace", tenant_id)
        tenant: Tenant = found[0]
        self._known[tenant_id] = (time.monotonic(), tenant)
        return tenant

    def now(self, tenant_id: UUID) -> datetime:
        """The tenant's time as far as this process knows; real time for one it has not met."""
        known, real = self._known.get(tenant_id), self.clock.now()
        return real if known is None else known[1].now(real)

    def forget(self, tenant_id: UUID) -> None:
        """
        After a change that this process made itself; what is being read is read again.

        Until then its time is what it was, and not the real one: clocks do not go back.
        """
        self._changes += 1
        if tenant_id in self._known:
            self._known[tenant_id] = (-math.inf, self._known[tenant_id][1])

    async def call(self, tenant_id: UUID, actor: Actor, request_id: str, origin: str = "") -> Call:
        """Somebody's call, now: the one place where clock, chance and health are read."""
        tenant = await self.tenant(tenant_id)
        return Call(
            actor=actor,
            tenant=tenant,
            at=tenant.now(self.clock.now()),
            request_id=request_id,
            entropy=token_bytes(ENTROPY_BYTES),
            origin=origin,
            rails_down=await self.health.down(),
        )
