"""What is set, where it comes from, and whether what it leads to works."""

import rich_click as click
from rich.table import Table

from marketplace.entrypoints import configuration
from marketplace.entrypoints.cli import screen
from marketplace.entrypoints.cli.checks import Check, check_all
from marketplace.entrypoints.cli.loop import carry_out
from marketplace.entrypoints.cli.options import Given, given
from marketplace.entrypoints.cli.refusals import UNSOUND
from marketplace.entrypoints.settings import Settings


@click.command()
@given
def doctor(options: Given) -> int | None:
    """
    Show the settings, and check what they lead to.

    Secrets are masked. Exit 3 where a check fails.

    For example:
        $ marketplace doctor
        $ marketplace doctor --config production.toml --json
    """
    settings = options.settings()
    checks = carry_out(check_all(settings))
    ok = all(check.ok for check in checks)
    if options.as_json:
        settings_ = [one._asdict() for one in configuration.describe(settings)]
        screen.show_json({"ok": ok, "checks": checks, "settings": settings_})
    else:
        _show(settings, checks)
    return None if ok else UNSOUND


def _show(settings: Settings, checks: list[Check]) -> None:
    console = screen.stdout()
    set_ = Table(box=None, pad_edge=False, title="Settings", title_justify="left", title_style="bold")
    for title in ("setting", "value", "from"):
        set_.add_column(title, overflow="fold", no_wrap=title == "setting")
    for one in configuration.describe(settings):
        style = "dim" if one.source == "default" else ""
        set_.add_row(one.name, one.value, one.source, style=style)
    console.print(set_)
    made = Table(box=None, pad_edge=False, title="\nChecks", title_justify="left", title_style="bold")
    for title in ("", "check", "saw"):
        made.add_column(title, overflow="fold", no_wrap=title == "check")
    for check in checks:
        made.add_row("[green]ok[/]" if check.ok else "[red bold]FAILED[/]", check.name, check.saw)
    console.print(made)
