"""The audit finds a search that is not as its booking is."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from marketplace.core.bookings.booking import State as BookingState
from marketplace.core.dispatch.job import State as JobState
from marketplace.core.dispatch.offer import State
from marketplace.core.shared.events import Event

Open = Callable[..., Awaitable[Any]]


async def found(fleet: Any) -> list[str]:
    await fleet.world.forward(minutes=16)
    return [one for one in await fleet.world.broken() if one.startswith("call_outs_assigned_once")]


class TestASearch:
    async def test_with_two_winners_is_found(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, 2_000)
        near, far = fleet.crews
        key = await fleet.call()
        await fleet.decline(near)
        await fleet.world.forward(seconds=2)
        await fleet.accept(far)
        clean = await found(fleet)

        fleet.corrupt(replace(fleet.offer(near), state=State.ACCEPTED))

        assert clean == []
        assert await found(fleet) == [
            f"call_outs_assigned_once: search {fleet.job(key).id} has 2 offers that were accepted"
        ]

    async def test_whose_winner_has_no_time_is_found(self, open_fleet: Open) -> None:
        fleet = await open_fleet()
        key = await fleet.call()

        fleet.corrupt(replace(fleet.job(key), state=JobState.ASSIGNED))

        assert [one for one in await found(fleet) if "nobody's time was taken" in one]

    async def test_that_nobody_wants_is_found_after_a_while(self, open_fleet: Open) -> None:
        fleet = await open_fleet(search_minutes=90)
        key = await fleet.call()
        fleet.corrupt(replace(await fleet.world.booking(key), state=BookingState.CANCELLED))
        early = [event for event in fleet.world.all(Event) if event.subject_id in {key, fleet.job(key).id}]
        late = max(event.at for event in early) + timedelta(minutes=16)
        before = await fleet.world.broken()
        fleet.world.lane.now = late

        text = f"call_outs_assigned_once: search {fleet.job(key).id} is queued, its booking is cancelled"
        assert text not in before
        assert text in await fleet.world.broken()
