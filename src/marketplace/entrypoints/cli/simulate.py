"""Random lives of bookings with everything going wrong that can, and cities that look for operators."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rich_click as click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from marketplace.adapters.embedded.postgres import THROWAWAY
from marketplace.adapters.memory.assigner import AugmentingAssigner
from marketplace.entrypoints.cli import screen
from marketplace.entrypoints.cli.listings import show_one
from marketplace.entrypoints.cli.loop import carry_out
from marketplace.entrypoints.cli.options import Given, given
from marketplace.entrypoints.cli.refusals import FAILED
from marketplace.entrypoints.scratch import server
from marketplace.entrypoints.simulation.city.picture import draw
from marketplace.entrypoints.simulation.city.plan import Plan
from marketplace.entrypoints.simulation.city.report import compare, summary
from marketplace.entrypoints.simulation.engine import Progress as Told
from marketplace.entrypoints.simulation.engine import Report
from marketplace.entrypoints.simulation.engine import simulate as simulate_lives
from marketplace.entrypoints.simulation.storages import in_memory, on_postgres


@click.group()
def simulate() -> None:
    """
    Run random lifecycles with faults, or a city's dispatch.

    For example:
        $ marketplace simulate lifecycles --bookings 1000 --seed 7 --faults
        $ marketplace simulate city --utilisation 0.85
    """


@simulate.command()
@click.option(
    "--bookings", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, help="How many."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same run.")
@click.option("--faults", is_flag=True, help="Let rail, channel, webhooks and processes fail.")
@click.option(
    "--storage",
    type=click.Choice(["postgres", "memory"]),
    default="postgres",
    show_default=True,
    help="PostgreSQL is the one of DATABASE_URL, in a database of its own, or an embedded one for the while.",
)
@given
def lifecycles(options: Given, *, bookings: int, seed: int, faults: bool, storage: str) -> int | None:
    """
    Let bookings live and end, through the public use cases on a clock that runs as fast as it can.

    Exit 1 where a promise is broken, or a kind of fault has not happened.

    For example:
        $ marketplace simulate lifecycles --bookings 200 --storage memory
        $ marketplace simulate lifecycles --bookings 10000 --seed 7 --faults --json
    """
    settings = options.settings()
    asked: dict[str, Any] = {"bookings": bookings, "seed": seed, "faults": faults}
    with _progress(bookings) as told:
        if storage == "memory":
            report = carry_out(_in_memory(told, asked))
        else:
            # Nobody misses this data after the power went.
            with server(settings.database_url, settings=THROWAWAY) as url:
                report = carry_out(_on_postgres(url, told, asked))
    missing = [kind for kind, times in report.faults.items() if not times]
    show_one(report.summary(), reader=options)
    if missing:
        screen.stderr().print(
            f"These faults have not happened: {', '.join(missing)}; simulate more bookings."
        )
    return FAILED if report.violations or missing else None


def drawable(_ctx: click.Context, _param: click.Parameter, value: Path | None) -> Path | None:
    """Asked before a city lives through its hours, and not when it is to be drawn."""
    if value is not None and not os.access(value if value.exists() else value.parent, os.W_OK):
        raise click.BadParameter(f"{value} cannot be written")
    return value


@simulate.command()
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same city.")
@click.option("--hours", type=click.FloatRange(0.5, 48), default=4.0, show_default=True, help="How long.")
@click.option(
    "--providers", type=click.IntRange(2, 5000), default=300, show_default=True, help="Operators on the road."
)
@click.option(
    "--utilisation",
    type=click.FloatRange(0.05, 1.5),
    default=0.85,
    show_default=True,
    help="The share of their time that operators would work or drive, were every way short.",
)
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=drawable,
    help="Draw map and curves here, as SVG.",
)
@given
def city(
    options: Given, *, seed: int, hours: float, providers: int, utilisation: float, picture: Path | None
) -> int | None:
    """
    Let a city's dispatch find its operators, on a clock that runs as fast as it can.

    Beside it, on the same wishes, the nearest who is idle is sent to whoever came first. Exit 1 where a job
    had two takers, or an operator two jobs at a time.

    For example:
        $ marketplace simulate city --providers 100 --hours 2
        $ marketplace simulate city --utilisation 0.7 --picture city.svg
    """
    plan = Plan(seed=seed, hours=hours, providers=providers, utilisation=utilisation)
    with screen.stderr().status("a city lives through its hours, twice"):
        ours, greedy = carry_out(compare(plan, assigner=AugmentingAssigner()))
    if picture is not None:
        picture.write_text(draw(plan, ours, greedy), encoding="utf-8")
    show_one(summary(plan, ours, greedy), reader=options)
    return FAILED if ours.double_assignments else None


async def _in_memory(told: Told, asked: dict[str, Any]) -> Report:
    async with in_memory() as storage:
        return await simulate_lives(**asked, storage=storage, progress=told)


async def _on_postgres(url: str, told: Told, asked: dict[str, Any]) -> Report:
    async with on_postgres(url) as storage:
        return await simulate_lives(**asked, storage=storage, progress=told)


@contextlib.contextmanager
def _progress(bookings: int) -> Iterator[Told]:
    columns = TextColumn("lives over"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=screen.stderr(), transient=True) as progress:
        task = progress.add_task("", total=bookings)
        yield lambda over, of: progress.update(task, completed=over, total=of)
