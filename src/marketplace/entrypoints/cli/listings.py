"""A list is shown a page at a time, as a table to people and as the API's own page to programs."""

import functools
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, Protocol

import rich_click as click

from marketplace.adapters.postgres.reads import PAGE_MAX
from marketplace.entrypoints.cli import screen
from marketplace.entrypoints.cli.screen import Column, Local
from marketplace.entrypoints.cli.visit import Listed


class Noun(click.RichGroup):
    """Its commands stand in the order in which they were written: to read first, then to act."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands)


def paged(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --limit and --after."""

    @click.option(
        "--limit",
        type=click.IntRange(1, PAGE_MAX),
        default=20,
        show_default=True,
        help="How many.",
    )
    @click.option("--after", metavar="CURSOR", help="Go on where the page before ended.")
    @functools.wraps(command)
    def taken(*arguments: Any, **options: Any) -> Any:
        return command(*arguments, **options)

    return taken


def in_state(states: type[StrEnum]) -> Callable[..., Any]:
    """Adds --state; the help names the states, which would burst the column of choices."""
    return click.option(
        "--state",
        type=click.Choice([str(state) for state in states]),
        metavar="STATE",
        help=f"In this state only: {', '.join(states)}.",
    )


class Reader(Protocol):
    """Whoever gave the command: a program or a person, and where."""

    @property
    def as_json(self) -> bool: ...
    @property
    def local(self) -> Local: ...


def show_page(page: Listed, columns: Sequence[Column], *, reader: Reader, none: str) -> None:
    if reader.as_json:
        screen.show_json(page)
        return
    screen.show_table(page.items, columns, none=none, local=reader.local)
    if page.after is not None:
        screen.stderr().print(f"There are more: --after {page.after}", style="dim", soft_wrap=True)


def show_one(view: Any, *, reader: Reader) -> None:
    if reader.as_json:
        screen.show_json(view)
    else:
        screen.show_details(view, local=reader.local)
