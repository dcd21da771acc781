"""A small marketplace: providers with a few units each, their services, one of the house, and customers."""

from dataclasses import dataclass
from uuid import UUID

from marketplace.adapters.sandbox.inbox import NUMBERS
from marketplace.core.catalogue.pricing import Option, PriceRule
from marketplace.core.catalogue.usecases import DraftService, PublishService
from marketplace.core.identity.usecases import GrantRoles
from marketplace.core.identity.user import user_id
from marketplace.core.providers.hours import OpeningHours
from marketplace.core.providers.usecases import AddUnit, AmendProvider, ApplyAsProvider, MoveProvider
from marketplace.core.shared.ids import derive
from marketplace.core.shared.place import Place
from marketplace.core.shared.roles import Actor, Role
from marketplace.core.tenants.usecases import OpenTenant
from marketplace.entrypoints.simulation.lane import Lane

DAYS_A_WEEK = 7
SKILL, HERE = "car-wash", Place(-26.125, 28.125)  # what call-outs ask for, and where
OPENS, CLOSES = "06:00", "22:00"
_TROUBLE_EVERY = 5
_TROUBLED = tuple(NUMBERS)


@dataclass(frozen=True, slots=True)
class Shop:
    """A provider, as whoever acts for it, and what it sells."""

    provider_id: UUID
    actor: Actor
    service_id: UUID
    unit_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Market:
    admin: Actor
    approver: Actor
    customers: tuple[Actor, ...]
    shops: tuple[Shop, ...]
    house_id: UUID

    def customer(self, user_id: UUID) -> Actor:
        return Actor(Role.CUSTOMER, user_id)

    def shop(self, provider_id: UUID) -> Shop:
        return next(shop for shop in self.shops if shop.provider_id == provider_id)


async def open_market(lane: Lane, *, payees: tuple[str, ...], units: int = 3, customers: int = 40) -> Market:
    """One shop for each payee, and some phone numbers by which the sandbox's channel makes trouble."""
    tenant = lane.tenant
    opening = OpenTenant(tenant_id=tenant.id, slug=tenant.slug, mode=tenant.mode, policy=tenant.policy)
    lane.tenant = await lane.do(opening)
    admin, approver = [await _person(lane, f"+2783000000{number}", Role.ADMIN) for number in range(2)]
    people = [await _person(lane, _phone(1_000, number), Role.CUSTOMER) for number in range(customers)]
    shops = [
        await _shop(lane, admin, _phone(2_000, number), payee, units) for number, payee in enumerate(payees)
    ]
    return Market(admin, approver, tuple(people), tuple(shops), await _house_service(lane, admin))


def _phone(series: int, number: int) -> str:
    """Every fifth number ends as those do by which the sandbox's channel makes trouble."""
    group, place = divmod(number, _TROUBLE_EVERY)
    troubled = place == _TROUBLE_EVERY - 1
    last = _TROUBLED[group % len(_TROUBLED)] if troubled else f"{series + number:04d}"
    return f"+278{series + number:04d}{last}"


async def _person(lane: Lane, phone: str, role: Role) -> Actor:
    await lane.do(GrantRoles(phone=phone, roles=(role,), name=f"{role} {phone[-4:]}", reason="simulated"))
    return Actor(role, user_id(lane.tenant, phone))


async def _shop(lane: Lane, admin: Actor, phone: str, payee: str, units: int) -> Shop:
    owner = await _person(lane, phone, Role.CUSTOMER)
    provider_id = derive(lane.tenant.id, "provider", phone)
    await lane.do(ApplyAsProvider(provider_id=provider_id, name=f"Shop {phone[-4:]}"), owner)
    actor = Actor(Role.PROVIDER, owner.user_id, provider_id)
    hours = tuple(OpeningHours(day, OPENS, CLOSES) for day in range(DAYS_A_WEEK))
    await lane.do(
        AmendProvider(provider_id=provider_id, hours=hours, buffer_after_minutes=15, payee=payee), actor
    )
    for move in ("verify", "activate"):
        await lane.do(MoveProvider(provider_id=provider_id, move=move, reason="simulated"), admin)
    unit_ids = tuple(derive(provider_id, "unit", number) for number in range(units))
    for number, unit_id in enumerate(unit_ids):
        unit = AddUnit(provider_id=provider_id, unit_id=unit_id, name=f"Crew {number}", skills=(SKILL,))
        await lane.do(unit, actor)
    service_id = derive(provider_id, "service")
    await lane.do(
        DraftService(
            service_id=service_id,
            provider_id=provider_id,
            name="Deep clean",
            category="cleaning",
            rule=PriceRule("fixed", 45_000, call_out_minor=5_000),
            options=(Option("oven", "Oven", 9_999, 2),),
            duration_minutes=90,
        ),
        actor,
    )
    await lane.do(PublishService(service_id=service_id), actor)
    return Shop(provider_id, actor, service_id, unit_ids)


async def _house_service(lane: Lane, admin: Actor) -> UUID:
    service_id = derive(lane.tenant.id, "house")
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
    return service_id
