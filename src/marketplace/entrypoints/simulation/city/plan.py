"""What a city is asked to be: how many operators, how busy, for how long, and who decides."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from math import cos, radians
from random import Random

from marketplace.core.shared.place import METRES_PER_DEGREE, Place
from marketplace.core.tenants.dispatching import DispatchPolicy, Wave, Weights
from marketplace.core.tenants.policy import (
    BookingPolicy,
    CancellationTerms,
    CancellationTier,
    FeePolicy,
    PayoutPolicy,
    Policy,
    VatPolicy,
    VatRate,
)

MIDDLE = Place(-26.15, 28.05)
BEGIN = datetime(2026, 11, 2, 6, tzinfo=UTC)
SKILL = "car-wash"
# What a job costs in time beside the work where operators are plenty: the demand is reckoned by it.
USUAL_WAY = timedelta(minutes=4)
WARM_UP_SHARE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`utilisation` is the share of their time that operators work or drive, were every way a usual one."""

    seed: int
    hours: float
    providers: int
    utilisation: float
    side_km: float = 20.0
    service: timedelta = timedelta(minutes=30)

    @property
    def jobs_a_second(self) -> float:
        return self.utilisation * self.providers / (self.service + USUAL_WAY).total_seconds()

    @property
    def end(self) -> datetime:
        return BEGIN + timedelta(hours=self.hours)

    @property
    def counted_from(self) -> datetime:
        """The city is empty at first: what happens before it has filled says nothing."""
        return BEGIN + timedelta(hours=self.hours * WARM_UP_SHARE)

    def place(self, random: Random) -> Place:
        half = self.side_km * 1000 / METRES_PER_DEGREE / 2
        north = random.uniform(-half, half)
        east = random.uniform(-half, half) / cos(radians(MIDDLE.latitude))
        return Place(MIDDLE.latitude + north, MIDDLE.longitude + east)


@dataclass(frozen=True, slots=True)
class Demand:
    """One customer's wish: when, where, and how long the work will take."""

    at: datetime
    place: Place
    work: timedelta


def demand(plan: Plan) -> list[Demand]:
    """Poisson arrivals; the same for everybody who is compared on one seed."""
    random, wishes = Random(f"{plan.seed}/demand"), []  # noqa: S311 - a seeded city, no secret
    at = BEGIN + timedelta(seconds=random.expovariate(plan.jobs_a_second))
    while at < plan.end:
        work = plan.service * (0.5 + random.expovariate(2.0))
        wishes.append(Demand(at, plan.place(random), work))
        at += timedelta(seconds=random.expovariate(plan.jobs_a_second))
    return wishes


# One reach for the whole city, so that what is compared is who is asked, and not how far one looks.
_EVERYWHERE = (Wave(reach_metres=40_000),)

DISPATCH = DispatchPolicy(
    waves=_EVERYWHERE,
    reach_minutes=180,
    search_minutes=120,
    newcomer_jobs=0,
    weights=Weights(star_seconds=0, expertise_seconds=0, idle_hour_seconds=30),
)
# First come, nearest: each job at once, to the nearest who is idle.
GREEDY = replace(
    DISPATCH,
    load_max=1,
    ahead_minutes=0,
    window_seconds=0,
    window_seconds_max=5,
    weights=Weights(
        job_ahead_seconds=0,
        star_seconds=0,
        expertise_seconds=0,
        idle_hour_seconds=0,
        newcomer_seconds=0,
        member_seconds=0,
    ),
)


def policy_of(dispatch: DispatchPolicy) -> Policy:
    return Policy(
        blueprint="curbside",
        currency="ZAR",
        locale="en_ZA",
        country="ZA",
        time_zone="Africa/Johannesburg",
        booking=BookingPolicy(start_code=False),
        fees=FeePolicy(commission_basis_points=1_800),
        vat=VatPolicy(rates=(VatRate(date(2018, 4, 1), 1_500),)),
        cancellation=CancellationTerms((CancellationTier(60, 10_000),)),
        payout=PayoutPolicy(),
        dispatch=dispatch,
    )
