"""Several say yes at once, over and over; then the database is asked whether anybody got too much."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count, cycle, islice
from typing import Any
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from marketplace.core.bookings.booking import Booking
from marketplace.core.bookings.booking import State as BookingState
from marketplace.core.bookings.commands import AssignBooking, CallOut
from marketplace.core.bookings.request import draft, payment_for, payment_id_of
from marketplace.core.catalogue.pricing import PriceRule
from marketplace.core.catalogue.service import Service
from marketplace.core.dispatch.answering import AcceptOffer
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.job import State as JobState
from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.marketplace import run
from marketplace.core.payments.means import Means
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.shared.errors import Refused, Unavailable
from marketplace.core.shared.ids import derive
from marketplace.core.shared.period import Period
from marketplace.core.shared.roles import Actor, Role
from marketplace.entrypoints.bench.fleet import Fleet, Member, withdraw_all
from marketplace.ports.storage import Batch, Store

# How many say yes in a race, one race after the other; so many races run at a time.
PARTIES, AT_ONCE = (3, 4, 5), 4
RACERS = 500
_PREPARED = 80
_JOB, _LAP = timedelta(minutes=30), timedelta(hours=2)
_ADMIN = Actor(Role.ADMIN, uuid4())
_DOUBLES = """
SELECT (
    SELECT coalesce(sum(taken - 1), 0) FROM (
        SELECT count(*) AS taken FROM dispatch_offer
        WHERE tenant_id = $1 AND state = 'accepted' GROUP BY job_id) AS jobs
) + (
    SELECT coalesce(sum(held - 1), 0) FROM (
        SELECT count(*) AS held FROM reservation
        WHERE tenant_id = $1 AND state = 'held' GROUP BY booking_id) AS bookings
) + (
    SELECT count(*) FROM reservation AS a JOIN reservation AS b
        ON b.tenant_id = a.tenant_id AND b.unit_id = a.unit_id AND b.id > a.id
        AND b.starts_at < a.ends_at AND b.ends_at > a.starts_at
    WHERE a.tenant_id = $1 AND a.state = 'held' AND b.state = 'held'
)
"""

# A command and who gives it.
Step = tuple[Any, Actor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Races:
    races: int
    per_s: float
    double_assignments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """A call-out that is paid for, and what is to be written so that it stands."""

    booking: Booking
    payment: Payment
    job: DispatchJob


class Lane:
    """Where races are run: the racers take turns, and nobody twice before the time of day moves on."""

    def __init__(self, *, fleet: Fleet, store: Store, owner: AsyncConnection, racers: list[Member]) -> None:
        self.fleet, self.store, self._owner = fleet, store, owner
        self._turns, self._sizes, self._races = cycle(racers), cycle(PARTIES), count()
        self._tomorrow = fleet.call().at + timedelta(days=1)
        self._service = _service(fleet)

    async def prepare(self, races: int) -> list[list[Step]]:
        """By turns a job that several are asked to do, and a unit that is wanted for several at a time."""
        added: list[Any] = []
        saved: list[Any] = []
        ways = cycle((self._for_a_job, self._for_a_unit))
        made = [way(self._start(), added, saved) for _, way in zip(range(races), ways, strict=False)]
        tenant_id = self.fleet.tenant.id
        await self.store.write(Batch(tenant_id=tenant_id, added=tuple(added)))
        await self.store.write(Batch(tenant_id=tenant_id, saved=tuple(saved)))
        return made

    async def clear(self) -> None:
        """Who lost its unit's time to another job is asked no more."""
        await withdraw_all(self._owner, self.fleet.tenant.id)

    async def race(self, steps: list[Step]) -> int:
        """How many of them got what they wanted; raises what is no refusal."""
        outcomes = await asyncio.gather(*(self._attempt(*step) for step in steps))
        return sum(outcomes)

    async def _attempt(self, command: Any, actor: Actor) -> bool:
        try:
            await run(command, call=self.fleet.call(actor), store=self.store)
        except Refused:
            return False
        return True

    async def doubles(self) -> int:
        """Jobs taken twice, bookings with two times, units in two places: what should never be."""
        found = await self._owner.exec_driver_sql(_DOUBLES, (self.fleet.tenant.id,))
        return int(found.scalar_one())

    def _start(self) -> datetime:
        return self._tomorrow + next(self._races) // (RACERS // PARTIES[-1]) * _LAP

    def _for_a_job(self, start: datetime, added: list[Any], saved: list[Any]) -> list[Step]:
        members = list(islice(self._turns, next(self._sizes)))
        wish = self._wish(start, added, saved)
        offers = [_offer(wish, member) for member in members]
        added += offers
        return [_accept(offer, member) for offer, member in zip(offers, members, strict=True)]

    def _for_a_unit(self, start: datetime, added: list[Any], saved: list[Any]) -> list[Step]:
        """A unit has one open offer at a time, by the schema: the other jobs are given to it by hand."""
        member, rivals = next(self._turns), next(self._sizes) - 1
        wish = self._wish(start, added, saved)
        added.append(offer := _offer(wish, member))
        others = [self._wish(start, added, saved) for _ in range(rivals)]
        return [_accept(offer, member), *(_by_hand(other, member) for other in others)]

    def _wish(self, start: datetime, added: list[Any], saved: list[Any]) -> _Wish:
        call = self.fleet.call(Actor(Role.CUSTOMER, uuid4()))
        command = CallOut(
            booking_id=uuid4(),
            service_id=self._service.id,
            place=self.fleet.place(),
            payment_method="tok_success",
        )
        means = Means(rail=call.policy.payment.rail, token=command.payment_method)
        booking = draft(
            command,
            self._service,
            means,
            call,
            during=Period(start, start + _JOB),
            time_zone=call.policy.time_zone,
            provider_id=None,
            skill=self._service.category,
            window_start=start,
            window_end=start + _JOB,
        )
        payment = payment_for(booking, payment_id_of(booking), means, call)
        wish = _Wish(
            booking=replace(booking, version=1, payment_id=payment.id),
            payment=replace(payment, version=1),
            job=_job(booking, call.at),
        )
        added += [wish.booking, wish.payment, wish.job]
        saved += _paid_and_offered(wish)
        return wish


