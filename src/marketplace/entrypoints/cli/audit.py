"""The promises are proved on what is stored, and one that was broken is named with what broke it."""

from uuid import UUID

import rich_click as click
from rich.text import Text

from marketplace.adapters.postgres.audit import PostgresAudit
from marketplace.adapters.postgres.clock import DatabaseClock
from marketplace.adapters.postgres.engine import create_owner_engine
from marketplace.adapters.postgres.overview import Overview
from marketplace.adapters.postgres.shelf import PostgresShelf
from marketplace.adapters.sandbox.books import Books
from marketplace.adapters.sandbox.inbox import SandboxChannel
from marketplace.entrypoints.cli import opening, screen
from marketplace.entrypoints.cli.options import Given, given
from marketplace.entrypoints.cli.refusals import FAILED
from marketplace.entrypoints.directory import Directory, tenant_id_of
from marketplace.entrypoints.simulation.vendors import LaneOutbox
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
    promises = opening.visit_all(options, lambda place: _audit(place, key))
    ok = not any(promise.violations for promise in promises)
    if options.as_json:
        screen.show_json({"ok": ok, "promises": promises})
    else:
        _show(promises)
    return None if ok else FAILED


async def _audit(place: opening.Place, key: UUID | None) -> tuple[Promise, ...]:
    shelf, directory = PostgresShelf(place.engine), await _met(place, key)
    owner = create_owner_engine(place.url, application_name="marketplace audit")
    books = Books(shelf=shelf, clock=directory.now)
    outbox = LaneOutbox(SandboxChannel(shelf=shelf, clock=directory.now))
    try:
        return await PostgresAudit(engine=owner, books={"sandbox": books}, outbox=outbox).audit(key)
    finally:
        await owner.dispose()


async def _met(place: opening.Place, key: UUID | None) -> Directory:
    """Knows the clocks of the marketplaces in question; raises NotFound."""
    directory = Directory(place.store, DatabaseClock(place.engine))
    overview = Overview(place.engine, place.url)
    for tenant_id in [key] if key else await overview.tenants():
        await directory.tenant(tenant_id)
    return directory


def _show(promises: tuple[Promise, ...]) -> None:
    console = screen.stdout()
    for promise in promises:
        kept = not promise.violations
        verdict = ("kept  ", "green") if kept else ("BROKEN", "bold red")
        name = promise.name.replace("_", " ")
        console.print(Text.assemble(verdict, f"  {name:<28} {promise.rows:>9,} rows"))
        for violation in promise.violations:
            console.print(Text(f"          {violation}", style="red"))
