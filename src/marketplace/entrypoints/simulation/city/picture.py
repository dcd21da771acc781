"""A city drawn: where its jobs and operators were, and how soon somebody came, beside the nearest at once."""

from collections.abc import Iterable, Iterator, Sequence

from marketplace.core.shared.place import METRES_PER_DEGREE, Place
from marketplace.entrypoints.simulation.city.plan import MIDDLE, Plan
from marketplace.entrypoints.simulation.city.report import Result

_SIDE, _GAP, _TOP = 440, 60, 90
_WIDTH, _HEIGHT = 2 * _SIDE + 3 * _GAP, _SIDE + _TOP + 70
_INK, _PALE, _OURS, _GREEDY, _WISH = "#22303c", "#c9d3dc", "#0b7a75", "#d1495b", "#8a9bab"
_MINUTES = 30
# An operator is often still where its last job was: both are to be seen.
_JOB = f'r="5" fill="none" stroke="{_WISH}"'
_OPERATOR = f'r="2.8" fill="{_OURS}"'


def draw(plan: Plan, ours: Result, greedy: Result) -> str:
    """An SVG of a map and of two curves."""
    right = _SIDE + 2 * _GAP
    box = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="system-ui, sans-serif" font-size="13"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box}>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        _text(_GAP, 36, f"{plan.providers} operators, utilisation {plan.utilisation:g}", size=20),
        _text(_GAP, 60, f"{plan.hours:g} h, seed {plan.seed}"),
        *_legend(),
        f'<rect x="{_GAP}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="#f5f8fa" stroke="{_PALE}"/>',
        *_dots(plan, (wish.demand.place for wish in ours.city.crew.wishes.values()), _JOB),
        *_dots(plan, (one.place for one in ours.city.crew.operators.values()), _OPERATOR),
        _text(right, 60, "share of jobs with somebody there, by minutes since the request"),
        *_axes(right),
        _curve(right, greedy.pickups, greedy.asked, colour=_GREEDY),
        _curve(right, ours.pickups, ours.asked, colour=_OURS),
        _text(right + 230, _TOP + _SIDE - 60, f"dispatch, mean {_minutes(ours.pickups)}", colour=_OURS),
        _text(right + 230, _TOP + _SIDE - 36, f"nearest, mean {_minutes(greedy.pickups)}", colour=_GREEDY),
        "</svg>",
    ]
    return "\n".join(parts)


def _legend() -> Iterator[str]:
    """What the dots of the map are."""
    top = _TOP + _SIDE + 20
    for left, mark, words in (
        (_GAP, _JOB, "where somebody was wanted"),
        (_GAP + _SIDE / 2, _OPERATOR, "operators at the end"),
    ):
        yield f'<circle cx="{left + 4}" cy="{top - 4}" {mark}/>'
        yield _text(left + 14, top, words)


def _text(x: float, y: float, words: str, *, size: int = 13, colour: str = _INK) -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}">{words}</text>'


def _dots(plan: Plan, places: Iterable[Place], mark: str) -> Iterator[str]:
    half = plan.side_km * 1000 / METRES_PER_DEGREE / 2
    for place in places:
        x = _GAP + _SIDE * (0.5 + (place.longitude - MIDDLE.longitude) / (2 * half) * 0.9)
        y = _TOP + _SIDE * (0.5 - (place.latitude - MIDDLE.latitude) / (2 * half))
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" {mark}/>'


def _axes(left: float) -> Iterator[str]:
    bottom = _TOP + _SIDE
    yield f'<path d="M{left} {_TOP}V{bottom}H{left + _SIDE}" fill="none" stroke="{_INK}"/>'
    for minutes in range(0, _MINUTES + 1, 5):
        yield _text(left + _SIDE * minutes / _MINUTES - 6, bottom + 20, str(minutes))
    for percent in range(0, 101, 25):
        y = bottom - _SIDE * percent / 100
        yield _text(left - 44, y + 4, f"{percent} %")
        yield f'<path d="M{left} {y}H{left + _SIDE}" stroke="{_PALE}" stroke-dasharray="2 4"/>'


def _curve(left: float, seconds: Sequence[float], asked: int, *, colour: str) -> str:
    points = [
        f"{left + _SIDE * value / 60 / _MINUTES:.1f},{_TOP + _SIDE * (1 - count / asked):.1f}"
        for count, value in enumerate(seconds, start=1)
        if value <= _MINUTES * 60
    ]
    return f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2.5"/>'


def _minutes(seconds: Sequence[float]) -> str:
    return f"{sum(seconds) / len(seconds) / 60:.1f} min" if seconds else "none"
