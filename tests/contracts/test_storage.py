"""What every storage promises, whichever it is."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.adapters.memory.store import MemoryStore
from marketplace.adapters.postgres.engine import create_engine
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.core.ledger.movement import Movement, Posting
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.providers.provider import Unit, UnitState
from marketplace.core.providers.queries import ActiveUnits
from marketplace.core.providers.reservation import Reservation
from marketplace.core.shared.aggregate import create, move
from marketplace.core.shared.events import Event
from marketplace.core.shared.roles import SYSTEM, Actor, Role
from marketplace.core.tenants.policy import CancellationTerms, CancellationTier, Policy
from marketplace.core.tenants.tenant import Call, Mode, Tenant
from marketplace.ports.storage import (
    AlreadyThere,
    Among,
    Batch,
    Broken,
    Named,
    One,
    Overlap,
    Stale,
    Store,
    Work,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
POLICY = Policy(
    blueprint="curbside",
    currency="ZAR",
    locale="en-ZA",
    country="ZA",
    time_zone="Africa/Johannesburg",
    cancellation=CancellationTerms(tiers=(CancellationTier(0, 5_000),)),
)


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Every storage that keeps the contract: the next one joins here."""
    if request.param == "memory":
        yield MemoryStore()
        return
    engine = create_engine(request.getfixturevalue("shared_url"))
    yield PostgresStore(engine)
    await engine.dispose()


def call_of(tenant: Tenant, role: Role = Role.SYSTEM) -> Call:
    actor = SYSTEM if role is Role.SYSTEM else Actor(role)
    return Call(actor=actor, tenant=tenant, at=NOON, request_id="test")


def new_tenant(slug: str | None = None) -> Tenant:
    key = uuid4()
    return Tenant(id=key, tenant_id=key, slug=slug or key.hex, mode=Mode.TEST, policy=POLICY)


@pytest.fixture
def tenant() -> Tenant:
    return new_tenant()


@pytest.fixture
def call(tenant: Tenant) -> Call:
    return call_of(tenant, Role.ADMIN)


@pytest.fixture
def work(store: Store, tenant: Tenant) -> Work:
    return Work(store, tenant.id)


def fresh(work: Work) -> Work:
    return Work(work.store, work.tenant_id)


async def written(work: Work) -> None:
    await work.store.write(work.batch([]))


def unit_of(tenant: Tenant, provider_id: UUID | None = None, **fields: Any) -> Unit:
    return Unit(
        id=uuid4(),
        tenant_id=tenant.id,
        provider_id=provider_id or uuid4(),
        name="Crew",
        added_at=NOON,
        **fields,
    )


def reservation_of(tenant: Tenant, unit_id: UUID, start: datetime, end: datetime) -> Reservation:
    return Reservation(
        id=uuid4(),
        tenant_id=tenant.id,
        provider_id=uuid4(),
        unit_id=unit_id,
        booking_id=uuid4(),
        starts_at=start,
        ends_at=end,
    )


def payment_of(tenant: Tenant, **fields: Any) -> Payment:
    return Payment(
        id=uuid4(),
        tenant_id=tenant.id,
        booking_id=uuid4(),
        customer_id=uuid4(),
        provider_id=uuid4(),
        rail="sandbox",
        method="tok",
        hold=False,
        currency="ZAR",
        amount_minor=100,
        created_at=NOON,
        **fields,
    )


def movement_of(tenant: Tenant, key: str) -> Movement:
    return Movement(
        id=uuid4(), tenant_id=tenant.id, key=key, name="paid", subject_id=uuid4(), booking_id=None, at=NOON
    )


def posting_of(movement: Movement, amount_minor: int, currency: str = "ZAR") -> Posting:
    return Posting(
        id=uuid4(),
        tenant_id=movement.tenant_id,
        movement_id=movement.id,
        account="bank",
        amount_minor=amount_minor,
        currency=currency,
    )


