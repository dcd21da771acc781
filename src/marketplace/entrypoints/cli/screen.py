"""What people read goes through here: as wide as their terminal, plain where there is none."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from marketplace.core.shared.money import EXPONENTS, Money, format_plain

_PIPED_WIDTH = 160
_WIDTH_MAX = 120


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


def show_table(items: Iterable[Any], columns: Sequence[Column], *, none: str = "") -> None:
    """`none` is said where there are no items."""
    rows, console = [[_cell(item, column) for column in columns] for item in items], stdout()
    if not rows:
        console.print(none)
    elif console.is_terminal:
        console.print(_table(rows, columns))
    else:
        _print_aligned([[column.title for column in columns], *rows], [column.right for column in columns])


def show_details(view: Any) -> None:
    """Every field of an object, one a line, those of objects in it too; lists as JSON."""
    fields = sorted(_flat(msgspec.to_builtins(view, enc_hook=str)), key=_place)
    rows, console = [[name, text_of(value)] for name, value in fields], stdout()
    if not console.is_terminal:
        _print_aligned(rows, [False, False])
        return
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for row in rows:
        made.add_row(*row)
    console.print(made)


def _table(rows: Iterable[Sequence[str]], columns: Sequence[Column]) -> Table:
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=column.right or column.whole,
            overflow="fold",
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


def _flat(fields: dict[str, Any], under: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{under}{name}.")
        else:
            yield under + name, value


def _place(field: tuple[str, Any]) -> int:
    """What it is comes first, what may be done to it last; all else stays in order."""
    return {"id": -2, "state": -1, "moves": 1}.get(field[0], 0)


def _cell(item: Any, column: Column) -> str:
    value = getattr(item, column.value) if isinstance(column.value, str) else column.value(item)
    return text_of(value)


def text_of(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, list | tuple) and value and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    if isinstance(value, dict | list | tuple):
        return msgspec.json.encode(value, enc_hook=str).decode() if value else "-"
    return str(value)


def moment(at: datetime) -> str:
    """In UTC, like everything that is stored."""
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


def money(minor: int, currency: str) -> str:
    return format_plain(Money(minor, currency)) if currency in EXPONENTS else f"{currency} {minor}"
