"""The world that is measured: providers with free time for every booking, and customers signed in."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from marketplace.core.catalogue.pricing import PriceRule
from marketplace.core.catalogue.service import Service
from marketplace.core.catalogue.service import State as ServiceState
from marketplace.core.identity.session import Session, Token
from marketplace.core.identity.user import User, user_id
from marketplace.core.providers.hours import OpeningHours
from marketplace.core.providers.provider import Provider, Unit
from marketplace.core.providers.provider import State as ProviderState
from marketplace.core.shared.ids import derive
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Mode, Tenant
from marketplace.entrypoints.blueprints import load_policy
from marketplace.entrypoints.directory import tenant_id_of
from marketplace.ports.storage import Batch, Store

SLUG = "bench"
PROVIDERS = 100
UNITS = 4
CUSTOMERS = 200
JOB = timedelta(minutes=30)
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
_ALWAYS = tuple(OpeningHours(day, "00:00", "24:00") for day in range(7))


@dataclass(frozen=True, slots=True)
class World:
    """Booking `n` is of a slot that no other has: see `slot`."""

    tenant: Tenant
    services: tuple[Service, ...]
    units: tuple[Unit, ...]
    bearers: tuple[str, ...]
    starts_at: datetime

    def slot(self, number: int) -> tuple[Service, datetime]:
        """Service and start of the n-th booking: all units of all providers, then the next half hour."""
        place, step = number % (PROVIDERS * UNITS), number // (PROVIDERS * UNITS)
        return self.services[place % PROVIDERS], self.starts_at + step * JOB

    @property
    def capacity(self) -> int:
        """How many bookings the horizon has room for."""
        days = self.tenant.policy.booking.horizon_days - 3
        return PROVIDERS * UNITS * days * 48


async def build(store: Store, *, seed: int) -> World:
    """Written as rows: what is measured comes later, through the front door."""
    random = Random(seed)  # noqa: S311 - a repeatable world, no secrets
    tenant_id = tenant_id_of(SLUG)
    tenant = Tenant(
        id=tenant_id,
        tenant_id=tenant_id,
        version=1,
        slug=SLUG,
        mode=Mode.TEST,
        policy=load_policy("home-services"),
        salt="bench",
    )
    await store.write(Batch(tenant_id=tenant_id, added=(tenant,)))
    providers = [_provider(tenant, number) for number in range(PROVIDERS)]
    services = tuple(_service(provider) for provider in providers)
    units = tuple(_unit(provider, number) for provider in providers for number in range(UNITS))
    people = [_customer(tenant, number, random) for number in range(CUSTOMERS)]
    now = datetime.now(UTC)
    await store.write(Batch(tenant_id=tenant_id, added=(*providers, *services, *units)))
    for version, state in ((2, ProviderState.VERIFIED), (3, ProviderState.ACTIVE)):
        moved = tuple(replace(provider, version=version, state=state) for provider in providers)
        await store.write(Batch(tenant_id=tenant_id, saved=moved))
    shown = tuple(replace(service, version=2, state=ServiceState.PUBLISHED) for service in services)
    await store.write(Batch(tenant_id=tenant_id, saved=shown))
    await store.write(Batch(tenant_id=tenant_id, added=tuple(user for user, _, _ in people)))
    await store.write(Batch(tenant_id=tenant_id, added=tuple(session for _, session, _ in people)))
    tomorrow = (now + timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)
    return World(tenant, shown, units, tuple(token.text() for _, _, token in people), tomorrow)


def _provider(tenant: Tenant, number: int) -> Provider:
    return Provider(
        id=derive(tenant.id, "provider", number),
        tenant_id=tenant.id,
        version=1,
        owner_id=user_id(tenant, _phone(number)),
        name=f"Provider {number}",
        time_zone=tenant.policy.time_zone,
        hours=_ALWAYS,
        notice_minutes=0,
        applied_at=_LONG_AGO,
    )


def _service(provider: Provider) -> Service:
    return Service(
        id=derive(provider.id, "service"),
        tenant_id=provider.tenant_id,
        version=1,
        provider_id=provider.id,
        name="Half an hour",
        category="bench",
        rule=PriceRule("fixed", 25_000),
        duration_minutes=30,
        duration_max_minutes=30,
        drafted_at=_LONG_AGO,
    )


def _unit(provider: Provider, number: int) -> Unit:
    key = derive(provider.id, "unit", number)
    return Unit(
        id=key,
        tenant_id=provider.tenant_id,
        version=1,
        provider_id=provider.id,
        name=f"Unit {number}",
        added_at=_LONG_AGO,
    )


def _phone(number: int) -> str:
    return f"+2760{number:07d}"


def _customer(tenant: Tenant, number: int, random: Random) -> tuple[User, Session, Token]:
    phone = _phone(number)
    user = User(id=user_id(tenant, phone), tenant_id=tenant.id, version=1, phone=phone, joined_at=_LONG_AGO)
    session_id = derive(user.id, "session")
    token = Token(tenant.id, session_id, random.randbytes(32))
    until = datetime.now(UTC) + timedelta(hours=1)
    session = Session(
        id=session_id,
        tenant_id=tenant.id,
        version=1,
        user_id=user.id,
        role=Role.CUSTOMER,
        access_digest=token.digest,
        refresh_digest=token.digest,
        opened_at=_LONG_AGO,
        access_until=until,
        refresh_until=until,
    )
    return user, session, token


def booking_id(number: int, run: UUID) -> UUID:
    """As a client makes one up, and the same again when the booking is read."""
    return UUID(bytes=derive(run, number).bytes, version=4)