class TestAggregates:
    async def test_come_back_as_they_were_written(self, work: Work, tenant: Tenant, call: Call) -> None:
        unit = work.add(create(unit_of(tenant), call))

        await written(work)

        assert await fresh(work).get(Unit, unit.id) == unit

    async def test_come_back_with_what_is_nested_in_them(
        self, work: Work, tenant: Tenant, call: Call
    ) -> None:
        stored = work.add(create(tenant, call))

        await written(work)

        assert await fresh(work).get(Tenant, tenant.id) == stored

    async def test_are_refused_a_second_time(self, work: Work, tenant: Tenant, call: Call) -> None:
        unit = unit_of(tenant)
        work.add(create(unit, call))
        await written(work)

        again = fresh(work)
        again.add(create(unit, call))
        with pytest.raises(AlreadyThere) as refused:
            await written(again)

        assert refused.value.facts["rule"] == "unit_pkey"

    async def test_are_kept_as_last_saved(self, work: Work, tenant: Tenant, call: Call) -> None:
        unit = work.add(create(unit_of(tenant), call))
        await written(work)

        later = fresh(work)
        retired = later.save(move(unit, "retire", call))
        await written(later)

        assert await fresh(work).get(Unit, unit.id) == retired

    async def test_are_not_saved_from_a_stale_version(self, work: Work, tenant: Tenant, call: Call) -> None:
        unit = work.add(create(unit_of(tenant), call))
        await written(work)
        first, second = fresh(work), fresh(work)
        first.save(move(unit, "retire", call))
        second.save(move(unit, "retire", call))
        await written(first)

        with pytest.raises(Stale):
            await written(second)

    async def test_are_not_saved_where_there_are_none(self, work: Work, tenant: Tenant, call: Call) -> None:
        work.save(move(create(unit_of(tenant), call).subject, "retire", call))

        with pytest.raises(Stale):
            await written(work)

    async def test_never_begin_in_a_later_state(self, work: Work, tenant: Tenant, call: Call) -> None:
        late = replace(unit_of(tenant), version=1, state=UnitState.RETIRED)

        with pytest.raises(Broken):
            await work.store.write(Batch(tenant_id=tenant.id, added=(late,)))

    async def test_never_skip_a_state(self, work: Work, tenant: Tenant, call: Call) -> None:
        payment = work.add(create(payment_of(tenant), call))
        await written(work)
        settled = replace(payment, version=2, state=PaymentState.SETTLED, rail_reference="r")

        with pytest.raises(Broken):
            await work.store.write(Batch(tenant_id=tenant.id, saved=(settled,)))


class TestGuards:
    async def test_refuse_what_has_moved_since(self, work: Work, tenant: Tenant, call: Call) -> None:
        unit = work.add(create(unit_of(tenant), call))
        await written(work)
        mover = fresh(work)
        mover.save(move(unit, "retire", call))
        await written(mover)

        relying = fresh(work)
        relying.guard(unit)
        relying.add(create(unit_of(tenant), call))

        with pytest.raises(Stale):
            await written(relying)

    async def test_let_pass_what_stands(self, work: Work, tenant: Tenant, call: Call) -> None:
        unit = work.add(create(unit_of(tenant), call))
        await written(work)

        relying = fresh(work)
        relying.guard(unit)
        relying.guard(unit)
        other = relying.add(create(unit_of(tenant), call))
        await written(relying)

        assert await fresh(work).find(Unit, other.id) == other

    async def test_may_name_what_is_saved_too(self, work: Work, tenant: Tenant, call: Call) -> None:
        unit = work.add(create(unit_of(tenant), call))
        await written(work)

        both = fresh(work)
        both.guard(unit)
        retired = both.save(move(unit, "retire", call))
        await written(both)

        assert await fresh(work).get(Unit, unit.id) == retired

    async def test_alone_write_nothing_and_ask_nothing(self, work: Work, tenant: Tenant, call: Call) -> None:
        work.guard(create(unit_of(tenant), call).subject)

        await written(work)

        assert work.empty


