"""A session is a pair of opaque tokens; a refresh token works once, and a second use ends the session."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import ClassVar
from uuid import UUID

from marketplace.core.shared.aggregate import SECRET
from marketplace.core.shared.entropy import keyed
from marketplace.core.shared.errors import NotSignedIn
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.roles import Role

ACCESS_LIFE = timedelta(hours=1)
REFRESH_LIFE = timedelta(days=30)
TOKEN_PREFIX = "mk_"  # noqa: S105 - what tokens begin with
_ID_BYTES = 16


class State(StrEnum):
    ACTIVE = "active"
    REVOKED = "revoked"
    EXPIRED = "expired"


SESSION = Lifecycle(
    kind="session",
    states=State,
    initial=State.ACTIVE,
    opening="session.opened",
    moves=(
        Move("refresh", State.ACTIVE, State.ACTIVE, by={Role.SYSTEM}, emits="session.refreshed"),
        Move("revoke", State.ACTIVE, State.REVOKED, by=frozenset(Role), emits="session.revoked"),
        Move("expire", State.ACTIVE, State.EXPIRED, by={Role.CLOCK}, after="life", emits="session.expired"),
    ),
    timers={"life": lambda session, _: session.refresh_until},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """
    Signed in as one role. Only digests of the tokens are kept.

    An access token lives in real time: whoever moves a test marketplace's clock is not signed out by it.
    """

    LIFECYCLE: ClassVar[Lifecycle] = SESSION

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.ACTIVE
    due_at: datetime | None = None
    user_id: UUID
    role: Role
    provider_id: UUID | None = None
    access_digest: str = field(metadata=SECRET)
    refresh_digest: str = field(metadata=SECRET)
    opened_at: datetime
    access_until: datetime
    refresh_until: datetime

    def parties(self) -> tuple[UUID, ...]:
        return (self.user_id,)


@dataclass(frozen=True, slots=True)
class Token:
    """What a bearer shows: which tenant, which session, and the secret that proves it."""

    tenant_id: UUID
    session_id: UUID
    secret: bytes

    def text(self) -> str:
        packed = self.tenant_id.bytes + self.session_id.bytes + self.secret
        return TOKEN_PREFIX + urlsafe_b64encode(packed).decode().rstrip("=")

    @property
    def digest(self) -> str:
        return sha256(self.secret).hexdigest()

    def proves(self, digest: str) -> bool:
        return hmac.compare_digest(self.digest, digest)


def token_for(*, tenant_id: UUID, session_id: UUID, entropy: bytes, purpose: str) -> Token:
    return Token(tenant_id, session_id, keyed(entropy, purpose, session_id))


def parse_token(text: str) -> Token:
    """The token in a header; raises NotSignedIn for anything that is none."""
    body = text.removeprefix(TOKEN_PREFIX)
    try:
        packed = urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except ValueError:
        packed = b""
    if body == text or len(packed) <= 2 * _ID_BYTES:
        raise NotSignedIn("the token is not one of ours")
    return Token(UUID(bytes=packed[:16]), UUID(bytes=packed[16:32]), packed[32:])
