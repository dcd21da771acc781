"""Who may be what: names, roles, and who is kept out."""

from dataclasses import dataclass
from typing import Annotated, Any, cast
from uuid import UUID

from marketplace.core.identity.authentication import may_stay
from marketplace.core.identity.queries import LiveSessions
from marketplace.core.identity.session import Session
from marketplace.core.identity.user import User, user_id
from marketplace.core.shared.aggregate import create, move
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.limits import Length, Name, PersonsRole, Reason, Word
from marketplace.core.shared.roles import PEOPLE, Role
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import One, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendUser:
    """Change one's own name."""

    name: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRoles:
    """Give the user with this number these roles, in place of those it had; it is created if unknown."""

    phone: Word
    roles: Annotated[tuple[PersonsRole, ...], Length(len(PEOPLE), least=1)]
    name: Annotated[str, Length(120)] = ""
    provider_id: UUID | None = None
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockUser:
    """Keep a user out; its sessions end at once."""

    user_id: UUID
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class UnblockUser:
    """Let a user in again."""

    user_id: UUID
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeSession:
    """End a session of somebody's; it has to sign in again."""

    session_id: UUID
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSessions:
    """End what a user is signed in as and may not be any more."""

    user_id: UUID


async def amend_user(command: AmendUser, *, call: Call, work: Work) -> User:
    user = await work.get(User, cast("UUID", call.actor.user_id))
    return work.save(move(user, "amend", call, name=command.name))


async def grant_roles(command: GrantRoles, *, call: Call, work: Work) -> User:
    if Role.PROVIDER in command.roles and command.provider_id is None:
        raise Invalid("provider_id", "missing for the role provider")
    key = user_id(call.tenant, command.phone)
    granted: dict[str, Any] = {"roles": command.roles, "provider_id": command.provider_id}
    found, sessions = await work.read(One(User, key), LiveSessions(user_id=key))
    if not found:
        granted |= {"id": key, "tenant_id": call.tenant_id, "phone": command.phone, "name": command.name}
        granted["joined_at"] = call.at
        return work.add(create(User(**granted), call))
    user: User = found[0]
    _end(sessions, call, work, command.reason)
    granted["name"] = command.name or user.name
    return work.save(move(user, "grant", call, **granted))


async def block_user(command: BlockUser, *, call: Call, work: Work) -> User:
    user, sessions = await _with_sessions(command.user_id, work)
    _end(sessions, call, work, command.reason)
    return work.save(move(user, "block", call))


async def unblock_user(command: UnblockUser, *, call: Call, work: Work) -> User:
    user = await work.get(User, command.user_id)
    return work.save(move(user, "unblock", call))


async def _with_sessions(key: UUID, work: Work) -> tuple[User, tuple[Session, ...]]:
    user = await work.get(User, key)
    return user, await work.ask(LiveSessions(user_id=key))


def _end(sessions: tuple[Session, ...], call: Call, work: Work, reason: str) -> None:
    for session in sessions:
        work.save(move(session, "revoke", call, reason=reason))


async def end_sessions(command: EndSessions, *, call: Call, work: Work) -> tuple[Session, ...]:
    """
    A session that was opened while its user was blocked, or its roles changed, is not among those that ended
    with it: whoever opened it saw the user as it was. By now nobody does.
    """
    user, sessions = await _with_sessions(command.user_id, work)
    left_over = tuple(session for session in sessions if not may_stay(user, session))
    _end(left_over, call, work, "blocked, or of another role by now")
    return left_over


async def revoke_session(command: RevokeSession, *, call: Call, work: Work) -> Session:
    session = await work.get(Session, command.session_id)
    return work.save(move(session, "revoke", call))
