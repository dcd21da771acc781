"""A slot that was booked keeps a unit from what would run into it, and from nothing that comes before it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.dispatch.conftest import HERE
from tests.unit.core.dispatch.test_facts import AT, JOB, KNOWN, PROVIDER, TENANT, UNIT

from marketplace.core.dispatch.facts import (
    LOAD_HORIZON,
    Way,
    begins_at,
    blocked_period,
    candidate_of,
    load_of,
    soonest,
    starts_of,
)
from marketplace.core.dispatch.presences import ShowUnit, show_unit
from marketplace.core.dispatch.scoring import Candidate, Hindrance
from marketplace.core.providers.reservation import Reservation
from marketplace.core.shared.period import Period
from marketplace.core.tenants.dispatching import DispatchPolicy

Open = Callable[..., Awaitable[Any]]
POLICY = DispatchPolicy()
MINUTE = timedelta(minutes=1)


def slot(begin: int, end: int, **facts: Any) -> Reservation:
    return Reservation(
        id=UUID(int=100 + begin),
        tenant_id=TENANT,
        provider_id=PROVIDER,
        unit_id=UNIT.id,
        booking_id=UUID(int=200),
        starts_at=AT + begin * MINUTE,
        ends_at=AT + end * MINUTE,
        **facts,
    )


def decided(held: Sequence[Reservation], *, travel: timedelta) -> tuple[Way, Candidate]:
    """What a round would make of the unit, wherever it leaves from."""
    known = replace(KNOWN, held={UNIT.id: held})
    ways = [
        Way(metres=0.0, age=timedelta(), leaves_at=start.leaves_at, travel=travel, load=start.load)
        for start in starts_of(held, lasting=JOB.duration, at=AT)
    ]
    way = soonest(ways, JOB, UNIT, known, policy=POLICY, at=AT)
    return way, candidate_of(UNIT, way, JOB, known, policy=POLICY, at=AT)


def blocked(leaves_at: datetime, travel: timedelta) -> Period:
    begins = begins_at(JOB, travel, at=leaves_at)
    return blocked_period(begins, travel, JOB, KNOWN.providers[PROVIDER])


def is_free(held: Sequence[Reservation], leaves_at: datetime, travel: timedelta) -> bool:
    taken = blocked(leaves_at, travel)
    return not any(one.period.overlaps(taken) for one in held)


@st.composite
def days(draw: st.DrawFn) -> list[Reservation]:
    """Slots one after the other, from some that have begun to some that are far off."""
    minute, found = draw(st.integers(-60, 60)), []
    for _ in range(draw(st.integers(0, 4))):
        lasting = draw(st.integers(5, 90))
        found.append(slot(minute, minute + lasting))
        minute += lasting + draw(st.integers(0, 90))
    return found


class TestAUnit:
    async def test_is_sent_to_what_it_can_do_before_its_next_slot(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        await fleet.hold(fleet.crews[0], minutes=(60, 120))

        key = await fleet.call()
        await fleet.accept(fleet.crews[0])

        assert fleet.job(key).state == "assigned"
        assert len(fleet.held(fleet.crews[0])) == 2

    async def test_is_not_sent_to_what_would_run_into_its_next_slot(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000)
        await fleet.hold(fleet.crews[0], minutes=(32, 120))

        key = await fleet.call()

        assert fleet.asked() == []
        assert fleet.reason(key, fleet.crews[0]) == Hindrance.BUSY

    async def test_is_on_the_map_whatever_it_has_later(self, open_fleet: Open) -> None:
        fleet = await open_fleet(1_000, load_max=1)
        lane, (crew,) = fleet.world.lane, fleet.crews
        await fleet.hold(crew, minutes=(60, 120))
        vendors = lane.desk.vendors

        await show_unit(ShowUnit(unit_id=crew.unit_id), call=lane.call(), work=fleet.work(), vendors=vendors)
        seen = await vendors.live_map.where(tenant_id=lane.tenant.id, unit_id=crew.unit_id)
        await fleet.call()

        assert seen.load == 0
        assert fleet.asked() == [crew]


class TestLoad:
    @pytest.mark.parametrize(
        ("held", "load"),
        [
            (slot(-30, 30), 1),
            (slot(30, 60), 0),
            (slot(30, 60, place=HERE), 1),
            (slot(-60, -1), 0),
            (slot(-60, -1, place=HERE), 1),
            (slot(121, 150, place=HERE), 0),
        ],
    )
    def test_is_what_has_begun_and_call_outs_to_come(self, held: Reservation, load: int) -> None:
        assert load_of([held], at=AT) == load


class TestAnOffer:
    @given(days(), st.integers(1, 40).map(lambda minutes: minutes * MINUTE), st.floats(0, 1))
    def test_fits_whenever_it_is_accepted(
        self, held: list[Reservation], travel: timedelta, when: float
    ) -> None:
        way, candidate = decided(held, travel=travel)
        accepted_at = AT + when * timedelta(seconds=POLICY.offer_seconds)

        if candidate.hindrance is None:
            assert is_free(held, max(accepted_at, way.leaves_at), travel)

    @given(days(), st.integers(1, 40).map(lambda minutes: minutes * MINUTE))
    def test_is_made_where_there_is_a_minute_to_leave_at(
        self, held: list[Reservation], travel: timedelta
    ) -> None:
        """Every minute is tried at which a unit may leave, with no more jobs before it than it may have."""
        _, candidate = decided(held, travel=travel)
        answer = timedelta(seconds=POLICY.offer_seconds)
        near = [one for one in held if one.ends_at > AT and one.starts_at < AT + LOAD_HORIZON]

        possible = [
            leaves_at
            for leaves_at in (AT + number * MINUTE for number in range(POLICY.ahead_minutes + 1))
            if is_free(held, max(leaves_at, AT + answer), travel)
            and sum(one.starts_at <= leaves_at for one in near) < POLICY.load_max
            and begins_at(JOB, travel, at=max(leaves_at, AT + answer)) <= JOB.window_end
        ]

        assert (candidate.hindrance is None) == bool(possible)
