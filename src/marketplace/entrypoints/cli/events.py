"""Every change has left an event that names who made it and why; they are read here."""

from typing import Any

import rich_click as click

from marketplace.adapters.postgres import listings
from marketplace.entrypoints.cli.listings import paged, show_page
from marketplace.entrypoints.cli.screen import Column
from marketplace.entrypoints.cli.visit import Listed, Operator, Visit, reading

COLUMNS = (
    Column("at", "at", whole=True),
    Column("event", "name", whole=True),
    Column("to", "after"),
    Column("by", "actor_role"),
    Column("reason", "reason"),
    Column("changes", lambda one: ", ".join(one.changes)),
)


@click.group()
def events() -> None:
    """
    Read what happened to an object, and who did it.

    For example:
        $ marketplace events trail $BOOKING
        $ marketplace events trail --by $USER --limit 100
    """


@events.command()
@click.argument("subject_id", metavar="[ID]", type=click.UUID, required=False)
@click.option("--by", "actor_id", type=click.UUID, help="Done by this user only.")
@click.option("--kind", help="Of this kind of object only, like payout.")
@click.option("--name", help="With this name only, like booking.cancelled.")
@paged
@reading
def trail(operator: Operator, **asked: Any) -> None:
    """
    Show the audit trail of an object, of an actor, or of everything; the latest first.

    For example:
        $ marketplace events trail $BOOKING
        $ marketplace events trail --name payout.held --json
    """
    page = operator.visit(lambda visit: _events(visit, asked))
    show_page(page, COLUMNS, reader=operator, none="No events.")


async def _events(visit: Visit, asked: dict[str, Any]) -> Listed:
    page = await visit.reads.page(visit.tenant_id, listings.EVENTS, **asked)
    return Listed(items=page.items, after=page.after)
