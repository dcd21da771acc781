"""What has a list in the API is found here too: a row says by what, and what may be done to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import rich_click as click

from marketplace.adapters.postgres import listings
from marketplace.adapters.postgres.reads import Listing
from marketplace.core.catalogue.usecases import PublishService, WithdrawService
from marketplace.core.identity.usecases import RevokeSession
from marketplace.core.payments.saving import LookUpMethod, RemoveMethod
from marketplace.core.payouts.opening import ClosePayoutAccount, LookUpPayoutAccount
from marketplace.core.payouts.reversing import LookUpReversal
from marketplace.core.reviews.usecases import HideReview, RestoreReview
from marketplace.core.subscriptions.usecases import EndMembership, RenewMembership
from marketplace.entrypoints.cli.listings import Noun, in_state, paged, show_one, show_page
from marketplace.entrypoints.cli.moves import Act, add_acts
from marketplace.entrypoints.cli.screen import Column, money
from marketplace.entrypoints.cli.visit import Operator, reading

_ID, _STATE = Column("id", "id", whole=True), Column("state", "state", whole=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """
    `filters` are names of the listing's, apart from the state, which every list can be asked for.

    `examples` begin with the name of a command of the group; the first is one of its list.
    """

    name: str
    says: str
    listing: Listing
    columns: Sequence[Column]
    filters: str = ""
    acts: Mapping[str, Act] = field(default_factory=dict)
    examples: Sequence[str] = ("list --limit 50 --json",)


def _group(row: Found) -> click.Group:
    example, *others = [f"$ marketplace {row.name} {one}" for one in row.examples]
    words = row.name.replace("-", " ")
    group = Noun(name=row.name, help="\n    ".join([f"{row.says}\n\nFor example:", example, *others]))

    @paged
    @reading
    def find(operator: Operator, **asked: Any) -> None:
        page = operator.visit(lambda visit: visit.page(row.listing, **asked))
        show_page(page, row.columns, reader=operator, none=f"No {words}.")

    @click.argument("key", metavar="ID", type=click.UUID)
    @reading
    def show(operator: Operator, *, key: UUID) -> None:
        show_one(operator.visit(lambda visit: visit.one(row.listing.kind, key)), reader=operator)

    for option in (*map(_option, reversed(row.filters.split())), in_state(row.listing.filters["state"].kind)):
        find = option(find)
    listed = f"List {words}, the latest first.\n\nFor example:\n    {example}"
    shown = f"Show one of the {words}.\n\nFor example:\n    $ marketplace {row.name} show $ID"
    group.command("list", help=listed)(find)
    group.command("show", help=shown)(show)
    add_acts(group, row.acts)
    return group


def _option(name: str) -> Callable[..., Any]:
    word = name.removesuffix("_id")
    kind = click.UUID if word != name else None
    return click.option(f"--{word}", name, type=kind, help=f"Of this {word} only.")


services = _group(
    Found(
        name="services",
        says="Find and draft services, put them on show or take them off.",
        listing=listings.SERVICES,
        columns=(_ID, _STATE, Column("name", "name"), Column("category", "category")),
        filters="provider_id category",
        acts={
            "publish": Act(command=PublishService, subject="service_id", says="Put a service on show."),
            "withdraw": Act(command=WithdrawService, subject="service_id", says="Take a service off."),
        },
    )
)
messages = _group(
    Found(
        name="messages",
        says="Find what was said to whom, and whether it came.",
        listing=listings.MESSAGES,
        columns=(
            _ID,
            _STATE,
            Column("planned", "planned_at", whole=True),
            Column("to", "address", whole=True),
            Column("text", "text"),
        ),
        filters="user_id subject_id",
    )
)
sessions = _group(
    Found(
        name="sessions",
        says="Find who is signed in, and end it.",
        listing=listings.SESSIONS,
        columns=(
            _ID,
            _STATE,
            Column("opened", "opened_at", whole=True),
            Column("user", "user_id", whole=True),
            Column("role", "role"),
        ),
        filters="user_id",
        acts={"revoke": Act(command=RevokeSession, subject="session_id", says="End a session.")},
    )
)
memberships = _group(
    Found(
        name="memberships",
        says="Find members, make them, and keep them longer.",
        listing=listings.MEMBERSHIPS,
        columns=(
            _ID,
            _STATE,
            Column("customer", "customer_id", whole=True),
            Column("level", "level", right=True),
            Column("until", "until", whole=True),
        ),
        filters="customer_id",
        acts={
            "renew": Act(
                command=RenewMembership,
                subject="membership_id",
                says="Let a membership last longer.",
                example="--until $INSTANT",
            ),
            "end": Act(
                command=EndMembership, subject="membership_id", says="End a membership before its day."
            ),
        },
    )
)
reviews = _group(
    Found(
        name="reviews",
        says="Find what customers gave, and hide what must not stand.",
        listing=listings.REVIEWS,
        columns=(
            _ID,
            _STATE,
            Column("given", "given_at", whole=True),
            Column("stars", "stars", right=True),
            Column("service", "service_name"),
            Column("words", "words"),
        ),
        filters="provider_id unit_id customer_id booking_id",
        acts={
            "hide": Act(
                command=HideReview,
                subject="review_id",
                says="Show a review to strangers no more; its stars do not count.",
            ),
            "restore": Act(command=RestoreReview, subject="review_id", says="Show a review again."),
        },
    )
)
earnings = _group(
    Found(
        name="earnings",
        says="Find what providers earned, job by job.",
        listing=listings.EARNINGS,
        columns=(
            _ID,
            _STATE,
            Column("earned", "earned_at", whole=True),
            Column("reason", "reason"),
            Column("amount", lambda one: money(one.amount_minor, one.currency), right=True),
        ),
        filters="provider_id booking_id payout_id",
    )
)
payout_reversals = _group(
    Found(
        name="payout-reversals",
        says="Find what was asked back of payouts, and whether it came.",
        listing=listings.PAYOUT_REVERSALS,
        columns=(
            _ID,
            _STATE,
            Column("requested", "requested_at", whole=True),
            Column("amount", lambda one: money(one.amount_minor, one.currency), right=True),
            Column("failure", "failure"),
        ),
        filters="provider_id",
        examples=("list --state requested", "look-up $ID --as $ADMIN --reason 'in doubt for a day'"),
        acts={
            "look-up": Act(
                command=LookUpReversal,
                subject="payout_reversal_id",
                says="Ask the rail what became of a reversal.",
            )
        },
    )
)
payment_methods = _group(
    Found(
        name="payment-methods",
        says="Find saved cards and mandates, and remove them.",
        listing=listings.PAYMENT_METHODS,
        columns=(
            _ID,
            _STATE,
            Column("saved", "created_at", whole=True),
            Column("kind", "kind"),
            Column("rail", "rail"),
            Column("label", "label"),
            Column("failure", "failure"),
        ),
        filters="customer_id",
        examples=("list --customer $ID", "remove $ID --as $ADMIN --reason 'asked for by phone'"),
        acts={
            "look-up": Act(
                command=LookUpMethod,
                subject="payment_method_id",
                says="Ask the rail where a saved method stands.",
            ),
            "remove": Act(
                command=RemoveMethod,
                subject="payment_method_id",
                says="Let nothing be paid by a saved method.",
            ),
        },
    )
)
payout_accounts = _group(
    Found(
        name="payout-accounts",
        says="Find the accounts that providers are paid into, and close them.",
        listing=listings.PAYOUT_ACCOUNTS,
        columns=(
            _ID,
            _STATE,
            Column("opened", "opened_at", whole=True),
            Column("kind", "kind"),
            Column("rail", "rail"),
            Column("label", "label"),
            Column("required", lambda one: ", ".join(one.required) or None),
            Column("failure", "failure"),
        ),
        filters="provider_id",
        examples=("list --state restricted", "close $ID --as $ADMIN --reason 'asked for by phone'"),
        acts={
            "look-up": Act(
                command=LookUpPayoutAccount,
                subject="payout_account_id",
                says="Ask the rail whether an account can receive.",
            ),
            "close": Act(
                command=ClosePayoutAccount,
                subject="payout_account_id",
                says="Let nothing be paid into an account any more.",
            ),
        },
    )
)
