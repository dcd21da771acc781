"""Units of capacity are found, and sent online or offline by an admin who says why."""

from typing import Any
from uuid import UUID

import rich_click as click

from marketplace.adapters.postgres import listings
from marketplace.core.dispatch.presences import GoOffline, GoOnline
from marketplace.core.providers.provider import Unit, UnitState
from marketplace.core.shared.place import Place
from marketplace.entrypoints.cli.listings import Noun, in_state, paged, show_one, show_page
from marketplace.entrypoints.cli.moves import PANEL, Act, add_acts
from marketplace.entrypoints.cli.screen import Column
from marketplace.entrypoints.cli.visit import Operator, acting, reading

COLUMNS = (
    Column("id", "id", whole=True),
    Column("name", "name"),
    Column("state", "state", whole=True),
    Column("skills", lambda one: ", ".join(one.skills)),
)


@click.group(cls=Noun)
def units() -> None:
    """
    Find units, and send them online or offline.

    For example:
        $ marketplace units list --provider $PROVIDER
        $ marketplace units offline $ID --as $ADMIN --reason 'broken down'
    """


@units.command("list")
@click.option("--provider", "provider_id", type=click.UUID, metavar="ID", help="Of this provider only.")
@in_state(UnitState)
@paged
@reading
def list_units(operator: Operator, **asked: Any) -> None:
    """
    List units, the latest first.

    For example:
        $ marketplace units list --state active
    """
    page = operator.visit(lambda visit: visit.page(listings.UNITS, **asked))
    show_page(page, COLUMNS, reader=operator, none="No units.")


@units.command()
@click.argument("unit_id", metavar="ID", type=click.UUID)
@reading
def show(operator: Operator, *, unit_id: UUID) -> None:
    """
    Show one of the units.

    For example:
        $ marketplace units show $ID
    """
    show_one(operator.visit(lambda visit: visit.one(Unit, unit_id)), reader=operator)


@units.command(panel=PANEL)
@click.argument("unit_id", metavar="ID", type=click.UUID)
@click.option("--latitude", type=click.FloatRange(-90, 90), required=True, help="Where it is.")
@click.option("--longitude", type=click.FloatRange(-180, 180), required=True, help="Where it is.")
@click.option("--reason", metavar="TEXT", required=True, help="Why; it stays in the audit trail.")
@acting
def online(operator: Operator, *, unit_id: UUID, latitude: float, longitude: float, reason: str) -> None:
    """
    Let a unit take jobs from now on.

    For example:
        $ marketplace units online $ID --latitude -26.1 --longitude 28 --as $ADMIN --reason 'asked'
    """
    command = GoOnline(unit_id=unit_id, place=Place(latitude, longitude), reason=reason)
    show_one(operator.visit(lambda visit: visit.move(command)), reader=operator)


add_acts(
    units,
    {
        "offline": Act(
            command=GoOffline, subject="unit_id", says="Let a unit take no more jobs; what it has stays."
        )
    },
)