class TestWrites:
    async def test_leave_nothing_of_what_was_refused(self, work: Work, tenant: Tenant, call: Call) -> None:
        taken = work.add(create(unit_of(tenant), call))
        moved = work.add(create(unit_of(tenant), call))
        await written(work)
        refused = fresh(work)
        bystander = refused.add(create(unit_of(tenant), call))
        refused.save(move(moved, "retire", call))
        refused.add(create(replace(taken, version=0), call))

        with pytest.raises(AlreadyThere):
            await written(refused)

        after = fresh(work)
        assert await after.find(Unit, bystander.id) is None
        assert await after.get(Unit, moved.id) == moved
        assert await after.find(Event, refused.events[0].id) is None

    async def test_of_nothing_are_no_write(self, work: Work) -> None:
        await written(work)

        assert await work.find(Unit, uuid4()) is None

    async def test_of_fifty_who_saw_one_version_let_one_through(
        self, work: Work, tenant: Tenant, call: Call
    ) -> None:
        unit = work.add(create(unit_of(tenant), call))
        await written(work)

        async def attempt() -> bool:
            mine = fresh(work)
            mine.save(move(unit, "retire", call))
            try:
                await written(mine)
            except Stale:
                return False
            return True

        outcomes = await asyncio.gather(*(attempt() for _ in range(50)))

        assert sum(outcomes) == 1


class TestEvents:
    async def test_tell_the_history_of_a_subject(self, work: Work, tenant: Tenant, call: Call) -> None:
        unit = work.add(create(unit_of(tenant), call))
        await written(work)

        event = await fresh(work).get(Event, work.events[0].id)

        assert event == work.events[0]
        assert (event.subject_id, event.version, event.after) == (unit.id, 1, "active")

    async def test_tell_each_version_once(self, work: Work, tenant: Tenant, call: Call) -> None:
        work.add(create(unit_of(tenant), call))
        await written(work)
        forged = replace(work.events[0], id=uuid4())

        with pytest.raises(AlreadyThere) as refused:
            await work.store.write(Batch(tenant_id=tenant.id, events=(forged,)))

        assert refused.value.facts["rule"] == "event_subject_id_version_key"


class TestCapacity:
    async def test_is_not_sold_twice(self, work: Work, tenant: Tenant, call: Call) -> None:
        unit_id = uuid4()
        work.add(create(reservation_of(tenant, unit_id, NOON, NOON + 2 * HOUR), call))
        await written(work)

        second = fresh(work)
        second.add(create(reservation_of(tenant, unit_id, NOON + HOUR, NOON + 3 * HOUR), call))

        with pytest.raises(Overlap) as refused:
            await written(second)
        assert refused.value.facts["rule"] == "reservation_no_overlap"

    async def test_is_sold_next_to_what_is_sold(self, work: Work, tenant: Tenant, call: Call) -> None:
        unit_id = uuid4()
        work.add(create(reservation_of(tenant, unit_id, NOON, NOON + HOUR), call))
        work.add(create(reservation_of(tenant, unit_id, NOON + HOUR, NOON + 2 * HOUR), call))
        work.add(create(reservation_of(tenant, uuid4(), NOON, NOON + HOUR), call))

        await written(work)

    async def test_is_not_sold_twice_by_one_write(self, work: Work, tenant: Tenant, call: Call) -> None:
        unit_id = uuid4()
        work.add(create(reservation_of(tenant, unit_id, NOON, NOON + HOUR), call))
        work.add(create(reservation_of(tenant, unit_id, NOON, NOON + HOUR), call))

        with pytest.raises(Overlap):
            await written(work)

    async def test_moves_over_what_the_same_write_gives_back(
        self, work: Work, tenant: Tenant, call: Call
    ) -> None:
        unit_id = uuid4()
        held = work.add(create(reservation_of(tenant, unit_id, NOON, NOON + HOUR), call))
        await written(work)

        later = fresh(work)
        later.save(move(held, "release", call))
        new = later.add(create(reservation_of(tenant, unit_id, NOON, NOON + HOUR), call))
        await written(later)

        assert await fresh(work).get(Reservation, new.id) == new

    async def test_is_the_same_for_another_marketplace(self, store: Store) -> None:
        unit_id = uuid4()
        for tenant in (new_tenant(), new_tenant()):
            work = Work(store, tenant.id)
            work.add(create(reservation_of(tenant, unit_id, NOON, NOON + HOUR), call_of(tenant)))
            await written(work)

    @pytest.mark.parametrize("units", [1, 3])
    async def test_of_k_units_goes_to_k_of_200_racers(
        self, work: Work, tenant: Tenant, call: Call, units: int
    ) -> None:
        unit_ids = [uuid4() for _ in range(units)]

        async def attempt(number: int) -> bool:
            mine = fresh(work)
            mine.add(create(reservation_of(tenant, unit_ids[number % units], NOON, NOON + HOUR), call))
            try:
                await written(mine)
            except (Overlap, Stale):
                return False
            return True

        outcomes = await asyncio.gather(*(attempt(number) for number in range(200)))

        assert sum(outcomes) == units


