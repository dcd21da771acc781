"""
What we ask Stitch to collect is one file for each channel: product, header, a record for each debit, totals.

Columns and their order are those of Stitch's samples. Assumed, as nothing says otherwise: the time of
submission is told in UTC as `…Z`, and references of 32 letters and digits are taken as they are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from marketplace.adapters.stitch import titled
from marketplace.adapters.stitch.amounts import to_decimal

PRODUCT = "COLLECTIONS"
PRODUCT_TITLES = ("CLIENT_ID", "PRODUCT", "CHANNEL", "FILE_TYPE")
HEADER_TITLES = ("EXTERNAL_BATCH_REFERENCE", "SUBMISSION_DATETIME")
DEBICHECK_TITLES = (
    "NONCE",
    "CONSENT_ID",
    "CONTRACT_REFERENCE",
    "VALUE",
    "EXTERNAL_COLLECTION_REFERENCE",
    "COLLECTION_DATE",
    "TRACKING_PERIOD",
)
DEBIT_ORDER_TITLES = (
    "NONCE",
    "EXTERNAL_COLLECTION_REFERENCE",
    "VALUE",
    "COLLECTION_DATE",
    "CONTRACT_REFERENCE",
    "DEBTOR_NAME",
    "DEBTOR_ACCOUNT_NUMBER",
    "DEBTOR_BRANCH_CODE",
    "DEBTOR_ACCOUNT_TYPE",
)
TOTAL_TITLES = ("TOTAL_RECORDS", "TOTAL_VALUE")
TRACKING_TITLES = ("TOTAL_TRACKING_RECORDS", "TOTAL_TRACKING_VALUE")
# Titles and record of product and header stand before it, and its own titles.
FIRST_LINE = 6


class Channel(StrEnum):
    DEBICHECK = "DEBICHECK"
    DEBIT_ORDER = "DEBIT ORDER"


class FileType(StrEnum):
    COLLECTION = "COLLECTION"
    REPLY = "REPLY"
    OUTPUT = "OUTPUT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandated:
    """A debit by a mandate that the payer's bank keeps, tried again for `tracking_days`."""

    nonce: str
    reference: str
    minor: int
    on: date
    consent_id: str
    contract: str
    tracking_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Debited:
    """A debit of an account that we know the number of."""

    nonce: str
    reference: str
    minor: int
    on: date
    contract: str
    name: str
    account_number: str
    branch_code: str
    account_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    client_id: str
    batch: str
    submitted_at: datetime
    lines: Sequence[Mandated] | Sequence[Debited]


def written(collection: Collection) -> str:
    """The file, whose n-th debit stands in the line FIRST_LINE + n, counted from nought."""
    lines = collection.lines
    mandated = [line for line in lines if isinstance(line, Mandated)]
    debited = [line for line in lines if isinstance(line, Debited)]
    channel = Channel.DEBICHECK if mandated else Channel.DEBIT_ORDER
    if mandated and debited:
        raise ValueError("a file is of one channel")
    submitted = collection.submitted_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    records = (DEBICHECK_TITLES, map(_mandated, mandated)) if mandated else _debit_orders(debited)
    return titled.written(
        [
            (PRODUCT_TITLES, [("P", collection.client_id, PRODUCT, channel, FileType.COLLECTION)]),
            (HEADER_TITLES, [("H", collection.batch, submitted)]),
            records,
            _tracked_totals(mandated) if mandated else (TOTAL_TITLES, [("T", *_totals(debited))]),
        ]
    )


def _mandated(line: Mandated) -> tuple[str, ...]:
    return (
        "D",
        line.nonce,
        line.consent_id,
        line.contract,
        to_decimal(line.minor),
        line.reference,
        line.on.isoformat(),
        str(line.tracking_days),
    )


def _debit_orders(lines: Iterable[Debited]) -> tuple[Sequence[str], Iterable[tuple[str, ...]]]:
    return DEBIT_ORDER_TITLES, (
        (
            "D",
            line.nonce,
            line.reference,
            to_decimal(line.minor),
            line.on.isoformat(),
            line.contract,
            line.name,
            line.account_number,
            line.branch_code,
            line.account_type,
        )
        for line in lines
    )


def _tracked_totals(lines: Sequence[Mandated]) -> tuple[Sequence[str], Iterable[tuple[str, ...]]]:
    tracked = [line for line in lines if line.tracking_days]
    return (*TOTAL_TITLES, *TRACKING_TITLES), [("T", *_totals(lines), *_totals(tracked))]


def _totals(lines: Sequence[Mandated] | Sequence[Debited]) -> tuple[str, str]:
    return str(len(lines)), to_decimal(sum(line.minor for line in lines))
