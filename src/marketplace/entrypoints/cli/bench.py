"""What it costs is measured beside what the same server does without us, and never guessed."""

from typing import Any

import rich_click as click

from marketplace.entrypoints.bench import bookings as of_bookings
from marketplace.entrypoints.bench import dispatch as of_dispatch
from marketplace.entrypoints.bench import webhooks as of_webhooks
from marketplace.entrypoints.cli import screen
from marketplace.entrypoints.cli.listings import show_one
from marketplace.entrypoints.cli.loop import carry_out
from marketplace.entrypoints.cli.options import Given
from marketplace.entrypoints.cli.refusals import FAILED

_UNITS_MAX = 10_000_000


def _sizes(_context: click.Context, _parameter: click.Parameter, given: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(one) for one in given.split(","))
    except ValueError:
        sizes = ()
    if not sizes or not all(1 <= size <= _UNITS_MAX for size in sizes):
        raise click.BadParameter(
            f"{given!r} is not a list of whole numbers from 1 to {_UNITS_MAX}, as 1000,10000"
        )
    return sizes


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
    result = carry_out(
        of_bookings.measure(seconds=seconds, seed=seed, told=lambda said: remark.print(said, style="dim"))
    )
    show_one(result, reader=Given(config=None, data=None, as_json=as_json))


@bench.command()
@click.option(
    "--seconds", type=click.IntRange(1, 600), default=5, show_default=True, help="For each measurement."
)
@click.option(
    "--units",
    "sizes",
    default=",".join(map(str, of_dispatch.SIZES)),
    show_default=True,
    callback=_sizes,
    metavar="NUMBERS",
    help="How many units are in the map, one measurement for each number.",
)
@click.option("--redis", "redis_url", metavar="URL", help="A Redis to measure too; what is written expires.")
@click.option(
    "--database",
    "database_url",
    metavar="URL",
    help="The PostgreSQL to measure, in a database of its own; without it an embedded one for the while.",
)
@click.option(
    "--races",
    type=click.IntRange(1, 1_000_000),
    metavar="NUMBER",
    help="Run so many races for jobs and units, however long they take.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of where the units are.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on stdout.")
def dispatch(*, as_json: bool, **options: Any) -> int | None:
    """
    Measure searches of the live map, decisions on whom to ask, and races of those who are asked.

    Searches hold whom they find: in memory, and on Redis beside PING. A decision reads and writes PostgreSQL;
    in a race several say yes to one job, or several jobs want one unit, and the database is searched for
    anybody who got too much. Exit 1 where there is one.

    For example:
        $ marketplace bench dispatch --units 1000,100000
        $ marketplace bench dispatch --redis redis://localhost:6379 --json
        $ marketplace bench dispatch --units 100000 --races 10000
    """
    remark = screen.stderr()
    result = carry_out(of_dispatch.measure(**options, told=lambda said: remark.print(said, style="dim")))
    show_one(result, reader=Given(config=None, data=None, as_json=as_json))
    return FAILED if result["double_assignments"] else None


@bench.command()
@click.option(
    "--seconds", type=click.IntRange(1, 600), default=60, show_default=True, help="How long they come."
)
@click.option(
    "--rate", "per_s", type=click.IntRange(3, 5000), default=500, show_default=True, help="Webhooks a second."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of which are told again, and when.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on stdout.")
def webhooks(*, seconds: int, per_s: int, seed: int, as_json: bool) -> int | None:
    """
    Measure signed webhooks at a fixed rate, from when each is due to its answer and to what it moved.

    Every third tells an event again. Each other one is of a refund that the rail has made, so each moves
    money once: afterwards the movements are counted and the promises proved. Exit 1 where anything counted
    twice or not at all.

    For example:
        $ marketplace bench webhooks
        $ marketplace bench webhooks --seconds 10 --rate 200 --json
    """
    remark = screen.stderr()
    result = carry_out(
        of_webhooks.measure(
            seconds=seconds, per_s=per_s, seed=seed, told=lambda said: remark.print(said, style="dim")
        )
    )
    show_one(result, reader=Given(config=None, data=None, as_json=as_json))
    return None if result.ok else FAILED
