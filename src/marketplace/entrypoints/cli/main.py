"""Every command of the platform by name, each loaded only when it is asked for."""

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import rich_click as click
from rich_click import RichCommand, RichGroup, RichHelpConfiguration

from marketplace.adapters.embedded.refusals import EmbeddedError
from marketplace.core.shared.errors import MarketplaceError
from marketplace.entrypoints.cli.refusals import INTERRUPTED, MISUSED, exit_code, misuse, problem, sentence
from marketplace.entrypoints.cli.signals import interruptible

_AS_JSON = "marketplace.as_json"


class Entry(NamedTuple):
    """Where a command stands (module:name, below this package), and the line that the overview shows."""

    where: str
    line: str


PANELS: Mapping[str, Mapping[str, Entry]] = {
    "Run it": {
        "run": Entry("serving:run", "Run the whole marketplace, with a demo, in one process."),
        "serve": Entry("serving:serve", "Serve the API alone."),
        "worker": Entry("working:worker", "Carry out jobs, timers and schedules."),
        "migrate": Entry("schema:migrate", "Bring the database's schema to this version."),
        "doctor": Entry("doctor:doctor", "Show the settings, and check what they lead to."),
    },
    "Try and prove it": {
        "demo": Entry("demo.command:demo", "Take one booking through the whole path, over HTTP."),
        "audit": Entry("audit:audit", "Prove the promises on what is stored."),
        "simulate": Entry("simulate:simulate", "Run random lifecycles with faults, or a city's dispatch."),
        "bench": Entry("bench:bench", "Measure how fast it is."),
        "docs": Entry("documents:docs", "Write the documents that come from the code."),
    },
    "Operate it": {
        "bookings": Entry("bookings:bookings", "Find bookings, and make moves on them."),
        "payments": Entry("payments:payments", "Find payments, and look up those in doubt."),
        "payment-methods": Entry("stored:payment_methods", "Find saved cards and mandates, and remove them."),
        "refunds": Entry("refunds:refunds", "Find refunds, and see to those that failed or came back."),
        "bankfiles": Entry("bankfiles:bankfiles", "Read the files that banks answer with."),
        "payout-reversals": Entry(
            "stored:payout_reversals", "Find what was asked back of payouts, and whether it came."
        ),
        "earnings": Entry("stored:earnings", "Find what providers earned, job by job."),
        "payouts": Entry("payouts:payouts", "Pay providers."),
        "payout-accounts": Entry(
            "stored:payout_accounts", "Find the accounts that providers are paid into, and close them."
        ),
        "settlements": Entry("settlements:settlements", "Find what rails have settled, and end breaks."),
        "reconcile": Entry("reconcile:reconcile_rail", "Lay a rail's statement beside the ledger."),
        "ledger": Entry("ledger:ledger", "Read the books."),
        "users": Entry("users:users", "Find users, and say what they may do."),
        "sessions": Entry("stored:sessions", "Find who is signed in, and end it."),
        "memberships": Entry("memberships:memberships", "Find members, make them, and keep them longer."),
        "messages": Entry("stored:messages", "Find what was said to whom, and whether it came."),
        "providers": Entry("providers:providers", "Find providers, verify and suspend them."),
        "services": Entry("services:services", "Find and draft services, put them on show or take them off."),
        "reviews": Entry("stored:reviews", "Find what customers gave, and hide what must not stand."),
        "units": Entry("units:units", "Find units, and send them online or offline."),
        "dispatch": Entry("dispatch:dispatch", "See who is searched for, who was asked, and why not."),
        "tenants": Entry("tenants:tenants", "Open marketplaces, change their policy, move their clock."),
        "jobs": Entry("jobs:jobs", "See what waits to be done, and what failed for good."),
        "inbox": Entry("inbox:inbox", "Read the sandbox's messages."),
        "events": Entry("events:events", "Read what happened to an object, and who did it."),
    },
}
COMMANDS: Mapping[str, Entry] = {name: entry for part in PANELS.values() for name, entry in part.items()}


def load(name: str) -> click.Command:
    """The command itself, with everything that it imports."""
    module, _, attribute = COMMANDS[name].where.partition(":")
    command: click.Command = getattr(import_module(f"marketplace.entrypoints.cli.{module}"), attribute)
    return command


class Marketplace(RichGroup):
    """The overview shows lines of a table, so that asking for help loads no command."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        entry = COMMANDS.get(cmd_name)
        return None if entry is None else RichCommand(name=cmd_name, help=entry.line)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        ctx.meta[_AS_JSON] = "--json" in args
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and load(args[0]), rest

    def invoke(self, ctx: click.Context) -> Any:
        """A command returns its exit code, or None for 0; what is refused becomes a sentence and a code."""
        try:
            code = super().invoke(ctx)
        except KeyboardInterrupt:
            code = INTERRUPTED
        except (MarketplaceError, EmbeddedError, OSError) as error:
            if (code := exit_code(error)) is None:
                raise
            click.echo(
                problem(error) if ctx.meta.get(_AS_JSON) else f"marketplace: {sentence(error)}", err=True
            )
        except click.UsageError as error:
            if not ctx.meta.get(_AS_JSON):
                raise
            code = MISUSED
            click.echo(misuse(error), err=True)
        ctx.exit(code or 0)


_LOOK = RichHelpConfiguration(
    max_width=100,
    command_groups={"marketplace": [{"name": name, "commands": list(part)} for name, part in PANELS.items()]},
    commands_before_options=True,
    style_helptext="",
    text_paragraph_linebreaks="\n\n",
    text_emojis=False,
)


@click.group(
    cls=Marketplace,
    context_settings={"help_option_names": ["-h", "--help"], "rich_help_config": _LOOK},
    no_args_is_help=True,
)
@click.version_option(package_name="marketplace", message="%(version)s")
def marketplace() -> None:
    """
    A marketplace for services: bookings, held money, payouts.

    Start with `marketplace run`, and see a booking go its way with `marketplace demo`.

    For example:
        $ marketplace run --blueprint home-services
        $ marketplace demo
        $ marketplace bookings list --state confirmed

    """


def main() -> None:
    interruptible()
    sys.exit(marketplace(prog_name="marketplace"))
