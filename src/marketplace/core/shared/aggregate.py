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
    born = _timed(replace(subject, version=1), call)  # type: ignore[type-var]  # a Protocol cannot say "dataclass"
    _require(born)
    event = _event(None, born, table.opening, "create", call, reason, {})
    return Changed(born, event)


def move(subject: A, name: str, call: Occasion, *, reason: str | None = None, **changes: Any) -> Changed[A]:
    """`subject` after the move `name`; raises MoveRefused or NotAllowed as its table says."""
    step: Move = subject.LIFECYCLE.lawful(subject.state, name, call.actor.role)
    moved: A = replace(subject, state=step.target, version=subject.version + 1, **changes)  # type: ignore[type-var]
    moved = _timed(moved, call)
    _require(moved)
    return Changed(moved, _event(subject, moved, step.emits, name, call, reason, _difference(subject, moved)))


def _timed(subject: A, call: Occasion) -> A:
    if "due_at" not in _names(type(subject)):
        return subject
    due_at = subject.LIFECYCLE.due_at(subject, call)
    return replace(subject, due_at=due_at)  # type: ignore[type-var]


def _require(subject: Aggregate) -> None:
    for name in subject.LIFECYCLE.requires.get(subject.state, ()):  # type: ignore[call-overload]
        if getattr(subject, name) is None:
            raise Invalid(name, f"missing for a {subject.LIFECYCLE.kind} that is {subject.state}")


@lru_cache(maxsize=128)
def _names(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


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


def _event(
    before: Aggregate | None,
    after: Aggregate,
    name: str,
    step: str,
    call: Occasion,
    reason: str | None,
    changes: dict[str, list[Any]],
) -> Event:
    return Event(
        tenant_id=after.tenant_id,
        id=derive(after.id, after.version),
        kind=after.LIFECYCLE.kind,
        subject_id=after.id,
        version=after.version,
        name=name,
        move=step,
        before=None if before is None else str(before.state),
        after=str(after.state),
        at=call.at,
        actor_role=call.actor.role,
        actor_id=call.actor.user_id,
        on_behalf_of=call.actor.on_behalf_of,
        request_id=call.request_id,
        reason=reason,
        changes=changes,
        parties=after.parties(),
    )
