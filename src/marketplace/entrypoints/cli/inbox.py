"""The sandbox's messages are read as their receivers would read them."""

import rich_click as click

from marketplace.adapters.postgres.shelf import PostgresShelf
from marketplace.adapters.sandbox.inbox import InboxMessage, SandboxChannel
from marketplace.entrypoints.cli import screen
from marketplace.entrypoints.cli.screen import Column
from marketplace.entrypoints.cli.visit import Operator, Visit, reading
from marketplace.entrypoints.phones import normalise

COLUMNS = (
    Column("at", "at", whole=True),
    Column("to", "address", whole=True),
    Column("message", "text"),
)


@click.group()
def inbox() -> None:
    """
    Read the sandbox's messages.

    For example:
        $ marketplace inbox read
    """


@inbox.command()
@click.option("--address", metavar="PHONE", help="What came to this number only.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@reading
def read(operator: Operator, *, address: str | None, limit: int) -> None:
    """
    Read what was sent, the latest first: sign-in codes, too.

    For example:
        $ marketplace inbox read --limit 1
        $ marketplace inbox read --address +27600000203 --json
    """
    found = operator.visit(lambda visit: _read(visit, address, limit))
    if operator.as_json:
        screen.show_json({"items": found})
    else:
        screen.show_table(found, COLUMNS, none="No messages.", local=operator.local)


async def _read(visit: Visit, address: str | None, limit: int) -> tuple[InboxMessage, ...]:
    at = visit.call.at
    channel = SandboxChannel(shelf=PostgresShelf(visit.engine), clock=lambda _: at)
    number = normalise(address, country=visit.call.policy.country) if address else None
    return await channel.read(visit.tenant_id, address=number, limit=limit)
