import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.place import Place, distance_metres

CAPE_TOWN = Place(-33.9249, 18.4241)
JOHANNESBURG = Place(-26.2041, 28.0473)
HALF_ROUND_THE_GLOBE_METRES = 20_015_115

places = st.builds(Place, st.floats(-90, 90), st.floats(-180, 180))


class TestPlace:
    @pytest.mark.parametrize(
        ("latitude", "longitude", "field"),
        [
            (90.1, 0, "latitude"),
            (math.nan, 0, "latitude"),
            (0, -180.1, "longitude"),
            (0, math.inf, "longitude"),
        ],
    )
    def test_refuses_what_is_not_on_the_globe(self, latitude: float, longitude: float, field: str) -> None:
        with pytest.raises(Invalid, match=field):
            Place(latitude, longitude)

    def test_is_shown_with_two_decimals(self) -> None:
        shown = CAPE_TOWN.rounded()

        assert shown == Place(-33.92, 18.42)

    @given(place=places)
    def test_is_shown_rounded_to_about_a_kilometre(self, place: Place) -> None:
        shown = place.rounded()

        assert distance_metres(place, shown) < 800
        assert shown.rounded() == shown


class TestDistanceMetres:
    def test_knows_the_way_from_cape_town_to_johannesburg(self) -> None:
        distance = distance_metres(CAPE_TOWN, JOHANNESBURG)

        assert distance == pytest.approx(1_262_000, rel=0.005)

    def test_crosses_the_date_line_the_short_way(self) -> None:
        distance = distance_metres(Place(0, 179.5), Place(0, -179.5))

        assert distance == pytest.approx(111_195, rel=0.001)

    @given(start=places, end=places)
    def test_is_the_same_both_ways_and_never_past_the_antipode(self, start: Place, end: Place) -> None:
        distance = distance_metres(start, end)

        assert distance == pytest.approx(distance_metres(end, start), abs=1e-3)
        assert 0 <= distance <= HALF_ROUND_THE_GLOBE_METRES
