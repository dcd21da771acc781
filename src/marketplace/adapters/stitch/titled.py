"""
A file of Stitch's is CSV in which a row of titles stands before the records that it names the columns of.

https://docs.stitch.money/samples/debicheck shows files of each kind. What is not understood is refused with
its line and column: a record that was passed over would be money that nobody knows of.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from marketplace.core.shared.errors import Invalid

TITLE = "RECORD_TYPE"
RECORDS = frozenset("PHDT")
# Of a file for a large day; what is larger is none of Stitch's.
BYTES_MAX = 32 * 1024 * 1024


class FileRefused(Invalid):
    """A file that is not read, or a line of it: which line, which column, and why."""

    def __init__(self, line: int, column: str, problem: str, allowed: str | None = None) -> None:
        super().__init__(f"line {line}, {column}", problem, allowed)


class Row(NamedTuple):
    """A record at its line, counted from one with the titles; a column at its end that is empty may lack."""

    line: int
    record: str
    fields: Mapping[str, str]

    def text(self, column: str) -> str:
        """Raises FileRefused where it lacks or is empty."""
        value = self.fields.get(column, "")
        if not value:
            raise FileRefused(self.line, column, "is missing")
        return value

    def maybe(self, column: str) -> str | None:
        return self.fields.get(column) or None

    def refuse(self, column: str, allowed: str | None = None) -> FileRefused:
        value = self.fields.get(column, "")
        return FileRefused(self.line, column, f"{value[:60]!r} is not known", allowed)


def decoded(body: bytes) -> str:
    if len(body) > BYTES_MAX:
        raise FileRefused(1, TITLE, "the file is too large", f"up to {BYTES_MAX} bytes")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise FileRefused(line, TITLE, "is no UTF-8") from error


def rows(text: str) -> Iterator[Row]:
    """Raises FileRefused at the first line that is neither titles nor a record under them."""
    titles: Sequence[str] | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        cells = _cells(number, line.removesuffix("\r"))
        if not any(cells):
            continue
        if cells[0] == TITLE:
            titles = _titles(number, cells)
        elif cells[0] not in RECORDS:
            raise FileRefused(number, TITLE, f"{cells[0][:60]!r} is not known", "P, H, D or T")
        elif titles is None:
            raise FileRefused(number, TITLE, "no titles stand before it")
        else:
            yield _row(number, titles, cells)


def written(parts: Iterable[tuple[Sequence[str], Iterable[Sequence[str]]]]) -> str:
    """Of (titles, records): raises Invalid for a value that would break its line."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", strict=True)
    for titles, records in parts:
        for record in ((TITLE, *titles), *records):
            for name, value in zip((TITLE, *titles), record, strict=True):
                if any(ord(one) < ord(" ") or one == "\x7f" for one in value):
                    raise Invalid(name, "holds a character that no line of a file can hold")
            writer.writerow(record)
    return out.getvalue()


def _cells(number: int, line: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], strict=True), [""])]
    except csv.Error as error:
        raise FileRefused(number, TITLE, "is no line of CSV") from error


def _titles(number: int, cells: Sequence[str]) -> Sequence[str]:
    for name in cells:
        if not name or cells.count(name) > 1:
            raise FileRefused(number, name[:60] or "a column", "has no title, or that of another")
    return cells


def _row(number: int, titles: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) > len(titles):
        raise FileRefused(number, titles[-1], f"{len(cells)} values stand under {len(titles)} titles")
    return Row(number, cells[0], dict(zip(titles[1:], cells[1:], strict=False)))
