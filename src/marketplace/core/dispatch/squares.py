"""The globe in squares of three and a half kilometres, by which storage finds who is near a place."""

from math import cos, floor, pi

from marketplace.core.shared.place import Place, degrees_around

_A_DEGREE = 32
_ROWS = 180 * _A_DEGREE


def square_of(place: Place) -> str:
    row = _row(place.latitude)
    return _name(row, _column(place.longitude, row))


def squares_within(place: Place, *, reach_metres: float) -> tuple[str, ...]:
    """Every square that has a point within reach, and a few that have none."""
    rise, turn = degrees_around(place.latitude, metres=reach_metres)
    found = []
    for row in range(_row(place.latitude - rise), _row(place.latitude + rise) + 1):
        columns = _columns(row)
        west, east = _column(place.longitude - turn, row), _column(place.longitude + turn, row)
        # All around, where the first would come again.
        many = min(east - west + 1, columns)
        found += [_name(row, column % columns) for column in range(west, west + many)]
    return tuple(found)


def _row(latitude: float) -> int:
    return min(max(floor((latitude + 90) * _A_DEGREE), 0), _ROWS - 1)


def _column(longitude: float, row: int) -> int:
    """Counted on beyond the date line, for ranges that cross it."""
    return floor((longitude + 180) * _columns(row) / 360)


def _columns(row: int) -> int:
    """Fewer towards the poles, so that squares stay square."""
    middle = (row + 0.5) / _ROWS * pi - pi / 2
    return max(1, round(360 * _A_DEGREE * cos(middle)))


def _name(row: int, column: int) -> str:
    return f"{row}:{column % _columns(row)}"
