"""The demo as people read it: each step as it happens, then the messages and the books."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from marketplace.entrypoints.cli.demo.stage import Step
from marketplace.entrypoints.cli.demo.visitor import Answer
from marketplace.entrypoints.cli.demo.words import instant
from marketplace.entrypoints.cli.screen import money

_ONE_LINE = 100  # columns that a step takes; in fewer, what came of it stands below
_STYLES = {"customer": "cyan", "provider": "magenta", "admin": "yellow", "rail": "blue", "clock": "blue"}
_ID_SHOWN = 6


class Report:
    """Plain where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._seen = 0

    def begin(self, brand: str, url: str) -> None:
        self._console.print(
            Text.assemble((f"\n{brand}", "bold"), f", a booking from search to payout, at {url}\n")
        )

    def tell(self, step: Step) -> None:
        self._seen += 1
        self._console.print(
            Text.assemble(
                (f"{self._seen:>3}  ", "dim"),
                (f"{step.by:<9} ", _STYLES.get(step.by, "")),
                f"{step.did:<41} " if self._console.width >= _ONE_LINE else f"{step.did}\n{'':<15}",
                (f"{step.result:<34} ", "bold"),
                (f"{step.milliseconds:>4} ms", "dim"),
            )
        )

    def end(
        self,
        *,
        messages: Iterable[Answer],
        movements: Iterable[Answer],
        accounts: Sequence[Answer],
        seconds: float,
    ) -> None:
        sums = sums_of(accounts)
        self._console.print("\nMessages sent\n", style="bold")
        self._console.print(_messages(messages))
        self._console.print("\nWhat the ledger says of it\n", style="bold")
        self._console.print(_journal(movements, next(iter(sums), "")))
        self._console.print("\nAll accounts of the marketplace\n", style="bold")
        self._console.print(_balances(accounts))
        self._console.print(
            Text.assemble(
                "\n  Together ",
                (_amounts(sums), "bold red" if any(sums.values()) else "bold green"),
                f". {self._seen} steps in {seconds:.1f} s.\n",
            )
        )


def sums_of(accounts: Iterable[Answer]) -> dict[str, int]:
    """All accounts added up, by currency: zero, or the books are wrong."""
    sums: Counter[str] = Counter()
    for account in accounts:
        sums[account["currency"]] += account["balance_minor"]
    return dict(sums)


def _amounts(sums: Mapping[str, int]) -> str:
    return ", ".join(money(minor, currency) for currency, minor in sums.items())


def _messages(messages: Iterable[Answer]) -> Table:
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 2))
    made.add_column(no_wrap=True, style="dim")
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for one in messages:
        made.add_row(f"{instant(one['at']):%d %b %H:%M}", one["address"], one["text"])
    return made


def _journal(movements: Iterable[Answer], currency: str) -> Table:
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2))
    made.add_column("movement", no_wrap=True)
    made.add_column("account", no_wrap=True)
    made.add_column("debit", justify="right", no_wrap=True)
    made.add_column("credit", justify="right", no_wrap=True)
    for movement in movements:
        name = movement["name"].replace("_", " ")
        for account, minor in sorted(movement["postings"].items(), key=lambda posting: -posting[1]):
            debit, credit = (_amount(minor, currency), "") if minor > 0 else ("", _amount(-minor, currency))
            made.add_row(name, _short(account), debit, credit)
            name = ""
        made.add_section()
    return made


def _balances(accounts: Iterable[Answer]) -> Table:
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2))
    made.add_column(no_wrap=True)
    made.add_column(justify="right", no_wrap=True)
    for one in accounts:
        made.add_row(one["account"], money(one["balance_minor"], one["currency"]))
    return made


def _amount(minor: int, currency: str) -> str:
    return money(minor, currency).removeprefix(currency).strip()


def _short(account: str) -> str:
    """Ids are as long as a line; their end tells them apart."""
    name, _, owner = account.partition(":")
    return f"{name}:…{owner[-_ID_SHOWN:]}" if len(owner) > 2 * _ID_SHOWN else account


def as_json(
    *,
    booking: Answer,
    steps: Iterable[Step],
    messages: Iterable[Answer],
    sums: Mapping[str, int],
    seconds: float,
) -> dict[str, Any]:
    return {
        "booking": booking,
        "steps": list(steps),
        "messages": list(messages),
        "ledger": {"sums": sums},
        "seconds": round(seconds, 3),
    }
