"""A notification is one message to one address, sent at most once and never in doubt for good."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from marketplace.core.shared.aggregate import SECRET
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.roles import Role


class State(StrEnum):
    PLANNED = "planned"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


_SENDER = frozenset({Role.SYSTEM})
_PAUSE_FIRST = timedelta(minutes=1)
S = State


def _next_look(notification: Any, call: Any) -> datetime:
    """A minute, which is longer than any try takes, doubled with each look."""
    later: datetime = call.at + _PAUSE_FIRST * 2 ** min(notification.lookups, 10)
    return later


NOTIFICATION = Lifecycle(
    kind="notification",
    states=State,
    initial=S.PLANNED,
    opening="notification.planned",
    moves=(
        Move("begin", S.PLANNED, S.SENDING, _SENDER, "notification.sending"),
        Move("begin_again", S.UNKNOWN, S.SENDING, _SENDER, "notification.sending"),
        Move("suppress", S.PLANNED, S.SUPPRESSED, _SENDER, "notification.suppressed"),
        Move("expire", (S.PLANNED, S.UNKNOWN), S.EXPIRED, _SENDER | {Role.CLOCK}, "notification.expired"),
        Move("look_up", S.UNKNOWN, S.UNKNOWN, {Role.CLOCK}, "notification.lookup_due", "doubt"),
        Move("accept", (S.SENDING, S.UNKNOWN), S.ACCEPTED, _SENDER, "notification.accepted"),
        Move("fail", (S.SENDING, S.UNKNOWN, S.ACCEPTED), S.FAILED, _SENDER, "notification.failed"),
        Move("lose_track", S.SENDING, S.UNKNOWN, _SENDER, "notification.unknown"),
        Move("deliver", (S.ACCEPTED, S.UNKNOWN), S.DELIVERED, _SENDER, "notification.delivered"),
        Move("read", (S.ACCEPTED, S.DELIVERED), S.READ, _SENDER, "notification.read"),
    ),
    # What is planned or being sent has a job that sees to it; only what is in doubt waits for the clock.
    timers={"doubt": _next_look},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """
    `sent_by` marks the one try that may send it; others look it up, once that try is surely over.

    `secret` is what in the text is for its receiver alone.
    """

    LIFECYCLE: ClassVar[Lifecycle] = NOTIFICATION

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.PLANNED
    due_at: datetime | None = None
    user_id: UUID
    channel: str
    address: str
    template: str
    text: str
    secret: str | None = field(default=None, metadata=SECRET)
    subject_id: UUID
    planned_at: datetime
    expires_at: datetime
    sent_by: str | None = None
    lookups: int = 0
    channel_reference: str | None = None
    rejection: str | None = None

    def parties(self) -> tuple[UUID, ...]:
        return (self.user_id,)
