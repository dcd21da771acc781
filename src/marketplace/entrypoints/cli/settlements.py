"""What rails have settled can be looked through, and what matches nothing of ours is ended by a person."""

from pathlib import Path
from typing import Any
from uuid import UUID

import rich_click as click

from marketplace.adapters.postgres import listings
from marketplace.core.settlements.cause import Cause
from marketplace.core.settlements.importing import ImportLines
from marketplace.core.settlements.resolving import ResolveSettlement
from marketplace.core.settlements.settlement import Settlement, State
from marketplace.core.settlements.usecases import RecheckSettlement
from marketplace.core.shared.errors import Invalid
from marketplace.entrypoints.cli.listings import Noun, in_state, paged, show_one, show_page
from marketplace.entrypoints.cli.moves import Act, add_acts
from marketplace.entrypoints.cli.screen import Column, money
from marketplace.entrypoints.cli.visit import Operator, acting, reading
from marketplace.entrypoints.papers.lines import read_lines

COLUMNS = (
    Column("id", "id", whole=True),
    Column("state", "state", whole=True),
    Column("settled", "settled_at", whole=True),
    Column("amount", lambda one: money(one.gross_minor, one.currency), right=True),
    Column("days", "age_days", right=True),
    Column("cause", "cause"),
)


@click.group(cls=Noun)
def settlements() -> None:
    """
    Find what rails have settled, and end breaks.

    For example:
        $ marketplace settlements list --state break
        $ marketplace settlements resolve $ID --outcome book --as $ADMIN --reason 'as the rail says'
    """


@settlements.command("list")
@in_state(State)
@click.option(
    "--cause",
    type=click.Choice([str(cause) for cause in Cause]),
    metavar="CAUSE",
    help="Breaks like this only.",
)
@paged
@reading
def list_settlements(operator: Operator, **asked: Any) -> None:
    """
    List lines of rails' statements, the latest first.

    For example:
        $ marketplace settlements list --state break --cause amount_differs
    """
    page = operator.visit(lambda visit: visit.page(listings.SETTLEMENTS, **asked))
    show_page(page, COLUMNS, reader=operator, none="Nothing was settled.")


@settlements.command()
@click.argument("settlement_id", metavar="ID", type=click.UUID)
@reading
def show(operator: Operator, *, settlement_id: UUID) -> None:
    """
    Show a line, and why it is a break.

    For example:
        $ marketplace settlements show $ID
    """
    show_one(operator.visit(lambda visit: visit.one(Settlement, settlement_id)), reader=operator)


@settlements.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--rail", required=True, help="Whose statement it is, like sandbox.")
@click.option("--reason", required=True, help="Why; it stays in the audit trail.")
@acting
def bring_in(operator: Operator, *, file: Path, rail: str, reason: str) -> None:
    """
    Take in lines of a rail's statement from CSV, all of them or none; one that is known is left.

    The columns are line_id, reference (ours), subject (charge, refund, transfer,
    transfer_reversal), currency, gross (negative
    for what went out), fee, settled_at (with its offset), and net if you like. Each bad cell is named.

    For example:
        $ marketplace settlements import lines.csv --rail sandbox --as $ADMIN --reason 'by hand'
    """
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise Invalid("file", "is no text in UTF-8") from error
    command = ImportLines(rail=rail, lines=read_lines(text), reason=reason)
    show_one(operator.visit(lambda visit: visit.move(command)), reader=operator)


add_acts(
    settlements,
    {
        "recheck": Act(
            command=RecheckSettlement, subject="settlement_id", says="See whether a break matches by now."
        ),
        "resolve": Act(
            command=ResolveSettlement,
            subject="settlement_id",
            says="End a break: book what came, or set aside a line that was told in error.",
            example="--outcome book",
        ),
    },
)
