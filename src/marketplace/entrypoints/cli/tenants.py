"""A marketplace is opened under a blueprint's policy; a test marketplace's clock can be moved on."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import rich_click as click

from marketplace.adapters.postgres import queue
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.roles import Actor, Role
from marketplace.core.tenants.rails import check_rail
from marketplace.core.tenants.tenant import Call, Mode, Tenant
from marketplace.core.tenants.usecases import AmendPolicy, MoveClock
from marketplace.entrypoints import blueprints
from marketplace.entrypoints.cli import opening, screen
from marketplace.entrypoints.cli.listings import show_one
from marketplace.entrypoints.cli.options import Given, given
from marketplace.entrypoints.cli.screen import Column
from marketplace.entrypoints.cli.visit import Operator, Visit, acting, all_tenants, reading
from marketplace.entrypoints.directory import FRESH_SECONDS
from marketplace.entrypoints.http.views import view_of

COLUMNS = (
    Column("slug", "slug", whole=True),
    Column("id", "id", whole=True),
    Column("state", "state"),
    Column("mode", "mode"),
    Column("blueprint", lambda one: one.policy.blueprint),
    Column("ahead", lambda one: screen.length_of(one.clock_ahead_seconds), right=True),
)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Length(click.ParamType[int]):
    """A length of time such as 90s, 45m, 3h or 2d; a plain number is seconds."""

    name = "length"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"(\d{1,9})([smhd]?)", str(value))
        if found is None:
            self.fail(f"{value} is no length of time; write it like 90s, 45m, 3h or 2d", param, ctx)
        return int(found[1]) * _UNITS[found[2] or "s"]


@click.group()
def tenants() -> None:
    """
    Open marketplaces, change their policy, move their clock.

    For example:
        $ marketplace tenants list
        $ marketplace tenants clock --forward 2d --as $ADMIN --reason 'to see the release'
    """


@tenants.command("list")
@given
def list_tenants(options: Given) -> None:
    """
    List every marketplace of the database.

    For example:
        $ marketplace tenants list
    """
    found = [_shown(tenant) for tenant in opening.visit_all(options, _all)]
    if options.as_json:
        screen.show_json({"items": found})
    else:
        screen.show_table(found, COLUMNS, none="No marketplaces: open one with `marketplace tenants open`.")


async def _all(place: opening.Place) -> list[Tenant]:
    found = await all_tenants(place.engine, place.url, place.store)
    return sorted(found, key=lambda tenant: tenant.slug)


def _shown(tenant: Tenant) -> Any:
    """As admin would see it: a marketplace has secrets, too."""
    at = tenant.now(datetime.now(UTC))
    return view_of(tenant, Call(actor=Actor(Role.ADMIN), tenant=tenant, at=at, request_id="cli"))


@tenants.command("open")
@click.argument("slug")
@click.option("--blueprint", required=True, metavar="NAME", help="A blueprint's name, or a TOML file's path.")
@click.option("--mode", type=click.Choice([str(mode) for mode in Mode]), default="test", show_default=True)
@click.option("--admin", metavar="PHONE", help="Who may sign in as admin; others are granted it by this one.")
@click.option("--demo", is_flag=True, help="Bring in the blueprint's demo: people, providers, services.")
@given
def open_tenant(
    options: Given, *, slug: str, blueprint: str, mode: str, admin: str | None, demo: bool
) -> None:
    """
    Open a marketplace.

    For example:
        $ marketplace tenants open sparkle --blueprint curbside --admin +27821234567 --mode live
        $ marketplace tenants open gigs --blueprint live-music --demo
    """
    if demo and mode != Mode.TEST:
        raise Invalid("--demo", "is for a test marketplace: its people are made up", "--mode test")
    plan = opening.Plan(slug=slug, blueprint=blueprint, mode=Mode(mode), admin=admin, demo=demo)
    tenant = opening.visit_all(options, plan.carry_out)
    show_one(_shown(tenant), reader=options)


@tenants.command()
@reading
def show(operator: Operator) -> None:
    """
    Show a marketplace and its policy.

    For example:
        $ marketplace tenants show --tenant live-music
    """
    show_one(operator.visit(lambda visit: visit.one(Tenant, visit.tenant_id)), reader=operator)


@tenants.command()
@click.argument("blueprint", metavar="NAME|FILE")
@click.option("--reason", required=True, help="Why; it stays in the audit trail.")
@acting
def policy(operator: Operator, *, blueprint: str, reason: str) -> None:
    """
    Put a marketplace under another policy; what is booked keeps its own terms.

    For example:
        $ marketplace tenants policy ./curbside-2027.toml --as $ADMIN --reason 'new fees'
    """
    planned = blueprints.load_policy(blueprint)
    command = AmendPolicy(policy=planned, reason=reason)
    show_one(operator.visit(lambda visit: _amended(visit, command)), reader=operator)


async def _amended(visit: Visit, command: AmendPolicy) -> Any:
    check_rail(command.policy, rails=opening.RAILS, mode=visit.call.tenant.mode)
    return await visit.move(command)


@tenants.command()
@click.option("--forward", type=Length(), required=True, metavar="LENGTH", help="How far: 90s, 45m, 3h, 2d.")
@click.option("--reason", required=True, help="Why; it stays in the audit trail.")
@acting
def clock(operator: Operator, *, forward: int, reason: str) -> None:
    """
    Move a test marketplace's clock forward; what falls due meanwhile happens at once.

    For example:
        $ marketplace tenants clock --forward 2d --as $ADMIN --reason 'to see the release'
    """

    async def carry_out(visit: Visit) -> Tenant:
        moved: Tenant = await visit.move(MoveClock(seconds=forward, reason=reason))
        await queue.follow_clock(engine=visit.engine, tenant_id=visit.tenant_id)
        return moved

    moved = operator.visit(carry_out)
    # Processes that run have the old time until then: nobody who asks one of them next shall meet it.
    time.sleep(FRESH_SECONDS)
    if operator.as_json:
        screen.show_json(moved)
    else:
        now = datetime.now(UTC) + timedelta(seconds=moved.clock_ahead_seconds)
        there = screen.moment(now, operator.local.zone)
        ahead = screen.length_of(moved.clock_ahead_seconds)
        screen.stdout().print(
            f"It is {there} at {moved.slug} now: {screen.length_of(forward)} on, {ahead} ahead in all."
        )
