"""The process that carries out jobs: until it is stopped, or until nothing is due."""

from contextlib import AbstractAsyncContextManager

import rich_click as click

from marketplace.entrypoints import logs
from marketplace.entrypoints.cli import screen
from marketplace.entrypoints.cli.database import found_or_started
from marketplace.entrypoints.cli.loop import carry_out
from marketplace.entrypoints.cli.options import Given, given
from marketplace.entrypoints.cli.signals import stopping_is_success
from marketplace.entrypoints.cli.stopping import until_signalled
from marketplace.entrypoints.geography import warn_apart
from marketplace.entrypoints.platform import platform
from marketplace.entrypoints.server import spare_the_collector
from marketplace.entrypoints.settings import Settings
from marketplace.entrypoints.wiring import Platform


@click.command()
@click.option("--drain", is_flag=True, help="Carry out what is due now, and end: for a scheduler like cron.")
@given
def worker(options: Given, *, drain: bool) -> None:
    """
    Carry out jobs, timers and schedules.

    As many workers as you like may run at once. In test mode the sandbox's webhooks are sent from here, to
    MARKETPLACE_PUBLIC_BASE_URL or to where the settings say that the API listens.

    For example:
        $ marketplace worker
        $ marketplace worker --drain

    """
    settings = options.settings()
    logs.configure(log_format=settings.log_format, level=settings.log_level)
    with stopping_is_success(), found_or_started(settings) as url:
        carry_out(_drain(settings, url) if drain else _work(settings, url))
    if options.as_json:
        screen.show_json({"drained": drain})


async def _work(settings: Settings, url: str) -> None:
    async with until_signalled() as stop, _platform(settings, url) as made:
        warn_apart(settings)
        screen.stderr().print("The worker is at work.")
        spare_the_collector()
        await made.worker().run(stop)


async def _drain(settings: Settings, url: str) -> None:
    async with _platform(settings, url) as made:
        await made.worker().drain()


def _platform(settings: Settings, url: str) -> AbstractAsyncContextManager[Platform]:
    """Units tell the API where they are, and no worker."""
    return platform(settings, url=url, base_url=settings.base_url, heard=False)
