"""A user's id says nothing of its number to whoever has not the marketplace's salt."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from marketplace.core.identity.user import user_id
from marketplace.core.marketplace import run
from marketplace.core.shared.events import Event
from marketplace.core.shared.ids import derive
from marketplace.core.tenants.tenant import Tenant
from marketplace.core.tenants.usecases import OpenTenant
from marketplace.entrypoints.http.views import view_of

PHONE = "+27831234567"


@pytest.fixture
def tenant(world: Any) -> Tenant:
    opened: Tenant = world.lane.tenant
    return opened


class TestAUsersId:
    def test_is_another_one_under_another_salt(self, tenant: Tenant) -> None:
        other = replace(tenant, salt="another")

        assert user_id(tenant, PHONE) == user_id(tenant, PHONE)
        assert user_id(tenant, PHONE) != user_id(other, PHONE)

    def test_is_not_what_anybody_could_compute(self, tenant: Tenant) -> None:
        assert user_id(tenant, PHONE) != derive(tenant.id, "user", PHONE)

    def test_cannot_be_had_of_a_marketplace_that_is_only_planned(self, tenant: Tenant) -> None:
        with pytest.raises(ValueError, match="salt"):
            user_id(replace(tenant, salt=""), PHONE)


class TestASalt:
    async def test_is_new_for_each_marketplace_and_never_seen(self, make_world: Any) -> None:
        one, other = await make_world(), await make_world()
        standing = await one.get(Tenant, one.lane.tenant.id)

        shown = str(view_of(standing, one.lane.call(one.admin))) + repr(standing) + repr(one.all(Event))

        assert len(standing.salt) == 64
        assert standing.salt != other.lane.tenant.salt
        assert standing.salt not in shown

    async def test_is_not_made_of_nothing(self, world: Any) -> None:
        tenant = world.lane.tenant
        command = OpenTenant(tenant_id=uuid4(), slug="x", mode=tenant.mode, policy=tenant.policy)

        with pytest.raises(ValueError, match="guessed"):
            await run(command, call=replace(world.lane.call(), entropy=b"short"), store=world.storage)
