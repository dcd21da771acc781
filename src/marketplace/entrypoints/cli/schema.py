"""The schema is brought to this program's version before anything else uses it."""

import rich_click as click

from marketplace.adapters.postgres.migrate import HEAD
from marketplace.adapters.postgres.migrate import migrate as bring_to_head
from marketplace.entrypoints.cli import screen
from marketplace.entrypoints.cli.database import found_or_started
from marketplace.entrypoints.cli.loop import carry_out
from marketplace.entrypoints.cli.options import Given, given


@click.command()
@given
def migrate(options: Given) -> None:
    """
    Bring the database's schema to this version.

    `run`, `serve` and `worker` do it at their start, one at a time; by itself it is for a release that
    migrates first. A database of a newer version is left alone.

    For example:
        $ marketplace migrate
        $ DATABASE_URL=postgresql://me:secret@db/marketplace marketplace migrate --json

    """
    with found_or_started(options.settings()) as url:
        carry_out(bring_to_head(url))
    if options.as_json:
        screen.show_json({"version": HEAD})
    else:
        screen.stdout().print(f"The schema is of version {HEAD}.")
