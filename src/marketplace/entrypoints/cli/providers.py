"""A provider is verified before it can be booked, and can be stopped at any time."""

from typing import Any
from uuid import UUID

import rich_click as click

from marketplace.adapters.postgres import listings
from marketplace.core.providers.provider import Provider, State
from marketplace.core.providers.usecases import MoveProvider
from marketplace.entrypoints.cli.listings import Noun, in_state, paged, show_one, show_page
from marketplace.entrypoints.cli.moves import Act, add_acts
from marketplace.entrypoints.cli.screen import Column
from marketplace.entrypoints.cli.statements import statement
from marketplace.entrypoints.cli.visit import Operator, reading

COLUMNS = (
    Column("id", "id", whole=True),
    Column("name", "name"),
    Column("state", "state", whole=True),
    Column("zone", "time_zone"),
    Column("can be paid", lambda one: "yes" if one.payee else "no"),
)
_MOVES = {
    "verify": "Say that a provider is who it says it is.",
    "activate": "Let a verified provider be booked.",
    "suspend": "Take a provider out of search; what is booked stays.",
    "reinstate": "Let a suspended provider be booked again.",
    "ban": "Shut a provider out for good.",
}


@click.group(cls=Noun)
def providers() -> None:
    """
    Find providers, verify and suspend them.

    For example:
        $ marketplace providers list --state applied
        $ marketplace providers verify $ID --as $ADMIN --reason 'papers seen'
    """


@providers.command("list")
@click.option("--text", metavar="TEXT", help="With this in the name.")
@in_state(State)
@paged
@reading
def list_providers(operator: Operator, **asked: Any) -> None:
    """
    List providers, the latest first.

    For example:
        $ marketplace providers list --state applied
    """
    page = operator.visit(lambda visit: visit.page(listings.PROVIDERS, **asked))
    show_page(page, COLUMNS, reader=operator, none="No providers.")


@providers.command()
@click.argument("provider_id", metavar="ID", type=click.UUID)
@reading
def show(operator: Operator, *, provider_id: UUID) -> None:
    """
    Show a provider.

    For example:
        $ marketplace providers show $ID
    """
    show_one(operator.visit(lambda visit: visit.one(Provider, provider_id)), reader=operator)


providers.add_command(statement)
add_acts(
    providers,
    {
        name: Act(command=MoveProvider, subject="provider_id", says=says, fixed={"move": name})
        for name, says in _MOVES.items()
    },
)
