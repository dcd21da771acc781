"""A country full of units on the road, written as rows: what is measured comes later, by the worker's way."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from math import sqrt
from random import Random
from secrets import token_bytes
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from marketplace.core.dispatch.presence import Presence, placed, presence_id
from marketplace.core.providers.hours import OpeningHours
from marketplace.core.providers.provider import Provider, Unit
from marketplace.core.providers.provider import State as ProviderState
from marketplace.core.providers.reservation import Reservation
from marketplace.core.shared.aggregate import Aggregate
from marketplace.core.shared.ids import derive
from marketplace.core.shared.place import Place
from marketplace.core.shared.roles import SYSTEM, Actor
from marketplace.core.tenants.dispatching import Wave
from marketplace.core.tenants.tenant import Call, Mode, Tenant
from marketplace.entrypoints.blueprints import load_policy
from marketplace.entrypoints.directory import ENTROPY_BYTES, tenant_id_of
from marketplace.ports.geo import Sighting
from marketplace.ports.storage import Batch, Store

SLUG = "bench"
SKILLS, SKILLS_OF_ONE = 50, 3
REACH_METRES, FRESH_SECONDS = 20_000, 3600
SHARE_ON_A_JOB = 0.2
_LOAD_MAX = 2
_CENTRE, _DEGREES_OF_A_THOUSAND = Place(-25.75, 28.23), 0.18
_BATCH = 5_000
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
_WITHDRAWN = """
UPDATE dispatch_offer AS o SET state = 'withdrawn', version = o.version + 1, due_at = NULL
FROM dispatch_job AS j WHERE j.tenant_id = o.tenant_id AND j.id = o.job_id
    AND o.state = 'sent' AND o.tenant_id = $1
RETURNING j.area_id, o.unit_id
"""
_ALWAYS = tuple(OpeningHours(day, "00:00", "24:00") for day in range(7))


@dataclass(frozen=True, slots=True)
class Member:
    """A provider with one unit, which is online, and the job that it is on if it has one."""

    provider: Provider
    unit: Unit
    presence: Presence
    held: tuple[Reservation, ...]

    def rows(self) -> tuple[Aggregate, ...]:
        return (self.provider, self.unit, self.presence, *self.held)

    def sighting(self) -> Sighting:
        return Sighting(
            tenant_id=self.unit.tenant_id,
            unit_id=self.unit.id,
            place=self.presence.place,
            skills=self.unit.skills,
            load=len(self.held),
            load_max=_LOAD_MAX,
        )


class Fleet:
    """Units as dense in a big country as in a small one."""

    def __init__(self, *, units: int, seed: int) -> None:
        self.units = units
        self._side = _DEGREES_OF_A_THOUSAND * sqrt(units / 1_000)
        self._random = Random(seed)  # noqa: S311 - a repeatable country, no secrets
        self.tenant = _tenant()

    def call(self, actor: Actor = SYSTEM) -> Call:
        return Call(
            actor=actor,
            tenant=self.tenant,
            at=datetime.now(UTC),
            request_id="bench",
            entropy=token_bytes(ENTROPY_BYTES),
        )

    def place(self) -> Place:
        up, right = self._random.random() - 0.5, self._random.random() - 0.5
        return Place(_CENTRE.latitude + up * self._side, _CENTRE.longitude + right * self._side)

    def skill(self) -> str:
        return f"skill-{self._random.randrange(SKILLS)}"

    def members(self, number: int, *, named: str) -> Iterator[Member]:
        at = datetime.now(UTC)
        for one in range(number):
            yield self._member(derive(self.tenant.id, named, one), at)

    def _member(self, key: UUID, at: datetime) -> Member:
        place, names = self.place(), self._random.sample(range(SKILLS), SKILLS_OF_ONE)
        provider = Provider(
            id=key,
            tenant_id=self.tenant.id,
            version=1,
            owner_id=derive(key, "owner"),
            name="Operator",
            time_zone=self.tenant.policy.time_zone,
            hours=_ALWAYS,
            notice_minutes=0,
            applied_at=_LONG_AGO,
        )
        unit = Unit(
            id=derive(key, "unit"),
            tenant_id=self.tenant.id,
            version=1,
            provider_id=key,
            name="Van",
            added_at=_LONG_AGO,
            skills=tuple(f"skill-{name}" for name in names),
            stars_sum=50,
            reviews_count=11,
        )
        presence = Presence(
            id=presence_id(unit.id),
            tenant_id=self.tenant.id,
            version=1,
            unit_id=unit.id,
            provider_id=key,
            ends_at=at + timedelta(hours=16),
            **placed(place, at),
            idle_since=at,
            offered=20,
            accepted=16,
            done={unit.skills[0]: 12},
        )
        held = (self._on_a_job(unit, at),) if self._random.random() < SHARE_ON_A_JOB else ()
        return Member(provider, unit, presence, held)

    def _on_a_job(self, unit: Unit, at: datetime) -> Reservation:
        return Reservation(
            id=derive(unit.id, "held"),
            tenant_id=unit.tenant_id,
            version=1,
            provider_id=unit.provider_id,
            unit_id=unit.id,
            booking_id=derive(unit.id, "booking"),
            starts_at=at - timedelta(minutes=30),
            ends_at=at + timedelta(minutes=self._random.randrange(5, 60)),
            place=self.place(),
        )


async def join(store: Store, members: Iterable[Member]) -> list[Member]:
    """Writes them in few statements; a provider becomes active by its lawful moves, as the schema asks."""
    coming, joined = iter(members), list[Member]()
    while some := list(islice(coming, _BATCH)):
        tenant_id = some[0].provider.tenant_id
        rows = tuple(chain.from_iterable(one.rows() for one in some))
        await store.write(Batch(tenant_id=tenant_id, added=rows))
        for version, state in ((2, ProviderState.VERIFIED), (3, ProviderState.ACTIVE)):
            moved = tuple(replace(one.provider, version=version, state=state) for one in some)
            await store.write(Batch(tenant_id=tenant_id, saved=moved))
        joined += some
    return joined


async def withdraw_all(owner: AsyncConnection, tenant_id: UUID) -> list[tuple[UUID, UUID]]:
    """Take back all open offers, so that whoever had one may be asked again; area and unit of each."""
    withdrawn = await owner.exec_driver_sql(_WITHDRAWN, (tenant_id,))
    return [(row.area_id, row.unit_id) for row in withdrawn]


def _tenant() -> Tenant:
    """One wave that reaches as many as a round may weigh."""
    policy, tenant_id = load_policy("curbside"), tenant_id_of(SLUG)
    looking = replace(
        policy.dispatch,
        waves=(Wave(reach_metres=REACH_METRES),),
        fresh_seconds=FRESH_SECONDS,
        load_max=_LOAD_MAX,
    )
    return Tenant(
        id=tenant_id,
        tenant_id=tenant_id,
        version=1,
        slug=SLUG,
        mode=Mode.TEST,
        policy=replace(policy, dispatch=looking),
        salt="bench",
    )
