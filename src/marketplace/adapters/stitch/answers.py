"""
Stitch answers a file twice: a REPLY says which lines it takes, OUTPUTs say for days what became of them.

A line that is taken is processed, whatever happens to others. A SUCCESS may be followed by UNPAID. Columns of
an OUTPUT, and its PENDING, are from Stitch's samples; columns of its trailer beyond TOTAL_RECORDS are not
looked at. Assumed: LINE counts from one, titles included, as in the samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from marketplace.adapters.stitch import titled
from marketplace.adapters.stitch.amounts import to_cents
from marketplace.adapters.stitch.files import PRODUCT, PRODUCT_TITLES, Channel, FileType
from marketplace.adapters.stitch.titled import FileRefused, Row
from marketplace.core.shared.errors import Invalid
from marketplace.ports.payments import Standing

_LINE, _TOTAL = "LINE", "TOTAL_RECORDS"
_REPLY_TITLES = frozenset(
    {
        _LINE,
        "EXTERNAL_BATCH_REFERENCE",
        "EXTERNAL_COLLECTION_REFERENCE",
        "CONSENT_ID",
        "CONTRACT_REFERENCE",
        "STATUS",
        "STATUS_CODE",
        "STATUS_REASON",
        "ACTION_DATE",
    }
)
_OUTPUT_TITLES = frozenset(
    {
        "EXTERNAL_BATCH_REFERENCE",
        "EXTERNAL_COLLECTION_REFERENCE",
        "CONTRACT_REFERENCE",
        "COLLECTION_ID",
        "COLLECTION_DATE",
        "VALUE",
        "COLLECTION_STATUS",
        "COLLECTION_REASON",
        "BANK_CODE",
        "BANK_CODE_DESCRIPTION",
        "SETTLEMENT_STATUS",
        "SETTLEMENT_REFERENCE",
    }
)
_REPEATED = "DUPLICATE"
_TAKEN: Mapping[str, bool] = MappingProxyType({"SUCCESS": True, "FAILED": False})


class Status(StrEnum):
    """Where a debit stands by an OUTPUT."""

    PENDING = "PENDING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    UNPAID = "UNPAID"

    @property
    def standing(self) -> Standing:
        return _STANDINGS[self]


_STANDINGS: Mapping[Status, Standing] = MappingProxyType(
    {
        Status.PENDING: Standing.PENDING,
        Status.SUCCESS: Standing.SUCCEEDED,
        Status.FAILED: Standing.FAILED,
        Status.UNPAID: Standing.RETURNED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    What a REPLY says of the record at `line` of our file; `reason` may stand beside a yes.

    `action_on` is the day on which the bank will debit, where that is another than we asked for.
    """

    line: int
    record: str
    taken: bool
    code: str | None = None
    reason: str | None = None
    batch: str | None = None
    reference: str | None = None
    consent_id: str | None = None
    contract: str | None = None
    action_on: date | None = None

    @property
    def is_repeat(self) -> bool:
        """The first copy is being processed: nothing has failed."""
        return _REPEATED in (self.reason or "")

    @property
    def failure(self) -> str:
        return (self.reason or self.code or "refused").lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What an OUTPUT says of one debit, at its own `line`."""

    line: int
    batch: str
    reference: str
    status: Status
    minor: int
    on: date
    collection_id: str | None = None
    reason: str | None = None
    bank_code: str | None = None

    @property
    def failure(self) -> str | None:
        """None where it did not fail, or not yet."""
        failed = self.status.standing in {Standing.FAILED, Standing.RETURNED}
        return (self.reason or "failed").lower() if failed else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    channel: Channel
    answers: Sequence[Answer]

    @property
    def debits(self) -> Sequence[Answer]:
        return [one for one in self.answers if one.record == "D"]

    @property
    def refusal(self) -> Answer | None:
        """Why the file was not read at all: its product or header was no good, so no debit was looked at."""
        if self.debits:
            return None
        return next((one for one in self.answers if one.record in {"P", "H"} and not one.taken), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    results: Sequence[Result]


def read(body: bytes, *, client_id: str | None) -> Reply | Output:
    """
    Raises FileRefused, with line and column, for what is no REPLY or OUTPUT of ours or is not whole.

    Without a client's id it may be anybody's.
    """
    first, rest = _begun(list(titled.rows(titled.decoded(body))))
    for column, known in (("CLIENT_ID", client_id), ("PRODUCT", PRODUCT)):
        if known is not None and first.text(column) != known:
            raise first.refuse(column, known)
    match first.text("FILE_TYPE"):
        case FileType.REPLY:
            found = _whole(rest, _REPLY_TITLES)
            return Reply(channel=_channel(first), answers=[_answer(row) for row in found])
        case FileType.OUTPUT:
            return Output(results=[_result(row) for row in _whole(rest, _OUTPUT_TITLES)])
        case _:
            raise first.refuse("FILE_TYPE", f"{FileType.REPLY} or {FileType.OUTPUT}")


def _begun(found: Sequence[Row]) -> tuple[Row, Sequence[Row]]:
    if not found or found[0].record != "P" or set(found[0].fields) != set(PRODUCT_TITLES):
        raise FileRefused(found[0].line if found else 1, titled.TITLE, "no product stands first")
    return found[0], found[1:]


def _channel(row: Row) -> Channel:
    """An OUTPUT's is not asked for: a sample of debit orders says DEBICHECK there."""
    name = row.text("CHANNEL")
    if name not in set(Channel):
        raise row.refuse("CHANNEL", ", ".join(Channel))
    return Channel(name)


