"""What is asked of storage about memberships."""

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from marketplace.core.subscriptions.membership import Membership, State


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipsOf:
    """The membership of a customer that has not ended: one, or none."""

    kind: ClassVar[type[Membership]] = Membership
    customer_id: UUID

    def matches(self, row: Any) -> bool:
        return bool(row.customer_id == self.customer_id and row.state == State.ACTIVE)
