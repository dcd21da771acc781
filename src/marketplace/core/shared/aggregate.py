"""An aggregate's state is set here and nowhere else, and every change leaves an event."""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from uuid import UUID

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.events import Event
from marketplace.core.shared.ids import derive
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.roles import Actor


class Aggregate(Protocol):
    """A frozen dataclass with a lifecycle; `due_at` is when the clock acts next, None for never."""

    LIFECYCLE: ClassVar[Lifecycle]

    @property
    def tenant_id(self) -> UUID: ...
    @property
    def id(self) -> UUID: ...
    @property
    def version(self) -> int: ...
    @property
    def state(self) -> str: ...
    def parties(self) -> tuple[UUID, ...]:
        """The users and providers whom this concerns."""
        ...


class Occasion(Protocol):
    """Who does something, where and when: what a call knows of itself."""

    @property
    def actor(self) -> Actor: ...
    @property
    def tenant_id(self) -> UUID: ...
    @property
    def at(self) -> datetime: ...
    @property
    def request_id(self) -> str: ...
    @property
    def reason(self) -> str | None: ...


A = TypeVar("A", bound=Aggregate)

SECRET = {"secret": True}  # metadata of a field that no event may repeat


@dataclass(frozen=True, slots=True)
class Changed(Generic[A]):
    """An aggregate as it is after a step, and the event of that step."""

    subject: A
    event: Event


def create(subject: A, call: Occasion, *, reason: str | None = None) -> Changed[A]:
    """A new aggregate, version 1, in one of its lifecycle's initial states."""
    table = subject.LIFECYCLE
    if subject.state not in table.initials:
        raise ValueError(f"{table.kind} cannot begin as {subject.state}")
    born: A = replace(subject, version=1)  # type: ignore[type-var]  # a Protocol cannot say "dataclass"
    _set_timer(born, call)
    _require(born)
    opening = _Step(name="create", emits=table.opening, before=None, changes={})
    return Changed(born, _event(born, opening, call, reason))


def move(
    subject: A, name: str, call: Occasion, /, *, reason: str | None = None, **changes: Any
) -> Changed[A]:
    """`subject` after the move `name`; raises MoveRefused, NotAllowed or what the move's guard says."""
    step: Move = subject.LIFECYCLE.lawful(subject, name, call)
    moved: A = replace(subject, state=step.target, version=subject.version + 1, **changes)  # type: ignore[type-var]
    _set_timer(moved, call)
    _require(moved)
    taken = _Step(name=name, emits=step.emits, before=str(subject.state), changes=_difference(subject, moved))
    return Changed(moved, _event(moved, taken, call, reason))


class Timed(Protocol):
    @property
    def due_at(self) -> datetime | None: ...


def is_due(subject: Timed, call: Occasion) -> bool:
    """Whether the clock's move is due: a timer may go off early, late or twice."""
    return subject.due_at is not None and subject.due_at <= call.at


def _set_timer(fresh: Aggregate, call: Occasion) -> None:
    """On a copy that nobody else has seen yet: a second copy for one field costs as much as the first."""
    if fresh.LIFECYCLE.timers:
        object.__setattr__(fresh, "due_at", fresh.LIFECYCLE.due_at(fresh, call))


def _require(subject: Aggregate) -> None:
    for name in subject.LIFECYCLE.requires.get(subject.state, ()):  # type: ignore[call-overload]
        if getattr(subject, name) is None:
            raise Invalid(name, f"missing for a {subject.LIFECYCLE.kind} that is {subject.state}")


@lru_cache(maxsize=128)
def _recorded(kind: type) -> tuple[str, ...]:
    """The fields whose changes an event tells; never a secret, nor what the event says anyway."""
    told_anyway = {"version", "state"}
    return tuple(f.name for f in fields(kind) if f.name not in told_anyway and not f.metadata.get("secret"))


def _difference(before: Aggregate, after: Aggregate) -> dict[str, list[Any]]:
    changes = {}
    for name in _recorded(type(after)):
        old, new = getattr(before, name), getattr(after, name)
        if old is not new and old != new:
            changes[name] = [old, new]
    return changes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    name: str
    emits: str
    before: str | None
    changes: dict[str, list[Any]]


def _event(after: Aggregate, step: _Step, call: Occasion, reason: str | None) -> Event:
    return Event(
        tenant_id=after.tenant_id,
        id=derive(after.id, after.LIFECYCLE.kind, after.version),
        kind=after.LIFECYCLE.kind,
        subject_id=after.id,
        version=after.version,
        name=step.emits,
        move=step.name,
        before=step.before,
        after=str(after.state),
        at=call.at,
        actor_role=call.actor.role,
        actor_id=call.actor.user_id,
        on_behalf_of=call.actor.on_behalf_of,
        request_id=call.request_id,
        reason=reason or call.reason,
        changes=step.changes,
        parties=after.parties(),
    )