def _whole(found: Sequence[Row], known: frozenset[str]) -> Sequence[Row]:
    """The records, of which there are as many as the trailer says: a file that broke off is refused."""
    records = [row for row in found if _TOTAL not in row.fields]
    trailers = [row for row in found if _TOTAL in row.fields]
    for row in records:
        for column in row.fields:
            if column not in known:
                raise FileRefused(row.line, column[:60], "is no column that we know")
    if len(trailers) != 1 or trailers[0] is not found[-1]:
        raise FileRefused(found[-1].line if found else 2, _TOTAL, "no trailer stands at the end, or several")
    if trailers[0].text(_TOTAL) != str(len(records)):
        raise trailers[0].refuse(_TOTAL, str(len(records)))
    return records


def _answer(row: Row) -> Answer:
    status = row.text("STATUS")
    if status not in _TAKEN:
        raise row.refuse("STATUS", ", ".join(_TAKEN))
    line = row.text(_LINE)
    if not (line.isascii() and line.isdigit()):
        raise row.refuse(_LINE, "a number")
    moved = row.maybe("ACTION_DATE")
    return Answer(
        line=int(line),
        record=row.record,
        taken=_TAKEN[status],
        code=row.maybe("STATUS_CODE"),
        reason=row.maybe("STATUS_REASON"),
        batch=row.maybe("EXTERNAL_BATCH_REFERENCE"),
        reference=row.maybe("EXTERNAL_COLLECTION_REFERENCE"),
        consent_id=row.maybe("CONSENT_ID"),
        contract=row.maybe("CONTRACT_REFERENCE"),
        action_on=None if moved is None else _day(row, "ACTION_DATE"),
    )


def _result(row: Row) -> Result:
    if row.record != "D":
        raise FileRefused(row.line, titled.TITLE, f"{row.record!r} is not known here", "D")
    status = row.text("COLLECTION_STATUS")
    if status not in set(Status):
        raise row.refuse("COLLECTION_STATUS", ", ".join(Status))
    return Result(
        line=row.line,
        batch=row.text("EXTERNAL_BATCH_REFERENCE"),
        reference=row.text("EXTERNAL_COLLECTION_REFERENCE"),
        status=Status(status),
        minor=_cents(row, "VALUE"),
        on=_day(row, "COLLECTION_DATE"),
        collection_id=row.maybe("COLLECTION_ID"),
        reason=row.maybe("COLLECTION_REASON"),
        bank_code=row.maybe("BANK_CODE"),
    )


def _cents(row: Row, column: str) -> int:
    try:
        return to_cents(row.text(column), field=column)
    except FileRefused:
        raise
    except Invalid as error:
        raise row.refuse(column, "rand and cents, as 200.50") from error


def _day(row: Row, column: str) -> date:
    try:
        return date.fromisoformat(row.text(column))
    except ValueError as error:
        raise row.refuse(column, "a day, as 2026-11-20") from error
