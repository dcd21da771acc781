"""No unit within reach stands in a square that is not looked into."""

from hypothesis import example, given
from hypothesis import strategies as st

from marketplace.core.dispatch.squares import square_of, squares_within
from marketplace.core.shared.place import Place, distance_metres

places = st.builds(Place, st.floats(-90, 90), st.floats(-180, 180))
steps = st.floats(-1.5, 1.5)


class TestSquaresWithin:
    @given(places, steps, steps)
    @example(Place(-26.2, 28.0), 0.01, 0.01)
    @example(Place(-17.8, 179.99), 0.0, 0.02)
    @example(Place(89.9, 10.0), 0.05, 1.4)
    def test_hold_every_place_within_reach(self, here: Place, north: float, east: float) -> None:
        there = Place(max(-90.0, min(90.0, here.latitude + north)), (here.longitude + east + 180) % 360 - 180)

        found = squares_within(here, reach_metres=distance_metres(here, there) + 1)

        assert square_of(there) in found
        assert len(found) == len(set(found))

    @given(places)
    def test_are_few_where_the_reach_is_short(self, here: Place) -> None:
        if abs(here.latitude) < 85:
            assert len(squares_within(here, reach_metres=3_000)) <= 12

    @given(places)
    def test_are_as_many_near_the_poles_as_anywhere(self, here: Place) -> None:
        assert len(squares_within(here, reach_metres=200_000)) < 40_000
