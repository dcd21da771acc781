"""
Operators answer offers, drive, work, and now and then drop out; each of their moves is a real command.

What is left to chance is drawn for each wish, or each operator, by its number: whoever decides who is asked,
the same wish meets the same luck, so that cities that are compared differ by their decisions alone.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from math import exp
from random import Random
from typing import Any
from uuid import UUID

from marketplace.core.bookings.commands import Arrive, DeliverBooking, HandBack, SetOut, StartBooking
from marketplace.core.dispatch.answering import AcceptOffer, DeclineOffer
from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.dispatch.presences import GoOffline, GoOnline
from marketplace.core.shared.errors import Refused
from marketplace.core.shared.place import Place
from marketplace.core.shared.roles import Actor
from marketplace.entrypoints.simulation.city.plan import Demand
from marketplace.entrypoints.simulation.lane import Lane
from marketplace.ports.storage import Work

_WILLING, _HALF_WAY_SECONDS = 0.95, 1500
_ANSWER_SECONDS = (2, 24)
_SILENT = 1 / 2
_HANDS_BACK, _GOES_OFFLINE = 1 / 200, 1 / 50
_BREAK = timedelta(minutes=20)
_DELAYS = (0.85, 1.25)  # the way takes so much of what it was thought to


@dataclass
class Operator:
    """One unit on the road: where it is, and the jobs that it has said yes to, in order."""

    number: int
    unit_id: UUID
    actor: Actor
    place: Place
    online: bool = True
    driving: bool = False
    queue: "deque[Task]" = field(default_factory=deque)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a customer wants, as the `number`-th of the city, and which booking it has become."""

    number: int
    booking_id: UUID
    demand: Demand


@dataclass(frozen=True, slots=True)
class Task:
    wish: Wish
    travel: timedelta


@dataclass
class Crew:
    """Everybody who drives, and what became of each wish, by its booking."""

    lane: Lane
    seed: int
    operators: dict[UUID, Operator] = field(default_factory=dict)
    wishes: dict[UUID, Wish] = field(default_factory=dict)
    assigned: dict[UUID, datetime] = field(default_factory=dict)
    arrived: dict[UUID, datetime] = field(default_factory=dict)
    asked: Counter[UUID] = field(default_factory=Counter)
    taken: Counter[UUID] = field(default_factory=Counter)
    jobs: Counter[UUID] = field(default_factory=Counter)

    async def hear(self, offer_id: UUID) -> None:
        """An offer was sent: its unit answers after a while, or not at all."""
        offer = await Work(self.lane.storage, self.lane.tenant.id).get(DispatchOffer, offer_id)
        self.asked[offer.booking_id] += 1
        wish = self.wishes[offer.booking_id]
        random = self._chance("answer", wish.number, self.asked[offer.booking_id])
        delay = timedelta(seconds=random.uniform(*_ANSWER_SECONDS))
        self._later(delay, lambda: self._answer(offer, wish, random))

    def _chance(self, *of: object) -> Random:
        return Random("/".join(map(str, (self.seed, *of))))  # noqa: S311 - a seeded city, no secret

    async def _answer(self, offer: DispatchOffer, wish: Wish, random: Random) -> None:
        operator = self.operators[offer.unit_id]
        if random.random() >= _willing(offer.travel_seconds):
            if random.random() >= _SILENT:
                await self._try(DeclineOffer(offer_id=offer.id), operator)
            return
        if await self._try(AcceptOffer(offer_id=offer.id), operator):
            await self._take(offer, wish, operator)

    async def _take(self, offer: DispatchOffer, wish: Wish, operator: Operator) -> None:
        self.assigned[wish.booking_id] = self.lane.now
        self.taken[wish.booking_id] += 1
        travel = offer.travel * self._chance("way", wish.number).uniform(*_DELAYS)
        operator.queue.append(Task(wish, travel))
        if not operator.driving:
            await self._next(operator)

    async def _next(self, operator: Operator) -> None:
        """The next job, or a break, or waiting for one."""
        operator.driving = False
        while operator.queue:
            task = operator.queue[0]
            key = task.wish.booking_id
            if self._chance("tyre", task.wish.number, self.taken[key]).random() < _HANDS_BACK:
                operator.queue.popleft()
                self.assigned.pop(key, None)
                await self._try(HandBack(booking_id=key, reason="a flat tyre"), operator)
                continue
            if not await self._try(SetOut(booking_id=key), operator):
                operator.queue.popleft()
                continue
            operator.driving = True
            self._later(task.travel, partial(self._arrive, operator, task))
            return
        if self._chance("break", operator.number, self.jobs[operator.unit_id]).random() < _GOES_OFFLINE:
            await self._rest(operator)

    async def _arrive(self, operator: Operator, task: Task) -> None:
        key, wanted = task.wish.booking_id, task.wish.demand
        operator.place = wanted.place
        self.arrived[key] = self.lane.now
        await self._try(Arrive(booking_id=key), operator)
        await self._try(StartBooking(booking_id=key), operator)
        self._later(wanted.work, lambda: self._deliver(operator, key))

    async def _deliver(self, operator: Operator, booking_id: UUID) -> None:
        await self._try(DeliverBooking(booking_id=booking_id), operator)
        operator.queue.popleft()
        self.jobs[operator.unit_id] += 1
        await self._next(operator)

    async def _rest(self, operator: Operator) -> None:
        operator.online = False
        await self._try(GoOffline(unit_id=operator.unit_id), operator)
        self._later(_BREAK, lambda: self._return(operator))

    async def _return(self, operator: Operator) -> None:
        operator.online = True
        await self._try(GoOnline(unit_id=operator.unit_id, place=operator.place), operator)

    def _later(self, span: timedelta, errand: Any) -> None:
        self.lane.agenda.put(errand, at=self.lane.now + span)

    async def _try(self, command: Any, operator: Operator) -> bool:
        """What is refused is refused: somebody else was faster, or it is over."""
        try:
            await self.lane.do(command, operator.actor)
        except Refused:
            return False
        return True


def _willing(travel_seconds: int) -> float:
    """The chance of a yes falls with the way there."""
    return _WILLING / (1 + exp((travel_seconds - _HALF_WAY_SECONDS) / (_HALF_WAY_SECONDS / 3)))
