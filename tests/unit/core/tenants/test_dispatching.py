from typing import Any

import pytest

from marketplace.core.shared.errors import Invalid
from marketplace.core.tenants.dispatching import DispatchPolicy, Wave


def waves(*of: tuple[int, int]) -> tuple[Wave, ...]:
    return tuple(Wave(reach_metres=reach, offers=offers) for reach, offers in of)


class TestAPolicy:
    @pytest.mark.parametrize(
        ("given", "named"),
        [
            ({"waves": waves((4_000, 1), (3_000, 1))}, "waves[1]"),
            ({"waves": waves((4_000, 2), (9_000, 1))}, "waves[1]"),
            ({"waves": waves((4_000, 1), (9_000, 21))}, "waves[1].offers"),
            ({"waves": waves((4_000, 2)), "candidates_max": 1}, "waves[0].offers"),
            ({"window_seconds": 31}, "window_seconds"),
        ],
    )
    def test_says_which_of_its_numbers_do_not_go_together(self, given: dict[str, Any], named: str) -> None:
        with pytest.raises(Invalid) as refused:
            DispatchPolicy(**given)

        assert refused.value.facts["field"] == named

    def test_asks_as_many_at_once_as_it_looks_at(self) -> None:
        assert DispatchPolicy(waves=waves((4_000, 50)), candidates_max=50).waves[0].offers == 50
