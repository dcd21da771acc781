"""A code is good for five tries and ten minutes, and a refresh token for one use."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from marketplace.core.identity.authentication import (
    RefreshSession,
    RequestCode,
    SignedIn,
    SignOut,
    VerifyCode,
    WrongCode,
)
from marketplace.core.identity.session import Session, parse_token
from marketplace.core.identity.session import State as SessionState
from marketplace.core.identity.signin import SignIn, State
from marketplace.core.identity.usecases import BlockUser, GrantRoles
from marketplace.core.identity.user import User
from marketplace.core.marketplace import run
from marketplace.core.shared.errors import LimitReached, NotAllowed, NotFound, NotSignedIn
from marketplace.core.shared.roles import Role

PHONE = "+27821112222"


async def ask(world: Any, phone: str = PHONE) -> Any:
    return await world.do(RequestCode(sign_in_id=uuid4(), phone=phone))


async def sign_in(world: Any, role: Role = Role.CUSTOMER) -> SignedIn:
    asked = await ask(world)
    signed_in: SignedIn = await world.do(VerifyCode(sign_in_id=asked.sign_in.id, code=asked.code, role=role))
    return signed_in


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


class TestACode:
    async def test_signs_in_once(self, world: Any) -> None:
        asked = await ask(world)
        verify = VerifyCode(sign_in_id=asked.sign_in.id, code=asked.code)

        first, second = await world.do(verify), await world.do(verify)

        assert isinstance(first, SignedIn)
        assert second == WrongCode(tries_left=0)

    async def test_is_stored_nowhere(self, world: Any) -> None:
        asked = await ask(world)

        (kept,) = world.all(SignIn)

        assert asked.code not in repr(kept).replace(str(kept.id), "")
        assert kept.code_hash != asked.code

    async def test_burns_with_the_fifth_wrong_try(self, world: Any) -> None:
        asked = await ask(world)
        guess = VerifyCode(sign_in_id=asked.sign_in.id, code=wrong(asked.code))

        left = [(await world.do(guess)).tries_left for _ in range(6)]
        late = await world.do(VerifyCode(sign_in_id=asked.sign_in.id, code=asked.code))

        assert left == [4, 3, 2, 1, 0, 0]
        assert late == WrongCode(tries_left=0)
        assert (await world.get(SignIn, asked.sign_in.id)).state == State.BURNT

    async def test_is_of_no_use_after_ten_minutes(self, world: Any) -> None:
        asked = await ask(world)
        await world.forward(minutes=10)

        late = await world.do(VerifyCode(sign_in_id=asked.sign_in.id, code=asked.code))

        assert late == WrongCode(tries_left=0)
        assert (await world.get(SignIn, asked.sign_in.id)).state == State.EXPIRED

    async def test_is_sent_five_times_an_hour_at_most(self, world: Any) -> None:
        for _ in range(5):
            await ask(world)

        with pytest.raises(LimitReached):
            await ask(world)
        await ask(world, "+27821113333")
        await world.forward(hours=1, seconds=1)
        await ask(world)

    async def test_answers_alike_for_a_number_that_never_asked(self, world: Any) -> None:
        assert await world.do(VerifyCode(sign_in_id=uuid4(), code="000000")) == WrongCode(tries_left=0)

    async def test_opens_no_role_that_was_not_given(self, world: Any) -> None:
        with pytest.raises(NotAllowed):
            await sign_in(world, Role.ADMIN)


class TestARefreshToken:
    async def test_renews_both_tokens(self, world: Any) -> None:
        before = await sign_in(world)

        after = await world.do(RefreshSession(refresh_token=before.refresh.text()))

        assert after.session.id == before.session.id
        assert {after.access.text(), after.refresh.text()}.isdisjoint(
            {before.access.text(), before.refresh.text()}
        )
        assert parse_token(after.access.text()).proves(after.session.access_digest)

    async def test_shown_twice_ends_the_session_for_both(self, world: Any) -> None:
        stolen = await sign_in(world)
        rightful = await world.do(RefreshSession(refresh_token=stolen.refresh.text()))

        replayed = await world.do(RefreshSession(refresh_token=stolen.refresh.text()))

        assert replayed == WrongCode(tries_left=0)
        assert (await world.get(Session, stolen.session.id)).state == SessionState.REVOKED
        with pytest.raises(NotSignedIn):
            await world.do(RefreshSession(refresh_token=rightful.refresh.text()))

    async def test_is_of_no_use_after_thirty_days(self, world: Any) -> None:
        signed_in = await sign_in(world)
        await world.forward(days=30)

        with pytest.raises(NotSignedIn):
            await world.do(RefreshSession(refresh_token=signed_in.refresh.text()))
        assert (await world.get(Session, signed_in.session.id)).state == SessionState.EXPIRED

    @pytest.mark.parametrize("text", ["", "mk_", "mk_!!!", "xx_abc", "mk_" + "A" * 40])
    async def test_that_is_none_of_ours_is_refused(self, world: Any, text: str) -> None:
        with pytest.raises(NotSignedIn):
            await world.do(RefreshSession(refresh_token=text))


class TestASession:
    async def test_ends_when_its_user_signs_out(self, world: Any) -> None:
        signed_in = await sign_in(world)
        mine = replace(world.customer, user_id=signed_in.user.id)

        with pytest.raises(NotFound):
            await world.do(SignOut(session_id=signed_in.session.id), world.customer)
        ended = await world.do(SignOut(session_id=signed_in.session.id), mine)

        assert ended.state == SessionState.REVOKED

    async def test_ends_when_its_user_is_blocked(self, world: Any) -> None:
        signed_in = await sign_in(world)

        await world.do(BlockUser(user_id=signed_in.user.id, reason="fraud"), world.admin)

        assert (await world.get(Session, signed_in.session.id)).state == SessionState.REVOKED
        asked = await ask(world)
        with pytest.raises(NotAllowed):
            await world.do(VerifyCode(sign_in_id=asked.sign_in.id, code=asked.code))

    async def test_ends_when_its_users_roles_change(self, world: Any) -> None:
        signed_in = await sign_in(world)

        await world.do(GrantRoles(phone=PHONE, roles=(Role.SUPPORT,), reason="hired"), world.admin)

        assert (await world.get(Session, signed_in.session.id)).state == SessionState.REVOKED

    async def test_never_comes_of_the_same_entropy_as_another(self, world: Any) -> None:
        asked = [await ask(world), await ask(world)]
        call = world.lane.call()

        tokens = [
            await run(VerifyCode(sign_in_id=a.sign_in.id, code=a.code), call=call, store=world.lane.store)
            for a in asked
        ]

        assert tokens[0].access.text() != tokens[1].access.text()


class TestASessionThatIsOpenedMeanwhile:
    """Its user stands as it was when the code was found right, and the session is in nobody's list yet."""

    @pytest.mark.parametrize("read", [1, 2])
    async def test_ends_when_its_user_is_blocked(self, world: Any, read: int) -> None:
        user, asked = (await sign_in(world)).user, await ask(world)
        verify = VerifyCode(sign_in_id=asked.sign_in.id, code=asked.code)

        world.between(lambda: world.do(verify), read=read)
        await world.do(BlockUser(user_id=user.id, reason="fraud"), world.admin)
        await world.settle()

        assert {session.state for session in sessions_of(world, user)} == {SessionState.REVOKED}

    async def test_ends_when_its_user_may_not_be_that_any_more(self, world: Any) -> None:
        fired = GrantRoles(phone=PHONE, roles=(Role.CUSTOMER,), reason="fired")
        await world.do(replace(fired, roles=(Role.SUPPORT,), reason="hired"), world.admin)
        asked = await ask(world)
        verify = VerifyCode(sign_in_id=asked.sign_in.id, code=asked.code, role=Role.SUPPORT)

        world.between(lambda: world.do(verify), read=1)
        user = await world.do(fired, world.admin)
        await world.settle()

        assert [session.state for session in sessions_of(world, user)] == [SessionState.REVOKED]

    async def test_stays_where_its_user_may_be_that_still(self, world: Any) -> None:
        user = (await sign_in(world)).user
        hired = GrantRoles(phone=PHONE, roles=(Role.CUSTOMER, Role.SUPPORT), reason="hired")
        asked = await ask(world)
        verify = VerifyCode(sign_in_id=asked.sign_in.id, code=asked.code)

        world.between(lambda: world.do(verify), read=1)
        await world.do(hired, world.admin)
        await world.settle()

        states = [session.state for session in sessions_of(world, user)]
        assert sorted(states) == [SessionState.ACTIVE, SessionState.REVOKED]


def sessions_of(world: Any, user: User) -> list[Session]:
    return [session for session in world.all(Session) if session.user_id == user.id]


class TestABlockedUser:
    async def test_cannot_refresh_what_was_opened_before(self, world: Any) -> None:
        """A sign-in that was decided before the block may be written after it."""
        signed_in = await sign_in(world)
        await world.do(BlockUser(user_id=signed_in.user.id, reason="abuse"), world.admin)
        revoked = await world.get(Session, signed_in.session.id)
        opened = replace(revoked, state=SessionState.ACTIVE)
        world.storage._table(Session)._rows[world.lane.tenant.id][revoked.id] = opened

        answer = await world.do(RefreshSession(refresh_token=signed_in.refresh.text()))

        assert answer == WrongCode(tries_left=0)
        assert (await world.get(Session, signed_in.session.id)).state == SessionState.REVOKED
