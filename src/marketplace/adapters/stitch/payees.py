"""
The bank account of a provider is kept here, as Stitch keeps none, so that no token has to carry it.

Stitch is not asked whether it is there: that shows when it is paid into for the first time.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID

import msgspec

from marketplace.adapters.stitch.tokens import OPENED, Payee
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.payees import BankAccount, PayeeKind
from marketplace.ports.paying import PayeeOrder, PayeeReport, PayeeStanding
from marketplace.ports.shelf import Document, Shelf

SHELF = "stitch.payee"
_COUNTRY = "ZA"
_DIGITS_SHOWN = 4
# What a disbursement has room for: the pattern, and how it is told.
_HELD: Mapping[str, tuple[re.Pattern[str], str]] = MappingProxyType(
    {
        "holder": (re.compile(r"[A-Za-z0-9][A-Za-z0-9 .&'-]{0,19}"), "1 to 20 letters, digits, . & ' and -"),
        "bank": (re.compile(r"[a-z_]{2,40}"), "the bank as Stitch names it, as absa"),
        "account_number": (re.compile(r"[0-9]{5,20}"), "5 to 20 digits"),
        "account_type": (re.compile(r"current|savings"), "current, savings"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    provider_id: UUID
    holder: str = field(repr=False)
    bank: str
    account_number: str = field(repr=False)
    account_type: str


def check_opening(
    *, kind: PayeeKind, country: str | None, source: str | None, bank_account: BankAccount | None
) -> None:
    """Raises Invalid, which does not repeat what may be somebody's account."""
    if kind is not PayeeKind.BANK_ACCOUNT:
        raise Invalid("kind", f"{kind} is no account that Stitch pays into", str(PayeeKind.BANK_ACCOUNT))
    if country not in {None, _COUNTRY}:
        raise Invalid("country", "Stitch pays nobody there", _COUNTRY)
    if source is not None:
        raise Invalid("source", "Stitch has no form for it", "none")
    if bank_account is None:
        raise Invalid("bank_account", "is missing", "where the provider banks")
    for name, (pattern, allowed) in _HELD.items():
        if pattern.fullmatch(getattr(bank_account, name)) is None:
            raise Invalid(f"bank_account.{name}", "is none that Stitch pays into", allowed)


@dataclass(frozen=True, slots=True)
class Payees:
    shelf: Shelf

    async def open(self, order: PayeeOrder) -> PayeeReport:
        """Raises Invalid for a reference of another account."""
        bank = order.bank_account
        check_opening(kind=order.kind, country=order.country, source=order.source, bank_account=bank)
        opened = _opened(order, bank)
        key = str(order.reference)
        body = msgspec.json.encode(opened)
        document = Document(shelf=SHELF, key=key, tenant_id=order.tenant_id, body=body)
        if not await self.shelf.keep(document):
            standing = await self.shelf.fetch(shelf=SHELF, key=key)
            if standing is None or (standing.tenant_id, standing.body) != (order.tenant_id, body):
                raise Invalid("reference", f"{order.reference} was used for another account")
        return _report(order.reference, opened)

    async def find(self, reference: UUID) -> PayeeReport | None:
        document = await self.shelf.fetch(shelf=SHELF, key=str(reference))
        return None if document is None else _report(reference, _read(document))

    async def paid(self, payee: Payee | UUID, *, tenant_id: UUID) -> Payee:
        """The account itself. Raises Invalid for what is not this tenant's: another's token opens nothing."""
        if isinstance(payee, Payee):
            return payee
        document = await self.shelf.fetch(shelf=SHELF, key=str(payee))
        if document is None or document.tenant_id != tenant_id:
            raise Invalid("payee", "is no account that was opened here")
        opened = _read(document)
        return Payee(opened.bank, opened.account_type, opened.account_number, opened.holder)


def _opened(order: PayeeOrder, bank: BankAccount | None) -> Opened:
    if bank is None:
        raise Invalid("bank_account", "is missing", "where the provider banks")
    return Opened(
        provider_id=order.provider_id,
        holder=bank.holder,
        bank=bank.bank,
        account_number=bank.account_number,
        account_type=bank.account_type,
    )


def _read(document: Document) -> Opened:
    return msgspec.json.decode(document.body, type=Opened)


def _report(reference: UUID, opened: Opened) -> PayeeReport:
    return PayeeReport(
        reference=reference,
        rail_reference=str(reference),
        standing=PayeeStanding.ACTIVE,
        token=f"{OPENED}{reference}",
        label=f"{opened.bank} {opened.account_number[-_DIGITS_SHOWN:]}",
    )
