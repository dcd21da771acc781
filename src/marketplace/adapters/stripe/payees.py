"""A payee is a connected account that Stripe asks for what it wants to know, on pages of its own."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar
from uuid import UUID, uuid4

from marketplace.adapters.stripe.account import Account, metadata
from marketplace.adapters.stripe.lists import AROUND, pages
from marketplace.adapters.stripe.objects import PAYEE, REFERENCE, AccountLink, ConnectedAccount, Page
from marketplace.adapters.stripe.orders import Kept
from marketplace.adapters.stripe.refusals import asked, done
from marketplace.adapters.stripe.requirements import in_plain_words
from marketplace.core.shared.errors import Invalid, OutcomeUnknown, Unavailable
from marketplace.core.shared.payees import BankAccount, PayeeKind
from marketplace.ports.paying import PayeeOrder, PayeeReport, PayeeStanding

# Charges and transfers are separate, so the platform bears losses and Stripe's fees; Stripe asks the provider
# what it wants to know, and shows it what it was paid (https://docs.stripe.com/connect/accounts).
_CONTROLLER = {
    "losses": {"payments": "application"},
    "fees": {"payer": "application"},
    "requirement_collection": "stripe",
    "stripe_dashboard": {"type": "express"},
}
_REJECTED = "rejected."
_LOOKED_AT = frozenset({"requirements.pending_verification", "under_review", "listed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening(Kept):
    """Of an account. What was asked first is asked again, as its key is of that."""

    SHELF: ClassVar[str] = "stripe.payee"
    TERMS: ClassVar[tuple[str, ...]] = ("tenant_id", "provider_id", "country")

    provider_id: UUID
    name: str
    country: str | None = None

    @property
    def subject(self) -> str:
        return PAYEE


def check_opening(
    *, kind: PayeeKind, country: str | None, source: str | None, bank_account: BankAccount | None
) -> None:
    """Raises Invalid."""
    if kind is not PayeeKind.HOSTED:
        raise Invalid("kind", f"{kind} is no account that Stripe opens", str(PayeeKind.HOSTED))
    if source is not None:
        raise Invalid("source", "Stripe asks on pages of its own", "none")
    if bank_account is not None:
        raise Invalid("bank_account", "Stripe asks for it on pages of its own", "none")
    if country is not None and not (country.isascii() and country.isalpha() and country.isupper()):
        raise Invalid("country", f"{country!r} is no country", "two capital letters of ISO 3166, as US")


async def open_payee(account: Account, order: PayeeOrder) -> PayeeReport:
    check_opening(
        kind=order.kind, country=order.country, source=order.source, bank_account=order.bank_account
    )
    await account.check_mode(order.tenant_id)
    async with account.alone(order.reference):
        opening, found = await account.send_once(
            _of(account, order), sought=partial(_sought, account), made=partial(_made, account)
        )
        return report(opening, found)


async def find_payee(account: Account, reference: UUID) -> PayeeReport | None:
    """One that Stripe does not let us see is paid nothing; with the right key it may be seen again."""
    opening = await account.orders.kept(Opening, reference)
    if opening is None:
        return None
    try:
        found = await _sought(account, opening)
    except Invalid:
        return PayeeReport(
            reference=reference,
            rail_reference=opening.rail_id or "",
            standing=PayeeStanding.RESTRICTED,
            failure="Stripe does not show it to us",
        )
    return None if found is None else report(opening, found)


async def onboarding_link(account: Account, reference: UUID, *, return_url: str, refresh_url: str) -> str:
    """Each is a new one: Stripe's open once, and for minutes."""
    opening = await account.orders.kept(Opening, reference)
    found = None if opening is None else await _sought(account, opening)
    if opening is None or found is None:
        raise Invalid("reference", f"Stripe knows of no account {reference}")
    params: Any = {
        "account": found.id,
        "type": "account_onboarding",
        "collection_options": {"fields": "eventually_due"},
        "return_url": return_url,
        "refresh_url": refresh_url,
    }
    options: Any = {"idempotency_key": f"{reference}/link/{uuid4()}"}
    try:
        made = await done(account.client.v1.account_links.create_async(params, options), AccountLink)
    except OutcomeUnknown as doubt:
        raise Unavailable("Stripe made no link") from doubt
    return made.url


def report(opening: Opening, found: ConnectedAccount) -> PayeeReport:
    standing, wanted = _standing(found), found.requirements
    fallen = standing in {PayeeStanding.RESTRICTED, PayeeStanding.REJECTED}
    banks = found.external_accounts.data
    return PayeeReport(
        reference=opening.reference,
        rail_reference=found.id,
        standing=standing,
        token=found.id,
        label=f"{banks[0].bank_name or 'Bank account'} {banks[0].last4 or ''}".strip() if banks else None,
        required=in_plain_words((*wanted.past_due, *wanted.currently_due)),
        failure=_words(wanted.disabled_reason) if fallen and wanted.disabled_reason else None,
    )


def _standing(found: ConnectedAccount) -> PayeeStanding:
    """
    Whether a transfer comes in, and goes on to its bank. What the owner has still to say comes before what
    Stripe has still to look at.
    """
    wanted, reason = found.requirements, found.requirements.disabled_reason or ""
    if reason.startswith(_REJECTED):
        return PayeeStanding.REJECTED
    if found.payouts_enabled and found.capabilities.get("transfers") == "active":
        return PayeeStanding.ACTIVE
    if wanted.past_due or wanted.currently_due or not found.details_submitted:
        return PayeeStanding.NEEDS_ACTION
    looked_at = reason in _LOOKED_AT or wanted.pending_verification
    return PayeeStanding.PENDING if looked_at else PayeeStanding.RESTRICTED


def _words(reason: str) -> str:
    return reason.replace(".", " ").replace("_", " ")


async def _sought(account: Account, opening: Opening) -> ConnectedAccount | None:
    """By its id; where that answer was lost, among the accounts of the time at which it was sent."""
    if opening.rail_id is not None:
        return await asked(account.client.v1.accounts.retrieve_async(opening.rail_id), ConnectedAccount)
    window = {
        "gte": int((opening.first_sent_at - AROUND).timestamp()),
        "lte": int((opening.last_sent_at + AROUND).timestamp()),
    }
    async for one in pages(
        account.client.v1.accounts.list_async, {"created": window}, Page[ConnectedAccount]
    ):
        if one.metadata.get(REFERENCE) == str(opening.reference):
            await account.met(opening, one.id)
            return one
    return None


async def _made(account: Account, opening: Opening) -> ConnectedAccount:
    params: dict[str, Any] = {
        "controller": _CONTROLLER,
        "capabilities": {"transfers": {"requested": True}},
        "business_profile": {"name": opening.name},
        "metadata": metadata(opening),
    }
    if opening.country is not None:
        params["country"] = opening.country
    call = partial(account.client.v1.accounts.create_async, params)  # type: ignore[arg-type]
    return await account.send(opening, "account", call, ConnectedAccount)


def _of(account: Account, order: PayeeOrder) -> Opening:
    now = account.clock()
    return Opening(
        reference=order.reference,
        tenant_id=order.tenant_id,
        provider_id=order.provider_id,
        name=order.name,
        country=order.country,
        first_sent_at=now,
        last_sent_at=now,
    )
