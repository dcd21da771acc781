"""Opening and closing a marketplace, changing its policy, and moving a test marketplace's clock."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from marketplace.core.shared.aggregate import create, move
from marketplace.core.shared.entropy import keyed
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.limits import Between, Reason, Word
from marketplace.core.tenants.policy import Policy
from marketplace.core.tenants.tenant import Call, Mode, Tenant
from marketplace.ports.storage import Work

CLOCK_STEP_SECONDS_MAX = 400 * 24 * 3600
ENTROPY_BYTES_MIN = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTenant:
    """A new marketplace under a policy."""

    tenant_id: UUID
    slug: Word
    mode: Mode
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendPolicy:
    """Change the policy; bookings made keep the terms and prices they were made under."""

    policy: Policy
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveClock:
    """Let a test marketplace's clock jump ahead; what falls due meanwhile happens at once."""

    seconds: Annotated[int, Between(1, CLOCK_STEP_SECONDS_MAX)]
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseTenant:
    """Take no more bookings; what is booked goes on, and is paid out."""

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenTenant:
    """Take bookings again."""

    reason: Reason


async def open_tenant(command: OpenTenant, *, call: Call, work: Work) -> Tenant:
    if len(call.entropy) < ENTROPY_BYTES_MIN:
        raise ValueError("a salt that can be guessed hides nothing")
    tenant = Tenant(
        id=command.tenant_id,
        tenant_id=command.tenant_id,
        slug=command.slug,
        mode=command.mode,
        policy=command.policy,
        salt=keyed(call.entropy, "salt", command.tenant_id).hex(),
    )
    return work.add(create(tenant, call))


async def amend_policy(command: AmendPolicy, *, call: Call, work: Work) -> Tenant:
    tenant = await work.get(Tenant, call.tenant_id)
    if command.policy.currency != tenant.policy.currency:
        raise Invalid("policy.currency", "cannot change", tenant.policy.currency)
    return work.save(move(tenant, "amend", call, policy=command.policy))


async def move_clock(command: MoveClock, *, call: Call, work: Work) -> Tenant:
    tenant = await work.get(Tenant, call.tenant_id)
    if not 0 < command.seconds <= CLOCK_STEP_SECONDS_MAX:
        raise Invalid("seconds", f"{command.seconds}", f"1 to {CLOCK_STEP_SECONDS_MAX}: forward only")
    ahead = tenant.clock_ahead_seconds + command.seconds
    return work.save(move(tenant, "move_clock", call, clock_ahead_seconds=ahead))


async def close_tenant(command: CloseTenant, *, call: Call, work: Work) -> Tenant:
    return work.save(move(await work.get(Tenant, call.tenant_id), "close", call, reason=command.reason))


async def reopen_tenant(command: ReopenTenant, *, call: Call, work: Work) -> Tenant:
    return work.save(move(await work.get(Tenant, call.tenant_id), "reopen", call, reason=command.reason))
