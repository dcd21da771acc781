"""A user is one phone number in one marketplace, with the roles it may sign in as."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from marketplace.core.shared.aggregate import Occasion
from marketplace.core.shared.entropy import keyed
from marketplace.core.shared.errors import NotAllowed, Refused
from marketplace.core.shared.ids import derive
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Tenant


class State(StrEnum):
    ACTIVE = "active"
    BLOCKED = "blocked"


def _amend(user: "User", call: Occasion) -> Refused | None:
    own = call.actor.user_id == user.id or call.actor.role == Role.SYSTEM
    return None if own else NotAllowed("everybody amends itself only")


USER = Lifecycle(
    kind="user",
    states=State,
    initial=State.ACTIVE,
    opening="user.joined",
    moves=(
        Move("amend", State.ACTIVE, State.ACTIVE, by=frozenset(Role), emits="user.amended"),
        Move("grant", State.ACTIVE, State.ACTIVE, by={Role.ADMIN, Role.SYSTEM}, emits="user.granted"),
        Move("block", State.ACTIVE, State.BLOCKED, by={Role.ADMIN}, emits="user.blocked"),
        Move("unblock", State.BLOCKED, State.ACTIVE, by={Role.ADMIN}, emits="user.unblocked"),
    ),
    guards={"amend": _amend},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """`phone` is in E.164; `provider_id` is the provider that this user acts for."""

    LIFECYCLE: ClassVar[Lifecycle] = USER

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.ACTIVE
    phone: str
    name: str = ""
    roles: tuple[Role, ...] = (Role.CUSTOMER,)
    provider_id: UUID | None = None
    joined_at: datetime

    def parties(self) -> tuple[UUID, ...]:
        return (self.id,)


def user_id(tenant: Tenant, phone: str) -> UUID:
    """
    One number is one user, whoever meets it first.

    Whoever sees an id must not find the number by trying them all: that takes the marketplace's salt.
    """
    if not tenant.salt:
        raise ValueError(f"{tenant.slug} is only planned: it has no salt yet")
    return derive(tenant.id, "user", keyed(tenant.salt.encode(), "user", phone).hex())
