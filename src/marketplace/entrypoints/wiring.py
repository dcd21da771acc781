"""Everything that a process is made of, once each, readable from top to bottom."""

from secrets import token_hex

import httpx
from dependency_injector import containers, providers

from marketplace.adapters.osrm.router import create_client
from marketplace.adapters.postgres.clock import DatabaseClock
from marketplace.adapters.postgres.engine import create_engine
from marketplace.adapters.postgres.feed import Feed
from marketplace.adapters.postgres.overview import Overview
from marketplace.adapters.postgres.reads import Reads
from marketplace.adapters.postgres.shelf import PostgresShelf
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.adapters.sandbox.books import Books
from marketplace.adapters.sandbox.faults import seeded_random
from marketplace.adapters.sandbox.inbox import SandboxChannel
from marketplace.adapters.sandbox.rail import SandboxRail
from marketplace.adapters.sandbox.settlement import Terms
from marketplace.adapters.sandbox.webhooks import Courier
from marketplace.adapters.stitch.account import connect
from marketplace.core.marketplace import Desk
from marketplace.entrypoints import geography, rails, stitch
from marketplace.entrypoints.breaker import Limits
from marketplace.entrypoints.cartographer import Cartographer
from marketplace.entrypoints.directory import Directory
from marketplace.entrypoints.http.app import admin_app, users_app
from marketplace.entrypoints.http.bearers import Bearers
from marketplace.entrypoints.http.front import Front
from marketplace.entrypoints.http.hub import Hub
from marketplace.entrypoints.http.office import Office, Sandbox
from marketplace.entrypoints.http.stream import desk_events_handler, events_handler
from marketplace.entrypoints.http.watch import Figures, Meters, watch_handlers
from marketplace.entrypoints.http.webhooks import return_handler, webhook_handler
from marketplace.entrypoints.post import SandboxPost
from marketplace.entrypoints.rail_health import RailHealth
from marketplace.entrypoints.schedules import Schedules
from marketplace.entrypoints.settings import Settings
from marketplace.entrypoints.worker import Worker
from marketplace.ports.vendors import Vendors


