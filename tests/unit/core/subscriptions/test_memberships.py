"""A customer is a member until a day; its call-outs go before others'."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from marketplace.core.shared.errors import Invalid, MoveRefused, NotFound
from marketplace.core.shared.roles import CLOCK
from marketplace.core.subscriptions.membership import Membership, State
from marketplace.core.subscriptions.usecases import (
    AlreadyMember,
    ClockMembership,
    EndMembership,
    GrantMembership,
    RenewMembership,
)
from marketplace.ports.storage import AlreadyThere, Batch

MONTH = timedelta(days=30)


async def grant(world: Any, **given: Any) -> Membership:
    asked = {"customer_id": world.customer.user_id, "until": world.lane.now + MONTH} | given
    command = GrantMembership(membership_id=uuid4(), reason="a gift", **asked)
    membership: Membership = await world.do(command, world.admin)
    return membership


async def standing(world: Any, membership: Membership) -> Membership:
    found: Membership = await world.get(Membership, membership.id)
    return found


class TestAMembership:
    async def test_is_granted_until_a_day_and_ends_by_itself(self, world: Any) -> None:
        membership = await grant(world)

        await world.until(membership.until - timedelta(seconds=1))
        before = await standing(world, membership)
        await world.forward(days=2)
        after = await standing(world, membership)

        assert (before.state, before.level) == (State.ACTIVE, 1)
        assert (after.state, after.ended_at) == (State.ENDED, membership.until)
        assert await world.broken() == []

    async def test_lasts_longer_when_it_is_renewed(self, world: Any) -> None:
        membership = await grant(world)
        renew = RenewMembership(
            membership_id=membership.id, until=membership.until + MONTH, reason="paid again"
        )

        renewed = await world.do(renew, world.admin)
        await world.until(membership.until + timedelta(days=1))
        still = await standing(world, membership)
        await world.until(renewed.until + timedelta(seconds=1))

        assert still.state == State.ACTIVE
        assert (await standing(world, membership)).state == State.ENDED

    async def test_is_not_ended_by_a_clock_that_comes_early(self, world: Any) -> None:
        membership = await grant(world)

        await world.do(ClockMembership(membership_id=membership.id))

        assert (await standing(world, membership)).version == 1

    async def test_ended_at_its_day_however_late_somebody_looks(self, world: Any) -> None:
        membership = await grant(world)
        world.lane.now = membership.until + timedelta(hours=3)

        ended = await world.do(ClockMembership(membership_id=membership.id), CLOCK)

        assert (ended.state, ended.ended_at) == (State.ENDED, membership.until)

    async def test_is_ended_by_admin_and_not_renewed_then(self, world: Any) -> None:
        membership = await grant(world)

        ended = await world.do(EndMembership(membership_id=membership.id, reason="fraud"), world.admin)
        renew = RenewMembership(membership_id=membership.id, until=membership.until + MONTH, reason="sorry")
        with pytest.raises(MoveRefused):
            await world.do(renew, world.admin)

        assert (ended.state, ended.ended_at) == (State.ENDED, world.lane.now)
        assert (await grant(world)).state == State.ACTIVE

    async def test_only_gets_longer(self, world: Any) -> None:
        membership = await grant(world)
        shorter = membership.until - timedelta(days=1)

        with pytest.raises(Invalid, match="until"):
            await world.do(
                RenewMembership(membership_id=membership.id, until=shorter, reason="oops"), world.admin
            )
        with pytest.raises(Invalid, match="until"):
            await grant(world, customer_id=world.market.customers[1].user_id, until=world.lane.now - MONTH)

    async def test_is_one_at_a_time(self, world: Any) -> None:
        membership = await grant(world)

        with pytest.raises(AlreadyMember) as refused:
            await grant(world)
        with pytest.raises(AlreadyThere):  # of two admins who looked at the same time
            await world.storage.write(_another(membership))

        assert refused.value.facts["membership_id"] == str(membership.id)

    async def test_is_for_a_customer_that_there_is(self, world: Any) -> None:
        with pytest.raises(NotFound):
            await grant(world, customer_id=uuid4())
        with pytest.raises(Invalid, match="customer_id"):
            await grant(world, customer_id=world.admin.user_id)


def _another(membership: Membership) -> Batch:
    second = Membership(
        id=uuid4(),
        tenant_id=membership.tenant_id,
        version=1,
        customer_id=membership.customer_id,
        granted_at=membership.granted_at,
        until=membership.until,
        due_at=membership.until,
    )
    return Batch(tenant_id=membership.tenant_id, added=(second,))
