"""A tenant is one marketplace: its policy, and whether its money and its clock are real."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from marketplace.core.shared.aggregate import SECRET
from marketplace.core.shared.errors import Conflict, NotAllowed, Refused
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.roles import Actor, Role
from marketplace.core.shared.rules import Rule, Unique
from marketplace.core.tenants.policy import Policy


class MarketplaceClosed(Conflict):
    """Nothing new is begun; what was begun goes on."""

    code = "closed"


class State(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Mode(StrEnum):
    """A test tenant has only rails that move no real money, and a clock that may be moved forward."""

    TEST = "test"
    LIVE = "live"


def _move_clock(tenant: "Tenant", _: object) -> Refused | None:
    return None if tenant.mode == Mode.TEST else NotAllowed("only a test marketplace's clock can be moved")


TENANT = Lifecycle(
    kind="tenant",
    states=State,
    initial=State.OPEN,
    opening="tenant.opened",
    moves=(
        Move("amend", State.OPEN, State.OPEN, by={Role.ADMIN, Role.SYSTEM}, emits="tenant.amended"),
        Move("move_clock", State.OPEN, State.OPEN, by={Role.ADMIN}, emits="tenant.clock_moved"),
        Move("close", State.OPEN, State.CLOSED, by={Role.ADMIN, Role.SYSTEM}, emits="tenant.closed"),
        Move("reopen", State.CLOSED, State.OPEN, by={Role.ADMIN, Role.SYSTEM}, emits="tenant.reopened"),
    ),
    guards={"move_clock": _move_clock},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """
    `id` and `tenant_id` are the same: a tenant is its own tenant.

    From `salt` the ids of its users derive; it never changes, and one that is only planned has none.
    """

    LIFECYCLE: ClassVar[Lifecycle] = TENANT
    RULES: ClassVar[tuple[Rule, ...]] = (Unique(("slug",), everywhere=True),)

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.OPEN
    slug: str
    mode: Mode
    policy: Policy
    salt: str = field(default="", metadata=SECRET, repr=False)
    clock_ahead_seconds: int = 0

    def now(self, real: datetime) -> datetime:
        """The tenant's time at a real instant; the two differ in test mode only."""
        return real + timedelta(seconds=self.clock_ahead_seconds)

    def parties(self) -> tuple[UUID, ...]:
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """
    Who asks, of which marketplace, when, under which request; read once, at the edge.

    `entropy` is at least 32 random bytes from which codes and tokens of this call derive; `origin` is a
    digest of where the request came from, for limits. `reason` is why it is done, where that was said; it
    stands in every event of the call. `rails_down` are the rails that fail just now, by their names.
    """

    actor: Actor
    tenant: Tenant
    at: datetime
    request_id: str
    entropy: bytes = field(default=b"", repr=False)
    origin: str = ""
    reason: str | None = None
    rails_down: frozenset[str] = frozenset()

    def check_open(self) -> None:
        """Raises MarketplaceClosed."""
        if self.tenant.state != State.OPEN:
            raise MarketplaceClosed("this marketplace takes no more bookings")

    @property
    def tenant_id(self) -> UUID:
        return self.tenant.id

    @property
    def policy(self) -> Policy:
        return self.tenant.policy

    @property
    def real_at(self) -> datetime:
        """For what is none of the tenant's business, such as how long somebody stays signed in."""
        return self.at - timedelta(seconds=self.tenant.clock_ahead_seconds)
