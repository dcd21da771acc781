"""A city that is not there: a marketplace on a virtual clock, its operators, its demand, and its dispatch."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from marketplace.adapters.memory.store import MemoryStore
from marketplace.core.bookings.commands import CallOut
from marketplace.core.catalogue.pricing import PriceRule
from marketplace.core.catalogue.usecases import DraftService, PublishService
from marketplace.core.dispatch.presences import GoOnline
from marketplace.core.identity.usecases import GrantRoles
from marketplace.core.identity.user import user_id
from marketplace.core.providers.usecases import AddUnit, AmendProvider, ApplyAsProvider, MoveProvider
from marketplace.core.shared.events import Event
from marketplace.core.shared.ids import derive
from marketplace.core.shared.place import Place
from marketplace.core.shared.roles import Actor, Role
from marketplace.core.tenants.dispatching import DispatchPolicy
from marketplace.core.tenants.tenant import Mode, Tenant
from marketplace.core.tenants.usecases import OpenTenant
from marketplace.entrypoints.simulation.city.operators import Crew, Operator, Wish
from marketplace.entrypoints.simulation.city.plan import BEGIN, SKILL, Demand, Plan, demand, policy_of
from marketplace.entrypoints.simulation.lane import Lane
from marketplace.ports.geo import Assigner, Sighting
from marketplace.ports.vendors import Vendors

CUSTOMERS = 50
# Phones tell where they are about so often.
REPORTS = timedelta(seconds=60)
_DRAIN = timedelta(hours=2)
_CITIES = UUID("0190c5a0-0000-7000-8000-00000000c17e")


@dataclass
class City:
    """`asked` is when each booking was made; offers are counted as they are sent."""

    plan: Plan
    lane: Lane
    store: MemoryStore
    crew: Crew
    customers: list[Actor]
    service_id: UUID
    asked: dict[UUID, datetime] = field(default_factory=dict)
    offers: int = 0
    yes: int = 0

    def hear(self, event: Event) -> None:
        if event.name == "dispatch_offer.sent":
            self.offers += 1
            self.lane.agenda.put(lambda: self.crew.hear(event.subject_id), at=self.lane.now)
        elif event.name == "dispatch_offer.accepted":
            self.yes += 1

    async def live(self) -> None:
        """From the first wish to the last job, as far as somebody could be found for it."""
        for number, wish in enumerate(demand(self.plan)):
            self.lane.agenda.put(lambda n=number, w=wish: self._call_out(n, w), at=wish.at)
        self._report_later()
        await self.lane.until(self.plan.end + _DRAIN)

    async def _call_out(self, number: int, wish: Demand) -> None:
        key = derive(self.lane.tenant.id, "wish", number)
        self.asked[key] = wish.at
        self.crew.wishes[key] = Wish(number, key, wish)
        command = CallOut(
            booking_id=key, service_id=self.service_id, place=wish.place, payment_method="tok_success"
        )
        await self.lane.do(command, self.customers[number % len(self.customers)])

    async def _report(self) -> None:
        here = [self._sighting(one) for one in self.crew.operators.values() if one.online]
        await self.lane.desk.vendors.live_map.report(here)
        self._report_later()

    def _report_later(self) -> None:
        self.lane.agenda.put(self._report, at=self.lane.now + REPORTS)

    def _sighting(self, operator: Operator) -> Sighting:
        return Sighting(
            tenant_id=self.lane.tenant.id,
            unit_id=operator.unit_id,
            place=operator.place,
            skills=(SKILL,),
            load=len(operator.queue),
            load_max=self.lane.tenant.policy.dispatch.load_max,
        )


async def found(plan: Plan, dispatch: DispatchPolicy, *, name: str, assigner: Assigner | None = None) -> City:
    """A city with everybody in it; `assigner` where another one than the usual decides."""
    key = derive(_CITIES, plan.seed, name)
    tenant = Tenant(
        id=key, tenant_id=key, slug=f"city-{plan.seed}-{name}", mode=Mode.TEST, policy=policy_of(dispatch)
    )
    store = MemoryStore()
    lane = Lane(seed=f"{plan.seed}/{name}", tenant=tenant, storage=store, now=BEGIN)
    if assigner is not None:
        lane.desk = replace(lane.desk, vendors=_with(lane.desk.vendors, assigner))
    crew = Crew(lane=lane, seed=plan.seed)
    admin, customers, service_id = await _open(lane)
    city = City(plan, lane, store, crew, customers, service_id)
    random = Random(f"{plan.seed}/operators")  # noqa: S311 - a seeded city, no secret
    for number in range(plan.providers):
        operator = await _operator(lane, admin, number, plan.place(random))
        crew.operators[operator.unit_id] = operator
    lane.store.told = city.hear
    return city


def _with(vendors: Vendors, assigner: Assigner) -> Vendors:
    return replace(vendors, assigner=assigner)


async def _open(lane: Lane) -> tuple[Actor, list[Actor], UUID]:
    tenant = lane.tenant
    opening = OpenTenant(tenant_id=tenant.id, slug=tenant.slug, mode=tenant.mode, policy=tenant.policy)
    lane.tenant = await lane.do(opening)
    admin = await _person(lane, "+27820000000", Role.ADMIN)
    customers = [await _person(lane, f"+2783000{1000 + n:04d}", Role.CUSTOMER) for n in range(CUSTOMERS)]
    service_id = derive(tenant.id, "wash")
    drafted = DraftService(
        service_id=service_id,
        name="Wash at the kerb",
        category=SKILL,
        rule=PriceRule("fixed", 18_000),
        duration_minutes=30,
        reason="simulated",
    )
    await lane.do(drafted, admin)
    await lane.do(PublishService(service_id=service_id, reason="simulated"), admin)
    return admin, customers, service_id


async def _person(lane: Lane, phone: str, role: Role) -> Actor:
    await lane.do(GrantRoles(phone=phone, roles=(role,), reason="simulated"))
    return Actor(role, user_id(lane.tenant, phone))


async def _operator(lane: Lane, admin: Actor, number: int, place: Place) -> Operator:
    owner = await _person(lane, f"+2784{number:07d}", Role.CUSTOMER)
    provider_id = derive(lane.tenant.id, "provider", number)
    unit_id = derive(provider_id, "unit")
    await lane.do(ApplyAsProvider(provider_id=provider_id, name=f"Operator {number}"), owner)
    actor = Actor(Role.PROVIDER, owner.user_id, provider_id)
    steps: list[tuple[Any, Actor]] = [
        (AmendProvider(provider_id=provider_id, payee="payee_ok"), actor),
        (MoveProvider(provider_id=provider_id, move="verify", reason="simulated"), admin),
        (MoveProvider(provider_id=provider_id, move="activate", reason="simulated"), admin),
        (AddUnit(provider_id=provider_id, unit_id=unit_id, name="Van", skills=(SKILL,)), actor),
        (GoOnline(unit_id=unit_id, place=place), actor),
    ]
    for command, by in steps:
        await lane.do(command, by)
    return Operator(number, unit_id, actor, place)
