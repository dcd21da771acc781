"""What the benchmark of webhooks reports, and that it would notice one that counted twice."""

from dataclasses import replace

from marketplace.entrypoints.bench.webhooks import Plan, measure


class TestMeasure:
    async def test_reports_what_was_told_and_that_each_counted_once(self) -> None:
        result = await measure(seconds=2, per_s=30)

        assert result.ok
        assert result.movements == result.events == 2 * result.repeats
        assert 0 < result.ack_p50_ms <= result.ack_p99_ms
        assert 0 < result.applied_p50_ms <= result.applied_p99_ms
        assert result.webhooks_per_s > 0
        assert not replace(result, movements=result.events + 1).ok
        assert not replace(result, broken_promises=1).ok


class TestAPlan:
    def test_tells_every_third_time_something_that_was_told(self) -> None:
        plan = Plan(webhooks=300, seed=1)

        told = [event in plan.order[:turn] for turn, event in enumerate(plan.order)]
        assert told == [turn % 3 == 2 for turn in range(300)]
        assert plan.events == 200 == len(set(plan.order))
