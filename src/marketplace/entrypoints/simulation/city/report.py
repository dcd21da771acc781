"""What a city shows of its dispatch, beside the one that sends the nearest to whoever came first."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite
from typing import Any
from uuid import UUID

from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.dispatch.offer import State as OfferState
from marketplace.core.providers.reservation import Reservation, State
from marketplace.entrypoints.simulation.city.plan import DISPATCH, GREEDY, Plan
from marketplace.entrypoints.simulation.city.town import City, found
from marketplace.ports.geo import Assigner


class Nearest:
    """First come, nearest: the rows in their order, each the cheapest column that is left."""

    def pairs(self, costs: Sequence[Sequence[float]]) -> tuple[tuple[int, int], ...]:
        taken: set[int] = set()
        chosen = []
        for row, prices in enumerate(costs):
            left = [(price, column) for column, price in enumerate(prices) if column not in taken]
            price, column = min(left, default=(float("inf"), -1))
            if isfinite(price):
                taken.add(column)
                chosen.append((row, column))
        return tuple(chosen)


@dataclass
class Watched:
    """Adds up what the pairs of an assigner cost, and what the best would have."""

    inner: Assigner
    best: Assigner
    cost: float = 0.0
    optimum: float = 0.0

    def pairs(self, costs: Sequence[Sequence[float]]) -> tuple[tuple[int, int], ...]:
        chosen, best = self.inner.pairs(costs), self.best.pairs(costs)
        low = min((price for row in costs for price in row if isfinite(price)), default=0.0)
        # From zero up, because a head start makes costs negative, and ratios of those say nothing.
        self.cost += sum(costs[row][column] - low for row, column in chosen)
        self.optimum += sum(costs[row][column] - low for row, column in best)
        return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Of one city: of each job that counts, how long until it was assigned, and until somebody was there."""

    asked: int
    waits: list[float]
    pickups: list[float]
    offers_per_job: float
    gini: float
    double_assignments: int
    cost_to_optimum: float
    city: City = field(repr=False)


async def compare(plan: Plan, *, assigner: Assigner) -> tuple[Result, Result]:
    """The city with its dispatch, and the same wishes and operators where the nearest is sent at once."""
    own = Watched(assigner, assigner)
    ours = await _result(await found(plan, DISPATCH, name="dispatch", assigner=own), own)
    near = Watched(Nearest(), assigner)
    greedy = await _result(await found(plan, GREEDY, name="greedy", assigner=near), near)
    return ours, greedy


async def _result(city: City, watched: Watched) -> Result:
    await city.live()
    counted = [key for key, at in city.asked.items() if at >= city.plan.counted_from]
    return Result(
        asked=len(counted),
        waits=_spans(city, counted, city.crew.assigned),
        pickups=_spans(city, counted, city.crew.arrived),
        offers_per_job=city.offers / max(1, city.yes),
        gini=gini([city.crew.jobs[unit_id] for unit_id in city.crew.operators]),
        double_assignments=doubles(city),
        cost_to_optimum=watched.cost / watched.optimum if watched.optimum else 1.0,
        city=city,
    )


def _spans(city: City, counted: Iterable[UUID], until: dict[UUID, Any]) -> list[float]:
    return sorted((until[key] - city.asked[key]).total_seconds() for key in counted if key in until)


def gini(counts: Sequence[int]) -> float:
    """0 where everybody has as much as everybody else, towards 1 where one has it all."""
    total, many = sum(counts), len(counts)
    if not total:
        return 0.0
    ranked = sum(rank * count for rank, count in enumerate(sorted(counts), start=1))
    return 2 * ranked / (many * total) - (many + 1) / many


def doubles(city: City) -> int:
    """Jobs with two takers at a time, and units with two jobs at a time, as storage has them."""
    tenant_id = city.lane.tenant.id
    held = [row for row in city.store.rows_of(Reservation, tenant_id) if row.state == State.HELD]
    held.sort(key=lambda row: (row.unit_id, row.starts_at))
    overlaps = sum(
        one.unit_id == other.unit_id and one.period.overlaps(other.period) for one, other in pairwise(held)
    )
    taken = [row.booking_id for row in held]
    offers = city.store.rows_of(DispatchOffer, tenant_id)
    accepted = [row.job_id for row in offers if row.state == OfferState.ACCEPTED]
    return int(overlaps) + len(taken) - len(set(taken)) + len(accepted) - len(set(accepted))


def summary(plan: Plan, ours: Result, greedy: Result) -> dict[str, Any]:
    """What the command line shows."""
    return {
        "seed": plan.seed,
        "providers": plan.providers,
        "utilisation": plan.utilisation,
        "jobs": ours.asked,
        "assigned_share": round(len(ours.waits) / ours.asked, 4) if ours.asked else None,
        "wait_p50_s": _quantile(ours.waits, 50),
        "wait_p95_s": _quantile(ours.waits, 95),
        "pickup_mean_s": _mean(ours.pickups),
        "greedy_pickup_mean_s": _mean(greedy.pickups),
        "tick_cost_to_optimum": round(ours.cost_to_optimum, 4),
        "offers_per_job": round(ours.offers_per_job, 3),
        "gini": round(ours.gini, 4),
        "double_assignments": ours.double_assignments,
    }


def _quantile(values: Sequence[float], percent: int) -> float | None:
    return round(values[min(len(values) - 1, len(values) * percent // 100)], 1) if values else None


def _mean(values: Sequence[float]) -> float | None:
    return round(statistics.fmean(values), 1) if values else None
