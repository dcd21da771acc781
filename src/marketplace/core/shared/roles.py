"""Who may act: the roles of a marketplace, and the actor that a call carries."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    CUSTOMER = "customer"
    PROVIDER = "provider"
    SUPPORT = "support"
    ADMIN = "admin"
    PARTNER = "partner"
    CLOCK = "clock"
    SYSTEM = "system"


# Whom somebody can be; the others are ours.
PEOPLE = (Role.CUSTOMER, Role.PROVIDER, Role.SUPPORT, Role.ADMIN, Role.PARTNER)


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody in one role; `provider_id` where the role is provider, `on_behalf_of` when impersonating."""

    role: Role
    user_id: UUID | None = None
    provider_id: UUID | None = None
    on_behalf_of: UUID | None = None


SYSTEM = Actor(Role.SYSTEM)
CLOCK = Actor(Role.CLOCK)
