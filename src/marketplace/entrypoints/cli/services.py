"""Services are found and put on show, and drafted: the house's own, or for a provider that asks for it."""

from typing import Any
from uuid import UUID, uuid4

import rich_click as click

from marketplace.core.catalogue.pricing import PriceRule
from marketplace.core.catalogue.usecases import DraftService
from marketplace.entrypoints.cli.listings import show_one
from marketplace.entrypoints.cli.moves import PANEL
from marketplace.entrypoints.cli.stored import services
from marketplace.entrypoints.cli.visit import Operator, acting

__all__ = ["services"]


@services.command(panel=PANEL)
@click.option("--id", "service_id", type=click.UUID, metavar="ID", help="Its id; else a new one.")
@click.option("--name", metavar="TEXT", required=True, help="What customers read.")
@click.option("--category", metavar="WORD", required=True, help="Of a call-out, also the skill it needs.")
@click.option(
    "--price", "amount_minor", type=int, metavar="N", required=True, help="In the smallest unit, as cents."
)
@click.option(
    "--per", "kind", type=click.Choice(["job", "hour"]), default="job", help="What it is the price of."
)
@click.option(
    "--call-out",
    "call_out_minor",
    type=int,
    metavar="N",
    default=0,
    help="What coming costs besides, likewise.",
)
@click.option(
    "--minutes",
    "duration_minutes",
    type=int,
    metavar="N",
    default=60,
    show_default=True,
    help="How long it takes.",
)
@click.option(
    "--minutes-max", "duration_max_minutes", type=int, metavar="N", help="The longest it may be booked for."
)
@click.option("--description", metavar="TEXT", default="", help="What customers read below the name.")
@click.option(
    "--provider", "provider_id", type=click.UUID, metavar="ID", help="Whose it is; else the house's."
)
@click.option("--reason", metavar="TEXT", required=True, help="Why; it stays in the audit trail.")
@acting
def draft(
    operator: Operator,
    *,
    service_id: UUID | None,
    amount_minor: int,
    kind: str,
    call_out_minor: int,
    **given: Any,
) -> None:
    """
    Draft a service of the house, which call-outs are made for.

    Whoever is near, free and able does it. With --provider it is that provider's, and booked by slot.
    It is on show once it is published.

    For example:
        $ marketplace services draft --name Wax --category wax --price 9000 --as $ADMIN --reason new
    """
    rule = PriceRule("per_hour" if kind == "hour" else "fixed", amount_minor, call_out_minor)
    command = DraftService(service_id=service_id or uuid4(), rule=rule, **given)
    show_one(operator.visit(lambda visit: visit.move(command)), reader=operator)
