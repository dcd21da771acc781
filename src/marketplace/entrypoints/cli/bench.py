"""What it costs is measured beside what the same server does without us, and never guessed."""

import rich_click as click

from marketplace.entrypoints.bench.bookings import measure
from marketplace.entrypoints.cli import screen
from marketplace.entrypoints.cli.listings import show_one
from marketplace.entrypoints.cli.loop import carry_out
from marketplace.entrypoints.cli.options import Given


@click.group()
def bench() -> None:
    """
    Measure how fast it is.

    For example:
        $ marketplace bench bookings
    """


@bench.command()
@click.option(
    "--seconds", type=click.IntRange(1, 600), default=10, show_default=True, help="For each measurement."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of what stands in the database.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on stdout.")
def bookings(*, seconds: int, seed: int, as_json: bool) -> None:
    """
    Measure bookings over HTTP, beside the same writes by raw asyncpg and by pgbench, on one server.

    For example:
        $ marketplace bench bookings --seconds 20
        $ marketplace bench bookings --json
    """
    remark = screen.stderr()
    result = carry_out(measure(seconds=seconds, seed=seed, told=lambda said: remark.print(said, style="dim")))
    show_one(result, reader=Given(config=None, data=None, as_json=as_json))
