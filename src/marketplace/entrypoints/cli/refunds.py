"""A refund that failed or came back is tried again, or paid another way: what was promised is given."""

from typing import Any
from uuid import UUID

import rich_click as click

from marketplace.adapters.postgres import listings
from marketplace.core.payments import refunding
from marketplace.core.payments.refund import Refund, State
from marketplace.entrypoints.cli.listings import Noun, in_state, paged, show_one, show_page
from marketplace.entrypoints.cli.moves import Act, add_acts
from marketplace.entrypoints.cli.screen import Column, money
from marketplace.entrypoints.cli.visit import Operator, reading

COLUMNS = (
    Column("id", "id", whole=True),
    Column("state", "state", whole=True),
    Column("amount", lambda one: money(one.amount_minor, one.currency), right=True),
    Column("attempt", "attempt", right=True),
    Column("failure", "failure"),
)


def _act(command: type, says: str) -> Act:
    return Act(command=command, subject="refund_id", says=says)


ACTS = {
    "retry": _act(
        refunding.RetryRefund, "Send a refund that failed, or came back, once more under a new reference."
    ),
    "look-up": _act(refunding.LookUpRefund, "Ask the rail what became of a refund."),
    "pay-by-hand": _act(
        refunding.PayRefundByHand, "Write down that the customer got it by a transfer from the bank account."
    ),
}


@click.group(cls=Noun)
def refunds() -> None:
    """
    Find refunds, and see to those that failed or came back.

    For example:
        $ marketplace refunds list --state failed
        $ marketplace refunds list --state bounced
        $ marketplace refunds retry $ID --as $ADMIN --reason 'the card works again'
    """


@refunds.command("list")
@in_state(State)
@click.option("--booking", "booking_id", type=click.UUID, help="Of this booking only.")
@paged
@reading
def list_refunds(operator: Operator, **asked: Any) -> None:
    """
    List refunds, the latest first.

    For example:
        $ marketplace refunds list --state failed
        $ marketplace refunds list --booking $ID --json
    """
    page = operator.visit(lambda visit: visit.page(listings.REFUNDS, **asked))
    show_page(page, COLUMNS, reader=operator, none="No refunds.")


@refunds.command()
@click.argument("refund_id", metavar="ID", type=click.UUID)
@reading
def show(operator: Operator, *, refund_id: UUID) -> None:
    """
    Show a refund.

    For example:
        $ marketplace refunds show $ID
    """
    show_one(operator.visit(lambda visit: visit.one(Refund, refund_id)), reader=operator)


add_acts(refunds, ACTS)
