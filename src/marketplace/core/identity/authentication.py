"""Signing in by phone and code, and staying signed in by tokens that are stored nowhere."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Annotated
from uuid import UUID

from marketplace.core.identity import signin
from marketplace.core.identity.queries import RecentSignIns, RecentSignInsFrom
from marketplace.core.identity.session import (
    ACCESS_LIFE,
    REFRESH_LIFE,
    Session,
    Token,
    parse_token,
    token_for,
)
from marketplace.core.identity.session import State as SessionState
from marketplace.core.identity.signin import SignIn
from marketplace.core.identity.user import State as UserState
from marketplace.core.identity.user import User, user_id
from marketplace.core.shared.aggregate import create, is_due, move
from marketplace.core.shared.errors import LimitReached, NotAllowed, NotFound, NotSignedIn
from marketplace.core.shared.ids import derive
from marketplace.core.shared.limits import Length, NewId, PersonsRole, Word
from marketplace.core.shared.roles import SYSTEM, Role
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import One, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCode:
    """Ask for a one-time code by SMS. `sign_in_id` is the caller's; `phone` a mobile number in E.164."""

    sign_in_id: NewId
    phone: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyCode:
    """Exchange a code for tokens, signed in as `role` (default: customer)."""

    sign_in_id: UUID
    code: Word
    role: PersonsRole = Role.CUSTOMER


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshSession:
    """Exchange a refresh token, once, for a new pair."""

    refresh_token: Annotated[str, Length(200, least=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOut:
    """End one of the caller's sessions."""

    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireSignIn:
    """A code's time is over."""

    sign_in_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireSession:
    """A session's refresh token is too old."""

    session_id: UUID


@dataclass(frozen=True, slots=True)
class CodeToSend:
    """A code in clear, for the one message that carries it; never stored."""

    sign_in: SignIn
    code: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    user: User
    session: Session
    access: Token
    refresh: Token


@dataclass(frozen=True, slots=True)
class WrongCode:
    """A miss, which counts; the answer is the same whatever was wrong."""

    tries_left: int


async def request_code(command: RequestCode, *, call: Call, work: Work) -> CodeToSend:
    """A repeat under the same idempotency key makes the same code, and finds its sign-in."""
    since = call.at - signin.RATE_SPAN
    standing, by_number, *from_origin = await work.read(
        One(SignIn, command.sign_in_id),
        RecentSignIns(phone=command.phone, since=since),
        *([RecentSignInsFrom(origin=call.origin, since=since)] if call.origin else []),
    )
    code = signin.code_from(call.entropy)
    if standing and standing[0].phone == command.phone and signin.code_matches(standing[0], code):
        return CodeToSend(standing[0], code)
    if len(by_number) >= signin.CODES_PER_HOUR_MAX:
        raise LimitReached("too many codes for this number; try again in an hour", retry_after_seconds=3600)
    place = _place(command.sign_in_id, from_origin, call)
    fresh = SignIn(
        id=command.sign_in_id,
        tenant_id=call.tenant_id,
        phone=command.phone,
        code_hash=signin.code_hash(command.sign_in_id, code),
        requested_at=call.at,
        expires_at=call.at + signin.CODE_LIFE,
        origin=call.origin,
        serial=_next_serial(by_number, call),
        place=place,
        place_until=call.at + signin.RATE_SPAN,
    )
    return CodeToSend(work.add(create(fresh, call)), code)


def _next_serial(recent: tuple[SignIn, ...], call: Call) -> int:
    """After an hour without any, the second of today is above every number given before."""
    return max((one.serial for one in recent), default=int(call.at.timestamp())) + 1


def _place(sign_in_id: UUID, from_origin: Sequence[tuple[SignIn, ...]], call: Call) -> UUID:
    """Racers try different ones first; whoever comes from nowhere that is known has one of its own."""
    if not call.origin:
        return sign_in_id
    free = signin.free_places(call.origin, chain.from_iterable(from_origin), now=call.at)
    if not free:
        raise LimitReached("too many codes from here; try again in an hour", retry_after_seconds=3600)
    return free[sign_in_id.int % len(free)]


async def verify_code(command: VerifyCode, *, call: Call, work: Work) -> SignedIn | WrongCode:
    call = replace(call, actor=SYSTEM)
    sign_in = await work.find(SignIn, command.sign_in_id)
    if sign_in is not None and sign_in.state == signin.State.USED:
        session = await work.find(Session, _session_id(command.sign_in_id))
        return await _again(session, call, work) or WrongCode(tries_left=0)
    if sign_in is None or sign_in.state != signin.State.SENT or call.at >= sign_in.expires_at:
        return WrongCode(tries_left=0)
    if not signin.code_matches(sign_in, command.code):
        return _missed(sign_in, call, work)
    user = await work.find(User, user_id(call.tenant, sign_in.phone)) or _join(sign_in, call, work)
    if user.state == UserState.BLOCKED or command.role not in user.roles:
        raise NotAllowed(f"this number may not sign in as {command.role}", role=str(command.role))
    work.save(move(sign_in, "use", call))
    if user not in work.added:
        work.guard(user)  # blocked meanwhile, or of other roles: decide again
    return _open_session(user, command, call, work)


async def _again(session: Session | None, call: Call, work: Work) -> SignedIn | None:
    """The tokens of a request that comes again: its key alone makes those that stand."""
    if session is None or session.state != SessionState.ACTIVE:
        return None
    access, refresh = _tokens(session.id, call)
    if not (access.proves(session.access_digest) and refresh.proves(session.refresh_digest)):
        return None
    return SignedIn(await work.get(User, session.user_id), session, access, refresh)


def _missed(sign_in: SignIn, call: Call, work: Work) -> WrongCode:
    tries = sign_in.tries + 1
    step = "burn" if tries >= signin.TRIES_MAX else "miss"
    work.save(move(sign_in, step, call, tries=tries))
    return WrongCode(tries_left=signin.TRIES_MAX - tries)


def _join(sign_in: SignIn, call: Call, work: Work) -> User:
    newcomer = User(
        id=user_id(call.tenant, sign_in.phone),
        tenant_id=call.tenant_id,
        phone=sign_in.phone,
        joined_at=call.at,
    )
    return work.add(create(newcomer, call))


def _open_session(user: User, command: VerifyCode, call: Call, work: Work) -> SignedIn:
    session_id = _session_id(command.sign_in_id)
    access, refresh = _tokens(session_id, call)
    session = Session(
        id=session_id,
        tenant_id=call.tenant_id,
        user_id=user.id,
        role=command.role,
        provider_id=user.provider_id if command.role == Role.PROVIDER else None,
        access_digest=access.digest,
        refresh_digest=refresh.digest,
        opened_at=call.at,
        access_until=call.real_at + ACCESS_LIFE,
        refresh_until=call.at + REFRESH_LIFE,
    )
    return SignedIn(user, work.add(create(session, call)), access, refresh)


def _session_id(sign_in_id: UUID) -> UUID:
    return derive(sign_in_id, "session")


def _tokens(session_id: UUID, call: Call) -> tuple[Token, Token]:
    access, refresh = (
        token_for(tenant_id=call.tenant_id, session_id=session_id, entropy=call.entropy, purpose=purpose)
        for purpose in ("access", "refresh")
    )
    return access, refresh


async def refresh_session(command: RefreshSession, *, call: Call, work: Work) -> SignedIn | WrongCode:
    """A refresh token that was used before means that it was stolen: the session ends for both."""
    call = replace(call, actor=SYSTEM)
    token = parse_token(command.refresh_token)
    session = await work.find(Session, token.session_id)
    if session is None or session.state != SessionState.ACTIVE or call.at >= session.refresh_until:
        raise NotSignedIn("the session is over; sign in again")
    if not token.proves(session.refresh_digest):
        again = await _again(session, call, work)
        if again is not None:
            return again
        work.save(move(session, "revoke", call, reason="a spent refresh token was shown"))
        return WrongCode(tries_left=0)
    user = await work.get(User, session.user_id)
    if not may_stay(user, session):
        work.save(move(session, "revoke", call, reason="blocked, or of another role by now"))
        return WrongCode(tries_left=0)
    work.guard(user)
    access, refresh = _tokens(session.id, call)
    renewed = move(
        session,
        "refresh",
        call,
        access_digest=access.digest,
        refresh_digest=refresh.digest,
        access_until=call.real_at + ACCESS_LIFE,
        refresh_until=call.at + REFRESH_LIFE,
    )
    return SignedIn(user, work.save(renewed), access, refresh)


def may_stay(user: User, session: Session) -> bool:
    """What a session was opened for may have been taken away since."""
    acts_for = user.provider_id if session.role == Role.PROVIDER else None
    return user.state == UserState.ACTIVE and session.role in user.roles and session.provider_id == acts_for


async def sign_out(command: SignOut, *, call: Call, work: Work) -> Session:
    session = await work.get(Session, command.session_id)
    if session.user_id != call.actor.user_id:
        raise NotFound("session", session.id)
    if session.state != SessionState.ACTIVE:
        return session
    return work.save(move(session, "revoke", call))


async def expire_sign_in(command: ExpireSignIn, *, call: Call, work: Work) -> SignIn:
    sign_in = await work.get(SignIn, command.sign_in_id)
    return work.save(move(sign_in, "expire", call)) if is_due(sign_in, call) else sign_in


async def expire_session(command: ExpireSession, *, call: Call, work: Work) -> Session:
    session = await work.get(Session, command.session_id)
    return work.save(move(session, "expire", call)) if is_due(session, call) else session
