"""What people read goes through here: as wide as their terminal, plain where there is none."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from marketplace.core.shared.money import EXPONENTS, Money, format_plain

_PIPED_WIDTH = 160
_WIDTH_MAX = 120
_FOLDED_MIN, _GAP = 16, 3
_UNITS = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}


@dataclass(frozen=True, slots=True)
class Local:
    """Where the reader is: times are told in this zone, and amounts without a currency are in this one."""

    zone: tzinfo = UTC
    currency: str | None = None


EVERYWHERE = Local()


class Column(NamedTuple):
    """`value` is an attribute's name, or makes the cell of an item."""

    title: str
    value: str | Callable[[Any], Any]
    right: bool = False
    whole: bool = False


def stdout() -> Console:
    """For results."""
    return _console(stderr=False)


def stderr() -> Console:
    """For progress and remarks."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    if not stream.isatty():
        return Console(stderr=stderr, width=_PIPED_WIDTH, highlight=False, soft_wrap=True)
    console = Console(stderr=stderr, highlight=False)
    console.width = min(console.width, _WIDTH_MAX)
    return console


def show_json(value: Any) -> None:
    """One line, flushed: whoever waits for it may be waiting at a pipe."""
    sys.stdout.buffer.write(msgspec.json.encode(value, enc_hook=str) + b"\n")
    sys.stdout.buffer.flush()


def show_table(
    items: Iterable[Any], columns: Sequence[Column], *, none: str = "", local: Local = EVERYWHERE
) -> None:
    """`none` is said where there are no items."""
    rows, console = [[_cell(item, column, local) for column in columns] for item in items], stdout()
    if not rows:
        console.print(none)
    elif console.is_terminal:
        _show_rows(console, rows, columns)
    else:
        _print_aligned([[column.title for column in columns], *rows], [column.right for column in columns])


def show_details(view: Any, *, local: Local = EVERYWHERE) -> None:
    """Every field of an object, one a line, those of objects and lists in it too; amounts as money."""
    plain = msgspec.to_builtins(view, builtin_types=(datetime,), enc_hook=str)
    rows, console = [[name, said] for name, said in sorted(_flat(plain, local), key=_place)], stdout()
    if not console.is_terminal:
        _print_aligned(rows, [False, False])
        return
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for row in rows:
        made.add_row(*row)
    console.print(made)


def _show_rows(console: Console, rows: Sequence[Sequence[str]], columns: Sequence[Column]) -> None:
    """A table where it fits; else each item on two lines: an id that is cut is of no use."""
    cells = zip([column.title for column in columns], *rows, strict=True)
    widths = [max(map(len, column)) for column in cells]
    least = [
        width if column.right or column.whole else min(width, _FOLDED_MIN)
        for column, width in zip(columns, widths, strict=True)
    ]
    if sum(least) + _GAP * len(least) <= console.width:
        console.print(_table(rows, columns, least))
        return
    _print_stacked(console, [column.title for column in columns], columns, widths, style="dim")
    for row in rows:
        _print_stacked(console, row, columns, widths)


def _print_stacked(
    console: Console, row: Sequence[str], columns: Sequence[Column], widths: Sequence[int], *, style: str = ""
) -> None:
    """The first cell on a line of its own."""
    sides = zip(row[1:], columns[1:], widths[1:], strict=True)
    cells = [cell.rjust(width) if column.right else cell.ljust(width) for cell, column, width in sides]
    console.print(Text(row[0], style=style or "bold"))
    console.print(Text("  " + "   ".join(cells).rstrip(), style=style))


def _table(rows: Iterable[Sequence[str]], columns: Sequence[Column], least: Sequence[int]) -> Table:
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column, width in zip(columns, least, strict=True):
        made.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=column.right or column.whole,
            overflow="fold",
            min_width=width,
        )
    for row in rows:
        made.add_row(*row)
    return made


def _print_aligned(rows: Sequence[Sequence[str]], right: Sequence[bool]) -> None:
    """For whoever reads a pipe: one line a row, however long, and nothing behind the last word."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, right, strict=True)
        print(
            "  ".join(cell.rjust(width) if end else cell.ljust(width) for cell, width, end in cells).rstrip()
        )


def _flat(fields: Mapping[str, Any], local: Local, under: str = "") -> Iterator[tuple[str, str]]:
    local = replace(local, currency=fields.get("currency") or local.currency)
    for name, value in fields.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, local, f"{under}{name}.")
        elif isinstance(value, list | tuple) and value and all(isinstance(one, dict) for one in value):
            for number, one in enumerate(value, start=1):
                told = _flat(one, local)
                yield f"{under}{name} {number}", ", ".join(f"{part} {said}" for part, said in told)
        else:
            called, said = _told(name, value, local)
            yield under + called, said


def _told(name: str, value: Any, local: Local) -> tuple[str, str]:
    """A field's name and value as people say them; the unit that stands in the name is the value's then."""
    if name.endswith("_minor") and local.currency is not None and (value is None or isinstance(value, int)):
        said = text_of(None, local) if value is None else money(value, local.currency)
        return name.removesuffix("_minor"), said
    if name == "clock_ahead_seconds":
        return "clock_ahead", length_of(value)
    return name, text_of(value, local)


def _place(field: tuple[str, Any]) -> int:
    """What it is comes first, what may be done to it last; all else stays in order."""
    return {"id": -2, "state": -1, "moves": 1}.get(field[0], 0)


def _cell(item: Any, column: Column, local: Local) -> str:
    value = getattr(item, column.value) if isinstance(column.value, str) else column.value(item)
    return text_of(value, local)


def text_of(value: Any, local: Local = EVERYWHERE) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return moment(value, local.zone)
    if isinstance(value, list | tuple) and value and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    if isinstance(value, dict | list | tuple):
        return msgspec.json.encode(value, enc_hook=str).decode() if value else "-"
    return str(value)


def moment(at: datetime, zone: tzinfo = UTC) -> str:
    """With its zone, and to the second where it is not a full minute."""
    there = at.astimezone(zone)
    return f"{there:%Y-%m-%d %H:%M:%S %Z}" if there.second else f"{there:%Y-%m-%d %H:%M %Z}"


def length_of(seconds: int) -> str:
    """Like "2 d 3 h": the two largest units say enough."""
    parts = []
    for unit, size in _UNITS.items():
        number, seconds = divmod(seconds, size)
        parts += [f"{number} {unit}"] if number else []
    return " ".join(parts[:2]) or "0 s"


def money(minor: int, currency: str) -> str:
    return format_plain(Money(minor, currency)) if currency in EXPONENTS else f"{currency} {minor}"
