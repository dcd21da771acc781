"""One booking is taken through the whole path, at a marketplace that runs or at one of the demo's own."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import rich_click as click

from marketplace.core.shared.errors import Unavailable
from marketplace.entrypoints import blueprints
from marketplace.entrypoints.blueprints import Blueprint
from marketplace.entrypoints.cli import screen
from marketplace.entrypoints.cli.demo.host import own_marketplace
from marketplace.entrypoints.cli.demo.journey import Journey
from marketplace.entrypoints.cli.demo.report import Report, as_json, sums_of
from marketplace.entrypoints.cli.demo.stage import Cast, Stage
from marketplace.entrypoints.cli.demo.visitor import Api, DemoStopped
from marketplace.entrypoints.cli.demo.words import instant
from marketplace.entrypoints.cli.options import Given, given, planned
from marketplace.entrypoints.settings import Settings

_SECONDS_MAX = 30.0
_PAGE_MAX = 100


@click.command()
@click.option("--url", metavar="URL", help="Where a marketplace runs (http://127.0.0.1:8000).")
@click.option(
    "--blueprint", metavar="NAME", help="Which marketplace, where several are served; else found out."
)
@given
def demo(options: Given, *, url: str | None, blueprint: str | None) -> None:
    """
    Take one booking through the whole path, over HTTP.

    A customer searches, books and pays; the provider comes and works; the money is released and paid out.
    Plays at the marketplace that runs, whose test clock it moves on, or starts one of its own for the while:
    with --data in a directory that stays, to look around in afterwards.

    For example:
        $ marketplace demo
        $ marketplace demo --blueprint live-music
        $ marketplace demo --url http://127.0.0.1:8080 --json

    """
    settings = options.settings(blueprint=blueprint)
    with _marketplace(settings, url=url, blueprint=blueprint, data=options.data) as (api, played):
        _play(api, played, as_json_only=options.as_json)


@contextlib.contextmanager
def _marketplace(
    settings: Settings, *, url: str | None, blueprint: str | None, data: Path | None
) -> Iterator[tuple[Api, Blueprint]]:
    """One that runs, at `url` where it is given; else our own, which is kept where `data` is given."""
    tenant = Path(blueprint).stem if blueprint else None
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(httpx.Client(base_url=url or settings.base_url, timeout=_SECONDS_MAX))
        api = Api(client, tenant)
        if url is None and (data is not None or not _is_open(api)):
            where = f"in {data}" if data else "for the demo, as none runs here"
            screen.stderr().print(f"Starting a marketplace {where} ...", style="dim")
            own = stack.enter_context(own_marketplace(settings.blueprint, data=data))
            api = Api(stack.enter_context(httpx.Client(base_url=own, timeout=_SECONDS_MAX)))
            blueprint = settings.blueprint
        yield api, planned(settings) if blueprint else _recognised(api)


def _is_open(api: Api) -> bool:
    with contextlib.suppress(Unavailable):
        return api.send("GET", "/v1/services").is_success
    return False


def _recognised(api: Api) -> Blueprint:
    """The blueprint whose demo is on show; raises DemoStopped where it is nobody's that we know."""
    on_show = {one["name"] for one in api.ask("GET", "/v1/services", params={"limit": _PAGE_MAX})["items"]}
    for name in blueprints.names():
        blueprint = blueprints.load(name)
        if blueprint.demo.providers[0].services[0].name in on_show:
            return blueprint
    raise DemoStopped("the services on show are of no blueprint that is known: name it with --blueprint")


def _play(api: Api, played: Blueprint, *, as_json_only: bool) -> None:
    report, began = Report(screen.stdout()), time.perf_counter()
    stage = Stage(Cast.of(played, api), tell=(lambda _: None) if as_json_only else report.tell)
    if not as_json_only:
        report.begin(played.policy.wording.brand, str(api.client.base_url))
    booking = Journey(stage).take()
    stage.let_messages_go()
    messages = stage.messages(instant(booking["booked_at"]))
    accounts = stage.cast.admin.ask("GET", "/admin/v1/ledger/accounts")
    seconds = time.perf_counter() - began
    if as_json_only:
        sums = sums_of(accounts)
        screen.show_json(
            as_json(booking=booking, steps=stage.steps, messages=messages, sums=sums, seconds=seconds)
        )
        return
    movements = stage.cast.admin.ask("GET", f"/admin/v1/bookings/{booking['id']}/movements")
    report.end(messages=messages, movements=movements, accounts=accounts, seconds=seconds)
