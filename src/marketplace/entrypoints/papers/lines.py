"""Lines and breaks go out as CSV, and lines come in: every bad cell is named before anything is taken in."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from marketplace.adapters.postgres.reconciliation import Break, Line
from marketplace.core.settlements.importing import LINES_MAX, ImportedLine
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.limits import AMOUNT_MINOR_MAX, check_instant
from marketplace.core.shared.money import EXPONENTS, Money, format_amount, parse_amount
from marketplace.entrypoints.papers.sheet import plain, sheet
from marketplace.ports.payments import Subject

NEEDED = ("line_id", "reference", "subject", "currency", "gross", "fee", "settled_at")
# What goes out with a line says more than what comes in; `net` is checked where it is there.
MORE = ("net", "state", "cause", "movement_id", "booking_id")
BREAKS = (
    "kind",
    "cause",
    "age_days",
    "at",
    "id",
    "line_id",
    "reference",
    "subject",
    "booking_id",
    "currency",
    "gross",
    "fee",
    "problem",
)
_AMOUNTS = ("gross", "fee", "net")
_FAULTS_MAX, _LINE_ID_MAX = 20, 120


def lines_sheet(lines: Iterable[Line]) -> bytes:
    """It can be read in again."""
    return sheet((*NEEDED, *MORE), map(_told, lines))


def _told(line: Line) -> Sequence[str]:
    gross, fee = Money(line.gross_minor, line.currency), Money(line.fee_minor, line.currency)
    known = (line.state, line.cause, line.movement_id, line.booking_id)
    return (
        plain(line.line_id),
        str(line.reference),
        line.subject,
        line.currency,
        format_amount(gross),
        format_amount(fee),
        line.settled_at.isoformat(),
        format_amount(gross - fee),
        *("" if one is None else str(one) for one in known),
    )


def breaks_sheet(breaks: Iterable[Break]) -> bytes:
    return sheet(BREAKS, map(_broken, breaks))


def _broken(one: Break) -> Sequence[str]:
    told = (one.kind, one.cause, one.age_days, one.at.isoformat(), one.id, one.line_id and plain(one.line_id))
    of_it = (one.reference, one.subject, one.booking_id, one.currency)
    amounts = (format_amount(Money(minor, one.currency)) for minor in (one.gross_minor, one.fee_minor))
    return ["" if cell is None else str(cell) for cell in (*told, *of_it, *amounts, one.problem)]


def read_lines(text: str) -> tuple[ImportedLine, ...]:
    """Raises Invalid that names each bad cell by its line in the file and its column."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    faults: list[str] = []
    lines: list[ImportedLine] = []
    first: dict[str, int] = {}
    try:
        _check_head(rows.fieldnames or ())
        for row in rows:
            found = list(_faults(row, first, rows.line_num))
            faults += (f"line {rows.line_num}, {fault}" for fault in found)
            if not found:
                lines.append(_line(row))
    except csv.Error as error:
        raise Invalid("file", f"line {rows.line_num} is no CSV: {error}") from error
    if faults:
        more = f"; and {len(faults) - _FAULTS_MAX} more" if len(faults) > _FAULTS_MAX else ""
        raise Invalid("file", "; ".join(faults[:_FAULTS_MAX]) + more)
    if not 1 <= len(lines) <= LINES_MAX:
        raise Invalid("file", f"has {len(lines)} lines", f"1 to {LINES_MAX}")
    return tuple(lines)


def _check_head(names: Sequence[str]) -> None:
    if len(names) == 1 and (other := next((mark for mark in ";\t|" if mark in names[0]), None)):
        raise Invalid("file", f"line 1 parts its cells by {other!r}", "commas, and points in amounts")
    missing = [name for name in NEEDED if name not in names]
    unknown = [name for name in names if name not in {*NEEDED, *MORE}]
    if missing or unknown:
        said = [f"has no column {name}" for name in missing] + [f"has a column {one!r}" for one in unknown]
        raise Invalid("file", "line 1 " + ", ".join(said), ", ".join((*NEEDED, "net")))


_Row = Mapping[str, str]


def _faults(row: _Row, first: dict[str, int], number: int) -> Iterator[str]:
    """What is wrong with a row: by column, each with what stands there."""
    if None in row or None in row.values():
        yield "the row: has more or fewer cells than the first line"
        return
    for name, read in _CELLS.items():
        try:
            read(row)
        except Invalid as wrong:
            yield f"{name}: {wrong.facts['problem']}" + _instead(name, wrong)
        except ValueError:
            yield f"{name}: {row[name][:40]!r} is not {_ALLOWED[name]}"
    line_id = row["line_id"]
    if first.setdefault(line_id, number) != number:
        yield f"line_id: {line_id[:40]!r} stands in line {first[line_id]} already"


def _instead(name: str, wrong: Invalid) -> str:
    """An amount is shown as it should be: that a comma is none of its signs is seen from one."""
    return f", as {wrong.facts['allowed']} is" if name in _AMOUNTS and wrong.facts.get("allowed") else ""


def _line(row: _Row) -> ImportedLine:
    currency = _currency(row)
    return ImportedLine(
        line_id=_line_id(row),
        reference=UUID(row["reference"]),
        subject=Subject(row["subject"]),
        currency=currency,
        gross_minor=_gross(row),
        fee_minor=_fee(row),
        settled_at=_settled_at(row),
    )


def _line_id(row: _Row) -> str:
    """As it was before it went out."""
    text = row["line_id"]
    bare = text.removeprefix("'")
    found = bare if plain(bare) == text else text
    if not 1 <= len(found) <= _LINE_ID_MAX or "\0" in found:
        raise ValueError(found)
    return found


def _currency(row: _Row) -> str:
    if row["currency"] not in EXPONENTS:
        raise Invalid("currency", f"{row['currency'][:40]!r} is no currency, like ZAR")
    return row["currency"]


def _amount(row: _Row, name: str) -> int:
    """Where the currency is none, that is what is told."""
    if row["currency"] not in EXPONENTS:
        return 1
    minor = parse_amount(row[name], currency=row["currency"], field=name).minor
    if abs(minor) > AMOUNT_MINOR_MAX:
        raise Invalid(name, f"{row[name]} is too much")
    return minor


def _gross(row: _Row) -> int:
    minor = _amount(row, "gross")
    if not minor:
        raise Invalid("gross", "moves nothing")
    return minor


def _fee(row: _Row) -> int:
    return _amount(row, "fee") if row["fee"].strip() else 0


def _net(row: _Row) -> None:
    """Of who tells it too: a column that was shifted shows here."""
    if row.get("net", "").strip() and _amount(row, "net") != _amount(row, "gross") - _fee(row):
        raise Invalid("net", f"{row['net']} is not gross less fee")


def _settled_at(row: _Row) -> datetime:
    at = datetime.fromisoformat(row["settled_at"])
    check_instant("settled_at", at)
    return at


_CELLS: Mapping[str, Callable[[_Row], object]] = {
    "line_id": _line_id,
    "reference": lambda row: UUID(row["reference"]),
    "subject": lambda row: Subject(row["subject"]),
    "currency": _currency,
    "gross": _gross,
    "fee": _fee,
    "settled_at": _settled_at,
    "net": _net,
}
_ALLOWED = {
    "line_id": f"text of 1 to {_LINE_ID_MAX} characters",
    "reference": "a UUID",
    "subject": "one of " + ", ".join(Subject),
    "settled_at": "an instant like 2026-11-20T08:00:00+02:00",
}
