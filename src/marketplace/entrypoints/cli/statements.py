"""A provider's statement of a month, or of any days: to read, or written to a file that is sent to it."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import rich_click as click

from marketplace.adapters.postgres.provider_statement import provider_statement
from marketplace.core.providers.hours import zone
from marketplace.core.providers.provider import Provider
from marketplace.core.shared.errors import Invalid, NotFound
from marketplace.core.shared.period import Period, days, month
from marketplace.core.tenants.policy import Policy
from marketplace.entrypoints.cli import screen
from marketplace.entrypoints.cli.screen import Column
from marketplace.entrypoints.cli.visit import Operator, Visit, reading
from marketplace.entrypoints.papers import sheet
from marketplace.entrypoints.papers.drawing import draw
from marketplace.entrypoints.papers.paper import KINDS, Paper, paper_of
from marketplace.ports.storage import One

DAY = click.DateTime(formats=["%Y-%m-%d"])
FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


def in_days(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --from and --to."""
    command = click.option("--to", type=DAY, metavar="DAY", help="The last day, in the local time.")(command)
    return click.option(
        "--from", "from_", type=DAY, metavar="DAY", help="The first day, like 2026-11-01, in the local time."
    )(command)


def period_of(policy: Policy, *, named: str | None, from_: datetime | None, to: datetime | None) -> Period:
    """Raises Invalid for both a month and days, or neither."""
    there = zone(policy.time_zone)
    if named is not None and from_ is None and to is None:
        return month(named, there)
    if named is None and from_ is not None and to is not None:
        return days(from_.date(), to.date(), there)
    raise Invalid("--month", "is missing, or not alone", "a month like 2026-11, or both --from and --to")


@click.command()
@click.argument("provider_id", metavar="ID", type=click.UUID)
@click.option("--month", "named", metavar="MONTH", help="A calendar month, like 2026-11.")
@in_days
@click.option("--csv", "csv_file", type=FILE, help="Write it to this file, as CSV.")
@click.option("--pdf", "pdf_file", type=FILE, help="Write it to this file, as a document to be filed.")
@reading
def statement(
    operator: Operator,
    *,
    provider_id: UUID,
    named: str | None,
    from_: datetime | None,
    to: datetime | None,
    csv_file: Path | None,
    pdf_file: Path | None,
) -> None:
    """
    Show what a provider earned and was paid, from balance to balance.

    For example:
        $ marketplace providers statement $ID --month 2026-11
        $ marketplace providers statement $ID --from 2026-11-01 --to 2026-11-15 --pdf statement.pdf
    """

    async def read(visit: Visit) -> Paper:
        period = period_of(visit.call.policy, named=named, from_=from_, to=to)
        return await _paper(visit, provider_id, period)

    paper = operator.visit(read)
    if csv_file is not None:
        csv_file.write_bytes(sheet.statement_sheet(paper))
    if pdf_file is not None:
        pdf_file.write_bytes(draw(paper))
    if operator.as_json:
        screen.show_json(paper.statement)
    else:
        _show(paper, operator)


async def _paper(visit: Visit, provider_id: UUID, period: Period) -> Paper:
    (found,) = await visit.store.read(visit.tenant_id, [One(Provider, provider_id)])
    if not found:
        raise NotFound("provider", provider_id)
    policy = visit.call.policy
    told = await provider_statement(
        visit.reads, visit.tenant_id, provider_id=provider_id, currency=policy.currency, period=period
    )
    return paper_of(told, provider=found[0], policy=policy)


def _show(paper: Paper, operator: Operator) -> None:
    columns = (
        Column("at", lambda one: one[0].at, whole=True),
        Column("what", lambda one: KINDS.get(one[0].kind, one[0].kind)),
        Column("booking", lambda one: one[0].booking_id),
        Column("net", lambda one: paper.amount(one[0].net_minor), right=True),
        Column("balance", lambda one: paper.amount(one[1]), right=True),
    )
    screen.show_table(paper.balances(), columns, none="Nothing moved.", local=operator.local)
    sums = (Column("", lambda one: one[0]), Column("", lambda one: paper.amount(one[1]), right=True))
    screen.show_table(paper.sums(), sums, local=operator.local)
