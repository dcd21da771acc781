"""A demo is made by the very commands that everybody uses, and once however often it is asked for."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from marketplace.core.catalogue.service import Service
from marketplace.core.catalogue.service import State as ServiceState
from marketplace.core.catalogue.usecases import DraftService, PublishService
from marketplace.core.identity.usecases import GrantRoles
from marketplace.core.identity.user import User, user_id
from marketplace.core.marketplace import run
from marketplace.core.providers.provider import Provider, Unit
from marketplace.core.providers.provider import State as ProviderState
from marketplace.core.providers.usecases import AddUnit, AmendProvider, ApplyAsProvider, MoveProvider
from marketplace.core.shared.errors import MoveRefused, Refused
from marketplace.core.shared.ids import derive
from marketplace.core.shared.place import Place
from marketplace.core.shared.roles import SYSTEM, Actor, Role
from marketplace.core.tenants.tenant import Call, Mode, Tenant
from marketplace.core.tenants.usecases import OpenTenant
from marketplace.entrypoints.blueprints import Blueprint, DemoPerson, DemoProvider, DemoService
from marketplace.entrypoints.directory import tenant_id_of
from marketplace.ports.storage import Stale, Store, Work

REQUEST_ID = "seed"
_REASON = "demo"

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInAs:
    """Somebody of the demo, who signs in as `role` by a code sent to `phone`."""

    role: Role
    name: str
    phone: str
    user_id: UUID
    provider_id: UUID | None = None
    address: str | None = None
    place: Place | None = None

    @property
    def actor(self) -> Actor:
        return Actor(self.role, user_id=self.user_id, provider_id=self.provider_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """The demo's marketplace, who can sign in as what, and what providers and the house have on show."""

    tenant: Tenant
    people: tuple[SignInAs, ...]
    providers: tuple[Provider, ...]
    services: tuple[Service, ...]
    house: tuple[Service, ...]

    def first(self, role: Role) -> SignInAs:
        return next(person for person in self.people if person.role == role)


@dataclass(frozen=True, slots=True)
class _Planted:
    owner: SignInAs
    provider: Provider
    services: tuple[Service, ...]


async def seed(
    *,
    store: Store,
    blueprint: Blueprint,
    slug: str,
    now: datetime,
    entropy: bytes,
    tenant_id: UUID | None = None,
) -> Seeded:
    """
    Open the marketplace in test mode and bring in its people; what stands already is left as it is.

    `now` is real time; of `entropy` a new marketplace makes its secrets. Raises AlreadyThere where another
    marketplace has the slug.
    """
    tenant = await _open(
        store, blueprint, slug=slug, key=tenant_id or tenant_id_of(slug), now=now, entropy=entropy
    )
    call = Call(actor=SYSTEM, tenant=tenant, at=tenant.now(now), request_id=REQUEST_ID)
    demo = blueprint.demo
    admin = await _person(demo.admin, Role.ADMIN, call=call, store=store)
    approver = await _person(demo.approver, Role.ADMIN, call=call, store=store)
    support = await _person(demo.support, Role.SUPPORT, call=call, store=store)
    customers = [await _person(one, Role.CUSTOMER, call=call, store=store) for one in demo.customers]
    planted = [await _provider(one, admin, call=call, store=store) for one in demo.providers]
    as_admin = replace(call, actor=admin.actor)
    house = [await _service(one, None, call=as_admin, store=store) for one in demo.services]
    return Seeded(
        tenant=tenant,
        people=(*customers, *(one.owner for one in planted), support, admin, approver),
        providers=tuple(one.provider for one in planted),
        services=tuple(service for one in planted for service in one.services),
        house=tuple(house),
    )


async def _open(
    store: Store, blueprint: Blueprint, *, slug: str, key: UUID, now: datetime, entropy: bytes
) -> Tenant:
    planned = Tenant(id=key, tenant_id=key, slug=slug, mode=Mode.TEST, policy=blueprint.policy)
    call = Call(actor=SYSTEM, tenant=planned, at=now, request_id=REQUEST_ID, entropy=entropy)
    command = OpenTenant(tenant_id=key, slug=slug, mode=Mode.TEST, policy=blueprint.policy)
    return await _made(Tenant, key, command, call=call, store=store)


