"""Members are found, made for a time, kept longer and ended by an admin who says why."""

from typing import Any
from uuid import UUID, uuid4

import rich_click as click

from marketplace.core.subscriptions.membership import LEVEL_MAX
from marketplace.core.subscriptions.usecases import GrantMembership
from marketplace.entrypoints.cli.listings import show_one
from marketplace.entrypoints.cli.moves import INSTANT, PANEL, Act, made
from marketplace.entrypoints.cli.stored import memberships
from marketplace.entrypoints.cli.visit import Operator, acting

__all__ = ["memberships"]
_GRANT = Act(command=GrantMembership, subject="membership_id", says="Make a customer a member.")


@memberships.command(panel=PANEL)
@click.argument("customer_id", metavar="CUSTOMER", type=click.UUID)
@click.option("--id", "membership_id", type=click.UUID, metavar="ID", help="Its id; else a new one.")
@click.option("--until", type=INSTANT, required=True, help="When it ends, like 2027-01-01T00:00:00Z.")
@click.option(
    "--level",
    type=click.IntRange(1, LEVEL_MAX),
    default=1,
    show_default=True,
    help="How far it puts the customer before others.",
)
@click.option("--reason", metavar="TEXT", required=True, help="Why; it stays in the audit trail.")
@acting
def grant(operator: Operator, *, membership_id: UUID | None, **given: Any) -> None:
    """
    Make a customer a member until an instant.

    For example:
        $ marketplace memberships grant $ID --until 2027-01-01T00:00:00Z --as $ADMIN --reason gift
    """
    command = made(_GRANT, membership_id or uuid4(), given)
    show_one(operator.visit(lambda visit: visit.move(command)), reader=operator)
