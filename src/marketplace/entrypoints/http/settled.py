"""A line of a rail's statement as the desk sees it: what it settles, or for how long it settles nothing."""

from datetime import datetime
from uuid import UUID

from marketplace.core.settlements.cause import Cause
from marketplace.core.settlements.settlement import State
from marketplace.entrypoints.http.representations import View


class SettlementView(View, frozen=True):
    """
    `gross_minor` is negative for money that went out; `problem` is why a break matches nothing of ours.

    `cause` is what kind of trouble that looks like, and `age_days` for how long the money has been unclear.
    """

    state: State
    rail: str
    line_id: str
    reference: UUID
    subject: str
    booking_id: UUID | None
    currency: str
    gross_minor: int
    fee_minor: int
    settled_at: datetime
    due_at: datetime | None
    movement_id: UUID | None
    problem: str | None
    cause: Cause | None
    age_days: int | None
