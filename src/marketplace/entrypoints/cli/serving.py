"""The processes that answer: `run` with everything that a demo needs in it, `serve` with the API alone."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from secrets import token_bytes

import rich_click as click

from marketplace.entrypoints import logs
from marketplace.entrypoints.blueprints import Blueprint
from marketplace.entrypoints.cli import screen, welcome
from marketplace.entrypoints.cli.database import erase, found_or_started, own
from marketplace.entrypoints.cli.loop import carry_out
from marketplace.entrypoints.cli.options import Given, given, planned
from marketplace.entrypoints.cli.signals import stopping_is_success
from marketplace.entrypoints.cli.stopping import until_signalled
from marketplace.entrypoints.geography import warn_apart
from marketplace.entrypoints.platform import on_port, platform
from marketplace.entrypoints.seed import seed
from marketplace.entrypoints.server import listen
from marketplace.entrypoints.server import serve as serve_until
from marketplace.entrypoints.settings import BadSetting, Mode, Settings
from marketplace.entrypoints.wiring import Platform

_host = click.option("--host", metavar="ADDRESS", help="The address to listen on (127.0.0.1).")
_port = click.option(
    "--port", type=int, metavar="N", help="The port to listen on (8000); 0 takes a free one."
)


@click.command()
@click.option(
    "--blueprint", metavar="NAME", help="curbside, live-music, home-services, or a TOML file's path."
)
@_port
@_host
@click.option("--fresh", is_flag=True, help="Erase the embedded database first.")
@given
def run(options: Given, *, blueprint: str | None, port: int | None, host: str | None, fresh: bool) -> None:
    """
    Run the whole marketplace, with a demo, in one process.

    API and worker run on an embedded PostgreSQL whose data persists, or on the server that DATABASE_URL
    names. Ctrl-C stops everything; the next start finds the data again.

    For example:
        $ marketplace run
        $ marketplace run --blueprint live-music --port 8080
        $ marketplace run --data /tmp/try --fresh

    """
    settings = options.settings(blueprint=blueprint, port=port, host=host)
    if settings.mode is Mode.PRODUCTION:
        allowed = "development; in production use `marketplace serve` and `marketplace worker`"
        raise BadSetting("MARKETPLACE_MODE", "is production, and `run` brings a demo's people in", allowed)
    blueprint_ = planned(settings)
    with stopping_is_success(), _listening(settings) as (opened, settings):
        if fresh:
            erase(settings)
        with own(settings) as url:
            carry_out(_run(settings, blueprint_, url, opened, as_json=options.as_json))


@click.command()
@_port
@_host
@given
def serve(options: Given, *, port: int | None, host: str | None) -> None:
    """
    Serve the API alone.

    Jobs wait until a `marketplace worker` carries them out. The schema is brought up to date first.

    For example:
        $ marketplace serve --host 0.0.0.0
        $ DATABASE_URL=postgresql://me:secret@db/marketplace marketplace serve --port 8080

    """
    settings = options.settings(port=port, host=host)
    with (
        stopping_is_success(),
        _listening(settings) as (opened, settings),
        found_or_started(settings) as url,
    ):
        carry_out(_serve(settings, url, opened, as_json=options.as_json))


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[tuple[socket.socket, Settings]]:
    """The port before anything else: that it is taken is said in no time, and nothing has to be undone."""
    logs.configure(log_format=settings.log_format, level=settings.log_level)
    with contextlib.closing(listen(settings)) as opened:
        yield opened, on_port(settings, opened.getsockname()[1])


async def _run(
    settings: Settings, blueprint: Blueprint, url: str, opened: socket.socket, *, as_json: bool
) -> None:
    async with until_signalled() as stop, platform(settings, url=url, base_url=settings.base_url) as made:
        slug, now = settings.tenant_slug, made.clock().now()
        seeded = await seed(
            store=made.api_store(), blueprint=blueprint, slug=slug, now=now, entropy=token_bytes(32)
        )
        show = welcome.show_json if as_json else welcome.show
        show(settings.base_url, seeded, kept_in=_kept_in(settings))
        await _work_and_serve(made, settings, opened, stop)


def _kept_in(settings: Settings) -> Path | None:
    return None if settings.database_url else settings.data_directory


async def _work_and_serve(
    made: Platform, settings: Settings, opened: socket.socket, stop: asyncio.Event
) -> None:
    working = asyncio.create_task(made.worker().run(stop))
    # Without its worker it would take bookings and never carry them on.
    working.add_done_callback(lambda _: stop.set())
    await serve_until(made.front(), settings=settings, opened=opened, hub=made.hub(), stop=stop)
    await working


async def _serve(settings: Settings, url: str, opened: socket.socket, *, as_json: bool) -> None:
    async with until_signalled() as stop, platform(settings, url=url, base_url=settings.base_url) as made:
        warn_apart(settings)
        if as_json:
            screen.show_json({"url": settings.base_url, "documents": welcome.documents(settings.base_url)})
        else:
            screen.stdout().print(f"The API answers at {settings.base_url}")
        await serve_until(made.front(), settings=settings, opened=opened, hub=made.hub(), stop=stop)
