"""Why a unit was not asked is told by what was decided, and of a search that is over by nothing else."""

from collections.abc import Awaitable, Callable
from typing import Any

from marketplace.core.bookings.commands import CancelBooking
from marketplace.core.dispatch.explaining import Explanation, Now, explain
from marketplace.core.dispatch.presences import GoOffline
from marketplace.core.providers.provider import Unit

Open = Callable[..., Awaitable[Any]]
OVER = "the search is over, and no decision in it knew of this unit"


async def why(fleet: Any, key: Any, crew: Any) -> Explanation:
    """By what is kept, and by a unit that is offline by now."""
    unit = await fleet.world.get(Unit, crew.unit_id)
    now = Now(unit=unit, presence=None, seen=None)
    policy = fleet.world.lane.tenant.policy.dispatch
    return explain(fleet.job(key), fleet.decisions(key), now, policy=policy)


class TestASearchThatIsOn:
    async def test_tells_what_keeps_a_unit_away_now(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        stranger = await fleet.join(metres=2_000, online=False)
        key = await fleet.call()

        told = await why(fleet, key, stranger)

        assert told.sentence == "It was not looked at: it is offline."


class TestASearchThatIsOver:
    async def test_says_nothing_of_today_of_who_was_never_looked_at(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        stranger = await fleet.join(metres=2_000, online=False)
        key = await fleet.taken(fleet.crews[0])

        told = await why(fleet, key, stranger)

        assert (told.asked, told.at) == (False, None)
        assert told.sentence == f"It was not looked at: {OVER}."

    async def test_without_a_decision_says_so(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        fleet.silent.add(fleet.crews[0].unit_id)
        start = fleet.world.lane.now.replace(hour=12)
        key = await fleet.call(starts_at=start)
        await fleet.do(CancelBooking(booking_id=key, reason="test"), fleet.world.admin)

        told = await why(fleet, key, fleet.crews[0])

        assert told.sentence == f"It was not looked at: {OVER}."

    async def test_tells_what_was_decided_then(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, 2_000)
        near, far = fleet.crews
        key = await fleet.taken(near)
        await fleet.do(GoOffline(unit_id=far.unit_id), far.actor)

        told = await why(fleet, key, far)

        assert told.at is not None
        assert told.sentence.startswith("It was not asked: others cost less waiting")

    async def test_that_found_nobody_is_over_until_it_goes_on(self, open_fleet: Open) -> None:
        fleet = await open_fleet()
        stranger = await fleet.join(metres=2_000, online=False)
        key = await fleet.call()
        await fleet.world.forward(minutes=30)

        told = await why(fleet, key, stranger)

        assert fleet.job(key).state == "exhausted"
        assert told.sentence == f"It was not looked at: {OVER}."
