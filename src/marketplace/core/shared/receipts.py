"""An answer given under an idempotency key is given again, to the same question by the same caller."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from marketplace.core.shared.ids import derive


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Written with what the request did. `question` is the digest of route and body; `answer` is JSON."""

    id: UUID
    tenant_id: UUID
    question: str
    status: int
    answer: str
    at: datetime


def receipt_id(tenant_id: UUID, principal: UUID | None, key: str) -> UUID:
    """One key of one caller in one marketplace."""
    return derive(tenant_id, "receipt", principal, key)
