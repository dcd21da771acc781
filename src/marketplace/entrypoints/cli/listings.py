"""A list is shown a page at a time, as a table to people and as the API's own page to programs."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import rich_click as click

from marketplace.adapters.postgres.reads import PAGE_MAX
from marketplace.entrypoints.cli import screen
from marketplace.entrypoints.cli.screen import Column
from marketplace.entrypoints.cli.visit import Listed


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


def show_page(page: Listed, columns: Sequence[Column], *, as_json: bool, none: str) -> None:
    if as_json:
        screen.show_json(page)
        return
    screen.show_table(page.items, columns, none=none)
    if page.after is not None:
        screen.stderr().print(f"There are more: --after {page.after}", style="dim", soft_wrap=True)


def show_one(view: Any, *, as_json: bool) -> None:
    if as_json:
        screen.show_json(view)
    else:
        screen.show_details(view)
