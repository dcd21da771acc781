"""A unit takes jobs while it is online, and is remembered by what it did with those it was offered."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from marketplace.core.dispatch.squares import square_of
from marketplace.core.shared.ids import derive
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.place import Place
from marketplace.core.shared.roles import Role


class State(StrEnum):
    OFFLINE = "offline"
    ONLINE = "online"


_PROVIDER = frozenset({Role.PROVIDER, Role.ADMIN})
_ANYONE = frozenset(Role)
S = State

PRESENCE = Lifecycle(
    kind="presence",
    states=State,
    initial=S.ONLINE,
    opening="presence.online",
    moves=(
        Move("go_online", S.OFFLINE, S.ONLINE, _PROVIDER, "presence.online"),
        Move("go_offline", S.ONLINE, S.OFFLINE, _PROVIDER, "presence.offline"),
        Move("lapse", S.ONLINE, S.OFFLINE, {Role.CLOCK}, "presence.lapsed", "shift"),
        *(Move("answer", s, s, _ANYONE, "presence.answered", implied=True) for s in State),
        Move("keep_place", S.ONLINE, S.ONLINE, _PROVIDER, "presence.placed", implied=True),
        *(Move("finish", s, s, _ANYONE, "presence.finished", implied=True) for s in State),
    ),
    timers={"shift": lambda presence, _: presence.ends_at},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """`done` counts finished jobs by skill; a shift ends at `ends_at` at the latest."""

    LIFECYCLE: ClassVar[Lifecycle] = PRESENCE

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.ONLINE
    due_at: datetime | None = None
    unit_id: UUID
    provider_id: UUID
    ends_at: datetime | None = None
    place: Place
    # Of the place: storage finds by it who is near.
    square: str
    placed_at: datetime
    idle_since: datetime
    offered: int = 0
    accepted: int = 0
    done: dict[str, int] = field(default_factory=dict)

    @property
    def jobs_done(self) -> int:
        return sum(self.done.values())

    def parties(self) -> tuple[UUID, ...]:
        return (self.provider_id,)


def placed(place: Place, at: datetime) -> dict[str, Any]:
    """What changes with the place of a unit."""
    return {"place": place, "square": square_of(place), "placed_at": at}


def presence_id(unit_id: UUID) -> UUID:
    """A unit has one."""
    return derive(unit_id, "presence")
