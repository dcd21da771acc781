"""
The Stitch rail: debit orders and mandates by file, consents and payouts at once, all of it in rand.

Mandates and cards are kept by it for later.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from marketplace.adapters.stitch import payees, signatures, tokens, webhooks
from marketplace.adapters.stitch.abilities import capabilities
from marketplace.adapters.stitch.charges import Charges
from marketplace.adapters.stitch.orders import Orders
from marketplace.adapters.stitch.setups import Setups
from marketplace.adapters.stitch.transfers import Transfers
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.mandates import MandateTerms
from marketplace.core.shared.money import Money
from marketplace.core.shared.payees import BankAccount, PayeeKind
from marketplace.ports.paying import PayeeOrder, PayeeReport
from marketplace.ports.payments import (
    Capabilities,
    Charge,
    Hint,
    Report,
    Setup,
    SetupReport,
    Statement,
    Subject,
    Transfer,
)


@dataclass(kw_only=True)
class StitchRail:
    """`secrets` verify webhooks: the one in use first, and while they are rotated the one before."""

    charges: Charges
    transfers: Transfers
    setups: Setups
    orders: Orders
    secrets: tuple[str, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.secrets:
            raise Invalid("secrets", "Stitch's webhooks need a secret", "one or two")
        for secret in self.secrets:
            signatures.key_of(secret)

    @property
    def name(self) -> str:
        return "stitch"

    @property
    def capabilities(self) -> Capabilities:
        return capabilities(live=self.charges.account.live)

    def check_method(self, token: str, *, field: str) -> None:
        tokens.check_unsaved(token, field=field)

    def check_payee(self, token: str, *, field: str) -> None:
        tokens.check_payee(token, field=field)

    async def collect(self, charge: Charge) -> Report:
        return await self.charges.collect(charge)

    async def capture(self, reference: UUID, amount: Money) -> Report:
        del amount
        raise Invalid("reference", f"{reference} is no hold: Stitch holds no money")

    async def void(self, reference: UUID) -> Report:
        return await self.charges.void(reference)

    async def refund(self, reference: UUID, *, refund: UUID, amount: Money) -> Report:
        del refund, amount
        raise Invalid(
            "reference", f"Stitch gives nothing of {reference} back", "a refund that is paid by hand"
        )

    async def release(self, transfer: Transfer) -> Report:
        return await self.transfers.release(transfer)

    async def find(self, reference: UUID) -> Report | None:
        """What goes by file is told from what was read of files; all else is asked for by its nonce."""
        order = await self.orders.find(reference)
        if order is None:
            return None
        if order.subject is Subject.TRANSFER:
            return await self.transfers.find(order)
        return await self.charges.find(order)

    async def submit_evidence(self, reference: UUID, *, text: str) -> Report:
        del text
        raise Invalid("reference", f"{reference} is not in dispute: a payer disputes a debit at its bank")

    async def settlement_lines(self, tenant_id: UUID, *, after: str | None, limit: int) -> Statement:
        """Stitch tells none; a cursor that was never given is none."""
        del tenant_id
        if limit < 1:
            raise Invalid("limit", f"{limit} lines are none", "1 and more")
        if after is not None:
            raise Invalid("after", f"{after[:60]!r} is none of Stitch's")
        return Statement(lines=(), cursor=None)

    def check_opening(
        self, *, kind: PayeeKind, country: str | None, source: str | None, bank_account: BankAccount | None
    ) -> None:
        payees.check_opening(kind=kind, country=country, source=source, bank_account=bank_account)

    async def open_payee(self, order: PayeeOrder) -> PayeeReport:
        await self.transfers.account.check_mode(order.tenant_id)
        return await self.transfers.payees.open(order)

    async def find_payee(self, reference: UUID) -> PayeeReport | None:
        return await self.transfers.payees.find(reference)

    async def onboarding_link(self, reference: UUID, *, return_url: str, refresh_url: str) -> str:
        del return_url, refresh_url
        raise Invalid("reference", f"{reference} has no page: Stitch pays into bank accounts")

    def verify_and_parse(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[Hint, ...]:
        message_id = signatures.verify(headers=headers, body=body, secrets=self.secrets, now=now)
        return webhooks.hints(body, message_id=message_id)

    def check_source(self, source: str, *, field: str) -> None:
        self.setups.check_source(source, field=field)

    async def begin_setup(self, setup: Setup) -> SetupReport:
        return await self.setups.begin(setup)

    async def amend_setup(self, reference: UUID, *, amendment: UUID, terms: MandateTerms) -> SetupReport:
        return await self.setups.amend(reference, amendment=amendment, terms=terms)

    async def revoke_setup(self, reference: UUID) -> SetupReport:
        return await self.setups.revoke(reference)

    async def find_setup(self, reference: UUID) -> SetupReport | None:
        return await self.setups.find(reference)
