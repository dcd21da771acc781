"""Operators answer offers, drive, work, and now and then drop out; each of their moves is a real command."""

from collections import deque
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

    unit_id: UUID
    actor: Actor
    place: Place
    online: bool = True
    driving: bool = False
    queue: "deque[Task]" = field(default_factory=deque)


@dataclass(frozen=True, slots=True)
class Task:
    booking_id: UUID
    place: Place
    travel: timedelta
    work: timedelta


@dataclass
class Crew:
    """Everybody who drives; `tasks` gives the task behind an offer that was accepted."""

    lane: Lane
    operators: dict[UUID, Operator]
    seed: int
    arrived: dict[UUID, datetime] = field(default_factory=dict)
    assigned: dict[UUID, datetime] = field(default_factory=dict)
    jobs: dict[UUID, int] = field(default_factory=dict)
    work_of: dict[UUID, timedelta] = field(default_factory=dict)
    place_of: dict[UUID, Place] = field(default_factory=dict)

    def hear(self, offer_id: UUID) -> None:
        """An offer was sent: its unit answers after a while, or not at all."""
        random = Random(f"{self.seed}/{offer_id}")  # noqa: S311 - a seeded city, no secret
        delay = timedelta(seconds=random.uniform(*_ANSWER_SECONDS))
        self.lane.agenda.put(lambda: self._answer(offer_id, random), at=self.lane.now + delay)

    async def _answer(self, offer_id: UUID, random: Random) -> None:
        offer = await Work(self.lane.storage, self.lane.tenant.id).get(DispatchOffer, offer_id)
        operator = self.operators[offer.unit_id]
        if random.random() >= _willing(offer.travel_seconds):
            if random.random() >= _SILENT:
                await self._try(DeclineOffer(offer_id=offer_id), operator)
            return
        if await self._try(AcceptOffer(offer_id=offer_id), operator):
            await self._take(offer, operator, random)

    async def _take(self, offer: DispatchOffer, operator: Operator, random: Random) -> None:
        key = offer.booking_id
        self.assigned[key] = self.lane.now
        travel = offer.travel * random.uniform(*_DELAYS)
        operator.queue.append(Task(key, self.place_of[key], travel, self.work_of[key]))
        if not operator.driving:
            await self._next(operator, random)

    async def _next(self, operator: Operator, random: Random) -> None:
        """The next job, or a break, or waiting for one."""
        operator.driving = False
        while operator.queue:
            task = operator.queue[0]
            if random.random() < _HANDS_BACK:
                operator.queue.popleft()
                self.assigned.pop(task.booking_id, None)
                await self._try(HandBack(booking_id=task.booking_id, reason="a flat tyre"), operator)
                continue
            if not await self._try(SetOut(booking_id=task.booking_id), operator):
                operator.queue.popleft()
                continue
            operator.driving = True
            self._later(task.travel, partial(self._arrive, operator, task, random))
            return
        if random.random() < _GOES_OFFLINE:
            await self._rest(operator)

    async def _arrive(self, operator: Operator, task: Task, random: Random) -> None:
        operator.place = task.place
        self.arrived[task.booking_id] = self.lane.now
        await self._try(Arrive(booking_id=task.booking_id), operator)
        await self._try(StartBooking(booking_id=task.booking_id), operator)
        self._later(task.work, lambda: self._deliver(operator, task, random))

    async def _deliver(self, operator: Operator, task: Task, random: Random) -> None:
        await self._try(DeliverBooking(booking_id=task.booking_id), operator)
        operator.queue.popleft()
        self.jobs[operator.unit_id] = self.jobs.get(operator.unit_id, 0) + 1
        await self._next(operator, random)

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
