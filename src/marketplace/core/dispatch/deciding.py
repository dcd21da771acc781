"""Jobs and candidates in, offers and reasons out: the same inputs always give the same decision."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from uuid import UUID

from marketplace.core.dispatch.scoring import Candidate, Cost, Hindrance, Terms, cost_of

Costs = Sequence[Sequence[float]]
Pairs = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One job of a round: how many units are to be asked, of those who are candidates for it."""

    job_id: UUID
    job_version: int
    offers: int
    head_start_seconds: int
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A unit is asked, or why not; `cost` where it could have been."""

    unit_id: UUID
    asked: bool
    reason: Hindrance | None
    cost: Cost | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a round made of one job: a verdict for each candidate, in their order."""

    job_id: UUID
    verdicts: tuple[Verdict, ...]

    @property
    def asked(self) -> tuple[UUID, ...]:
        return tuple(verdict.unit_id for verdict in self.verdicts if verdict.asked)


def decide(jobs: Sequence[Asked], *, terms: Terms, assign: Callable[[Costs], Pairs]) -> tuple[Decision, ...]:
    """
    Every unit is asked for one job at most. First each job its best, by the least total; then those that
    ask several get the best of who is left.

    `assign` pairs rows with columns for the least sum; what costs infinity is never paired.
    """
    costs = [_costs(job, terms) for job in jobs]
    chosen: list[list[UUID]] = [[] for _ in jobs]
    free = sorted({unit_id for row in costs for unit_id in row})
    while free:
        wanting = [index for index, job in enumerate(jobs) if len(chosen[index]) < job.offers]
        matrix = [[_price(jobs[row], costs[row].get(unit_id)) for unit_id in free] for row in wanting]
        pairs = [(wanting[row], free[column]) for row, column in assign(matrix)] if wanting else []
        if not pairs:
            break
        for index, unit_id in pairs:
            chosen[index].append(unit_id)
            free.remove(unit_id)
    return tuple(
        Decision(job_id=job.job_id, verdicts=tuple(_verdicts(job, row, asked)))
        for job, row, asked in zip(jobs, costs, chosen, strict=True)
    )


def _costs(job: Asked, terms: Terms) -> dict[UUID, Cost]:
    return {one.unit_id: cost_of(one, terms) for one in job.candidates if one.hindrance is None}


def _price(job: Asked, cost: Cost | None) -> float:
    """Of too many jobs those with a head start are served first; it never changes who is asked for one."""
    return inf if cost is None else cost.total - job.head_start_seconds


def _verdicts(job: Asked, costs: dict[UUID, Cost], asked: Sequence[UUID]) -> list[Verdict]:
    return [
        Verdict(
            unit_id=one.unit_id,
            asked=one.unit_id in asked,
            reason=one.hindrance or (None if one.unit_id in asked else Hindrance.OTHERS_FIRST),
            cost=costs.get(one.unit_id),
        )
        for one in job.candidates
    ]


def window_seconds(*, waiting: int, idle: int, least: int, most: int) -> int:
    """
    How long to gather before deciding: at once while more are idle than wait, longer the scarcer they are.

    In a city of 300 providers a fixed window gains nothing below a utilisation of 0.7; at 0.85 one that
    grows shortened waiting and travel by a fifth.
    """
    if idle > waiting:
        return least
    scarcity = (waiting + 1) / (idle + 1)
    return round(min(float(most), least + (most - least) * (1 - 1 / scarcity)))
