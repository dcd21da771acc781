"""What signing in asks of storage."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from marketplace.core.identity.session import Session
from marketplace.core.identity.session import State as SessionState
from marketplace.core.identity.signin import SignIn


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentSignIns:
    """The codes asked for by a number since an instant, for the rate limit."""

    kind: ClassVar[type[SignIn]] = SignIn
    phone: str
    since: datetime

    def matches(self, row: Any) -> bool:
        return bool(row.phone == self.phone and row.requested_at >= self.since)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentSignInsFrom:
    """The codes asked for from an origin since an instant, for the rate limit."""

    kind: ClassVar[type[SignIn]] = SignIn
    origin: str
    since: datetime

    def matches(self, row: Any) -> bool:
        return bool(row.origin == self.origin and row.requested_at >= self.since)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSessions:
    """A user's sessions that still let it in."""

    kind: ClassVar[type[Session]] = Session
    user_id: UUID

    def matches(self, row: Any) -> bool:
        return bool(row.user_id == self.user_id and row.state == SessionState.ACTIVE)
