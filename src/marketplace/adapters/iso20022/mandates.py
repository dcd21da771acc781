"""Mandates are asked for, changed and ended by files (pain.009 to pain.011); what answers is a pain.012."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Generic, TypeVar
from uuid import UUID

from marketplace.core.shared.mandates import MandateTerms
from marketplace.ports.batches import Debtor


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateOrder:
    """
    A mandate as its payer shall agree to it; `contract` is named by no other mandate of ours.

    `reference` is None in a file that somebody else wrote.
    """

    reference: UUID | None
    contract: str
    debtor: Debtor
    terms: MandateTerms
    currency: str
    tracked: bool = True
    final_collection_on: date | None = None


class WhoseWish(StrEnum):
    """Who wants a mandate to be changed or ended."""

    PAYER = "payer"
    CREDITOR = "creditor"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateChange:
    """The mandate that the bank knows by `mandate`, as it shall be; `order.reference` is the change's own."""

    mandate: str
    wish: WhoseWish
    order: MandateOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateEnd:
    """An end of the mandate that the bank knows by `mandate`."""

    mandate: str
    wish: WhoseWish


Order = TypeVar("Order", MandateOrder, MandateChange, MandateEnd)


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateBatch(Generic[Order]):
    """Orders of one sort, as they go in one file; `reference` is None in one that somebody else wrote."""

    reference: UUID | None
    at: datetime
    orders: tuple[Order, ...]


class About(StrEnum):
    """What of ours a bank answers."""

    INITIATION = "initiation"
    AMENDMENT = "amendment"
    CANCELLATION = "cancellation"


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateAnswer:
    """
    Whether a bank has accepted what a file of ours asked for.

    `reference` is that of the order where the bank names it, `batch` that of the file, `mandate` what the
    bank knows the mandate by. `code` and `told` are the bank's own words, `failure` is ours.
    """

    accepted: bool
    about: About | None
    reference: UUID | None
    batch: UUID | None
    mandate: str | None
    code: str | None = None
    failure: str | None = None
    told: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateAnswers:
    """One file of answers."""

    file: str
    made_at: datetime
    answers: tuple[MandateAnswer, ...]

    def about(self, batch: UUID) -> Iterator[MandateAnswer]:
        """What is said of one file of ours."""
        return (answer for answer in self.answers if answer.batch == batch)
