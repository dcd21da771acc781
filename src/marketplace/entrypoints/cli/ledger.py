"""The books are read here and written nowhere but by what happens."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

import rich_click as click

from marketplace.adapters.postgres import money as books
from marketplace.entrypoints.cli import screen
from marketplace.entrypoints.cli.refusals import FAILED
from marketplace.entrypoints.cli.screen import Column, money
from marketplace.entrypoints.cli.visit import Operator, reading


class _Line(NamedTuple):
    movement: str
    at: Any
    account: str
    debit: str
    credit: str


_ACCOUNTS = (
    Column("account", "account"),
    Column("balance", lambda one: money(one.balance_minor, one.currency), right=True),
    Column("postings", "postings", right=True),
)
_LINES = (
    Column("movement", "movement", whole=True),
    Column("at", "at", whole=True),
    Column("account", "account"),
    Column("debit", "debit", right=True),
    Column("credit", "credit", right=True),
)


@click.group()
def ledger() -> None:
    """
    Read the books.

    For example:
        $ marketplace ledger accounts
        $ marketplace ledger booking $ID
    """


@ledger.command()
@click.option("--prefix", metavar="TEXT", help="Accounts whose name begins so, like provider_payable.")
@click.option("--detailed", is_flag=True, help="Each customer's and provider's account by itself.")
@reading
def accounts(operator: Operator, *, prefix: str | None, detailed: bool) -> int | None:
    """
    Show the trial balance, which sums to zero; exit 1 where it does not.

    For example:
        $ marketplace ledger accounts
        $ marketplace ledger accounts --prefix provider_payable --detailed
    """
    found = operator.visit(
        lambda visit: books.accounts(visit.reads, visit.tenant_id, prefix=prefix, detailed=detailed)
    )
    sums: Counter[str] = Counter()
    for one in found:
        sums[one.currency] += one.balance_minor
    if operator.as_json:
        screen.show_json({"accounts": found, "sums": sums})
    else:
        screen.show_table(found, _ACCOUNTS, none="Nothing has been booked.")
        for currency, minor in sums.items():
            screen.stdout().print(f"Together {money(minor, currency)}.")
    return FAILED if any(sums.values()) and prefix is None else None


@ledger.command()
@click.argument("booking_id", metavar="ID", type=click.UUID)
@reading
def booking(operator: Operator, *, booking_id: UUID) -> None:
    """
    Show every movement of a booking's money.

    For example:
        $ marketplace ledger booking $ID
    """
    found, currency = operator.visit(lambda visit: _movements(visit, booking_id))
    if operator.as_json:
        screen.show_json({"movements": found})
    else:
        screen.show_table(
            _lines(found, currency), _LINES, none="Nothing has been booked.", local=operator.local
        )


async def _movements(visit: Any, booking_id: UUID) -> tuple[tuple[books.MovementLine, ...], str]:
    found = await books.booking_movements(visit.reads, visit.tenant_id, booking_id=booking_id)
    return found, visit.call.policy.currency


def _lines(movements: Iterable[books.MovementLine], currency: str) -> Iterator[_Line]:
    for movement in movements:
        named: tuple[str, Any] = (movement.name, movement.at)
        for account, minor in sorted(movement.postings.items(), key=lambda posting: -posting[1]):
            amount = money(abs(minor), currency)
            yield _Line(*named, account, amount if minor > 0 else "", "" if minor > 0 else amount)
            named = ("", "")
