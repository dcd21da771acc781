"""The promises are proved on what is stored, and one that was broken is named with what broke it."""

import rich_click as click
from rich.text import Text

from marketplace.entrypoints.cli import opening, screen
from marketplace.entrypoints.cli.options import Given, given
from marketplace.entrypoints.cli.refusals import FAILED
from marketplace.entrypoints.directory import tenant_id_of
from marketplace.entrypoints.proof import proved
from marketplace.ports.audit import Promise


@click.command()
@click.option("--tenant", metavar="SLUG", help="Of this marketplace only; else of all.")
@given
def audit(options: Given, *, tenant: str | None) -> int | None:
    """
    Prove the promises on what is stored.

    Nothing is changed. Each promise says how many rows were looked at; exit 1 where one is broken.

    For example:
        $ marketplace audit
        $ marketplace audit --tenant live-music --json
    """
    key = tenant_id_of(tenant) if tenant else None
    promises = opening.visit_all(options, lambda place: proved(place.engine, place.url, tenant_id=key))
    ok = not any(promise.violations for promise in promises)
    if options.as_json:
        screen.show_json({"ok": ok, "promises": promises})
    else:
        _show(promises)
    return None if ok else FAILED


def _show(promises: tuple[Promise, ...]) -> None:
    console = screen.stdout()
    for promise in promises:
        kept = not promise.violations
        verdict = ("kept  ", "green") if kept else ("BROKEN", "bold red")
        name = promise.name.replace("_", " ")
        console.print(Text.assemble(verdict, f"  {name:<28} {promise.rows:>9,} rows"))
        for violation in promise.violations:
            console.print(Text(f"          {violation}", style="red"))
