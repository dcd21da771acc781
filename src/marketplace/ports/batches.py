"""
Collections go to a bank in batches, as files, and its answers come back as files: days later, and in parts.

Whoever has a file format for this, a bank's or a vendor's, writes a `Batch` and reads `Answers`: it knows
neither how files travel nor what is stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from itertools import groupby
from typing import Protocol
from uuid import UUID

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Standing


class Sequence(StrEnum):
    """Which collection of its mandate it is; banks give some of them more time than others."""

    ONE_OFF = "one_off"
    FIRST = "first"
    RECURRING = "recurring"
    FINAL = "final"


@dataclass(frozen=True, slots=True, kw_only=True)
class Debtor:
    """Whose account is debited: a rail that keeps it with the mandate needs no more than the holder."""

    holder: str
    branch_code: str | None = None
    account_number: str | None = field(default=None, repr=False)
    account_type: str | None = None
    identity_number: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """
    One order to collect, under a reference of ours: a charge that is carried out by a file.

    `mandate` is what the bank or rail knows the mandate by, `contract` what the payer does. `tracking_days`
    is how long the bank watches the account for money before it gives up.
    """

    reference: UUID
    amount: Money
    due_on: date
    sequence: Sequence
    mandate: str
    debtor: Debtor
    description: str
    contract: str | None = None
    signed_on: date | None = None
    tracking_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What goes in one file: its reference makes the same file of it, however often it is written."""

    reference: UUID
    at: datetime
    collections: tuple[Collection, ...]

    @property
    def groups(self) -> tuple[tuple[Collection, ...], ...]:
        """Those of one day and sequence together, in an order of their own: banks book them as one."""
        ordered = sorted(self.collections, key=_day_and_sequence)
        return tuple(tuple(found) for _, found in groupby(ordered, key=_day_and_sequence))


class Level(StrEnum):
    """What an answer is about: all of the file, one group of it, or one collection."""

    FILE = "file"
    GROUP = "group"
    LINE = "line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    What a bank says of a file, a group of it or one collection.

    `standing` is None where it says nothing of every collection that it is about ("partly accepted"), or in
    a word that nobody knows. `reference` is None where `named`, what the bank calls it, is no reference of
    ours; `group` counts from 0 in the batch's groups. `status`, `code` and `told` are the bank's own words,
    `failure` is ours.
    """

    level: Level
    named: str
    standing: Standing | None
    status: str
    reference: UUID | None = None
    group: int | None = None
    line: int | None = None
    mandate: str | None = None
    contract: str | None = None
    amount: Money | None = None
    on: date | None = None
    code: str | None = None
    failure: str | None = None
    told: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """
    One file of answers; `batch` is None where it is about collections of any batch, like a statement.

    `made_at` is None where the file does not say.
    """

    file: str
    made_at: datetime | None
    batch: UUID | None
    answers: tuple[Answer, ...]

    def about(self, batch: Batch) -> Mapping[UUID, Answer]:
        """
        The last word on each collection of this batch that has one, by its reference.

        What is said of a collection goes before what is said of its group, and that before what is said of
        the file. A sum that is not the group's, or the collection's, settles neither.
        """
        if self.batch not in {None, batch.reference}:
            return {}
        meant = _Meant(batch)
        said: dict[UUID, Answer] = {}
        for answer in sorted(self.answers, key=_weight):
            collections = meant.by(answer)
            if answer.standing is not None and _adds_up(answer, collections):
                said.update((one.reference, answer) for one in collections)
        return said

    def unclear(self, batch: Batch) -> tuple[Answer, ...]:
        """What names collections of this batch and settles none: a sum that is not ours, an unknown word."""
        if self.batch not in {None, batch.reference}:
            return ()
        meant = _Meant(batch)
        return tuple(answer for answer in self.answers if _is_unclear(answer, meant.by(answer)))


class BatchFormat(Protocol):
    """Pure, both ways; raises Invalid for what it cannot write, and for a file that it cannot read."""

    def write(self, batch: Batch) -> bytes: ...
    def read(self, content: bytes) -> Answers: ...


_LEVELS = tuple(Level)
# Later ones undo earlier ones, wherever in a file they stand: what failed may yet be paid while its bank
# tracks the account, and what was paid may be returned.
_STANDINGS = (Standing.PENDING, Standing.CANCELLED, Standing.FAILED, Standing.SUCCEEDED, Standing.RETURNED)


def one_currency(batch: Batch) -> str:
    """Raises Invalid for what no file is made of: no collections, one twice, several currencies."""
    if not batch.collections:
        raise Invalid("collections", "are none", "at least one")
    if len({one.reference for one in batch.collections}) < len(batch.collections):
        raise Invalid("collections", "has a reference twice", "each reference once")
    currencies = {one.amount.currency for one in batch.collections}
    if len(currencies) > 1:
        raise Invalid("currency", f"is {' and '.join(sorted(currencies))} in one batch", "one currency")
    return currencies.pop()


def _day_and_sequence(collection: Collection) -> tuple[date, str]:
    return collection.due_on, collection.sequence


class _Meant:
    """The collections of a batch that an answer is about."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._groups = batch.groups
        self._lines = {one.reference: (one,) for one in batch.collections}

    def by(self, answer: Answer) -> tuple[Collection, ...]:
        if answer.level == Level.LINE and answer.reference is None:
            return self._at(answer)
        if answer.reference is None:
            return ()
        if answer.level == Level.LINE:
            return self._lines.get(answer.reference, ())
        if answer.reference != self._batch.reference:
            return ()
        if answer.level == Level.FILE:
            return self._batch.collections
        known = answer.group is not None and 0 <= answer.group < len(self._groups)
        return self._groups[answer.group or 0] if known else ()

    def _at(self, answer: Answer) -> tuple[Collection, ...]:
        """The one in that line, if it is of the mandate that the file names: files are easily mixed up."""
        if answer.line is None or not 0 <= answer.line < len(self._batch.collections):
            return ()
        one = self._batch.collections[answer.line]
        fits = (answer.mandate, answer.contract) == (one.mandate, one.contract)
        return (one,) if fits else ()


def _weight(answer: Answer) -> tuple[int, int]:
    later = _STANDINGS.index(answer.standing) if answer.standing in _STANDINGS else -1
    return _LEVELS.index(answer.level), later


def _adds_up(answer: Answer, collections: tuple[Collection, ...]) -> bool:
    if answer.amount is None:
        return True
    currencies = {one.amount.currency for one in collections}
    sum_minor = sum(one.amount.minor for one in collections)
    return currencies == {answer.amount.currency} and sum_minor == answer.amount.minor


def _is_unclear(answer: Answer, collections: tuple[Collection, ...]) -> bool:
    wordless = answer.standing is None and answer.level == Level.LINE
    return bool(collections) and (wordless or not _adds_up(answer, collections))
