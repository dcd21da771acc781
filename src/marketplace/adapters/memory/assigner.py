"""An assignment is found exactly, by shortest augmenting paths over what can be paired, in whole numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf, isfinite

Costs = Sequence[Sequence[float]]
# What a row may be paired with: the cost of each column.
Row = Mapping[int, int]


class AugmentingAssigner:
    """
    Costs are counted in their finest binary digit, so that no sum is rounded. Of equal sums the one that is
    found first is taken, which depends on nothing but the costs.
    """

    def pairs(self, costs: Costs) -> tuple[tuple[int, int], ...]:
        rows = _whole(costs)
        seats = _Seats(rows, columns=len(costs[0]) if costs else 0)
        for row in range(len(rows)):
            seats.take_in(row)
        return tuple((row, column) for row, column in enumerate(seats.column_of) if column is not None)


def _whole(costs: Costs) -> list[Row]:
    """On one scale for all: the denominators of floats are powers of two."""
    if any(len(row) != len(costs[0]) for row in costs):
        raise ValueError("rows of costs differ in length")
    ratios = [{column: _ratio(cost) for column, cost in enumerate(row) if cost != inf} for row in costs]
    scale = max((below for row in ratios for _, below in row.values()), default=1)
    return [{column: above * (scale // below) for column, (above, below) in row.items()} for row in ratios]


def _ratio(cost: float) -> tuple[int, int]:
    if not isfinite(cost):
        raise ValueError(f"a cost is {cost}")
    return cost.as_integer_ratio()


@dataclass(frozen=True, slots=True)
class _Chain:
    """Changes that take one more row in: `row` gets `column` or none, and each one before it moves up."""

    length: int
    row: int
    column: int | None


@dataclass(slots=True)
class _Reached:
    """What is found on the way to a chain: columns with their distance and the row before, those passed."""

    nearest: dict[int, tuple[int, int]] = field(default_factory=dict)
    passed: list[tuple[int, int]] = field(default_factory=list)
    waiting: list[tuple[int, int]] = field(default_factory=list)

    def next(self, *, within: int) -> tuple[int, int] | None:
        """The nearest column that was not passed yet, with its distance."""
        while self.waiting and self.waiting[0][0] < within:
            length, column = heappop(self.waiting)
            if length == self.nearest[column][0]:
                self.passed.append((length, column))
                return length, column
        return None


class _Seats:
    """
    The best pairs of the rows taken in so far.

    Successive shortest paths with prices of columns (Jonker and Volgenant 1987), but a row may also be left
    without a column, for a price that no change of the other pairs makes up for. A column's price is 0 until
    it is taken, and never above.
    """

    def __init__(self, rows: Sequence[Row], *, columns: int) -> None:
        self._rows = rows
        self._price = [0] * columns
        self._row_of: list[int | None] = [None] * columns
        self.column_of: list[int | None] = [None] * len(rows)
        dearest = max((abs(cost) for row in rows for cost in row.values()), default=0)
        self._without = 1 + 2 * len(rows) * dearest

    def take_in(self, root: int) -> None:
        reached = _Reached()
        chain = self._extend(_Chain(self._without, root, None), root, 0, reached)
        while found := reached.next(within=chain.length):
            length, column = found
            row = self._row_of[column]
            assert row is not None
            offset = length - self._rows[row][column] + self._price[column]
            if offset + self._without < chain.length:
                chain = _Chain(offset + self._without, row, None)
            chain = self._extend(chain, row, offset, reached)
        for length, column in reached.passed:
            self._price[column] += length - chain.length
        self._move_up(chain, root, reached)

    def _extend(self, chain: _Chain, row: int, offset: int, reached: _Reached) -> _Chain:
        """The shortest chain, now that `row` is reached: it may take a free column or another row's."""
        best, column_found = chain.length, None
        price, row_of, nearest = self._price, self._row_of, reached.nearest
        for column, cost in self._rows[row].items():
            length = offset + cost - price[column]
            if length >= best or (column in nearest and length >= nearest[column][0]):
                continue
            nearest[column] = (length, row)
            if row_of[column] is None:
                best, column_found = length, column
            else:
                heappush(reached.waiting, (length, column))
        return chain if column_found is None else _Chain(best, row, column_found)

    def _move_up(self, chain: _Chain, root: int, reached: _Reached) -> None:
        row, column = chain.row, chain.column
        while True:
            left, self.column_of[row] = self.column_of[row], column
            if column is not None:
                self._row_of[column] = row
            if row == root:
                return
            assert left is not None
            column, row = left, reached.nearest[left][1]
