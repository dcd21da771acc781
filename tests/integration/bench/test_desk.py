"""What the benchmark of decisions and races reports, and that it would notice what should never be."""

from collections.abc import AsyncIterator

import pytest

from marketplace.entrypoints.bench.acceptance import Lane, measure_races
from marketplace.entrypoints.bench.desk import Field, measure_desk, opened

_TAKEN = "state = 'held' AND starts_at > now() + interval '12 hours'"
_COPY = "INSERT INTO {0} SELECT r.* FROM {0} AS t, jsonb_populate_record(t, {1}) AS r WHERE t.id = ({2})"
_ANOTHER = "jsonb_build_object('id', gen_random_uuid(){})"
# What the schema refuses once it is told not to, and what a double would look like then.
DOUBLES = {
    "a job that two have taken": _COPY.format(
        "dispatch_offer",
        _ANOTHER.format(""),
        "SELECT id FROM dispatch_offer WHERE state = 'accepted' LIMIT 1",
    ),
    "a booking with two times": _COPY.format(
        "reservation",
        _ANOTHER.format(", 'unit_id', gen_random_uuid()"),
        f"SELECT id FROM reservation WHERE {_TAKEN} LIMIT 1",
    ),
    "a unit in two places": _COPY.format(
        "reservation",
        _ANOTHER.format(", 'booking_id', gen_random_uuid()"),
        f"SELECT id FROM reservation WHERE {_TAKEN} LIMIT 1",
    ),
}


class TestMeasureDesk:
    async def test_reports_decisions_with_each_live_map(self, shared_url: str, redis_url: str) -> None:
        servers = {"database_url": shared_url, "redis_url": redis_url}

        figures = await measure_desk(units=400, seconds=0.1, seed=1, **servers)

        decisions = figures["decisions"]
        assert isinstance(decisions, list)
        assert [one["live_map"] for one in decisions] == ["memory", "redis"]
        assert all(one["asked_mean"] > 0.5 and one["round_trips"] == 4 for one in decisions)
        assert all(one["p99_ms"] >= one["p50_ms"] > 0 and one["per_s"] > 0 for one in decisions)
        assert figures["decisions_per_s"] == decisions[0]["per_s"]
        assert figures["decision_p99_ms"] == decisions[0]["p99_ms"]


class TestRaces:
    @pytest.fixture
    async def field(self, shared_url: str) -> AsyncIterator[Field]:
        async with opened(shared_url, units=50, seed=1) as field:
            yield field

    async def test_have_one_winner_each(self, field: Field) -> None:
        lane = field.lane

        prepared = await lane.prepare(12)

        assert {len(steps) for steps in prepared} == {3, 4, 5}
        assert [await lane.race(steps) for steps in prepared] == [1] * 12
        assert await lane.doubles() == 0

    async def test_are_lost_where_the_schema_lets_a_unit_be_in_two_places(self, field: Field) -> None:
        await field.owner.exec_driver_sql("ALTER TABLE reservation DROP CONSTRAINT reservation_no_overlap")

        winners = [await field.lane.race(steps) for steps in await field.lane.prepare(20)]

        assert max(winners) > 1
        assert await field.lane.doubles() > 0

    async def test_are_as_many_as_asked_for(self, field: Field) -> None:
        races = await measure_races(field.lane, seconds=60, races=7)

        assert races.races == 7
        assert races.double_assignments == 0

    @pytest.mark.parametrize("double", DOUBLES)
    async def test_are_not_passed_by_what_should_never_be(self, field: Field, double: str) -> None:
        await won(field.lane)
        await field.owner.exec_driver_sql("ALTER TABLE reservation DROP CONSTRAINT reservation_no_overlap")
        await field.owner.exec_driver_sql("SET session_replication_role = replica")

        changed = await field.owner.exec_driver_sql(DOUBLES[double])

        assert changed.rowcount == 1
        assert await field.lane.doubles() == 1


async def won(lane: Lane) -> None:
    for steps in await lane.prepare(4):
        await lane.race(steps)