async def measure_races(lane: Lane, *, seconds: float, races: int | None = None) -> Races:
    """So many races, or as many as time allows; raises Unavailable where one had no winner."""
    done, spent = 0, 0.0
    await _run(lane, PARTIES[-1])
    while (spent < seconds) if races is None else (done < races):
        wanted = _PREPARED if races is None else min(_PREPARED, races - done)
        spent += await _run(lane, wanted)
        done += wanted
    return Races(races=done, per_s=round(done / spent, 1), double_assignments=await lane.doubles())


async def _run(lane: Lane, races: int) -> float:
    """The seconds that they took, without what it takes to prepare them."""
    prepared = await lane.prepare(races)
    waiting, began = iter(prepared), time.perf_counter()

    async def steward() -> None:
        for steps in waiting:
            if not await lane.race(steps):
                raise Unavailable("a race had no winner")

    stewards: list[Awaitable[None]] = [steward() for _ in range(AT_ONCE)]
    await asyncio.gather(*stewards)
    spent = time.perf_counter() - began
    await lane.clear()
    return spent


def _service(fleet: Fleet) -> Service:
    """Only what bookings are drafted from: it is never read."""
    return Service(
        id=derive(fleet.tenant.id, "service"),
        tenant_id=fleet.tenant.id,
        version=1,
        provider_id=None,
        name="Wash",
        category="skill-0",
        rule=PriceRule("fixed", 18_000),
        duration_minutes=30,
        duration_max_minutes=30,
        drafted_at=fleet.call().at,
    )


def _job(booking: Booking, at: datetime) -> DispatchJob:
    assert booking.wanted is not None
    return DispatchJob(
        id=derive(booking.id, "search"),
        tenant_id=booking.tenant_id,
        version=1,
        booking_id=booking.id,
        customer_id=booking.customer_id,
        area_id=derive(booking.tenant_id, "area", "races"),
        place=booking.wanted.place,
        skill=booking.wanted.skill,
        duration_minutes=30,
        window_start=booking.wanted.window.start,
        window_end=booking.wanted.window.end,
        queued_at=at,
        give_up_at=booking.wanted.window.end,
    )


def _paid_and_offered(wish: _Wish) -> list[Any]:
    """As they are when somebody is asked; a row cannot begin so."""
    paid = replace(
        wish.payment,
        version=2,
        state=PaymentState.SUCCEEDED,
        captured_minor=wish.payment.amount_minor,
        rail_reference=f"bench {wish.payment.id}",
    )
    waiting = replace(wish.booking, version=2, state=BookingState.AWAITING_PROVIDER)
    return [waiting, paid, replace(wish.job, version=2, state=JobState.OFFERING)]


def _offer(wish: _Wish, member: Member) -> DispatchOffer:
    start = wish.job.window_start
    return DispatchOffer(
        id=derive(wish.job.id, "offer", member.unit.id),
        tenant_id=wish.job.tenant_id,
        version=1,
        job_id=wish.job.id,
        booking_id=wish.booking.id,
        provider_id=member.provider.id,
        unit_id=member.unit.id,
        wave=0,
        leaves_at=start - timedelta(minutes=10),
        travel_seconds=600,
        starts_at=start,
        sent_at=wish.job.queued_at,
        expires_at=start,
    )


def _accept(offer: DispatchOffer, member: Member) -> Step:
    actor = Actor(Role.PROVIDER, member.provider.owner_id, provider_id=member.provider.id)
    return AcceptOffer(offer_id=offer.id), actor


def _by_hand(wish: _Wish, member: Member) -> Step:
    command = AssignBooking(booking_id=wish.booking.id, provider_id=member.provider.id, reason="bench")
    return command, _ADMIN
