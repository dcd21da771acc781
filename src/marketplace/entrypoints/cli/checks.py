"""What has to hold before a marketplace is trusted with bookings, each as a check that says what it saw."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from marketplace.adapters.osrm.router import OsrmRouter, create_client
from marketplace.adapters.postgres import queue
from marketplace.adapters.postgres.engine import create_engine
from marketplace.adapters.postgres.migrate import HEAD, schema_version
from marketplace.adapters.postgres.overview import Overview
from marketplace.adapters.postgres.queue import Backlog
from marketplace.adapters.postgres.shelf import PostgresShelf
from marketplace.adapters.postgres.soundness import SERVER_VERSION_MIN, Soundness, examine
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.adapters.postgres.waiting import Waiting
from marketplace.core.shared.errors import MarketplaceError, Unavailable
from marketplace.core.shared.place import Place
from marketplace.core.tenants.tenant import Mode, Tenant
from marketplace.entrypoints import rails, stitch
from marketplace.entrypoints.geography import APART, close, live_map_of
from marketplace.entrypoints.platform import database_of_another
from marketplace.entrypoints.rail_health import Down, read_down
from marketplace.entrypoints.settings import Settings
from marketplace.ports.payments import Capabilities
from marketplace.ports.storage import One

CLOCK_SECONDS_MAX = 2.0
BACKLOG_SECONDS_MAX = 60.0
WAITING_SECONDS_MAX = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    name: str
    ok: bool
    saw: str


async def check_all(settings: Settings) -> list[Check]:
    """In the order in which one depends on the other: the first that fails may be why others are missing."""
    url = database_of_another(settings)
    if url is None:
        data = Path(settings.data_directory)
        saw = f"none runs in {data}: `marketplace run` starts one, or set DATABASE_URL"
        return [Check(name="database", ok=False, saw=saw)]
    try:
        sound = await examine(url)
    except MarketplaceError as error:
        return [Check(name="database", ok=False, saw=error.detail)]
    return [
        *_server(sound),
        *await _contents(url, settings, sound),
        await _map(settings),
        *await _roads(settings),
        *await _stripe(settings),
        *await _stitch(url, settings),
    ]


def _server(sound: Soundness) -> Iterator[Check]:
    yield Check(
        name="database",
        ok=sound.server_version >= SERVER_VERSION_MIN,
        saw=f"PostgreSQL {sound.server_version_name} answers; 15 or later is needed",
    )
    yield Check(
        name="clock",
        ok=abs(sound.clock_ahead_seconds) <= CLOCK_SECONDS_MAX,
        saw=f"{sound.clock_ahead_seconds:+.3f} s between the database's and ours",
    )


async def _contents(url: str, settings: Settings, sound: Soundness) -> list[Check]:
    engine = create_engine(url, pool_size=1, application_name="marketplace doctor")
    try:
        standing = await schema_version(engine)
        schema = Check(name="schema", ok=standing == HEAD, saw=f"of version {standing}; {HEAD} is needed")
        if not schema.ok:
            return [schema]
        backlog = await queue.backlog(engine=engine)
        overview = Overview(engine, url)
        tenants = await _tenants(overview, PostgresStore(engine))
        answering = _answering(await read_down(PostgresShelf(engine)), await overview.waiting())
    except Exception as error:  # noqa: BLE001 - whatever it is, the check failed and says so
        return [Check(name="schema", ok=False, saw=f"{type(error).__name__}: {error}")]
    finally:
        await engine.dispose()
    return [schema, *_walls(sound), _rails(settings, tenants), *answering, *_jobs(sound, backlog)]


async def _tenants(overview: Overview, store: PostgresStore) -> list[Tenant]:
    found = [await store.read(key, [One(Tenant, key)]) for key in await overview.tenants()]
    return [tenant for (rows,) in found for tenant in rows]


def _walls(sound: Soundness) -> Iterator[Check]:
    walled = sound.may_take_role and not sound.role_sees_all
    yield Check(
        name="role", ok=walled, saw="we work as one that owns nothing" if walled else "sees every row"
    )
    named = ", ".join(sound.unwalled)
    yield Check(
        name="row-level security",
        ok=not sound.unwalled,
        saw=f"missing on {named}" if named else "on every table of the marketplaces",
    )


def _rails(settings: Settings, tenants: list[Tenant]) -> Check:
    """Each marketplace's own, for money as real as its own: without them nobody pays, or nobody is paid."""
    configured = rails.capabilities_of(settings)
    missed = [lack for tenant in tenants for lack in _lacks(tenant, configured)]
    saw = "; ".join([f"configured: {', '.join(sorted(configured)) or 'none'}", *missed])
    return Check(name="rails", ok=bool(configured) and not missed, saw=saw)


