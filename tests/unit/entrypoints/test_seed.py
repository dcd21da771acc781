from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from marketplace.adapters.memory.store import MemoryStore
from marketplace.adapters.sandbox.tokens import METHODS
from marketplace.core.bookings.booking import State as BookingState
from marketplace.core.bookings.commands import CreateBooking
from marketplace.core.catalogue.availability import diary, held_around, price_of
from marketplace.core.catalogue.service import Service
from marketplace.core.catalogue.service import State as ServiceState
from marketplace.core.catalogue.slots import Slot, free_slots
from marketplace.core.catalogue.usecases import WithdrawService
from marketplace.core.identity.user import User
from marketplace.core.lifecycles import AGGREGATES
from marketplace.core.marketplace import run
from marketplace.core.providers.provider import State as ProviderState
from marketplace.core.providers.queries import ActiveUnits
from marketplace.core.shared.events import Event
from marketplace.core.shared.ids import derive
from marketplace.core.shared.period import Period
from marketplace.core.shared.roles import Actor, Role
from marketplace.core.tenants.tenant import Call, Mode, Tenant
from marketplace.core.tenants.usecases import MoveClock
from marketplace.entrypoints.blueprints import load, names
from marketplace.entrypoints.directory import tenant_id_of
from marketplace.entrypoints.seed import Seeded, seed
from marketplace.ports.storage import AlreadyThere, Batch, Work

NOW = datetime(2026, 11, 20, 9, 7, tzinfo=UTC)  # a Friday
WEEK = [NOW + timedelta(days=day, hours=5 * day) for day in range(7)]


@dataclass(frozen=True)
class Every:
    """All rows of a kind."""

    kind: type

    def matches(self, _row: Any) -> bool:
        return True


