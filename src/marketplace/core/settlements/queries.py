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
    """The lines that were told of any of these references."""

    kind: ClassVar[type[Settlement]] = Settlement
    references: tuple[UUID, ...]

    def matches(self, row: Any) -> bool:
        return bool(row.reference in self.references)


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementsOf:
    """What was booked of these payments, refunds and transfers."""

    kind: ClassVar[type[Movement]] = Movement
    subject_ids: tuple[UUID, ...]

    def matches(self, row: Any) -> bool:
        return bool(row.subject_id in self.subject_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingsOf:
    """The lines of these movements."""

    kind: ClassVar[type[Posting]] = Posting
    movement_ids: tuple[UUID, ...]

    def matches(self, row: Any) -> bool:
        return bool(row.movement_id in self.movement_ids)
