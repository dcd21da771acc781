"""Who acts for others says why, and it stands wherever the deed left a trace."""

from typing import Any
from uuid import uuid4

import pytest

from marketplace.core.bookings.commands import CancelBooking, SetOut
from marketplace.core.catalogue.usecases import WithdrawService
from marketplace.core.identity.usecases import AmendUser
from marketplace.core.payments.usecases import LookUpPayment
from marketplace.core.payouts.drawing import StartPayoutRun
from marketplace.core.providers.usecases import AddUnit, AmendProvider
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.events import Event
from marketplace.core.shared.roles import Role


class TestAdmin:
    @pytest.mark.parametrize(
        "command",
        [
            SetOut(booking_id=uuid4()),
            LookUpPayment(payment_id=uuid4()),
            AmendProvider(provider_id=uuid4(), name="Another"),
            AddUnit(provider_id=uuid4(), unit_id=uuid4(), name="Crew"),
            WithdrawService(service_id=uuid4()),
            StartPayoutRun(run_id=uuid4()),
        ],
        ids=lambda command: type(command).__name__,
    )
    async def test_does_nothing_without_a_reason(self, world: Any, command: Any) -> None:
        with pytest.raises(Invalid, match="reason: is missing; allowed: why you do it"):
            await world.do(command, world.admin)

    async def test_needs_none_for_what_is_its_own(self, world: Any) -> None:
        amended = await world.do(AmendUser(name="Zanele"), world.admin)

        assert amended.name == "Zanele"

    async def test_acts_for_the_provider_in_its_own_name(self, world: Any) -> None:
        provider_id = world.market.shops[0].provider_id

        await world.do(
            AmendProvider(provider_id=provider_id, name="Renamed", reason="as they rang"), world.admin
        )

        event = world.all(Event)[-1]
        assert (event.name, event.reason) == ("provider.amended", "as they rang")
        assert (event.actor_role, event.actor_id) == (Role.ADMIN, world.admin.user_id)


class TestTheReason:
    async def test_stands_in_everything_that_the_command_did(self, world: Any) -> None:
        key = await world.book()
        await world.settle()
        before = len(world.all(Event))

        await world.lane.do(CancelBooking(booking_id=key, reason="they fell out"), world.admin)

        events = world.all(Event)[before:]
        assert {event.kind for event in events} == {"booking", "reservation"}
        assert {event.reason for event in events} == {"they fell out", "other: they fell out"}

    async def test_is_the_customer_s_and_the_provider_s_to_give(self, world: Any) -> None:
        unit = await world.do(
            AddUnit(provider_id=world.market.shops[0].provider_id, unit_id=uuid4(), name="Crew"),
            world.provider,
        )

        assert unit.unit.name == "Crew"
        assert world.all(Event)[-1].reason is None