class TestMoney:
    async def test_moves_in_balance(self, work: Work, tenant: Tenant) -> None:
        movement = movement_of(tenant, "paid:1")
        lines = (posting_of(movement, 100), posting_of(movement, -60), posting_of(movement, -40))
        work.insert(movement, *lines)

        await written(work)

        assert await fresh(work).read(One(Movement, movement.id), One(Posting, lines[1].id)) == [
            (movement,),
            (lines[1],),
        ]

    @pytest.mark.parametrize("amounts", [[("ZAR", 100)], [("ZAR", 100), ("USD", -100)]])
    async def test_moves_no_other_way(
        self, work: Work, tenant: Tenant, amounts: list[tuple[str, int]]
    ) -> None:
        movement = movement_of(tenant, "paid:1")
        work.insert(movement, *(posting_of(movement, amount, currency) for currency, amount in amounts))

        with pytest.raises(Broken) as refused:
            await written(work)
        assert refused.value.facts["rule"] == "posting_balanced"

    async def test_does_not_balance_across_movements(self, work: Work, tenant: Tenant) -> None:
        one, other = movement_of(tenant, "paid:1"), movement_of(tenant, "paid:2")
        work.insert(one, other, posting_of(one, 100), posting_of(other, -100))

        with pytest.raises(Broken):
            await written(work)

    async def test_moves_once_for_each_key(self, work: Work, tenant: Tenant) -> None:
        work.insert(movement_of(tenant, "paid:1"))
        await written(work)
        again = fresh(work)
        again.insert(movement_of(tenant, "paid:1"))

        with pytest.raises(AlreadyThere) as refused:
            await written(again)
        assert refused.value.facts["rule"] == "movement_key_key"

    @pytest.mark.parametrize(("refunded", "released"), [(60, 41), (101, 0), (-1, 0)])
    async def test_that_was_captured_resolves_once(
        self, work: Work, tenant: Tenant, call: Call, refunded: int, released: int
    ) -> None:
        payment = payment_of(tenant, captured_minor=100, refunded_minor=refunded, released_minor=released)
        work.add(create(payment, call))

        with pytest.raises(Broken) as refused:
            await written(work)
        assert refused.value.facts["rule"] == "payment_captured_minor_at_most"


class TestKeys:
    async def test_of_all_marketplaces_are_told_apart(self, store: Store) -> None:
        slug = uuid4().hex
        one, other = new_tenant(slug), new_tenant(slug)
        first, second = Work(store, one.id), Work(store, other.id)
        first.add(create(one, call_of(one)))
        second.add(create(other, call_of(other)))
        await written(first)

        with pytest.raises(AlreadyThere) as refused:
            await written(second)
        assert refused.value.facts["rule"] == "tenant_slug_key"

    async def test_are_free_again_once_their_row_has_moved_on(
        self, work: Work, tenant: Tenant, call: Call
    ) -> None:
        opened = work.add(create(tenant, call))
        await written(work)
        later = fresh(work)
        later.save(move(opened, "amend", call, slug=uuid4().hex))
        await written(later)

        other = new_tenant(tenant.slug)
        free = Work(work.store, other.id)
        free.add(create(other, call_of(other)))
        await written(free)

        assert (await free.get(Tenant, other.id)).slug == tenant.slug


