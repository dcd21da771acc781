"""Payments are found by their state, and one in doubt is looked up at its rail, never sent again."""

from typing import Any
from uuid import UUID

import rich_click as click

from marketplace.adapters.postgres import listings
from marketplace.core.payments.payment import Payment, State
from marketplace.core.payments.usecases import LookUpPayment, SubmitEvidence
from marketplace.entrypoints.cli.listings import Noun, in_state, paged, show_one, show_page
from marketplace.entrypoints.cli.moves import Act, add_acts
from marketplace.entrypoints.cli.screen import Column, money
from marketplace.entrypoints.cli.visit import Operator, reading

COLUMNS = (
    Column("id", "id", whole=True),
    Column("state", "state", whole=True),
    Column("rail", "rail"),
    Column("amount", lambda one: money(one.amount_minor, one.currency), right=True),
    Column("refunded", lambda one: money(one.refunded_minor, one.currency), right=True),
    Column("failure", "failure"),
)


@click.group(cls=Noun)
def payments() -> None:
    """
    Find payments, and look up those in doubt.

    For example:
        $ marketplace payments unknown
        $ marketplace payments list --booking $ID
    """


@payments.command("list")
@in_state(State)
@click.option("--booking", "booking_id", type=click.UUID, help="Of this booking only.")
@paged
@reading
def list_payments(operator: Operator, **asked: Any) -> None:
    """
    List payments, the latest first.

    For example:
        $ marketplace payments list --state failed --json
        $ marketplace payments list --state promised
    """
    _list(operator, asked, none="No payments.")


@payments.command()
@paged
@reading
def unknown(operator: Operator, **asked: Any) -> None:
    """
    List the payments whose outcome is in doubt.

    For example:
        $ marketplace payments unknown
    """
    _list(operator, {**asked, "state": str(State.UNKNOWN)}, none="No payment is in doubt.")


@payments.command()
@click.argument("payment_id", metavar="ID", type=click.UUID)
@reading
def show(operator: Operator, *, payment_id: UUID) -> None:
    """
    Show a payment.

    For example:
        $ marketplace payments show $ID
    """
    show_one(operator.visit(lambda visit: visit.one(Payment, payment_id)), reader=operator)


def _list(operator: Operator, asked: dict[str, Any], *, none: str) -> None:
    page = operator.visit(lambda visit: visit.page(listings.PAYMENTS, **asked))
    show_page(page, COLUMNS, reader=operator, none=none)


add_acts(
    payments,
    {
        "look-up": Act(
            command=LookUpPayment, subject="payment_id", says="Ask the rail what became of a payment."
        ),
        "submit-evidence": Act(
            command=SubmitEvidence,
            subject="payment_id",
            says="Tell the bank our side of a dispute.",
            example="--text signed",
        ),
    },
)
