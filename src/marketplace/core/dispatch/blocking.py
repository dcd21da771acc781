"""Either side may keep the other away; the platform does not ask why, and does not tell."""

from dataclasses import dataclass
from uuid import UUID

from marketplace.core.dispatch.block import Block, State, block_id
from marketplace.core.dispatch.queries import DoneBy, GivenUpBy
from marketplace.core.identity.user import User
from marketplace.core.providers.provider import Provider
from marketplace.core.shared.aggregate import create, move
from marketplace.core.shared.errors import Invalid, NotFound
from marketplace.core.shared.limits import Reason
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBlock:
    """Send nobody of this provider to this customer any more; each side leaves out itself."""

    customer_id: UUID | None = None
    provider_id: UUID | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftBlock:
    """Let the two meet again."""

    block_id: UUID
    reason: Reason | None = None


async def set_block(command: SetBlock, *, call: Call, work: Work) -> Block:
    """
    Setting it twice is setting it once.

    Raises NotFound for a customer or provider that is not there; to a provider no customer is whose job it
    never had.
    """
    customer_id, provider_id = _sides(command, call)
    if call.actor.role == Role.PROVIDER:
        await _check_met(customer_id, provider_id, work)
    else:
        await work.get_both(User, customer_id, Provider, provider_id)
    key = block_id(
        tenant_id=call.tenant_id, customer_id=customer_id, provider_id=provider_id, set_by=call.actor.role
    )
    standing = await work.find(Block, key)
    if standing is None:
        fresh = Block(
            id=key,
            tenant_id=call.tenant_id,
            customer_id=customer_id,
            provider_id=provider_id,
            set_by=call.actor.role,
            set_at=call.at,
        )
        return work.add(create(fresh, call))
    if standing.state == State.STANDING:
        return standing
    return work.save(move(standing, "set_again", call, set_at=call.at))


async def _check_met(customer_id: UUID, provider_id: UUID, work: Work) -> None:
    """Or whoever tries ids would learn which of them are customers'."""
    asked = {"customer_id": customer_id, "by": provider_id}
    if not any(await work.read(DoneBy(**asked), GivenUpBy(**asked))):
        raise NotFound("user", customer_id)


def _sides(command: SetBlock, call: Call) -> tuple[UUID, UUID]:
    actor = call.actor
    customer_id = actor.user_id if actor.role == Role.CUSTOMER else command.customer_id
    provider_id = actor.provider_id if actor.role == Role.PROVIDER else command.provider_id
    if customer_id is None:
        raise Invalid("customer_id", "missing", "the customer to keep away from")
    if provider_id is None:
        raise Invalid("provider_id", "missing", "the provider to keep away from")
    return customer_id, provider_id


async def lift_block(command: LiftBlock, *, call: Call, work: Work) -> Block:
    """By whoever set it, or admin: to the other side it is not there."""
    block = await work.get(Block, command.block_id)
    own = {
        Role.CUSTOMER: block.set_by == Role.CUSTOMER and block.customer_id == call.actor.user_id,
        Role.PROVIDER: block.set_by == Role.PROVIDER and block.provider_id == call.actor.provider_id,
    }
    if not own.get(call.actor.role, True):
        raise NotFound("block", block.id)
    return work.save(move(block, "lift", call))
