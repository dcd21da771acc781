"""What webhooks and lost disputes ask about refunds."""

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from marketplace.core.payments.refund import Refund


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundUnder:
    """The refund whose last attempt goes by a reference at the rail."""

    kind: ClassVar[type[Refund]] = Refund
    reference: UUID

    def matches(self, row: Any) -> bool:
        return bool(row.reference == self.reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundsOf:
    """The refunds of a payment."""

    kind: ClassVar[type[Refund]] = Refund
    payment_id: UUID

    def matches(self, row: Any) -> bool:
        return bool(row.payment_id == self.payment_id)
