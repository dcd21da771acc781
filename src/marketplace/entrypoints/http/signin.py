"""Signing in by phone and code, and what one may know and change of oneself."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from marketplace.core.identity import authentication
from marketplace.core.identity import usecases as identity
from marketplace.core.identity.authentication import CodeToSend, SignedIn, WrongCode
from marketplace.core.identity.session import Session
from marketplace.core.identity.user import User
from marketplace.core.notifications.effects import send_code
from marketplace.core.shared.errors import NotFound, NotSignedIn
from marketplace.core.shared.roles import Role
from marketplace.core.subscriptions.membership import current
from marketplace.core.subscriptions.queries import MembershipsOf
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.idempotency import Memory
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.representations import PersonView, SessionView, UserView
from marketplace.entrypoints.http.routes import SIGNED_IN, CommandRoute, QuestionRoute, Route
from marketplace.entrypoints.http.views import person_view, view_of
from marketplace.entrypoints.phones import normalise
from marketplace.ports.storage import One

_TAGS = ("Sign-in",)


class CodeSent(msgspec.Struct, frozen=True):
    """The same for a known and an unknown number."""

    sign_in_id: UUID
    expires_at: datetime


class Tokens(msgspec.Struct, frozen=True):
    """Send `access_token` as a bearer; exchange `refresh_token`, once, when it has expired."""

    access_token: str
    refresh_token: str
    expires_at: datetime
    session_id: UUID
    user_id: UUID
    role: Role
    provider_id: UUID | None


def _code_sent(result: CodeToSend, _: Call) -> CodeSent:
    return CodeSent(result.sign_in.id, result.sign_in.expires_at)


def _tokens(result: SignedIn | WrongCode, _: Call) -> Tokens:
    """Raises NotSignedIn for a miss, which is counted by now."""
    if isinstance(result, WrongCode):
        raise NotSignedIn("the code or token is wrong, spent or expired", tries_left=result.tries_left)
    session = result.session
    return Tokens(
        access_token=result.access.text(),
        refresh_token=result.refresh.text(),
        expires_at=session.access_until,
        session_id=session.id,
        user_id=session.user_id,
        role=session.role,
        provider_id=session.provider_id,
    )


def normal_phone(_: Office, command: Any, call: Call) -> Any:
    """The command with its number in E.164; raises Invalid for one that is not mobile."""
    return replace(command, phone=normalise(command.phone, country=call.policy.country))


async def _send(office: Office, result: CodeToSend | None, call: Call) -> None:
    if result is not None:
        await send_code(result, call=call, vendors=office.vendors)


async def _forget(office: Office, result: Session | None, _: Call) -> None:
    if result is not None:
        office.bearers.forget(result.id)


async def person(office: Office, call: Call, *, key: UUID) -> PersonView:
    """A user with the membership that it has now; raises NotFound."""
    found, standing = await office.store.read(
        call.tenant_id, [One(User, key), MembershipsOf(customer_id=key)]
    )
    if not found:
        raise NotFound("user", key)
    return person_view(found[0], current(standing, at=call.at), call)


async def me(office: Office, call: Call) -> PersonView:
    return await person(office, call, key=_user_id(call))


def _user_id(call: Call) -> UUID:
    if call.actor.user_id is None:
        raise NotSignedIn("nobody is signed in")
    return call.actor.user_id


def _route(path: str, command: type, **facts: Any) -> CommandRoute:
    return CommandRoute(path=path, command=command, tags=_TAGS, **facts)


ROUTES: tuple[Route, ...] = (
    _route(
        "/v1/sign-in/codes",
        authentication.RequestCode,
        answer=CodeSent,
        view=_code_sent,
        public=True,
        prepare=normal_phone,
        after=_send,
        status=202,
        memory=Memory.AFTERWARDS,
        principal="sign_in_id",
    ),
    _route(
        "/v1/sign-in/tokens",
        authentication.VerifyCode,
        answer=Tokens,
        view=_tokens,
        public=True,
        memory=Memory.MADE_AGAIN,
    ),
    _route(
        "/v1/sign-in/refresh",
        authentication.RefreshSession,
        answer=Tokens,
        view=_tokens,
        public=True,
        memory=Memory.MADE_AGAIN,
    ),
    _route(
        "/v1/sign-in/out",
        authentication.SignOut,
        answer=SessionView,
        view=view_of,
        roles=SIGNED_IN,
        after=_forget,
    ),
    _route("/v1/me", identity.AmendUser, answer=UserView, view=view_of, roles=SIGNED_IN),
    QuestionRoute(
        path="/v1/me", ask=me, answer=PersonView, summary="Who you are here.", roles=SIGNED_IN, tags=_TAGS
    ),
)
