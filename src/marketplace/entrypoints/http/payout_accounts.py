"""Providers open the accounts that they are paid into, are led to the rail's pages, and close them."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from marketplace.adapters.postgres.listings import PAYOUT_ACCOUNTS
from marketplace.core.payouts import opening
from marketplace.core.payouts.account import GONE, PayoutAccount
from marketplace.core.shared.errors import Invalid, MoveRefused, NotFound
from marketplace.core.shared.limits import Line
from marketplace.core.shared.payees import PayeeKind
from marketplace.core.tenants.tenant import Call, Mode
from marketplace.entrypoints.http.lists import list_row
from marketplace.entrypoints.http.money_representations import PayoutAccountView
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.routes import PROVIDER, CommandRoute, QuestionRoute, Route
from marketplace.entrypoints.http.statements import own
from marketplace.entrypoints.http.views import view_of
from marketplace.ports.storage import One

_TAGS = ("Payout accounts",)
_ONE = "/v1/payout-accounts/{payout_account_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskForLink:
    """
    Ask for the page on which to say what is required. It opens once, and soon no more: go there at once.

    From there you come back to `return_url`, and to `refresh_url` where it opens no more: ask for another.
    """

    return_url: Line
    refresh_url: Line | None = None


class OnboardingLink(msgspec.Struct, frozen=True):
    """For the account's owner alone: whoever has it can say where the money goes."""

    url: str


async def one(office: Office, call: Call, *, payout_account_id: UUID) -> PayoutAccountView:
    view: PayoutAccountView = view_of(await _own(office, call, payout_account_id), call)
    return view


async def link(office: Office, call: Call, *, payout_account_id: UUID, data: Any) -> OnboardingLink:
    """Raises MoveRefused for an account that is gone, Invalid for one that has no page."""
    found = await _own(office, call, payout_account_id)
    if found.state in GONE:
        raise MoveRefused("payout_account", "ask_for_link", found.state, ())
    if found.kind != PayeeKind.HOSTED:
        raise Invalid("payout_account_id", "has no page: it is known by its bank details", "a hosted one")
    return_url = _checked(data.return_url, "return_url", call)
    refresh_url = return_url
    if data.refresh_url is not None:
        refresh_url = _checked(data.refresh_url, "refresh_url", call)
    rail = office.vendors.paying_rail(found.rail)
    url = await rail.onboarding_link(found.id, return_url=return_url, refresh_url=refresh_url)
    return OnboardingLink(url)


def _checked(url: str, field: str, call: Call) -> str:
    schemes = {"https"} if call.tenant.mode is Mode.LIVE else {"https", "http"}
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Invalid(field, "is no address of a page", "https://…") from error
    if parts.scheme not in schemes or not parts.hostname:
        raise Invalid(field, "is no address of a page", "https://…")
    return url


async def _own(office: Office, call: Call, key: UUID) -> PayoutAccount:
    (found,) = await office.store.read(call.tenant_id, [One(PayoutAccount, key)])
    if not found or not opening.sees(found[0], call):
        raise NotFound("payout account", key)
    account: PayoutAccount = found[0]
    return account


def known_opening(office: Office, command: Any, call: Call) -> Any:
    """Raises Invalid for a kind that the rail does not open, and for what it would refuse anyway."""
    rail = office.vendors.rail(call.policy.payment.paying_rail)
    if command.kind not in rail.capabilities.opens_payees:
        allowed = ", ".join(sorted(rail.capabilities.opens_payees)) or "none"
        raise Invalid("kind", f"{command.kind} is no account that is opened here", allowed)
    office.vendors.paying_rail(rail.name).check_opening(
        kind=command.kind, country=command.country, source=command.source, bank_account=command.bank_account
    )
    return command


def _owned(call: Call) -> dict[str, UUID]:
    return {"provider_id": own(call)}


def _route(path: str, command: type, status: int = 200) -> CommandRoute:
    return CommandRoute(
        path=path,
        command=command,
        answer=PayoutAccountView,
        view=view_of,
        roles=PROVIDER,
        status=status,
        tags=_TAGS,
    )


ROUTES: tuple[Route, ...] = (
    replace(
        _route("/v1/providers/{provider_id}/payout-accounts", opening.OpenPayoutAccount, status=201),
        prepare=known_opening,
    ),
    _route(f"{_ONE}/close", opening.ClosePayoutAccount),
    QuestionRoute(
        path=f"{_ONE}/link",
        ask=link,
        answer=OnboardingLink,
        summary="A fresh page of the rail's on which you say what is required of you.",
        roles=PROVIDER,
        tags=_TAGS,
        body=AskForLink,
    ),
    list_row(
        "/v1/provider/payout-accounts",
        PAYOUT_ACCOUNTS,
        "state",
        own=_owned,
        summary="The accounts that you are, or were, paid into, the latest first.",
        roles=PROVIDER,
        tags=_TAGS,
    ),
    QuestionRoute(
        path=_ONE,
        ask=one,
        answer=PayoutAccountView,
        summary="One of your accounts, and what is still required for it.",
        roles=PROVIDER,
        tags=_TAGS,
    ),
)