class TestNamed:
    async def test_come_each_once_with_those_who_name_them(
        self, work: Work, tenant: Tenant, call: Call
    ) -> None:
        one, other, _ = (work.add(create(unit_of(tenant), call)) for _ in range(3))
        claims = [
            work.add(
                create(reservation_of(tenant, unit_id, NOON + hour * HOUR, NOON + (hour + 1) * HOUR), call)
            )
            for hour, unit_id in enumerate((one.id, other.id, one.id, uuid4()))
        ]
        await written(work)
        held = Among(Reservation, tuple(claim.id for claim in claims))
        named = Named(Unit, "unit_id", held)

        found, units, again = await fresh(work).read(held, named, Named(Unit, "id", named))

        assert len(found) == 4
        assert units == again == tuple(sorted((one, other), key=lambda unit: unit.id))

    async def test_are_nobody_where_nobody_names(self, work: Work) -> None:
        assert await work.ask(Named(Unit, "unit_id", Among(Reservation, (uuid4(),)))) == ()

    async def test_are_no_other_marketplace_s(self, store: Store) -> None:
        mine, theirs = new_tenant(), new_tenant()
        works = [Work(store, one.id) for one in (mine, theirs)]
        unit = works[0].add(create(unit_of(mine), call_of(mine)))
        claim = works[1].add(create(reservation_of(theirs, unit.id, NOON, NOON + HOUR), call_of(theirs)))
        for work in works:
            await written(work)

        named = Named(Unit, "unit_id", One(Reservation, claim.id))

        assert [await work.ask(named) for work in works] == [(), ()]


class TestTenants:
    async def test_do_not_see_one_another(self, work: Work, tenant: Tenant, call: Call) -> None:
        unit = work.add(create(unit_of(tenant), call))
        await written(work)
        stranger = Work(work.store, uuid4())

        found = await stranger.read(One(Unit, unit.id), ActiveUnits(provider_id=unit.provider_id))

        assert found == [(), ()]

    async def test_may_use_the_same_id(self, work: Work, tenant: Tenant, call: Call) -> None:
        unit = work.add(create(unit_of(tenant), call))
        await written(work)
        other = new_tenant()
        double = Work(work.store, other.id)
        mine = double.add(create(replace(unit, tenant_id=other.id, version=0, name="Mine"), call_of(other)))
        await written(double)

        assert await fresh(work).get(Unit, unit.id) == unit
        assert await double.get(Unit, unit.id) == mine

    async def test_cannot_save_what_is_another_s(self, work: Work, tenant: Tenant, call: Call) -> None:
        unit = work.add(create(unit_of(tenant), call))
        await written(work)
        other = new_tenant()
        thief = Work(work.store, other.id)
        thief.save(move(replace(unit, tenant_id=other.id), "retire", call_of(other, Role.ADMIN)))

        with pytest.raises(Stale):
            await written(thief)

    async def test_cannot_write_in_another_s_name(self, work: Work, tenant: Tenant, call: Call) -> None:
        unit = create(unit_of(tenant), call).subject

        with pytest.raises(ValueError, match="another tenant"):
            Batch(tenant_id=uuid4(), added=(unit,))


class TestAnswers:
    async def test_come_in_the_order_of_ids(self, work: Work, tenant: Tenant, call: Call) -> None:
        provider_id = uuid4()
        units = [work.add(create(unit_of(tenant, provider_id), call)) for _ in range(20)]
        await written(work)

        found = await fresh(work).ask(ActiveUnits(provider_id=provider_id))

        assert list(found) == sorted(units, key=lambda unit: unit.id)

    async def test_come_in_the_order_of_the_questions(self, work: Work, tenant: Tenant, call: Call) -> None:
        one, other = (work.add(create(unit_of(tenant), call)) for _ in range(2))
        await written(work)

        found = await fresh(work).read(
            One(Unit, one.id), ActiveUnits(provider_id=other.provider_id), One(Unit, uuid4())
        )

        assert found == [(one,), (other,), ()]

    async def test_to_no_question_are_none(self, work: Work) -> None:
        assert await work.read() == []
