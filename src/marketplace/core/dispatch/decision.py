"""Each decision on a job is kept with all that it was made from, so that it can be asked, and made again."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from marketplace.core.dispatch.deciding import Asked, Verdict
from marketplace.core.dispatch.scoring import Terms
from marketplace.core.shared.rules import AppendOnly, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchDecision:
    """
    One job's part of a round; those with the same `round_id`, by `place`, were decided together.

    It was not `carried_out` where the job had moved meanwhile.
    """

    RULES: ClassVar[tuple[Rule, ...]] = (AppendOnly(),)

    id: UUID
    tenant_id: UUID
    round_id: UUID
    place: int
    job_id: UUID
    booking_id: UUID
    wave: int
    at: datetime
    terms: Terms
    asked: Asked
    verdicts: tuple[Verdict, ...]
    carried_out: bool
