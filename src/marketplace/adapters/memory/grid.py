"""Points lie in cells of the globe as fine as the points are dense, so that a search looks at few."""

from array import array
from collections.abc import Iterator
from math import asin, ceil, cos, floor, pi, radians, sin, sqrt
from typing import Generic, Protocol, TypeVar

from marketplace.core.shared.place import EARTH_RADIUS_METRES, METRES_PER_DEGREE, degrees_around

Vector = tuple[float, float, float]  # a point on the sphere of radius 1
Home = tuple[float, float]  # latitude and longitude

_STEP_FIRST, _STEP_MIN, _STEP_MAX = 0.05, 0.0025, 3.2  # degrees of latitude
# Points in a cell that has any: outside these the grid is made anew, finer or coarser.
_CROWD_MIN, _CROWD_MAX = 2.0, 12.0
_GROWTH = 1.4
# How many more points than are wanted the first ring is to hold: a second one costs twice the first.
_AMPLE = 1.4


def vector(latitude: float, longitude: float) -> Vector:
    north, east = radians(latitude), radians(longitude)
    return cos(north) * cos(east), cos(north) * sin(east), sin(north)


def metres_of(square: float) -> float:
    """The way over the ground between points whose vectors are the root of `square` apart: the haversine."""
    return 2 * EARTH_RADIUS_METRES * asin(min(1.0, sqrt(square) / 2))


def square_of(metres: float) -> float:
    """The reverse of `metres_of`."""
    return (2 * sin(min(metres / EARTH_RADIUS_METRES, pi) / 2)) ** 2


class Dweller(Protocol):
    """What lies in a grid; `home` stays as it is from `put` to `take`."""

    home: Home


D = TypeVar("D", bound=Dweller)


class Cell(Generic[D]):
    """Columns of plain floats, because a search that follows pointers waits for memory at each point."""

    __slots__ = ("places", "there", "xs", "ys", "zs")

    def __init__(self) -> None:
        self.xs, self.ys, self.zs = array("d"), array("d"), array("d")
        self.there: list[D] = []
        self.places: dict[D, int] = {}

    def put(self, dweller: D, at: Vector) -> None:
        self.places[dweller] = len(self.there)
        self.there.append(dweller)
        self.xs.append(at[0])
        self.ys.append(at[1])
        self.zs.append(at[2])

    def take(self, dweller: D) -> None:
        """The last one takes the free place."""
        place = self.places.pop(dweller)
        last = self.there.pop()
        x, y, z = self.xs.pop(), self.ys.pop(), self.zs.pop()
        if last is not dweller:
            self.there[place], self.places[last] = last, place
            self.xs[place], self.ys[place], self.zs[place] = x, y, z


class Grid(Generic[D]):
    """
    Cells in rows of one height in degrees; towards the poles a row has fewer, so that all stay square.

    When it has changed half as often as it has points, and its cells have become too full or too empty, the
    grid is made anew: so a change costs the same however many points there are.
    """

    def __init__(self) -> None:
        self._rows: dict[int, dict[int, Cell[D]]] = {}
        self._step = _STEP_FIRST
        self._columns: dict[int, int] = {}
        self._points = self._cells = self._changes = 0

    def __len__(self) -> int:
        return self._points

    def put(self, dweller: D, *, at: Vector) -> None:
        row, column = self._spot(dweller.home)
        cells = self._rows.setdefault(row, {})
        cell = cells.get(column)
        if cell is None:
            cell = cells[column] = Cell()
            self._cells += 1
        cell.put(dweller, at)
        self._points += 1
        self._changes += 1
        if 2 * self._changes > self._points + 64:
            self._fit()

    def take(self, dweller: D) -> None:
        row, column = self._spot(dweller.home)
        cells = self._rows[row]
        cell = cells[column]
        cell.take(dweller)
        self._points -= 1
        self._changes += 1
        if not cell.there:
            self._cells -= 1
            del cells[column]
            if not cells:
                del self._rows[row]

    def around(self, home: Home, *, reach_metres: float, few: int) -> Iterator[tuple[float, list[Cell[D]]]]:
        """
        Cells in rings outwards, each ring with the distance up to which all points have then been shown.

        The first ring is as wide as makes it likely to hold `few` points.
        """
        seen: dict[int, tuple[int, int]] = {}
        crowd = self._points / self._cells if self._cells else 1.0
        metres = self._step * METRES_PER_DEGREE * sqrt(_AMPLE * few / (crowd * pi))
        while True:
            metres = min(metres, reach_metres)
            yield metres, self._ring(home, metres, seen)
            if metres >= reach_metres:
                return
            metres *= _GROWTH

    def _ring(self, home: Home, metres: float, seen: dict[int, tuple[int, int]]) -> list[Cell[D]]:
        """The cells that touch the circle's bounding box and are not in `seen`, which is kept up to date."""
        latitude, longitude = home
        rise, turn = degrees_around(latitude, metres=metres)
        first = floor((latitude - rise + 90) / self._step)
        last = floor((latitude + rise + 90) / self._step)
        rows = self._rows
        found: list[Cell[D]] = []
        if last - first < len(rows):
            numbers = [number for number in range(first, last + 1) if number in rows]
        else:
            numbers = [number for number in rows if first <= number <= last]
        for number in numbers:
            columns = self._columns_of(number)
            low = floor((longitude - turn + 180) * columns / 360)
            high = min(floor((longitude + turn + 180) * columns / 360), low + columns - 1)
            self._gather(rows[number], columns, (low, high), seen.get(number), found)
            seen[number] = (low, high)
        return found

    def _gather(
        self,
        cells: dict[int, Cell[D]],
        columns: int,
        span: tuple[int, int],
        before: tuple[int, int] | None,
        found: list[Cell[D]],
    ) -> None:
        low, high = span
        if high - low + 1 >= min(columns, len(cells) + 1):
            # All around the globe, or fewer cells than columns: go by what is there.
            for column, cell in cells.items():
                if (column - low) % columns <= high - low and (
                    before is None or (column - before[0]) % columns > before[1] - before[0]
                ):
                    found.append(cell)
            return
        if before is None:
            wanted: list[range] = [range(low, high + 1)]
        else:
            wanted = [range(low, before[0]), range(before[1] + 1, high + 1)]
        for part in wanted:
            for column in part:
                cell_there = cells.get(column % columns)
                if cell_there is not None:
                    found.append(cell_there)

    def _spot(self, home: Home) -> tuple[int, int]:
        row = floor((home[0] + 90) / self._step)
        columns = self._columns_of(row)
        return row, floor((home[1] + 180) * columns / 360) % columns

    def _columns_of(self, row: int) -> int:
        columns = self._columns.get(row)
        if columns is None:
            middle = radians((row + 0.5) * self._step - 90)
            columns = self._columns[row] = max(1, ceil(360 * max(0.0, cos(middle)) / self._step))
        return columns

    def _fit(self) -> None:
        self._changes = 0
        crowd = self._points / self._cells
        if crowd > _CROWD_MAX and self._step > _STEP_MIN:
            self._make_anew(self._step / 2)
        elif crowd < _CROWD_MIN and self._step < _STEP_MAX:
            self._make_anew(self._step * 2)

    def _make_anew(self, step: float) -> None:
        cells = [cell for row in self._rows.values() for cell in row.values()]
        self._rows, self._columns, self._step = {}, {}, step
        self._points = self._cells = 0
        for cell in cells:
            for x, y, z, dweller in zip(cell.xs, cell.ys, cell.zs, cell.there, strict=True):
                self._changes = 0
                self.put(dweller, at=(x, y, z))