class Platform(containers.DeclarativeContainer):
    """One process of the platform. `database_url` is where PostgreSQL is, given or embedded."""

    settings = providers.Dependency(instance_of=Settings)
    database_url = providers.Dependency(instance_of=str)
    base_url = providers.Dependency(instance_of=str)
    # Whether units tell this process where they are.
    heard = providers.Dependency(instance_of=bool, default=True)

    # Storage: the API, the webhooks and the jobs have connections of their own, so that none starves another.
    api_engine = providers.Singleton(
        create_engine,
        database_url,
        pool_size=settings.provided.api_connections,
        wait_seconds=settings.provided.connection_wait_seconds,
        statement_seconds=settings.provided.statement_timeout_seconds,
        application_name="marketplace api",
    )
    webhook_engine = providers.Singleton(
        create_engine,
        database_url,
        pool_size=settings.provided.webhook_connections,
        wait_seconds=settings.provided.connection_wait_seconds,
        statement_seconds=settings.provided.statement_timeout_seconds,
        application_name="marketplace webhooks",
    )
    worker_engine = providers.Singleton(
        create_engine,
        database_url,
        pool_size=settings.provided.worker_connections,
        wait_seconds=settings.provided.connection_wait_seconds,
        statement_seconds=settings.provided.statement_timeout_seconds,
        application_name="marketplace worker",
    )
    sandbox_engine = providers.Singleton(
        create_engine,
        database_url,
        pool_size=settings.provided.sandbox_connections,
        wait_seconds=settings.provided.connection_wait_seconds,
        statement_seconds=settings.provided.statement_timeout_seconds,
        application_name="marketplace sandbox",
    )
    api_store = providers.Singleton(PostgresStore, api_engine)
    webhook_store = providers.Singleton(PostgresStore, webhook_engine)
    worker_store = providers.Singleton(PostgresStore, worker_engine)
    reads = providers.Singleton(Reads, api_engine)
    feed = providers.Singleton(Feed, reads)
    overview = providers.Singleton(Overview, api_engine, database_url)
    clock = providers.Singleton(DatabaseClock, api_engine)

    # Vendors: the sandbox's books and inbox, what was ordered of others, and which of them are down, stand on
    # a shelf of their own.
    shelf = providers.Singleton(PostgresShelf, sandbox_engine)
    rail_health = providers.Singleton(
        RailHealth,
        shelf=shelf,
        now=clock.provided.now,
        limits=providers.Callable(
            Limits,
            failures=settings.provided.rail_failures_max,
            window_seconds=settings.provided.rail_window_seconds,
            pause_seconds=settings.provided.rail_pause_seconds,
        ),
    )
    directory = providers.Singleton(Directory, api_store, clock, rail_health)
    terms = providers.Singleton(Terms, days=settings.provided.sandbox_settlement_days)
    books = providers.Singleton(Books, shelf=shelf, clock=directory.provided.now, terms=terms)
    secrets = providers.Callable(
        lambda settings: tuple(
            filter(None, (settings.sandbox_webhook_secret, settings.sandbox_webhook_secret_before))
        ),
        settings,
    )
    sandbox_able = providers.Callable(rails.sandbox_capabilities_of, settings)
    sandbox_rail = providers.Singleton(SandboxRail, books=books, secrets=secrets, capabilities=sandbox_able)
    sandbox_channel = providers.Singleton(SandboxChannel, shelf=shelf, clock=directory.provided.now)
    live_map = providers.Singleton(geography.live_map_of, settings, heard=heard)
    roads_client = providers.Singleton(create_client)
    router = providers.Singleton(geography.router_of, settings, roads_client.provider)
    assigner = providers.Singleton(geography.assigner_of)
    stripe_connection = providers.Singleton(rails.stripe_connection_of, settings)
    stripe_rail = providers.Singleton(
        rails.stripe_rail_of,
        settings,
        stripe_connection,
        shelf=shelf,
        directory=directory,
        clock=clock.provided.now,
        base_url=base_url,
    )
    stitch_client = providers.Singleton(connect)
    stitch_rail = providers.Singleton(
        stitch.rail_of, settings, stitch_client, shelf=shelf, directory=directory, clock=clock.provided.now
    )
    vendors = providers.Singleton(
        lambda settings, sandbox, stripe, stitch, channel, health, **geo: Vendors(
            rails=health.guard(rails.rails_of(settings, sandbox=sandbox, stripe=stripe, stitch=stitch)),
            channels={"sms": channel()} if settings.sandbox else {},
            **geo,
        ),
        settings,
        sandbox_rail.provider,
        stripe_rail.provider,
        stitch_rail.provider,
        sandbox_channel.provider,
        rail_health,
        live_map=live_map,
        router=router,
        assigner=assigner,
    )
    client = providers.Singleton(httpx.AsyncClient, timeout=10)
    courier = providers.Singleton(
        Courier,
        shelf=shelf,
        clock=directory.provided.now,
        secret=secrets.provided[0],
        random=providers.Object(seeded_random("sandbox")),
    )
    post = providers.Singleton(
        SandboxPost,
        books=books,
        courier=courier,
        shelf=shelf,
        directory=directory,
        client=client,
        base_url=base_url,
    )

    # Jobs.
    desk = providers.Singleton(Desk, worker_store, vendors)
    schedules = providers.Singleton(
        Schedules, engine=worker_engine, store=worker_store, directory=directory, overview=overview
    )
    cartographer = providers.Singleton(
        Cartographer,
        engine=worker_engine,
        store=worker_store,
        vendors=vendors,
        directory=directory,
        overview=overview,
    )
    stitch_exchange = providers.Singleton(
        stitch.exchange_of,
        settings,
        shelf=shelf,
        engine=worker_engine,
        store=worker_store,
        directory=directory,
    )
    worker = providers.Singleton(
        lambda settings, post, exchange, **parts: Worker(
            rounds=(
                *([post().round] if settings.sandbox else []),
                *([exchange().round] if stitch.is_set(settings) else []),
            ),
            **parts,
        ),
        settings,
        post.provider,
        stitch_exchange.provider,
        engine=worker_engine,
        desk=desk,
        directory=directory,
        schedules=schedules,
        cartographer=cartographer,
        at_once=settings.provided.worker_concurrency,
    )

    # HTTP.
    bearers = providers.Singleton(Bearers, api_store, clock.provided.now)
    sandbox = providers.Singleton(Sandbox, rail=sandbox_rail, channel=sandbox_channel, books=books)
    office = providers.Singleton(
        lambda settings, sandbox, **parts: Office(
            default_tenant=settings.tenant_slug,
            secret=(settings.sign_in_secret or token_hex(32)).encode(),
            sandbox=sandbox() if settings.sandbox else None,
            proxies=settings.proxies,
            **parts,
        ),
        settings,
        sandbox.provider,
        store=api_store,
        directory=directory,
        bearers=bearers,
        vendors=vendors,
        reads=reads,
        engine=api_engine,
        rail_health=rail_health,
    )
    hub = providers.Singleton(Hub, feed)
    meters = providers.Singleton(Meters)
    figures = providers.Singleton(Figures, meters, overview, live_map, rail_health)
    front = providers.Singleton(
        lambda settings, office, hub, overview, live_map, figures, hook, meters: Front(
            users_app(
                office,
                [
                    events_handler(office, hub),
                    hook,
                    return_handler(),
                    *watch_handlers(overview, live_map, figures if settings.metrics else None),
                ],
                body_bytes_max=settings.body_bytes_max,
            ),
            admin_app(office, [desk_events_handler(office, hub)], body_bytes_max=settings.body_bytes_max),
            meters,
            waiting_max=settings.requests_waiting_max,
        ),
        settings,
        office,
        hub,
        overview,
        live_map,
        figures,
        providers.Callable(webhook_handler, store=webhook_store, directory=directory, vendors=vendors),
        meters,
    )


async def close(platform: Platform) -> None:
    """Give back what was opened; what was never made is not made to be closed."""
    await platform.client().aclose()
    await platform.roads_client().aclose()
    if platform.settings().stripe_secret_key is not None:
        await platform.stripe_connection().close()
    await platform.stitch_client().aclose()
    await geography.close(platform.live_map())
    await platform.overview().close()
    engines = (platform.api_engine, platform.webhook_engine, platform.worker_engine, platform.sandbox_engine)
    for engine in engines:
        await engine().dispose()
