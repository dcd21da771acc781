"""What payout runs and webhooks ask of storage."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from marketplace.core.payouts.earning import Earning, State
from marketplace.core.payouts.payout import Payout


@dataclass(frozen=True, slots=True, kw_only=True)
class PayableEarnings:
    """Everybody's earnings that may be drawn at an instant."""

    kind: ClassVar[type[Earning]] = Earning
    at: datetime

    def matches(self, row: Any) -> bool:
        return bool(row.state == State.PAYABLE and row.payable_at <= self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayableEarningsOf:
    """One provider's earnings that may be drawn at an instant."""

    kind: ClassVar[type[Earning]] = Earning
    provider_id: UUID
    at: datetime

    def matches(self, row: Any) -> bool:
        return bool(
            row.provider_id == self.provider_id and row.state == State.PAYABLE and row.payable_at <= self.at
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutUnder:
    """The payout whose last attempt goes by a reference at the rail."""

    kind: ClassVar[type[Payout]] = Payout
    reference: UUID

    def matches(self, row: Any) -> bool:
        return bool(row.reference == self.reference)
