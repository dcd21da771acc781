"""SciPy assigns where it is installed: faster on large rounds, and exact but for the rounding of floats."""

from collections.abc import Sequence

import numpy as np

# SciPy has no types of its own, and packages with them are a lot for one function.
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]


class ScipyAssigner:
    """
    SciPy refuses a matrix without a full assignment, so what cannot be paired costs more than all else
    together would save, and is dropped afterwards.

    Costs are brought to at most 1 by a power of two, which changes none of them, so that their sum is finite
    too. Whole numbers below 2**32 in up to a thousand rows lose nothing.
    """

    def pairs(self, costs: Sequence[Sequence[float]]) -> tuple[tuple[int, int], ...]:
        matrix = np.array(costs, dtype=np.float64, ndmin=2)
        if np.isnan(matrix).any() or np.isneginf(matrix).any():
            raise ValueError("a cost is not a number or minus infinity")
        possible = np.isfinite(matrix)
        if not possible.any():
            return ()
        _, exponent = np.frexp(np.abs(matrix[possible]).max())
        # Of n pairs, one more weighs more than what the costs of the others can differ by: 2 each.
        dear = 2.0 * min(matrix.shape) + 2
        rows, columns = linear_sum_assignment(np.where(possible, np.ldexp(matrix, -exponent), dear))
        return tuple(
            (int(row), int(column))
            for row, column in zip(rows, columns, strict=True)
            if possible[row, column]
        )
