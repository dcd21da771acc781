"""Besides paying out, a rail may open the accounts that it pays into, and ask back what it has paid."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from marketplace.core.shared.money import Money
from marketplace.core.shared.payees import BankAccount, PayeeKind
from marketplace.ports.payments import PaymentRail, Report

PAYEE = "payee"  # the subject of its webhooks


class PayeeStanding(StrEnum):
    """Whether an account can be paid into, in the rail's truth."""

    NEEDS_ACTION = "needs_action"
    PENDING = "pending"
    ACTIVE = "active"
    RESTRICTED = "restricted"
    REJECTED = "rejected"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayeeOrder:
    """
    An order to open an account. A hosted one is asked for on the rail's own pages, any other has details.

    `source` is what the rail's own form gave for it, where there is one; `country` is where the provider is,
    as ISO 3166 writes it.
    """

    reference: UUID
    tenant_id: UUID
    provider_id: UUID
    kind: PayeeKind
    name: str
    currency: str
    at: datetime
    country: str | None = None
    source: str | None = None
    bank_account: BankAccount | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayeeReport:
    """
    The rail's truth about one account, as of now.

    `token` is what a transfer names, `label` what its owner knows it by: of a number the last digits only.
    `required` names in plain words what the rail still wants to know.
    """

    reference: UUID
    rail_reference: str
    standing: PayeeStanding
    token: str | None = None
    label: str | None = None
    required: tuple[str, ...] = ()
    failure: str | None = None


class PayingRail(PaymentRail, Protocol):
    """
    A rail that opens payees: of those kinds that its capabilities name in `opens_payees`.

    The same reference never opens two, however often it is sent; its webhooks have the subject `payee`.
    """

    def check_opening(
        self, *, kind: PayeeKind, country: str | None, source: str | None, bank_account: BankAccount | None
    ) -> None:
        """Raises Invalid, naming the field, for what is surely no account at this rail; no I/O."""
        ...

    async def open_payee(self, order: PayeeOrder) -> PayeeReport: ...
    async def find_payee(self, reference: UUID) -> PayeeReport | None:
        """The truth about an account of ours; None when the rail never heard of it."""
        ...

    async def onboarding_link(self, reference: UUID, *, return_url: str, refresh_url: str) -> str:
        """
        A fresh page of the rail's, open once and not for long, on which the owner says what is required.

        It leads back to `return_url`, and to `refresh_url` where it opens no more. Raises Invalid for an
        account that has no such page.
        """
        ...


class ClawingRail(PaymentRail, Protocol):
    """A rail that takes back what it has transferred, as its capabilities say in `claws_back`."""

    async def claw_back(self, transfer: UUID, *, reversal: UUID, amount: Money) -> Report:
        """
        Take back part of the transfer `transfer` under the reference `reversal`; found by `find`.

        Raises Invalid where the payee does not have it any more: nothing was moved, and nothing will be.
        """
        ...
