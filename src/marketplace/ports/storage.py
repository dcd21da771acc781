"""
Storage remembers aggregates, rows and events, writes a decision whole or not at all, and answers queries.

A use case reads through a Work, decides, and records in it what changed. The Work is written at once:
all of it or nothing, refused if any version that the decision rests on has moved meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast
from uuid import UUID

from marketplace.core.shared.aggregate import Aggregate, Changed
from marketplace.core.shared.errors import Conflict, NotFound
from marketplace.core.shared.events import Event
from marketplace.core.shared.rules import noun_of

A = TypeVar("A", bound=Aggregate)
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Stale(Conflict):
    """A version that the decision rests on has moved, or two writers met: decide again."""

    code = "stale"


class Overlap(Conflict):
    """The unit of capacity is taken in that period (the rule's name is in `facts`)."""

    code = "overlap"


class AlreadyThere(Conflict):
    """A row with this id or key stands; `facts["rule"]` names the rule, "TABLE_pkey" for the id."""

    code = "already_there"


class Broken(Conflict):
    """The data would break a rule that storage keeps: never seen unless Python has a defect."""

    code = "broken_rule"


class Query(Protocol[R_co]):
    """
    A question about rows of one kind: a frozen dataclass with a plain predicate.

    The memory adapter runs `matches`; PostgreSQL answers by SQL kept under the query's type. Rows come
    back in the order of their ids; a query with a field `most` gets no more than so many of the first.
    """

    @property
    def kind(self) -> type[R_co]: ...
    def matches(self, row: Any, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class One(Generic[R]):
    """The row of this kind with this id, if it stands."""

    kind: type[R]
    id: UUID

    def matches(self, row: Any) -> bool:
        return bool(row.id == self.id)


@dataclass(frozen=True, slots=True)
class Among(Generic[R]):
    """The rows of this kind with these ids, as far as they stand."""

    kind: type[R]
    ids: tuple[UUID, ...]

    def matches(self, row: Any) -> bool:
        return row.id in self.ids


@dataclass(frozen=True, slots=True)
class Named(Generic[R]):
    """
    The rows of this kind whose ids stand in a field of the rows that `by` finds, each once.

    So that what is found and what it names come in one round trip. `by` is a question without a limit.
    """

    kind: type[R]
    field: str
    by: "Question[Any]"


# What may be asked of storage: about rows by themselves, or by others that name them.
Question = Query[R] | Named[R]


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """A job: carry out the reactions to an event that was written with it."""

    QUEUE: ClassVar[str] = "reaction"

    tenant_id: UUID
    event_id: UUID
    name: str
    subject_id: UUID
    at: datetime
    request_id: str

    @property
    def key(self) -> str:
        """No two jobs with one key are queued at a time."""
        return f"{self.QUEUE}:{self.event_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A job: at `due_at` (tenant's time) make the clock's move on the subject, if it is still due."""

    QUEUE: ClassVar[str] = "timer"

    tenant_id: UUID
    kind: str
    subject_id: UUID
    version: int
    due_at: datetime
    request_id: str

    @property
    def key(self) -> str:
        """No two jobs with one key are queued at a time."""
        return f"{self.QUEUE}:{self.subject_id}:{self.version}"


Job = Follow | Alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """All that one command writes. `guarded` are (kind, id, version) that must still hold."""

    tenant_id: UUID
    added: tuple[Aggregate, ...] = ()
    saved: tuple[Aggregate, ...] = ()
    guarded: tuple[tuple[type, UUID, int], ...] = ()
    rows: tuple[Any, ...] = ()
    events: tuple[Event, ...] = ()
    jobs: tuple[Job, ...] = ()

    def __post_init__(self) -> None:
        for row in (*self.added, *self.saved, *self.rows, *self.events, *self.jobs):
            if row.tenant_id != self.tenant_id:
                raise ValueError(f"{type(row).__name__} of another tenant in a batch")

    @property
    def empty(self) -> bool:
        """Nothing to write: guards alone ask for nothing."""
        return not (self.added or self.saved or self.rows or self.events or self.jobs)


class Store(Protocol):
    async def read(self, tenant_id: UUID, questions: Sequence[Question[Any]]) -> list[tuple[Any, ...]]:
        """The answers to several questions, from one snapshot, in one round trip."""
        ...

    async def write(self, batch: Batch) -> None:
        """Write all of it or nothing; raises Stale, Overlap, AlreadyThere or Broken."""
        ...


class Lease(Protocol):
    """The right to be the only one who does a thing, until it is let go or its holder dies."""

    async def held(self) -> bool: ...
    async def release(self) -> None: ...


class Leases(Protocol):
    async def take(self, name: str) -> Lease | None:
        """The lease of that name, or None while somebody else holds it; never waits."""
        ...


@dataclass
class Work:
    """What one command has read and what it wants written."""

    store: Store
    tenant_id: UUID
    added: list[Aggregate] = field(default_factory=list)
    saved: dict[UUID, Aggregate] = field(default_factory=dict)
    guarded: list[tuple[type, UUID, int]] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    async def read(self, *questions: Question[Any]) -> list[tuple[Any, ...]]:
        """The answers in the order of the questions, in one round trip."""
        return await self.store.read(self.tenant_id, questions)

    async def ask(self, question: Question[R]) -> tuple[R, ...]:
        (answer,) = await self.read(question)
        return answer

    async def find(self, kind: type[R], key: UUID) -> R | None:
        found = await self.ask(One(kind, key))
        return found[0] if found else None

    async def get(self, kind: type[R], key: UUID) -> R:
        """The row with this id; raises NotFound."""
        found = await self.find(kind, key)
        if found is None:
            raise NotFound(noun_of(kind), key)
        return found

    async def get_both(self, first: type[A], first_id: UUID, second: type[R], second_id: UUID) -> tuple[A, R]:
        """Two rows in one round trip; raises NotFound."""
        one, other = await self.read(One(first, first_id), One(second, second_id))
        if not one:
            raise NotFound(noun_of(first), first_id)
        if not other:
            raise NotFound(noun_of(second), second_id)
        return cast("tuple[A, R]", (one[0], other[0]))

    def add(self, created: Changed[A]) -> A:
        """Record a new aggregate and its first event."""
        self.added.append(created.subject)
        self.events.append(created.event)
        return created.subject

    def save(self, moved: Changed[A]) -> A:
        """Record a moved aggregate and its event; one move for each aggregate in one command."""
        if moved.subject.id in self.saved:
            raise ValueError(f"two moves of one {moved.subject.LIFECYCLE.kind} in one command")
        self.saved[moved.subject.id] = moved.subject
        self.events.append(moved.event)
        return moved.subject

    def guard(self, read: Aggregate) -> None:
        """Let the write fail with Stale if this aggregate, which the decision rests on, has moved."""
        self.guarded.append((type(read), read.id, read.version))

    def insert(self, *rows: Any) -> None:
        """Record rows that are never changed: postings, receipts, vendors' events."""
        self.rows.extend(rows)

    @property
    def empty(self) -> bool:
        return not (self.added or self.saved or self.rows)

    def batch(self, jobs: Sequence[Job]) -> Batch:
        return Batch(
            tenant_id=self.tenant_id,
            added=tuple(self.added),
            saved=tuple(self.saved.values()),
            guarded=tuple(self.guarded),
            rows=tuple(self.rows),
            events=tuple(self.events),
            jobs=tuple(jobs),
        )
