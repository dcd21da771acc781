"""Providers are paid by runs; what is large waits for an approval, and what failed for another try."""

from typing import Any
from uuid import UUID, uuid4

import rich_click as click

from marketplace.adapters.postgres import listings
from marketplace.core.payouts import usecases
from marketplace.core.payouts.drawing import StartPayoutRun
from marketplace.core.payouts.payout import Payout, State
from marketplace.entrypoints.cli.listings import Noun, in_state, paged, show_one, show_page
from marketplace.entrypoints.cli.moves import Act, add_acts
from marketplace.entrypoints.cli.screen import Column, money
from marketplace.entrypoints.cli.visit import Operator, acting, reading

COLUMNS = (
    Column("id", "id", whole=True),
    Column("state", "state", whole=True),
    Column("drawn", "drawn_at", whole=True),
    Column("amount", lambda one: money(one.amount_minor, one.currency), right=True),
    Column("attempt", "attempt", right=True),
    Column("failure", "failure"),
)


def _act(command: type, says: str) -> Act:
    return Act(command=command, subject="payout_id", says=says)


ACTS = {
    "approve": _act(usecases.ApprovePayout, "Let a payout above the limit go."),
    "hold": _act(usecases.HoldPayout, "Keep a payout back for review."),
    "resume": _act(usecases.ResumePayout, "Let a payout that was held go on."),
    "retry": _act(usecases.RetryPayout, "Make a payout that failed due again."),
    "look-up": _act(usecases.LookUpPayout, "Ask the rail what became of a payout."),
}


@click.group(cls=Noun)
def payouts() -> None:
    """
    Pay providers.

    For example:
        $ marketplace payouts list --state due
        $ marketplace payouts approve $ID --as $ADMIN --reason 'checked against the invoice'
    """


@payouts.command("list")
@in_state(State)
@click.option("--provider", "provider_id", type=click.UUID, help="Of this provider only.")
@paged
@reading
def list_payouts(operator: Operator, **asked: Any) -> None:
    """
    List payouts, the latest first.

    For example:
        $ marketplace payouts list --state due
    """
    page = operator.visit(lambda visit: visit.page(listings.PAYOUTS, **asked))
    show_page(page, COLUMNS, reader=operator, none="No payouts.")


@payouts.command()
@click.argument("payout_id", metavar="ID", type=click.UUID)
@reading
def show(operator: Operator, *, payout_id: UUID) -> None:
    """
    Show a payout.

    For example:
        $ marketplace payouts show $ID
    """
    show_one(operator.visit(lambda visit: visit.one(Payout, payout_id)), reader=operator)


@payouts.command()
@click.option("--run-id", type=click.UUID, help="The same id is one run, however often it is asked for.")
@click.option("--reason", required=True, help="Why; it stays in the audit trail.")
@acting
def run(operator: Operator, *, run_id: UUID | None, reason: str) -> None:
    """
    Pay every provider what may be drawn now; the worker does it, a few at a time.

    For example:
        $ marketplace payouts run --as $ADMIN --reason 'before the holidays'
    """
    command = StartPayoutRun(run_id=run_id or uuid4(), reason=reason)
    show_one(operator.visit(lambda visit: visit.move(command)), reader=operator)


add_acts(payouts, ACTS)
