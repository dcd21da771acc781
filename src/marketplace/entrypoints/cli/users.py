"""A user is found by its number, and an admin says what it may do and whether it may come in."""

from typing import Any
from uuid import UUID

import rich_click as click

from marketplace.adapters.postgres import listings
from marketplace.core.identity.usecases import BlockUser, GrantRoles, UnblockUser
from marketplace.core.identity.user import State, User, user_id
from marketplace.core.shared.roles import PEOPLE, Role
from marketplace.entrypoints.cli.listings import Noun, in_state, paged, show_one, show_page
from marketplace.entrypoints.cli.moves import Act, add_acts
from marketplace.entrypoints.cli.screen import Column
from marketplace.entrypoints.cli.visit import Operator, Visit, acting, reading
from marketplace.entrypoints.phones import normalise

COLUMNS = (
    Column("id", "id", whole=True),
    Column("phone", "phone", whole=True),
    Column("name", "name"),
    Column("roles", lambda one: ", ".join(one.roles)),
    Column("state", "state", whole=True),
)


@click.group(cls=Noun)
def users() -> None:
    """
    Find users, and say what they may do.

    For example:
        $ marketplace users list --role admin
        $ marketplace users grant +27600000204 --role support --as $ADMIN --reason 'joined the team'
    """


@users.command("list")
@click.option("--phone", metavar="PHONE", help="With this number, in E.164.")
@click.option("--role", type=click.Choice([str(role) for role in PEOPLE]), help="With this role only.")
@in_state(State)
@paged
@reading
def list_users(operator: Operator, **asked: Any) -> None:
    """
    List users, the latest first.

    For example:
        $ marketplace users list --role provider
        $ marketplace users list --state blocked --json
    """
    page = operator.visit(lambda visit: visit.page(listings.USERS, **asked))
    show_page(page, COLUMNS, reader=operator, none="No users.")


@users.command()
@click.argument("who", metavar="PHONE|ID")
@reading
def show(operator: Operator, *, who: str) -> None:
    """
    Show a user, by number or id.

    For example:
        $ marketplace users show 060 000 0203
        $ marketplace users show $ID
    """
    show_one(operator.visit(lambda visit: visit.one(User, _key(who, visit))), reader=operator)


@users.command()
@click.argument("phone", metavar="PHONE")
@click.option(
    "--role",
    "roles",
    type=click.Choice([str(role) for role in PEOPLE]),
    multiple=True,
    required=True,
    help="May be given several times; these take the place of those before.",
)
@click.option("--name", default="", help="The user's name.")
@click.option("--provider", "provider_id", type=click.UUID, help="The provider that it acts for.")
@click.option("--reason", required=True, help="Why; it stays in the audit trail.")
@acting
def grant(operator: Operator, *, phone: str, roles: tuple[str, ...], **given: Any) -> None:
    """
    Say what a number may sign in as; who is not known yet is made.

    For example:
        $ marketplace users grant +27600000204 --role support --as $ADMIN --reason 'joined the team'
    """

    async def carry_out(visit: Visit) -> Any:
        number = normalise(phone, country=visit.call.policy.country)
        return await visit.move(GrantRoles(phone=number, roles=tuple(map(Role, roles)), **given))

    show_one(operator.visit(carry_out), reader=operator)


def _key(who: str, visit: Visit) -> UUID:
    try:
        return UUID(who)
    except ValueError:
        return user_id(visit.call.tenant, normalise(who, country=visit.call.policy.country))


add_acts(
    users,
    {
        "block": Act(command=BlockUser, subject="user_id", says="Keep a user out; its sessions end at once."),
        "unblock": Act(command=UnblockUser, subject="user_id", says="Let a user in again."),
    },
)
