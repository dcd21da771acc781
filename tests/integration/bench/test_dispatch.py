import json
from itertools import groupby

import pytest
from click.testing import CliRunner, Result

from marketplace.entrypoints.bench.dispatch import measure_near
from marketplace.entrypoints.cli.main import marketplace


class TestMeasureNear:
    async def test_measures_each_adapter_at_each_size(self, redis_url: str) -> None:
        figures = await measure_near(redis_url=redis_url, seconds=0.05, sizes=(300, 600))

        near = figures["near"]
        assert isinstance(near, list)
        assert {adapter for adapter, _ in groupby(near, lambda one: one["adapter"])} == {
            "memory",
            "k-d tree",
            "redis",
        }
        assert all(one["per_s"] > 0 and one["p99_ms"] > 0 and one["found_mean"] > 1 for one in near)
        assert isinstance(figures["redis_to_ping"], float)

    async def test_measures_memory_alone_without_a_redis(self) -> None:
        figures = await measure_near(seconds=0.05, sizes=(300,))

        assert figures["redis_to_ping"] is None


class TestCommand:
    def test_measures_the_sizes_that_are_asked_for(self, redis_url: str, shared_url: str) -> None:
        servers = ("--redis", redis_url, "--database", shared_url)

        result = told("--units", "300,200", "--seconds", "1", "--races", "8", *servers, "--json")

        figures = json.loads(result.stdout)
        assert result.exit_code == 0
        assert {one["units"] for one in figures["near"]} == {300, 200}
        assert figures["redis_to_ping"] > 0
        assert {one["units"] for one in figures["decisions"]} == {300}
        assert figures["decisions_per_s"] > 0 < figures["decision_p99_ms"]
        assert figures["redraw_s"] > 0
        assert figures["accept_races_per_s"] > 0
        assert figures["accept_races"] == 8
        assert figures["double_assignments"] == 0

    @pytest.mark.parametrize("units", ["", "many", "1000,0", "-5", "1000;2000"])
    def test_names_what_is_no_list_of_sizes(self, units: str) -> None:
        result = told("--units", units)

        assert result.exit_code == 2
        assert "--units" in result.stderr


def told(*arguments: str) -> Result:
    return CliRunner().invoke(marketplace, ["bench", "dispatch", *arguments], catch_exceptions=False)
