"""What the settling of lines asks: which statements are to be read, and what a reference has moved so far."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from marketplace.core.ledger.movement import Movement, Posting
from marketplace.core.settlements.settlement import Settlement
from marketplace.core.settlements.statement import RailStatement


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementsAskedBefore:
    """Those that were asked for last before an instant, of whatever rail."""

    kind: ClassVar[type[RailStatement]] = RailStatement
    at: datetime

    def matches(self, row: Any) -> bool:
        return bool(row.asked_at < self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementsOf:
    """The lines that were told of a reference at a rail."""

    kind: ClassVar[type[Settlement]] = Settlement
    reference: UUID

    def matches(self, row: Any) -> bool:
        return bool(row.reference == self.reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementsOf:
    """What was booked of a payment, a refund or a transfer."""

    kind: ClassVar[type[Movement]] = Movement
    subject_id: UUID

    def matches(self, row: Any) -> bool:
        return bool(row.subject_id == self.subject_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingsOf:
    """The lines of a movement."""

    kind: ClassVar[type[Posting]] = Posting
    movement_id: UUID

    def matches(self, row: Any) -> bool:
        return bool(row.movement_id == self.movement_id)
