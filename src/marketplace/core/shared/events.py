"""An event is one step in one aggregate's history; the table of them is outbox, audit trail and history."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from marketplace.core.shared.roles import Role
from marketplace.core.shared.rules import AppendOnly, Rule, Unique


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened, past tense. `changes` maps a field to [before, after]; `parties` may be told of it."""

    RULES: ClassVar[tuple[Rule, ...]] = (Unique(("subject_id", "version")), AppendOnly())

    tenant_id: UUID
    id: UUID
    kind: str
    subject_id: UUID
    version: int
    name: str
    move: str
    before: str | None
    after: str
    at: datetime
    actor_role: Role
    actor_id: UUID | None
    on_behalf_of: UUID | None
    request_id: str
    reason: str | None
    changes: dict[str, list[Any]] = field(default_factory=dict)
    parties: tuple[UUID, ...] = ()
