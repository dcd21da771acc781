"""Crews hear of call-outs: they come near, and say yes, or no, or nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

from marketplace.core.dispatch.answering import AcceptOffer, DeclineOffer, SeeOffer
from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.dispatch.presence import Presence, State, presence_id
from marketplace.core.dispatch.presences import GoOffline, GoOnline, KeepPlace, ShowUnit
from marketplace.core.shared.errors import OutcomeUnknown, Refused, Unavailable
from marketplace.core.shared.events import Event
from marketplace.core.shared.place import Place
from marketplace.core.shared.roles import Actor
from marketplace.entrypoints.simulation.lane import Lane
from marketplace.entrypoints.simulation.market import HERE, Market, Shop
from marketplace.ports.storage import One

_SEARCHING = {
    "dispatch_job.queued",
    "dispatch_job.went_on",
    "dispatch_job.restarted",
    "dispatch_job.waiting",
    "dispatch_job.searching",
}
_ANSWERS = (AcceptOffer, DeclineOffer, SeeOffer)
_WEIGHTS = (60, 25, 15)
_SLOWEST_SECONDS = 70  # slower than an offer lives
_OFFLINE = 1 / 12
_DEGREES = 0.05


@dataclass
class Crews:
    """Hears of every event as it is written."""

    lane: Lane
    market: Market
    random: Random

    def hear(self, event: Event) -> None:
        if event.name in _SEARCHING:
            self._later(self._come_near, seconds=0)
        elif event.name == "dispatch_offer.sent":
            seconds = self.random.uniform(1, _SLOWEST_SECONDS)
            self._later(partial(self._answer, event.subject_id), seconds=seconds)

    async def _come_near(self) -> None:
        """Who had gone home comes back, and everybody is somewhere else by now."""
        for shop in self.market.shops:
            for unit_id in shop.unit_ids:
                await self._try(partial(self._report, shop, unit_id))

    async def _report(self, shop: Shop, unit_id: UUID) -> None:
        place = Place(HERE.latitude + self._some(), HERE.longitude + self._some())
        (found,) = await self.lane.store.read(self.lane.tenant.id, [One(Presence, presence_id(unit_id))])
        if not found or found[0].state == State.OFFLINE:
            await self.lane.do(GoOnline(unit_id=unit_id, place=place), shop.actor)
        elif self.random.random() < _OFFLINE:
            await self.lane.do(GoOffline(unit_id=unit_id), shop.actor)
        else:
            await self.lane.do(KeepPlace(unit_id=unit_id, place=place, placed_at=self.lane.now), shop.actor)
            await self.lane.desk.carry_out(ShowUnit(unit_id=unit_id), self.lane.call())

    async def _answer(self, offer_id: UUID) -> None:
        (answer,) = self.random.choices(_ANSWERS, _WEIGHTS)
        await self._try(partial(self._say, answer, offer_id))

    async def _say(self, answer: Any, offer_id: UUID) -> None:
        ((offer,),) = await self.lane.store.read(self.lane.tenant.id, [One(DispatchOffer, offer_id)])
        await self.lane.do(answer(offer_id=offer_id), self._crew(offer))

    def _crew(self, offer: DispatchOffer) -> Actor:
        return self.market.shop(offer.provider_id).actor

    async def _try(self, errand: Callable[[], Awaitable[None]]) -> None:
        """Whoever does not get through leaves it: an offer runs out, and the next search asks again."""
        try:
            await errand()
        except (Refused, Unavailable, OutcomeUnknown):
            return

    def _some(self) -> float:
        return self.random.uniform(-_DEGREES, _DEGREES)

    def _later(self, errand: Callable[[], Awaitable[None]], *, seconds: float) -> None:
        self.lane.agenda.put(errand, at=self.lane.now + timedelta(seconds=seconds))
