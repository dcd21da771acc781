from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.logged import listening

from marketplace.adapters.postgres.engine import create_engine
from marketplace.adapters.postgres.overview import Overview
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.core.payouts.run import PayoutRun
from marketplace.core.providers.hours import zone
from marketplace.core.settlements.settlement import Settlement
from marketplace.core.settlements.statement import RailStatement, rail_statement_id
from marketplace.core.settlements.statement import State as StatementState
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.ids import derive
from marketplace.core.shared.receipts import Receipt
from marketplace.core.shared.roles import Actor
from marketplace.core.tenants.tenant import Call, Tenant
from marketplace.entrypoints import schedules as keeping
from marketplace.entrypoints.blueprints import load
from marketplace.entrypoints.directory import Directory
from marketplace.entrypoints.schedules import TIDY_SECONDS, Schedules
from marketplace.entrypoints.seed import seed
from marketplace.ports.storage import Batch, One


@pytest.fixture
async def fresh(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def overview(database_url: str, fresh: AsyncEngine) -> AsyncIterator[Overview]:
    overview = Overview(fresh, database_url)
    yield overview
    await overview.close()


@pytest.fixture
async def tenant(fresh: AsyncEngine) -> Tenant:
    blueprint = load("home-services")
    seeded = await seed(
        store=PostgresStore(fresh),
        blueprint=blueprint,
        slug="schedules",
        now=datetime.now(UTC),
        entropy=bytes(32),
    )
    return seeded.tenant


def schedules(engine: AsyncEngine, overview: Overview, *, clock: list[float]) -> Schedules:
    store = PostgresStore(engine)
    return Schedules(engine, store, Directory(store), overview, clock=lambda: clock[0])


@dataclass
class TroubledDirectory(Directory):
    """Of no marketplace can it say anything."""

    error: Exception = field(kw_only=True)
    asked: list[UUID] = field(default_factory=list)

    async def call(self, tenant_id: UUID, actor: Actor, request_id: str, origin: str = "") -> Call:
        self.asked.append(tenant_id)
        raise self.error


class TestSchedules:
    async def test_starts_one_payout_run_a_local_day_whoever_keeps_them(
        self, fresh: AsyncEngine, overview: Overview, tenant: Tenant
    ) -> None:
        local = datetime.now(UTC).astimezone(zone(tenant.policy.time_zone))
        key = derive(tenant.id, "payout run", local.date())

        await schedules(fresh, overview, clock=[0.0]).keep()
        await schedules(fresh, overview, clock=[0.0]).keep()

        (found,) = await PostgresStore(fresh).read(tenant.id, [One(PayoutRun, key)])
        assert len(found) == (1 if local.hour >= tenant.policy.payout.run_hour else 0)

    async def test_tell_once_a_local_day_what_is_open_when_the_statement_is_read(
        self, fresh: AsyncEngine, overview: Overview, tenant: Tenant
    ) -> None:
        store, key = PostgresStore(fresh), rail_statement_id(tenant.id, tenant.policy.payment.rail)
        kept = schedules(fresh, overview, clock=[0.0])
        line = Settlement(
            id=uuid4(),
            tenant_id=tenant.id,
            version=1,
            rail=tenant.policy.payment.rail,
            line_id="x1",
            reference=uuid4(),
            subject="charge",
            currency="ZAR",
            gross_minor=1,
            fee_minor=0,
            settled_at=datetime.now(UTC) - timedelta(days=3),
        )
        await store.write(Batch(tenant_id=tenant.id, added=(line,)))

        with listening(keeping) as before:
            await kept.keep()
        ((statement,),) = await store.read(tenant.id, [One(RailStatement, key)])
        read = replace(statement, state=StatementState.READ, version=statement.version + 1)
        await store.write(Batch(tenant_id=tenant.id, saved=(read,)))
        with listening(keeping) as after:
            await kept.keep()
            await kept.keep()

        assert not [one for one in before if one["event"] == "clearing is not clear"]
        (told,) = [one for one in after if one["event"] == "clearing is not clear"]
        assert (told["breaks"], told["oldest_days"]) == (1, 3)
        assert told["causes"] == {"line_without_movement": 1}

    async def test_read_each_rail_s_statement_once_a_local_day_whoever_keeps_them(
        self, fresh: AsyncEngine, overview: Overview, tenant: Tenant
    ) -> None:
        key = rail_statement_id(tenant.id, tenant.policy.payment.rail)

        await schedules(fresh, overview, clock=[0.0]).keep()
        await schedules(fresh, overview, clock=[0.0]).keep()

        ((statement,),) = await PostgresStore(fresh).read(tenant.id, [One(RailStatement, key)])
        assert statement.version == 1

    @pytest.mark.parametrize("error", [Invalid("time_zone", "is not known"), ValueError("a bug")])
    async def test_are_kept_for_the_others_where_one_is_in_trouble(
        self, fresh: AsyncEngine, overview: Overview, tenant: Tenant, error: Exception
    ) -> None:
        store = PostgresStore(fresh)
        await seed(
            store=store, blueprint=load("curbside"), slug="other", now=datetime.now(UTC), entropy=bytes(32)
        )
        directory = TroubledDirectory(store, error=error)

        await Schedules(fresh, store, directory, overview).keep()

        assert len(directory.asked) == 2

    async def test_throws_old_receipts_away_and_keeps_the_young(
        self, fresh: AsyncEngine, overview: Overview, tenant: Tenant
    ) -> None:
        store, now, clock = PostgresStore(fresh), datetime.now(UTC), [0.0]
        kept = schedules(fresh, overview, clock=clock)
        await kept.keep()
        ages = {"young": timedelta(days=2), "old": timedelta(days=4)}
        rows = {
            name: Receipt(
                id=derive(tenant.id, name),
                tenant_id=tenant.id,
                question="q",
                status=200,
                answer="{}",
                at=now - age,
            )
            for name, age in ages.items()
        }
        await store.write(Batch(tenant_id=tenant.id, rows=tuple(rows.values())))
        clock[0] += TIDY_SECONDS + 1

        await kept.keep()

        left = await store.read(tenant.id, [One(Receipt, row.id) for row in rows.values()])
        assert [len(found) for found in left] == [1, 0]