class CountingStore(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    async def write(self, batch: Batch) -> None:
        self.writes += 1
        await super().write(batch)


class BreakingStore(CountingStore):
    """Has lost its database after so many writes; -1 for never."""

    def __init__(self, survived: int) -> None:
        super().__init__()
        self.survived = survived

    async def write(self, batch: Batch) -> None:
        if self.writes == self.survived:
            raise ConnectionError
        await super().write(batch)


async def everything(store: MemoryStore, tenant_id: UUID) -> Sequence[Any]:
    return await store.read(tenant_id, [Every(kind) for kind in (*AGGREGATES, Event)])


async def seeded(store: MemoryStore, name: str, now: datetime = NOW) -> Seeded:
    return await seed(store=store, blueprint=load(name), slug=name, now=now, entropy=bytes(32))


def call_of(shop: Seeded, actor: Actor, now: datetime) -> Call:
    return Call(actor=actor, tenant=shop.tenant, at=now, request_id="test", entropy=b"e" * 32)


async def slots_of(store: MemoryStore, shop: Seeded, service: Service, now: datetime) -> tuple[Slot, ...]:
    """Those of the next seven days."""
    provider = next(one for one in shop.providers if one.id == service.provider_id)
    within = Period(now, now + timedelta(days=7))
    held = held_around(provider, within=within, duration=service.duration)
    units, reserved = await store.read(shop.tenant.id, [ActiveUnits(provider_id=provider.id), held])
    facts = diary(
        provider=provider,
        units=units,
        held=reserved,
        policy=shop.tenant.policy,
        duration=service.duration,
        within=within,
        now=now,
    )
    return free_slots(facts, within=within)


@pytest.mark.parametrize("name", names())
class TestSeed:
    async def test_opens_a_test_marketplace_with_everybody_ready(self, name: str) -> None:
        shop = await seeded(MemoryStore(), name)

        assert (shop.tenant.slug, shop.tenant.mode) == (name, Mode.TEST)
        assert shop.tenant.policy == load(name).policy
        assert {one.state for one in shop.providers} == {ProviderState.ACTIVE}
        assert {one.state for one in shop.services} == {ServiceState.PUBLISHED}
        assert all(one.payee and one.hours and one.place for one in shop.providers)

    async def test_tells_who_can_sign_in_as_what(self, name: str) -> None:
        store = MemoryStore()

        shop = await seeded(store, name)

        assert {one.role for one in shop.people} == {Role.CUSTOMER, Role.PROVIDER, Role.SUPPORT, Role.ADMIN}
        for person in shop.people:
            user = await Work(store, shop.tenant.id).get(User, person.user_id)
            assert person.role in user.roles
            assert (person.phone, person.name, person.provider_id) == (
                user.phone,
                user.name,
                user.provider_id,
            )

    async def test_changes_nothing_the_second_time(self, name: str) -> None:
        store = CountingStore()
        first = await seeded(store, name)
        before, writes = await everything(store, first.tenant.id), store.writes

        second = await seeded(store, name, now=NOW + timedelta(days=3))

        assert second == first
        assert await everything(store, first.tenant.id) == before
        assert store.writes == writes > 0

    @pytest.mark.parametrize("survived", [1, 2, 6, 7, 8, 9, 10, 12, 15])
    async def test_takes_up_where_it_was_broken_off(self, name: str, survived: int) -> None:
        store = BreakingStore(survived)
        with pytest.raises(ConnectionError):
            await seeded(store, name)
        store.survived = -1

        assert await seeded(store, name) == await seeded(MemoryStore(), name)

    async def test_leaves_what_its_people_changed(self, name: str) -> None:
        store = MemoryStore()
        shop = await seeded(store, name)
        owner = next(one for one in shop.people if one.provider_id == shop.services[0].provider_id)
        withdraw = WithdrawService(service_id=shop.services[0].id)
        await run(withdraw, call=call_of(shop, owner.actor, NOW), store=store)

        again = await seeded(store, name)

        assert again.services[0].state == ServiceState.WITHDRAWN

    @pytest.mark.parametrize("now", WEEK)
    async def test_shows_free_slots_of_every_service_next_week(self, name: str, now: datetime) -> None:
        store = MemoryStore()
        shop = await seeded(store, name, now)

        free = {service.name: len(await slots_of(store, shop, service, now)) for service in shop.services}

        assert all(free.values()), free

    async def test_sells_every_service_at_the_price_that_it_shows(self, name: str) -> None:
        for service in (await seeded(MemoryStore(), name)).services:
            store = MemoryStore()
            shop = await seeded(store, name)
            call = call_of(shop, shop.first(Role.CUSTOMER).actor, NOW)
            provider = next(one for one in shop.providers if one.id == service.provider_id)
            slot = (await slots_of(store, shop, service, NOW))[-1]
            shown = price_of(
                service=service,
                chosen=(),
                duration=service.duration,
                starts_at=slot.start,
                time_zone=provider.time_zone,
                policy=shop.tenant.policy,
            )
            command = CreateBooking(
                booking_id=derive(service.id, "booking"),
                provider_id=provider.id,
                service_id=service.id,
                starts_at=slot.start,
                payment_method=next(iter(METHODS)),
            )

            booking = await run(command, call=call, store=store)

            assert booking.state == BookingState.AWAITING_PAYMENT
            assert booking.price == shown
            assert shown.vat_minor > 0
            assert 0 < shown.provider_minor < shown.total_minor


class TestSeeded:
    async def test_keeps_marketplaces_of_one_business_apart(self) -> None:
        store, blueprint = MemoryStore(), load("curbside")

        north = await seed(store=store, blueprint=blueprint, slug="north", now=NOW, entropy=bytes(32))
        south = await seed(store=store, blueprint=blueprint, slug="south", now=NOW, entropy=bytes(32))

        assert north.tenant.id != south.tenant.id
        assert not {one.user_id for one in north.people} & {one.user_id for one in south.people}

    async def test_refuses_a_slug_that_another_marketplace_has(self) -> None:
        store, blueprint = MemoryStore(), load("curbside")
        await seed(store=store, blueprint=blueprint, slug="north", now=NOW, entropy=bytes(32))

        with pytest.raises(AlreadyThere):
            await seed(
                store=store,
                blueprint=blueprint,
                slug="north",
                now=NOW,
                entropy=bytes(32),
                tenant_id=UUID(int=5),
            )

    async def test_acts_at_the_time_of_a_marketplace_whose_clock_is_ahead(self) -> None:
        store = BreakingStore(survived=2)
        with pytest.raises(ConnectionError):
            await seeded(store, "curbside")
        store.survived = -1
        tenant = (await store.read(tenant_id_of("curbside"), [Every(Tenant)]))[0][0]
        admin = Call(actor=Actor(Role.ADMIN, UUID(int=1)), tenant=tenant, at=NOW, request_id="test")
        await run(MoveClock(seconds=3600, reason="test"), call=admin, store=store)

        shop = await seeded(store, "curbside")

        (events,) = await store.read(shop.tenant.id, [Every(Event)])
        assert {one.at for one in events if one.kind == "provider"} == {NOW + timedelta(hours=1)}
