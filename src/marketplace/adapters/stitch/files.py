"""
What we ask Stitch to collect is one file for each channel: product, header, a record for each debit, totals.

Columns and their order are those of Stitch's samples. Assumed, as nothing says otherwise: the time of
submission is told in UTC as `…Z`, and references of 32 letters and digits are taken as they are.
"""

from collections.abc import Sequence
from datetime import UTC
from enum import StrEnum

from marketplace.adapters.stitch import titled
from marketplace.adapters.stitch.amounts import check_currency, to_decimal
from marketplace.core.shared.errors import Invalid
from marketplace.ports.batches import Batch, Collection, one_currency

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


def written(batch: Batch, *, client_id: str, channel: Channel) -> str:
    """
    The file, whose n-th collection stands in the line FIRST_LINE + n, counted from nought.

    Raises Invalid for what Stitch cannot be told.
    """
    check_currency(one_currency(batch))
    submitted = batch.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    mandated = channel is Channel.DEBICHECK
    titles, record = (DEBICHECK_TITLES, _mandated) if mandated else (DEBIT_ORDER_TITLES, _debited)
    sums = _sums(batch.collections)
    tracked = _sums([one for one in batch.collections if one.tracking_days])
    return titled.written(
        [
            (PRODUCT_TITLES, [("P", client_id, PRODUCT, channel, FileType.COLLECTION)]),
            (HEADER_TITLES, [("H", batch.reference.hex, submitted)]),
            (titles, map(record, batch.collections)),
            ((*TOTAL_TITLES, *TRACKING_TITLES), [("T", *sums, *tracked)])
            if mandated
            else (TOTAL_TITLES, [("T", *sums)]),
        ]
    )


def _mandated(one: Collection) -> tuple[str, ...]:
    """By a mandate that the payer's bank keeps, tried again for its days of tracking."""
    return (
        "D",
        one.reference.hex,
        one.mandate,
        _known(one.contract, "contract"),
        to_decimal(one.amount.minor),
        one.reference.hex,
        one.due_on.isoformat(),
        str(one.tracking_days),
    )


def _debited(one: Collection) -> tuple[str, ...]:
    """Of an account that we know the number of."""
    debtor = one.debtor
    return (
        "D",
        one.reference.hex,
        one.reference.hex,
        to_decimal(one.amount.minor),
        one.due_on.isoformat(),
        _known(one.contract, "contract"),
        debtor.holder,
        _known(debtor.account_number, "account_number"),
        _known(debtor.branch_code, "branch_code"),
        _known(debtor.account_type, "account_type"),
    )


def _known(value: str | None, field: str) -> str:
    if not value:
        raise Invalid(field, "is missing for a debit by file", "what the payer's bank knows")
    return value


def _sums(collections: Sequence[Collection]) -> tuple[str, str]:
    return str(len(collections)), to_decimal(sum(one.amount.minor for one in collections))
