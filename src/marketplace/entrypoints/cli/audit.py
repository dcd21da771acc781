"""The promises are proved on what is stored, and one that was broken is named with what broke it."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import rich_click as click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from marketplace.entrypoints.asking import rails_asked
from marketplace.entrypoints.cli import opening, screen
from marketplace.entrypoints.cli.opening import Place
from marketplace.entrypoints.cli.options import Given, given
from marketplace.entrypoints.cli.refusals import FAILED
from marketplace.entrypoints.directory import tenant_id_of
from marketplace.entrypoints.enquiry import MOST
from marketplace.entrypoints.enquiry import Progress as Told
from marketplace.entrypoints.proof import proved
from marketplace.ports.audit import Promise


@click.command()
@click.option("--tenant", metavar="SLUG", help="Of this marketplace only; else of all.")
@click.option(
    "--ask-rails",
    is_flag=True,
    help="Ask each rail as well whether it says what is stored; it takes a while.",
)
@click.option(
    "--since",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    metavar="DAY",
    help="Ask rails about what began on this day, by UTC, or later; else about all.",
)
@click.option(
    "--most",
    type=click.IntRange(1, 1_000_000),
    default=MOST,
    show_default=True,
    help="Ask rails about so many references at the most, the newest first.",
)
@given
def audit(
    options: Given, *, tenant: str | None, ask_rails: bool, since: datetime | None, most: int
) -> int | None:
    """
    Prove the promises on what is stored.

    Nothing is changed. Each promise says how many rows were looked at; exit 1 where one is broken.

    Where rails are asked there is one promise more. They are asked about every payment, refund and payout,
    and about what was asked back of payouts, one after the other. It is broken where a rail says otherwise
    than what has stood here for 15 minutes and more, or does not answer.

    For example:
        $ marketplace audit
        $ marketplace audit --tenant live-music --json
        $ marketplace audit --ask-rails --since 2026-11-01
    """
    if since is not None and not ask_rails:
        raise click.UsageError("--since is for rails that are asked: --ask-rails")
    key = tenant_id_of(tenant) if tenant else None
    promises = opening.visit_all(options, lambda place: proved(place.engine, place.url, tenant_id=key))
    if ask_rails:
        promises += (_asked(options, key, since=since, most=most),)
    ok = not any(promise.violations for promise in promises)
    if options.as_json:
        screen.show_json({"ok": ok, "promises": promises})
    else:
        _show(promises)
    return None if ok else FAILED


def _asked(options: Given, key: UUID | None, *, since: datetime | None, most: int) -> Promise:
    settings, day = options.settings(), since and since.replace(tzinfo=UTC)

    async def ask(place: Place) -> Promise:
        with _progress() as told:
            return await rails_asked(
                settings, place.engine, place.url, tenant_id=key, since=day, most=most, told=told
            )

    promise = opening.visit_all(options, ask)
    if promise.rows >= most:
        screen.stderr().print(
            f"Rails were asked about the newest {most:,} references: --most asks about more."
        )
    return promise


@contextlib.contextmanager
def _progress() -> Iterator[Told]:
    columns = TextColumn("rails are asked"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=screen.stderr(), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda asked, of: progress.update(task, completed=asked, total=of)


def _show(promises: tuple[Promise, ...]) -> None:
    console = screen.stdout()
    for promise in promises:
        kept = not promise.violations
        verdict = ("kept  ", "green") if kept else ("BROKEN", "bold red")
        name = promise.name.replace("_", " ")
        console.print(Text.assemble(verdict, f"  {name:<28} {promise.rows:>9,} rows"))
        for violation in promise.violations:
            console.print(Text(f"          {violation}", style="red"))
