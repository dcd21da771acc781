"""What is told as CSV opens in any spreadsheet: one head, one row a line, and no cell that calculates."""

import csv
import io
from collections.abc import Iterable, Sequence

from marketplace.entrypoints.papers.paper import Paper

MEDIA = "text/csv; charset=utf-8"
STATEMENT = (
    "at",
    "kind",
    "id",
    "booking_id",
    "currency",
    "gross",
    "fee",
    "vat",
    "adjustment",
    "payout",
    "net",
    "balance",
)
# What a spreadsheet would take for the beginning of a formula.
_CALCULATES = ("=", "+", "-", "@", "\t", "\r")


def sheet(head: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows(rows)
    return written.getvalue().encode()


def plain(text: str) -> str:
    """Words that somebody else has chosen, as words."""
    return f"'{text}" if text.startswith(_CALCULATES) else text


def statement_sheet(paper: Paper) -> bytes:
    """Between a line with the opening balance and one with the closing balance, every movement."""
    return sheet(STATEMENT, _statement_rows(paper))


def _statement_rows(paper: Paper) -> Iterable[Sequence[str]]:
    told = paper.statement
    first, last = paper.first_and_last()
    yield _carried(paper, first.isoformat(), "opening_balance", told.opening_minor)
    for line, balance in paper.balances():
        amounts = (
            line.gross_minor,
            line.fee_minor,
            line.vat_minor,
            line.adjustment_minor,
            line.payout_minor,
            line.net_minor,
            balance,
        )
        at = paper.local(line.at).isoformat(timespec="seconds")
        booking = "" if line.booking_id is None else str(line.booking_id)
        named = (at, line.kind, str(line.id), booking, told.currency)
        yield (*named, *map(paper.amount, amounts))
    yield _carried(paper, last.isoformat(timespec="seconds"), "closing_balance", told.closing_minor)


def _carried(paper: Paper, at: str, kind: str, minor: int) -> Sequence[str]:
    empty = ("",) * 6
    return (at, kind, "", "", paper.statement.currency, *empty, paper.amount(minor))
