"""SciPy is loaded where a round is large enough to be worth it, and not before."""

import subprocess
import sys

from marketplace.entrypoints.geography import SMALL, BySize

SIDE = 50
SCRIPT = """
import sys
from marketplace.entrypoints.geography import SMALL, BySize
assigner, loaded = BySize(), []
for side in (2, {side}):
    assigner.pairs([[float(row * column) for column in range(side)] for row in range(side)])
    loaded.append("scipy" in sys.modules)
print(loaded)
"""


class TestBySize:
    def test_loads_scipy_with_the_first_large_round(self) -> None:
        assert SIDE * SIDE > SMALL

        said = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(side=SIDE)], capture_output=True, text=True, check=True
        )

        assert said.stdout.strip() == "[False, True]"

    def test_pairs_alike_whatever_the_size(self) -> None:
        small = [[4.0, 1.0], [2.0, 9.0]]
        large = [[*row, *[float("inf")] * (SMALL // 2)] for row in small]

        assert BySize().pairs(small) == BySize().pairs(large) == ((0, 1), (1, 0))