async def _person(person: DemoPerson, role: Role, *, call: Call, store: Store) -> SignInAs:
    key = user_id(call.tenant, person.phone)
    command = GrantRoles(phone=person.phone, roles=(role,), name=person.name, reason=_REASON)
    user = await _made(User, key, command, call=call, store=store)
    return SignInAs(
        role=role,
        name=user.name,
        phone=user.phone,
        user_id=key,
        address=person.address,
        place=person.place,
    )


async def _provider(demo: DemoProvider, admin: SignInAs, *, call: Call, store: Store) -> _Planted:
    person = await _person(demo.owner, Role.CUSTOMER, call=call, store=store)
    key = derive(call.tenant_id, "provider", demo.owner.phone)
    owner = replace(person, role=Role.PROVIDER, provider_id=key)
    apply = ApplyAsProvider(provider_id=key, name=demo.name, about=demo.about)
    provider = await _made(Provider, key, apply, call=replace(call, actor=person.actor), store=store)
    while (step := _next_step(provider, demo, owner=owner.actor, admin=admin.actor)) is not None:
        command, actor = step
        with suppress(MoveRefused, Stale):  # somebody else is seeding, and was faster
            await run(command, call=replace(call, actor=actor), store=store)
        provider = await _standing(Provider, key, call=call, store=store)
    as_owner = replace(call, actor=owner.actor)
    await _add_units(demo, key, call=as_owner, store=store)
    services = [await _service(one, key, call=as_owner, store=store) for one in demo.services]
    return _Planted(owner, provider, tuple(services))


def _next_step(
    provider: Provider, demo: DemoProvider, *, owner: Actor, admin: Actor
) -> tuple[AmendProvider | MoveProvider, Actor] | None:
    """What a new provider lacks until it can be booked, and who does it."""
    match provider.state:
        case ProviderState.APPLIED if not provider.hours:
            return _description(provider, demo), owner
        case ProviderState.APPLIED:
            return MoveProvider(provider_id=provider.id, move="verify", reason=_REASON), admin
        case ProviderState.VERIFIED:
            return MoveProvider(provider_id=provider.id, move="activate", reason=_REASON), owner
        case _:
            return None


def _description(provider: Provider, demo: DemoProvider) -> AmendProvider:
    return AmendProvider(
        provider_id=provider.id,
        place=demo.place,
        hours=demo.hours,
        buffer_before_minutes=demo.buffer_before_minutes,
        buffer_after_minutes=demo.buffer_after_minutes,
        notice_minutes=demo.notice_minutes,
        payee=demo.payee,
    )


async def _add_units(demo: DemoProvider, provider_id: UUID, *, call: Call, store: Store) -> None:
    for name in demo.units:
        key = derive(provider_id, "unit", name)
        command = AddUnit(
            provider_id=provider_id,
            unit_id=key,
            name=name,
            skills=demo.skills,
            base=demo.place if demo.reach_metres else None,
            reach_metres=demo.reach_metres,
        )
        await _made(Unit, key, command, call=call, store=store)


async def _service(demo: DemoService, provider_id: UUID | None, *, call: Call, store: Store) -> Service:
    """The house's own where there is no provider."""
    key = derive(provider_id or call.tenant_id, "service", demo.name)
    draft = DraftService(
        service_id=key,
        provider_id=provider_id,
        name=demo.name,
        category=demo.category,
        rule=demo.rule,
        duration_minutes=demo.duration_minutes,
        duration_max_minutes=demo.duration_max_minutes,
        description=demo.description,
        options=demo.options,
        reason=_REASON,
    )
    service = await _made(Service, key, draft, call=call, store=store)
    if service.state == ServiceState.DRAFT:
        with suppress(MoveRefused, Stale):  # somebody else is seeding, and was faster
            await run(PublishService(service_id=key, reason=_REASON), call=call, store=store)
        service = await _standing(Service, key, call=call, store=store)
    return service


async def _made(kind: type[R], key: UUID, command: Any, *, call: Call, store: Store) -> R:
    """The row with this id, made by the command where there is none."""
    standing = await _find(kind, key, call=call, store=store)
    if standing is not None:
        return standing
    try:
        await run(command, call=call, store=store)
    except Refused:  # as it is by whoever seeds at the same time and was faster
        if await _find(kind, key, call=call, store=store) is None:
            raise
    return await _standing(kind, key, call=call, store=store)


async def _standing(kind: type[R], key: UUID, *, call: Call, store: Store) -> R:
    return await Work(store, call.tenant_id).get(kind, key)


async def _find(kind: type[R], key: UUID, *, call: Call, store: Store) -> R | None:
    return await Work(store, call.tenant_id).find(kind, key)
