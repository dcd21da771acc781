"""A marketplace that sends its operators out, on a clock of its own."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.core.bookings.booking import Booking
from marketplace.core.bookings.commands import (
    Arrive,
    AssignBooking,
    CallOut,
    DeliverBooking,
    SetOut,
    StartBooking,
)
from marketplace.core.catalogue.pricing import PriceRule
from marketplace.core.catalogue.usecases import DraftService, PublishService
from marketplace.core.dispatch.answering import AcceptOffer, DeclineOffer
from marketplace.core.dispatch.decision import DispatchDecision
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.matching import Match, match
from marketplace.core.dispatch.offer import OPEN, DispatchOffer
from marketplace.core.dispatch.presence import Presence, presence_id
from marketplace.core.dispatch.presences import GoOnline
from marketplace.core.dispatch.rounds import RecordRound
from marketplace.core.dispatch.scoring import Hindrance
from marketplace.core.identity.usecases import GrantRoles
from marketplace.core.identity.user import user_id
from marketplace.core.marketplace import run
from marketplace.core.providers.reservation import Reservation
from marketplace.core.providers.reservation import State as ReservationState
from marketplace.core.providers.usecases import AddUnit, AmendProvider, ApplyAsProvider, MoveProvider
from marketplace.core.shared.aggregate import create, move
from marketplace.core.shared.ids import derive
from marketplace.core.shared.place import METRES_PER_DEGREE, Place
from marketplace.core.shared.roles import Actor, Role
from marketplace.core.subscriptions.membership import Membership
from marketplace.core.subscriptions.usecases import GrantMembership
from marketplace.ports.geo import Sighting
from marketplace.ports.storage import Work

SKILL = "car-wash"
# The middle of a cell, so that nobody in these tests is in the next one.
HERE = Place(-26.125, 28.125)
PRICE = 18_000
REPORTS = timedelta(seconds=60)


def north(metres: float) -> Place:
    return Place(HERE.latitude + metres / METRES_PER_DEGREE, HERE.longitude)


@dataclass
class Crew:
    """One provider with one unit, somewhere north of everybody who calls."""

    actor: Actor
    unit_id: UUID
    place: Place

    @property
    def provider_id(self) -> UUID:
        assert self.actor.provider_id is not None
        return self.actor.provider_id


@dataclass
class Fleet:
    """Crews tell where they are every minute, those in `silent` no more."""

    world: Any
    service_id: UUID
    crews: list[Crew] = field(default_factory=list)
    silent: set[UUID] = field(default_factory=set)

    async def do(self, command: Any, actor: Actor | None = None) -> Any:
        """And what follows from it at once."""
        result = await (self.world.do(command) if actor is None else self.world.do(command, actor))
        await self.world.settle()
        return result

    async def run(self, command: Any, call: Any) -> Any:
        """As on another machine, by its clock."""
        return await run(command, call=call, store=self.world.lane.store)

    async def shift(self, held: Reservation, *, to: datetime) -> None:
        """As when somebody else moves a unit's job."""
        times: dict[str, Any] = {"starts_at": to, "ends_at": to + timedelta(hours=1)}
        await self._write(move(held, "shift", self.world.lane.call(), **times))

    def work(self) -> Work:
        return Work(self.world.storage, self.world.lane.tenant.id)

    async def match(self, effect: Match) -> RecordRound | None:
        """What a round comes to, before it is written."""
        lane = self.world.lane
        return await match(effect, call=lane.call(), work=self.work(), vendors=lane.desk.vendors)

    def lose(self, which: Callable[[Any], bool]) -> None:
        """The next job of this kind is never carried out."""
        agenda, put = self.world.lane.agenda, self.world.lane.agenda.put

        def lossy(what: Any, *, at: datetime) -> None:
            if which(what):
                agenda.put = put
            else:
                put(what, at=at)

        agenda.put = lossy

    async def experience(self, crew: Crew, *, jobs: int) -> None:
        """As when a crew has done so many jobs long ago."""
        await self._write(move(self.presence(crew), "finish", self.world.lane.call(), done={SKILL: jobs}))

    async def enrol(self, customer: Actor, *, level: int = 1, days: int = 30) -> Membership:
        """The customer is a member from now on."""
        assert customer.user_id is not None
        command = GrantMembership(
            membership_id=uuid4(),
            customer_id=customer.user_id,
            until=self.world.lane.now + timedelta(days=days),
            level=level,
            reason="test",
        )
        membership: Membership = await self.do(command, self.world.admin)
        return membership

    @contextmanager
    def counting(self) -> Iterator[list[int]]:
        """How many questions each round trip asks."""
        counted: list[int] = []
        read = self.world.storage.read

        async def reading(tenant_id: UUID, questions: Sequence[Any]) -> Any:
            counted.append(len(questions))
            return await read(tenant_id, questions)

        self.world.storage.read = reading
        yield counted
        self.world.storage.read = read

    async def hold(self, crew: Crew, *, minutes: tuple[int, int]) -> None:
        """As when somebody books a slot, so many minutes from now."""
        now, work = self.world.lane.now, self.work()
        begin, end = (now + timedelta(minutes=one) for one in minutes)
        slot = Reservation(
            id=derive(crew.unit_id, "slot", begin),
            tenant_id=self.world.lane.tenant.id,
            provider_id=crew.provider_id,
            unit_id=crew.unit_id,
            booking_id=derive(crew.unit_id, "booked", begin),
            starts_at=begin,
            ends_at=end,
        )
        work.add(create(slot, self.world.lane.call()))
        await self.world.storage.write(work.batch([]))

    async def _write(self, moved: Any) -> None:
        work = self.work()
        work.save(moved)
        await self.world.storage.write(work.batch([]))

    def corrupt(self, row: Any) -> None:
        """As nothing that we write would."""
        self.world.storage._table(type(row)).put(row)

    def presence(self, crew: Crew) -> Presence:
        return next(one for one in self.world.all(Presence) if one.unit_id == crew.unit_id)

    async def join(self, *, metres: float, online: bool = True, **unit: Any) -> Crew:
        """Another crew, that far away."""
        world, number = self.world, len(self.crews)
        phone = f"+2784{number:07d}"
        await world.do(GrantRoles(phone=phone, roles=(Role.CUSTOMER,), reason="test"))
        owner = Actor(Role.CUSTOMER, user_id(world.lane.tenant, phone))
        provider_id = derive(world.lane.tenant.id, "provider", number)
        crew = Crew(
            Actor(Role.PROVIDER, owner.user_id, provider_id), derive(provider_id, "unit"), north(metres)
        )
        await world.do(ApplyAsProvider(provider_id=provider_id, name=f"Crew {number}"), owner)
        await world.do(AmendProvider(provider_id=provider_id, payee="payee_ok"), crew.actor)
        for step in ("verify", "activate"):
            await world.do(MoveProvider(provider_id=provider_id, move=step, reason="test"), world.admin)
        added = {"name": "Van", "skills": (SKILL,)} | unit
        await world.do(AddUnit(provider_id=provider_id, unit_id=crew.unit_id, **added), crew.actor)
        self.crews.append(crew)
        if online:
            await self.do(GoOnline(unit_id=crew.unit_id, place=crew.place), crew.actor)
        return crew

    async def report(self) -> None:
        world = self.world
        for crew in self.crews:
            key = presence_id(crew.unit_id)
            online = [one for one in world.all(Presence) if one.id == key and one.state == "online"]
            if online and crew.unit_id not in self.silent:
                sighting = Sighting(
                    tenant_id=world.lane.tenant.id,
                    unit_id=crew.unit_id,
                    place=crew.place,
                    skills=(SKILL,),
                    load=len(self.held(crew)),
                    load_max=world.lane.tenant.policy.dispatch.load_max,
                )
                await world.lane.desk.vendors.live_map.report([sighting])
        world.lane.agenda.put(self.report, at=world.lane.now + REPORTS)

    async def call(self, *, seconds: float = 3, **given: Any) -> UUID:
        """A customer calls somebody out, and the first round is over."""
        key = uuid4()
        actor = given.pop("actor", self.world.customer)
        await self.world.do(self.callout(key, **given), actor)
        await self.world.forward(seconds=seconds)
        return key

    def callout(self, key: UUID, **given: Any) -> CallOut:
        facts = {
            "booking_id": key,
            "service_id": self.service_id,
            "place": HERE,
            "payment_method": "tok_success",
        }
        return CallOut(**facts | given)

    def held(self, crew: Crew) -> list[Reservation]:
        return [
            one
            for one in self.world.all(Reservation)
            if one.unit_id == crew.unit_id and one.state == ReservationState.HELD
        ]

    def jobs(self, key: UUID) -> list[DispatchJob]:
        """A booking's searches, in the order of their beginnings."""
        mine = (job for job in self.world.all(DispatchJob) if job.booking_id == key)
        return sorted(mine, key=lambda job: job.queued_at)

    def job(self, key: UUID) -> DispatchJob:
        return self.jobs(key)[-1]

    def offers(self, key: UUID | None = None) -> list[DispatchOffer]:
        mine = (one for one in self.world.all(DispatchOffer) if key in {None, one.booking_id})
        return sorted(mine, key=lambda one: (one.sent_at, one.id))

    def asked(self) -> list[Crew]:
        """Who has an offer to answer, the nearest first."""
        units = {offer.unit_id for offer in self.offers() if offer.state in OPEN}
        return [crew for crew in self.crews if crew.unit_id in units]

    def offer(self, crew: Crew) -> DispatchOffer:
        """What a crew was asked last."""
        return [one for one in self.offers() if one.unit_id == crew.unit_id][-1]

    async def accept(self, crew: Crew, *, by: Actor | None = None) -> DispatchOffer:
        command = AcceptOffer(offer_id=self.offer(crew).id, reason=None if by is None else "test")
        accepted: DispatchOffer = await self.do(command, by or crew.actor)
        return accepted

    async def decline(self, crew: Crew) -> None:
        await self.do(DeclineOffer(offer_id=self.offer(crew).id), crew.actor)

    async def taken(self, crew: Crew, **given: Any) -> UUID:
        """A call-out that this crew, the only one near, has taken."""
        key = await self.call(**given)
        await self.accept(crew)
        return key

    async def deal(self, crew: Crew) -> None:
        """The customer and this crew, which admin sends, have met."""
        key = await self.call()
        by_hand = AssignBooking(booking_id=key, provider_id=crew.provider_id, reason="test")
        await self.do(by_hand, self.world.admin)
        await self.begin(key, crew)
        await self.deliver(key, crew)

    async def begin(self, key: UUID, crew: Crew) -> None:
        booking: Booking = await self.world.booking(key)
        for command in (
            SetOut(booking_id=key),
            Arrive(booking_id=key),
            StartBooking(booking_id=key, start_code=booking.start_code),
        ):
            await self.do(command, crew.actor)

    async def deliver(self, key: UUID, crew: Crew) -> None:
        await self.do(DeliverBooking(booking_id=key), crew.actor)

    def decisions(self, key: UUID) -> list[DispatchDecision]:
        mine = (one for one in self.world.all(DispatchDecision) if one.booking_id == key)
        return sorted(mine, key=lambda one: (one.at, one.round_id))

    def reason(self, key: UUID, crew: Crew) -> Hindrance | None:
        """Why a crew was not asked, in the last decision that knew of it."""
        verdicts = [
            verdict
            for decision in self.decisions(key)
            for verdict in decision.verdicts
            if verdict.unit_id == crew.unit_id
        ]
        return verdicts[-1].reason


Open = Callable[..., Awaitable[Fleet]]


@pytest.fixture
def open_fleet(make_world: Callable[..., Awaitable[Any]]) -> Open:
    """Opens a fleet with a crew at each distance; `policy` replaces parts of how it looks for them."""

    async def make(*metres: float, **policy: Any) -> Fleet:
        world = await make_world(dispatch=policy)
        service_id = uuid4()
        draft = DraftService(
            service_id=service_id,
            name="Wash at the kerb",
            category=SKILL,
            rule=PriceRule("fixed", PRICE),
            duration_minutes=30,
            reason="test",
        )
        await world.do(draft, world.admin)
        await world.do(PublishService(service_id=service_id, reason="test"), world.admin)
        fleet = Fleet(world, service_id)
        for one in metres:
            await fleet.join(metres=one)
        await fleet.report()
        return fleet

    return make
