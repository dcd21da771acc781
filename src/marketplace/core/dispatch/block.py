"""A block keeps a customer and a provider apart, whichever of them asked for it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from marketplace.core.shared.ids import derive
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.roles import Role


class State(StrEnum):
    STANDING = "standing"
    LIFTED = "lifted"


_SIDES = frozenset({Role.CUSTOMER, Role.PROVIDER, Role.ADMIN})

BLOCK = Lifecycle(
    kind="block",
    states=State,
    initial=State.STANDING,
    opening="block.set",
    moves=(
        Move("lift", State.STANDING, State.LIFTED, _SIDES, "block.lifted"),
        Move("set_again", State.LIFTED, State.STANDING, _SIDES, "block.set"),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """`set_by` is the role that asked for it: the other side is not told, and cannot lift it."""

    LIFECYCLE: ClassVar[Lifecycle] = BLOCK

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.STANDING
    customer_id: UUID
    provider_id: UUID
    set_by: Role
    set_at: datetime

    def parties(self) -> tuple[UUID, ...]:
        return (self.customer_id,) if self.set_by == Role.CUSTOMER else (self.provider_id,)


def block_id(*, tenant_id: UUID, customer_id: UUID, provider_id: UUID, set_by: Role) -> UUID:
    return derive(tenant_id, "block", customer_id, provider_id, set_by)
