"""What bookings and search ask about a provider's capacity."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from marketplace.core.providers.provider import Unit, UnitState
from marketplace.core.providers.reservation import Reservation, State


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveUnits:
    """The units of a provider that can be booked."""

    kind: ClassVar[type[Unit]] = Unit
    provider_id: UUID

    def matches(self, row: Any) -> bool:
        return bool(row.provider_id == self.provider_id and row.state == UnitState.ACTIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBetween:
    """The reservations of a provider's units that touch a period."""

    kind: ClassVar[type[Reservation]] = Reservation
    provider_id: UUID
    start: datetime
    end: datetime

    def matches(self, row: Any) -> bool:
        return bool(
            row.provider_id == self.provider_id
            and row.state == State.HELD
            and row.starts_at < self.end
            and row.ends_at > self.start
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAfter:
    """What a unit is still to do: its reservations that end after an instant."""

    kind: ClassVar[type[Reservation]] = Reservation
    unit_id: UUID
    at: datetime

    def matches(self, row: Any) -> bool:
        return bool(row.unit_id == self.unit_id and row.state == State.HELD and row.ends_at > self.at)
