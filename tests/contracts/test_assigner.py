"""What every solver of assignments promises."""

from collections.abc import Sequence
from itertools import combinations, permutations
from math import fsum, inf, isfinite, nan
from random import Random
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.adapters.memory.assigner import AugmentingAssigner
from marketplace.adapters.scipy.assigner import ScipyAssigner
from marketplace.ports.geo import Assigner

Costs = Sequence[Sequence[float]]
Pairs = Sequence[tuple[int, int]]


@pytest.fixture(params=[AugmentingAssigner, ScipyAssigner], scope="module")
def assigner(request: pytest.FixtureRequest) -> Assigner:
    return request.param()


def worth(costs: Costs, pairs: Pairs) -> tuple[int, float]:
    """What makes pairs better, the least first: how many there are, then their sum."""
    return -len(pairs), fsum(costs[row][column] for row, column in pairs)


def best(costs: Costs) -> tuple[int, float]:
    """By looking at everything."""
    rows, columns = range(len(costs)), range(len(costs[0]) if costs else 0)
    ways = (
        tuple(zip(some, order, strict=True))
        for count in range(min(len(rows), len(columns)) + 1)
        for some in combinations(rows, count)
        for order in permutations(columns, count)
    )
    return min(worth(costs, way) for way in ways if all(isfinite(costs[row][column]) for row, column in way))


def matrices(cost: st.SearchStrategy[float]) -> st.SearchStrategy[list[list[float]]]:
    sides = st.tuples(st.integers(0, 5), st.integers(0, 5))
    return sides.flatmap(
        lambda side: st.lists(
            st.lists(cost, min_size=side[1], max_size=side[1]), min_size=side[0], max_size=side[0]
        )
    )


# Few values, so that many sums are equal, and far ones, so that a wrong "dear enough" shows.
TIES = st.sampled_from([inf, inf, -2.0, 0.0, 0.0, 1.0, 1.0, 3.0])
WHOLE = st.one_of(st.just(inf), st.integers(-1_000_000, 1_000_000).map(float))
ANY = st.one_of(st.just(inf), st.floats(-1e6, 1e6))


def check_pairs(costs: Costs, pairs: Pairs) -> None:
    rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    assert list(rows) == sorted(set(rows))
    assert len(columns) == len(set(columns))
    assert all(isfinite(costs[row][column]) for row, column in pairs)


class TestPairs:
    @pytest.mark.parametrize(
        ("costs", "expected"),
        [
            ([], ()),
            ([[]], ()),
            ([[], []], ()),
            ([[7.0]], ((0, 0),)),
            ([[inf]], ()),
            ([[inf, inf], [inf, inf]], ()),
            ([[inf, inf], [inf, -1.0]], ((1, 1),)),
            ([[4.0], [3.0], [5.0]], ((1, 0),)),
            ([[4.0, 3.0, 5.0]], ((0, 1),)),
            ([[1.0, 2.0], [1.0, 9.0]], ((0, 1), (1, 0))),
            ([[-1.0, -9.0], [-2.0, -9.0]], ((0, 1), (1, 0))),
            ([[5, 4], [3, 5]], ((0, 1), (1, 0))),
        ],
    )
    def test_are_the_cheapest(self, assigner: Assigner, costs: Costs, expected: Pairs) -> None:
        assert assigner.pairs(costs) == expected

    def test_are_as_many_as_can_be_whatever_they_cost(self, assigner: Assigner) -> None:
        costs = [[-1e6, 1e6], [1e6, inf]]

        assert assigner.pairs(costs) == ((0, 1), (1, 0))

    def test_leave_out_whoever_is_dearest_where_not_all_find_one(self, assigner: Assigner) -> None:
        # The third comes last and displaces the first.
        costs = [[5.0, inf], [inf, 2.0], [1.0, inf]]

        assert assigner.pairs(costs) == ((1, 1), (2, 0))

    def test_take_costs_of_any_size(self, assigner: Assigner) -> None:
        costs = [[1.7e308, -1.7e308], [1.7e308, 1.6e308]]

        assert assigner.pairs(costs) == ((0, 1), (1, 0))

    @given(costs=matrices(TIES))
    @settings(max_examples=150)
    def test_are_the_best_of_all_where_sums_are_equal(self, assigner: Assigner, costs: Costs) -> None:
        pairs = assigner.pairs(costs)

        check_pairs(costs, pairs)
        assert worth(costs, pairs) == best(costs)

    @given(costs=matrices(WHOLE))
    @settings(max_examples=150)
    def test_are_the_best_of_all_in_whole_numbers(self, assigner: Assigner, costs: Costs) -> None:
        pairs = assigner.pairs(costs)

        check_pairs(costs, pairs)
        assert worth(costs, pairs) == best(costs)

    @given(costs=matrices(ANY))
    @settings(max_examples=150)
    def test_are_the_best_of_all_but_for_rounding(self, assigner: Assigner, costs: Costs) -> None:
        pairs = assigner.pairs(costs)

        check_pairs(costs, pairs)
        assert worth(costs, pairs) == pytest.approx(best(costs), abs=1e-6)

    @given(costs=matrices(TIES))
    def test_are_always_the_same(self, assigner: Assigner, costs: Costs) -> None:
        assert assigner.pairs(costs) == assigner.pairs([list(row) for row in costs])

    @pytest.mark.parametrize("wrong", [nan, -inf])
    def test_refuse_what_is_no_cost(self, assigner: Assigner, wrong: float) -> None:
        with pytest.raises(ValueError, match="cost"):
            assigner.pairs([[1.0, wrong]])

    def test_refuse_rows_of_different_lengths(self, assigner: Assigner) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 - each says it in its own words
            assigner.pairs([[1.0, 2.0], [1.0]])


def drawn(rows: int, columns: int, *, share: float, seed: int = 7) -> list[list[float]]:
    random = Random(seed)
    return [
        [random.uniform(-500, 3000) if random.random() < share else inf for _ in range(columns)]
        for _ in range(rows)
    ]


class TestBothSolvers:
    @pytest.mark.parametrize(
        ("rows", "columns", "share"),
        [(30, 60, 1.0), (60, 30, 0.3), (200, 300, 0.1), (300, 200, 0.05), (120, 120, 1.0)],
    )
    def test_agree_on_rounds_too_large_to_look_at_everything(
        self, rows: int, columns: int, share: float
    ) -> None:
        costs = drawn(rows, columns, share=share)

        ours, theirs = AugmentingAssigner().pairs(costs), ScipyAssigner().pairs(costs)

        check_pairs(costs, ours)
        assert worth(costs, ours) == pytest.approx(worth(costs, theirs))

    def test_need_less_than_a_second_for_the_largest_round(self, assigner: Assigner) -> None:
        costs = drawn(200, 300, share=1.0)

        started = process_time()
        assigner.pairs(costs)

        assert process_time() - started < 1
