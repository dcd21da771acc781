"""Bookings are found by what is known of them, and moved by the moves of their lifecycle."""

from typing import Any
from uuid import UUID

import rich_click as click

from marketplace.adapters.postgres import listings
from marketplace.core.bookings import commands
from marketplace.core.bookings.booking import Booking, State
from marketplace.core.dispatch.searching import SearchOn
from marketplace.entrypoints.cli.listings import Noun, in_state, paged, show_one, show_page
from marketplace.entrypoints.cli.moves import REASON, Act, add_acts, made
from marketplace.entrypoints.cli.screen import Column, money
from marketplace.entrypoints.cli.visit import Operator, acting, reading

COLUMNS = (
    Column("id", "id", whole=True),
    Column("state", "state", whole=True),
    Column("starts", "starts_at", whole=True),
    Column("service", "service_name"),
    Column("total", lambda one: money(one.total_minor, one.currency), right=True),
)


def _act(command: type, says: str, example: str = "") -> Act:
    return Act(command=command, subject="booking_id", says=says, example=example)


ACTS = {
    "accept": _act(commands.AcceptBooking, "Say yes for the provider."),
    "decline": _act(commands.DeclineBooking, "Say no for the provider; all is paid back."),
    "assign": _act(
        commands.AssignBooking, "Give a booking that was handed back to a provider.", "--provider $PROVIDER"
    ),
    "search-on": _act(SearchOn, "Look for somebody once more, after nobody was found."),
    "set-out": _act(commands.SetOut, "Say for the provider that it is on its way."),
    "arrive": _act(commands.Arrive, "Say for the provider that it is there."),
    "start": _act(commands.StartBooking, "Begin the work for the provider."),
    "deliver": _act(commands.DeliverBooking, "Say for the provider that the work is done."),
    "approve": _act(commands.ApproveBooking, "Approve the work for the customer."),
    "cancel": _act(commands.CancelBooking, "Call it off.", "--reason-code weather"),
    "report-no-show": _act(
        commands.ReportNoShow, "Say who did not come, which decides who pays.", "--absent provider"
    ),
    "hand-back": _act(commands.HandBack, "Take it from its provider, for another one."),
    "reschedule": _act(commands.AcceptTime, "Agree to a time that was proposed."),
    "dispute": _act(commands.DisputeBooking, "Complain for the customer."),
    "resolve": _act(
        commands.ResolveDispute, "Decide a dispute: what goes back to the customer.", "--refund-minor 5000"
    ),
}


@click.group(cls=Noun)
def bookings() -> None:
    """
    Find bookings, and make moves on them.

    A move is one of the lifecycle's, made by an admin who gives a reason. `show` lists those possible now.

    For example:
        $ marketplace bookings list --state disputed
        $ marketplace bookings resolve $ID --refund-minor 5000 --as $ADMIN --reason 'half done'
    """


@bookings.command("list")
@in_state(State)
@click.option("--customer", "customer_id", type=click.UUID, help="Of this customer only.")
@click.option("--provider", "provider_id", type=click.UUID, help="Of this provider only.")
@paged
@reading
def list_bookings(operator: Operator, **asked: Any) -> None:
    """
    List bookings, the latest first.

    For example:
        $ marketplace bookings list --state awaiting_provider
        $ marketplace bookings list --limit 100 --json
    """
    page = operator.visit(lambda visit: visit.page(listings.BOOKINGS, **asked))
    show_page(page, COLUMNS, reader=operator, none="No bookings.")


@bookings.command()
@click.argument("booking_id", metavar="ID", type=click.UUID)
@reading
def show(operator: Operator, *, booking_id: UUID) -> None:
    """
    Show a booking, and the moves that are possible now.

    For example:
        $ marketplace bookings show $ID
    """
    show_one(operator.visit(lambda visit: visit.one(Booking, booking_id)), reader=operator)


@bookings.command()
@click.argument("name", type=click.Choice(list(ACTS)), metavar="MOVE")
@click.argument("booking_id", metavar="ID", type=click.UUID)
@click.option("--reason", required=True, help="Why; it stays in the audit trail.")
@click.option("--with", "facts", multiple=True, metavar="FIELD=VALUE", help="What else the move must know.")
@acting
def move(operator: Operator, *, name: str, booking_id: UUID, reason: str, facts: tuple[str, ...]) -> None:
    """
    Make any move, by its name: for scripts.

    For example:
        $ marketplace bookings move accept $ID --as $ADMIN --reason 'as agreed by phone'
        $ marketplace bookings move resolve $ID --with refund_minor=5000 --as $ADMIN --reason 'half'
    """
    given = dict(fact.partition("=")[::2] for fact in facts)
    command = made(ACTS[name], booking_id, {**given, REASON: reason})
    show_one(operator.visit(lambda visit: visit.move(command)), reader=operator)


add_acts(bookings, ACTS)