def _answering(down: tuple[Down, ...], waiting: tuple[Waiting, ...]) -> list[Check]:
    """Each rail that was found down lately, or for which payments wait, by what all processes wrote down."""
    now = datetime.now(UTC)
    until = {one.rail: one.until for one in down if one.until > now}
    stuck = {one.rail: one for one in waiting}
    return [_answers(name, until.get(name), stuck.get(name)) for name in sorted(until.keys() | stuck.keys())]


def _answers(name: str, until: datetime | None, stuck: Waiting | None) -> Check:
    saw = "answers" if until is None else f"is down, and left alone until {until:%H:%M:%S} UTC"
    oldest = stuck.oldest_seconds if stuck else 0
    if stuck:
        saw += f"; {stuck.created} payments wait for it, {stuck.unknown} are in doubt, one for {oldest:.0f} s"
    return Check(name=f"rail {name}", ok=until is None and oldest <= WAITING_SECONDS_MAX, saw=saw)


def _lacks(tenant: Tenant, configured: Mapping[str, Capabilities]) -> Iterator[str]:
    """Which rails of its policy are not set up, and which are of the other kind of money."""
    for name in tenant.policy.payment.rails:
        if name not in configured:
            yield f"{name} is missing for {tenant.slug}"
        elif configured[name].live not in {None, tenant.mode is Mode.LIVE}:
            other = Mode.LIVE if configured[name].live else Mode.TEST
            yield f"{name} is set up for {other} marketplaces, and {tenant.slug} is {tenant.mode}"


async def _stripe(settings: Settings) -> list[Check]:
    found = await rails.examine_stripe(settings)
    return [Check(name=name, ok=ok, saw=saw) for name, ok, saw in found]


async def _map(settings: Settings) -> Check:
    """Without Redis there is one map for each process, which is enough for one process."""
    if settings.redis_url is None:
        return Check(name="live map", ok=True, saw=APART)
    live_map = live_map_of(settings, heard=False)
    try:
        blank = await live_map.blank()
    except Unavailable as error:
        return Check(name="live map", ok=False, saw=f"down, asking the database: {error.detail}")
    finally:
        await close(live_map)
    return Check(
        name="live map", ok=True, saw="Redis answers" + ("; a worker draws it anew" if blank else "")
    )


async def _roads(settings: Settings) -> list[Check]:
    """Any two places do: it is asked whether it answers, not what."""
    if settings.osrm_url is None:
        return []
    async with create_client() as client:
        router = OsrmRouter(client=client, url=settings.osrm_url)
        try:
            await router.travel(starts=[Place(0, 0)], end=Place(0, 0.01), at=datetime.now(UTC))
        except Unavailable as error:
            return [Check(name="roads", ok=False, saw=f"{error.detail}; ways are estimated meanwhile")]
    return [Check(name="roads", ok=True, saw="OSRM answers")]


async def _stitch(url: str, settings: Settings) -> list[Check]:
    engine = create_engine(url, pool_size=1, application_name="marketplace doctor")
    try:
        found = await stitch.check(settings, PostgresShelf(engine))
    finally:
        await engine.dispose()
    return [Check(name=name, ok=ok, saw=saw) for name, ok, saw in found]


def _jobs(sound: Soundness, backlog: Backlog) -> Iterator[Check]:
    alive = sound.worker_connections > 0
    seen = f"{sound.worker_connections} connections" if alive else "none is connected: `marketplace worker`"
    yield Check(name="worker", ok=alive, saw=seen)
    yield Check(
        name="backlog",
        ok=backlog.oldest_seconds <= BACKLOG_SECONDS_MAX,
        saw=f"{backlog.due} due, the oldest for {backlog.oldest_seconds:.0f} s; {backlog.waiting} for later",
    )
    parked = f"{backlog.parked}: `marketplace jobs parked`" if backlog.parked else "none"
    yield Check(name="parked jobs", ok=backlog.parked == 0, saw=parked)
