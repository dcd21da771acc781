"""What keeps a unit from a job."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from marketplace.core.dispatch.facts import Known, Way, candidate_of
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.presence import Presence
from marketplace.core.dispatch.scoring import Candidate, Hindrance
from marketplace.core.dispatch.squares import square_of
from marketplace.core.providers.provider import Provider, Unit
from marketplace.core.providers.provider import State as ProviderState
from marketplace.core.shared.place import Place
from marketplace.core.tenants.dispatching import DispatchPolicy

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
HOME = Place(-26.2041, 28.0473)
TENANT, PROVIDER, CUSTOMER = (UUID(int=number) for number in (1, 2, 3))
UNIT = Unit(
    id=UUID(int=4), tenant_id=TENANT, provider_id=PROVIDER, name="Van", added_at=AT, skills=("tyres",)
)
JOB = DispatchJob(
    id=UUID(int=5),
    tenant_id=TENANT,
    booking_id=UUID(int=6),
    customer_id=CUSTOMER,
    area_id=UUID(int=7),
    place=HOME,
    skill="tyres",
    duration_minutes=30,
    window_start=AT,
    window_end=AT + timedelta(minutes=90),
    queued_at=AT,
    give_up_at=AT + timedelta(minutes=15),
)
KNOWN = Known(
    units={UNIT.id: UNIT},
    providers={
        PROVIDER: Provider(
            applied_at=AT,
            id=PROVIDER,
            tenant_id=TENANT,
            state=ProviderState.ACTIVE,
            owner_id=CUSTOMER,
            name="Tyres",
            time_zone="UTC",
        )
    },
    presences={
        UNIT.id: Presence(
            id=UUID(int=8),
            tenant_id=TENANT,
            unit_id=UNIT.id,
            provider_id=PROVIDER,
            place=HOME,
            square=square_of(HOME),
            placed_at=AT,
            idle_since=AT,
        )
    },
    offers={},
    held={},
    blocked=frozenset(),
)


def candidate(**way: Any) -> Candidate:
    facts = {"metres": 1000, "age": timedelta(), "leaves_at": AT, "travel": timedelta(minutes=5)} | way
    return candidate_of(UNIT, Way(**facts), JOB, KNOWN, policy=DispatchPolicy(), at=AT)


class TestCandidate:
    def test_may_be_asked_where_nothing_keeps_it(self) -> None:
        found = candidate()

        assert (found.hindrance, found.travel_seconds) == (None, 300)

    def test_is_not_asked_where_no_road_leads_from_it(self) -> None:
        found = candidate(travel=None)

        assert (found.hindrance, found.travel_seconds) == (Hindrance.NO_ROAD, 0)

    def test_is_not_asked_where_it_comes_too_late(self) -> None:
        assert candidate(travel=timedelta(minutes=91)).hindrance == Hindrance.TOO_LATE

    def test_is_not_asked_while_it_is_busy_for_long(self) -> None:
        assert candidate(leaves_at=AT + timedelta(minutes=16)).hindrance == Hindrance.BUSY
