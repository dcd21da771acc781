"""Who is asked for a job: the least total, one job a unit, and the same answer for the same question."""

from collections.abc import Sequence
from itertools import combinations, permutations
from math import isfinite
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.core.dispatch.deciding import Asked, Costs, decide, window_seconds
from marketplace.core.dispatch.scoring import Candidate, Hindrance, Terms, chance_of_yes, cost_of
from marketplace.core.tenants.dispatching import Weights

TERMS = Terms(weights=Weights(), offer_seconds=45, newcomer_jobs=10, newcomer_offers_hour=3)


def unit(number: int) -> UUID:
    return UUID(int=number)


def candidate(number: int, **given: Any) -> Candidate:
    facts: dict[str, Any] = {
        "unit_id": unit(number),
        "provider_id": unit(100 + number),
        "metres": 1000,
        "busy_seconds": 0,
        "travel_seconds": 300,
        "seen_seconds_ago": 3,
        "load": 0,
        "stars": None,
        "skill_jobs": 20,
        "jobs_done": 20,
        "idle_seconds": 0,
        "offered": 0,
        "accepted": 0,
        "offers_last_hour": 0,
    }
    return Candidate(**(facts | given))


def asked(number: int, *candidates: Candidate, offers: int = 1, head_start: int = 0) -> Asked:
    return Asked(
        job_id=UUID(int=1000 + number),
        job_version=1,
        offers=offers,
        head_start_seconds=head_start,
        candidates=candidates,
    )


def brute(costs: Costs) -> Sequence[tuple[int, int]]:
    """Most pairs first, then the least sum, by looking at everything."""
    rows, columns = range(len(costs)), range(len(costs[0]) if costs else 0)
    for count in range(min(len(rows), len(columns)), 0, -1):
        found = [
            (sum(costs[r][c] for r, c in zip(some, order, strict=True)), tuple(zip(some, order, strict=True)))
            for some in combinations(rows, count)
            for order in permutations(columns, count)
        ]
        total, pairs = min(found)
        if isfinite(total):
            return pairs
    return ()


def chosen(jobs: Sequence[Asked]) -> list[tuple[UUID, ...]]:
    return [decision.asked for decision in decide(jobs, terms=TERMS, assign=brute)]


class TestDecide:
    def test_asks_the_nearest(self) -> None:
        job = asked(1, candidate(1, travel_seconds=500), candidate(2, travel_seconds=200))

        assert chosen([job]) == [(unit(2),)]

    def test_takes_the_least_total_rather_than_the_first_jobs_nearest(self) -> None:
        first = asked(1, candidate(1, travel_seconds=100), candidate(2, travel_seconds=160))
        second = asked(2, candidate(1, travel_seconds=120), candidate(2, travel_seconds=900))

        assert chosen([first, second]) == [(unit(2),), (unit(1),)]

    def test_never_asks_who_is_hindered(self) -> None:
        job = asked(1, candidate(1, travel_seconds=1, hindrance=Hindrance.BLOCKED), candidate(2))

        (decision,) = decide([job], terms=TERMS, assign=brute)

        assert decision.asked == (unit(2),)
        assert [verdict.reason for verdict in decision.verdicts] == [Hindrance.BLOCKED, None]
        assert decision.verdicts[0].cost is None

    def test_asks_several_at_once_where_policy_says_so(self) -> None:
        job = asked(1, *(candidate(number, travel_seconds=100 * number) for number in (3, 1, 2)), offers=2)

        (decision,) = decide([job], terms=TERMS, assign=brute)

        assert set(decision.asked) == {unit(1), unit(2)}
        assert decision.verdicts[0].reason == Hindrance.OTHERS_FIRST

    def test_gives_every_job_one_before_any_has_two(self) -> None:
        jobs = [asked(number, candidate(1), candidate(2), offers=2) for number in (1, 2)]

        assert sorted(map(len, chosen(jobs))) == [1, 1]

    def test_serves_who_waited_longer_where_there_are_too_few(self) -> None:
        jobs = [asked(1, candidate(1)), asked(2, candidate(1), head_start=600)]

        assert chosen(jobs) == [(), (unit(1),)]

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 2**32))
    def test_is_the_same_for_the_same_facts_and_asks_nobody_twice(self, seed: int) -> None:
        random = Random(seed)
        jobs = [
            asked(
                number,
                *(
                    candidate(
                        one,
                        travel_seconds=random.randint(10, 3000),
                        hindrance=random.choice([None, None, Hindrance.TAKEN]),
                    )
                    for one in random.sample(range(1, 6), random.randint(0, 4))
                ),
                offers=random.randint(1, 2),
            )
            for number in range(1, random.randint(2, 4))
        ]

        first, again = (decide(jobs, terms=TERMS, assign=brute) for _ in range(2))

        assert first == again
        units = [one for decision in first for one in decision.asked]
        assert len(units) == len(set(units))


class TestCost:
    def test_is_the_sum_of_its_parts(self) -> None:
        cost = cost_of(candidate(1, stars=3.5, load=1, busy_seconds=200, idle_seconds=1800), TERMS)

        parts = (cost.busy, cost.travel, cost.refusal, cost.load, cost.stars, cost.expertise, cost.idle)
        assert cost.total == sum(parts) + cost.newcomer
        assert (cost.busy, cost.load, cost.stars, cost.idle) == (200, 600, 180, -30)

    def test_falls_for_a_newcomer_until_it_has_had_its_offers(self) -> None:
        costs = [
            cost_of(candidate(1, jobs_done=done, skill_jobs=0, offers_last_hour=offers), TERMS).newcomer
            for done, offers in ((0, 0), (0, 2), (0, 3), (10, 0))
        ]

        assert costs == [-120, -120, 0, 0]

    def test_expects_a_yes_less_from_further_away_and_from_who_says_no(self) -> None:
        near, far = (chance_of_yes(candidate(1, travel_seconds=travel)) for travel in (300, 2400))
        sure, unsure = (chance_of_yes(candidate(1, offered=50, accepted=yes)) for yes in (50, 10))

        assert near > far >= 0.05
        assert sure > 2 * unsure


class TestWindow:
    def test_is_the_shortest_while_somebody_is_idle(self) -> None:
        assert window_seconds(waiting=3, idle=4, least=1, most=30) == 1

    def test_grows_with_scarcity_up_to_its_longest(self) -> None:
        windows = [window_seconds(waiting=waiting, idle=1, least=1, most=30) for waiting in (2, 5, 20, 2000)]

        assert windows == sorted(windows)
        assert windows[0] > 1
        assert windows[-1] == 30
