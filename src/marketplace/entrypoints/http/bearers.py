"""Who a request is from: an opaque token is looked up once, and then known for a few seconds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from marketplace.core.identity.session import Session, State, Token, parse_token
from marketplace.core.shared.errors import NotSignedIn
from marketplace.core.shared.roles import Actor
from marketplace.ports.storage import One, Store

# A session that is revoked elsewhere lives this much longer here.
KNOWN_SECONDS = 5.0
KNOWN_MAX = 20_000
SCHEME = "Bearer "


@dataclass(frozen=True, slots=True)
class Bearer:
    tenant_id: UUID
    session_id: UUID
    actor: Actor
    until: float
    known_at: float


@dataclass
class Bearers:
    store: Store
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    _known: dict[bytes, Bearer] = field(default_factory=dict)
    _ended: int = 0

    async def of(self, authorization: str | None) -> Bearer:
        """The bearer of an Authorization header; raises NotSignedIn."""
        if authorization is None or not authorization.startswith(SCHEME):
            raise NotSignedIn("send Authorization: Bearer TOKEN")
        text = authorization[len(SCHEME) :]
        digest = sha256(text.encode()).digest()
        known, now = self._known.get(digest), self.seconds()
        while known is None or now - known.known_at > KNOWN_SECONDS:
            ended = self._ended
            known = await self._look_up(parse_token(text), now)
            if ended == self._ended:
                self._remember(digest, known)
                break
            known = None
        if known.until <= now:
            raise NotSignedIn("the token has expired; refresh it", expired=True)
        return known

    def seconds(self) -> float:
        return self.clock().timestamp()

    def forget(self, session_id: UUID) -> None:
        """After this process has ended a session itself; who is being looked up is looked up again."""
        self._ended += 1
        self._known = {d: bearer for d, bearer in self._known.items() if bearer.session_id != session_id}

    def forget_user(self, user_id: UUID) -> None:
        """After this process has ended all sessions of a user itself."""
        self._ended += 1
        self._known = {d: bearer for d, bearer in self._known.items() if bearer.actor.user_id != user_id}

    def _remember(self, digest: bytes, bearer: Bearer) -> None:
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[digest] = bearer

    async def _look_up(self, token: Token, now: float) -> Bearer:
        (found,) = await self.store.read(token.tenant_id, [One(Session, token.session_id)])
        session: Session | None = found[0] if found else None
        if session is None or session.state != State.ACTIVE or not token.proves(session.access_digest):
            raise NotSignedIn("the token is not valid; sign in again")
        actor = Actor(session.role, session.user_id, session.provider_id)
        return Bearer(token.tenant_id, session.id, actor, session.access_until.timestamp(), now)
