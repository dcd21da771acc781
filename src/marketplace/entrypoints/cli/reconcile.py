"""A rail's statement is laid beside the ledger, and what does not meet is listed with age and cause."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import rich_click as click

from marketplace.adapters.postgres.overview import Overview
from marketplace.adapters.postgres.reconciliation import Break, Clearing, Reconciliation, lines_of, reconcile
from marketplace.core.settlements.cause import RAIL_DELAY, Cause
from marketplace.core.settlements.importing import check_rail, statement_of
from marketplace.core.settlements.queries import MovementsOf
from marketplace.entrypoints.cli import screen
from marketplace.entrypoints.cli.refusals import FAILED
from marketplace.entrypoints.cli.screen import Column, money
from marketplace.entrypoints.cli.statements import DAY, FILE, period_of
from marketplace.entrypoints.cli.visit import Operator, Visit, reading
from marketplace.entrypoints.papers.lines import breaks_sheet, lines_sheet


def _amount(name: str) -> Column:
    def told(one: Clearing) -> str:
        return money(getattr(one, f"{name}_minor"), one.currency)

    return Column(name, told, right=True)


_AMOUNTS = ("opening", "moved", "settled", "closing", "waiting", "overdue", "unexplained")
_CLEARINGS = (*map(_amount, _AMOUNTS), Column("lines", "lines", right=True))
_BREAKS = (
    Column("id", "id", whole=True),
    Column("cause", "cause", whole=True),
    Column("days", "age_days", right=True),
    Column("reference", "reference", whole=True),
    Column("amount", lambda one: money(one.gross_minor, one.currency), right=True),
    Column("problem", "problem"),
)


@click.command("reconcile")
@click.option("--rail", required=True, help="Whose statement, like sandbox.")
@click.option("--from", "from_", type=DAY, required=True, metavar="DAY", help="The first local day.")
@click.option("--to", type=DAY, required=True, metavar="DAY", help="The last local day.")
@click.option(
    "--delay-days",
    type=click.IntRange(0, 90),
    default=RAIL_DELAY.days,
    show_default=True,
    help="How long the rail may take to settle: only what is older is a break.",
)
@click.option("--lines-csv", type=FILE, help="Write the lines of these days to this file.")
@click.option("--breaks-csv", type=FILE, help="Write what is open to this file.")
@reading
def reconcile_rail(
    operator: Operator,
    *,
    rail: str,
    from_: datetime,
    to: datetime,
    delay_days: int,
    lines_csv: Path | None,
    breaks_csv: Path | None,
) -> int | None:
    """
    Lay a rail's statement beside the ledger.

    Nothing is changed; exit 1 where anything between the two is open. What the rail's clearing holds at the
    end is explained to the cent: settled since then, waiting for a line that is not late yet, or overdue. A
    break is a line that settles nothing of ours, or a movement that no line has told of in time; each says
    for how long, and what it looks like.

    For example:
        $ marketplace reconcile --rail sandbox --from 2026-11-01 --to 2026-11-30
        $ marketplace reconcile --rail sandbox --from 2026-11-01 --to 2026-11-30 --breaks-csv b.csv
    """

    async def look(visit: Visit) -> tuple[Reconciliation, bytes]:
        call = visit.call
        check_rail(rail, await visit.store.read(visit.tenant_id, [statement_of(rail, call)]), call)
        period = period_of(call.policy, named=None, from_=from_, to=to)
        found = await reconcile(
            visit.reads,
            visit.tenant_id,
            rail=rail,
            period=period,
            now=call.at,
            delay=timedelta(days=delay_days),
        )
        lines = await lines_of(visit.reads, visit.tenant_id, rail=rail, period=period)
        return replace(found, breaks=await _of_others(visit, found.breaks)), lines_sheet(lines)

    found, lines = operator.visit(look)
    if lines_csv is not None:
        lines_csv.write_bytes(lines)
    if breaks_csv is not None:
        breaks_csv.write_bytes(breaks_sheet(found.breaks))
    if operator.as_json:
        screen.show_json(found)
    else:
        _show(found, operator)
    return None if found.clear else FAILED


async def _of_others(visit: Visit, breaks: tuple[Break, ...]) -> tuple[Break, ...]:
    """Whoever is at the database sees whether another marketplace knows what this one does not."""
    unknown = {one.reference for one in breaks if one.cause == Cause.LINE_WITHOUT_MOVEMENT}
    if not unknown:
        return breaks
    overview = Overview(visit.engine, visit.url)
    theirs: set[Any] = set()
    try:
        for other in await overview.tenants():
            if other != visit.tenant_id:
                (found,) = await visit.store.read(other, [MovementsOf(subject_ids=tuple(unknown))])
                theirs |= {movement.subject_id for movement in found}
    finally:
        await overview.close()
    return tuple(
        replace(one, cause=Cause.LINE_OF_ANOTHER_TENANT) if one.reference in theirs else one for one in breaks
    )


def _show(found: Reconciliation, operator: Operator) -> None:
    screen.show_table(found.clearings, _CLEARINGS, none="The rail moved nothing.")
    none = "Nothing is open."
    screen.show_table(found.breaks, _BREAKS, none=none, local=operator.local)
    more = found.open_breaks - len(found.breaks)
    if more:
        screen.stderr().print(f"There are {more} more.", style="dim")
