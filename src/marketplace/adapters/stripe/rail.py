"""The Stripe rail: cards by PaymentIntents, saved by SetupIntents, transfers to connected accounts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from marketplace.adapters import signatures
from marketplace.adapters.stripe import (
    charges,
    disputes,
    payees,
    refunds,
    reversals,
    setups,
    statement,
    tokens,
    transfers,
    webhooks,
)
from marketplace.adapters.stripe.abilities import capabilities
from marketplace.adapters.stripe.account import Account
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
class StripeRail:
    """`secrets` verify webhooks: those of its endpoints, and while they are rotated the ones before."""

    account: Account
    secrets: tuple[str, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.secrets or not all(self.secrets):
            raise Invalid("secrets", "Stripe's webhooks need a secret", "one or two that are not empty")

    @property
    def name(self) -> str:
        return "stripe"

    @property
    def capabilities(self) -> Capabilities:
        return capabilities(live=self.account.live)

    def check_method(self, token: str, *, field: str) -> None:
        tokens.check_unsaved(token, field=field)

    def check_payee(self, token: str, *, field: str) -> None:
        tokens.check_payee(token, field=field)

    async def collect(self, charge: Charge) -> Report:
        return await charges.collect(self.account, charge)

    async def capture(self, reference: UUID, amount: Money) -> Report:
        return await charges.capture(self.account, reference, amount)

    async def void(self, reference: UUID) -> Report:
        return await charges.void(self.account, reference)

    async def refund(self, reference: UUID, *, refund: UUID, amount: Money) -> Report:
        return await refunds.refund(self.account, reference, key=refund, amount=amount)

    async def release(self, transfer: Transfer) -> Report:
        return await transfers.release(self.account, transfer)

    async def claw_back(self, transfer: UUID, *, reversal: UUID, amount: Money) -> Report:
        return await reversals.claw_back(self.account, transfer, key=reversal, amount=amount)

    async def find(self, reference: UUID) -> Report | None:
        """
        What was never sent stands on no shelf, and is nowhere. What was is fetched by its id; where its
        answer was lost it is looked for in Stripe's lists, which are not behind as its search is.
        """
        order = await self.account.orders.find(reference)
        if order is None:
            return None
        match order.subject:
            case Subject.CHARGE:
                return await charges.find(self.account, order)
            case Subject.REFUND:
                return await refunds.find(self.account, order)
            case Subject.TRANSFER:
                return await transfers.find(self.account, order)
            case Subject.TRANSFER_REVERSAL:
                return await reversals.find(self.account, order)

    def check_source(self, source: str, *, field: str) -> None:
        tokens.check_source(source, field=field)

    async def begin_setup(self, setup: Setup) -> SetupReport:
        return await setups.begin(self.account, setup)

    async def amend_setup(self, reference: UUID, *, amendment: UUID, terms: MandateTerms) -> SetupReport:
        del amendment, terms
        return await setups.amend(self.account, reference)

    async def revoke_setup(self, reference: UUID) -> SetupReport:
        return await setups.revoke(self.account, reference)

    async def find_setup(self, reference: UUID) -> SetupReport | None:
        return await setups.find(self.account, reference)

    async def submit_evidence(self, reference: UUID, *, text: str) -> Report:
        return await disputes.submit_evidence(self.account, reference, text=text)

    async def settlement_lines(self, tenant_id: UUID, *, after: str | None, limit: int) -> Statement:
        return await statement.settlement_lines(self.account, tenant_id, after=after, limit=limit)

    def check_opening(
        self, *, kind: PayeeKind, country: str | None, source: str | None, bank_account: BankAccount | None
    ) -> None:
        payees.check_opening(kind=kind, country=country, source=source, bank_account=bank_account)

    async def open_payee(self, order: PayeeOrder) -> PayeeReport:
        return await payees.open_payee(self.account, order)

    async def find_payee(self, reference: UUID) -> PayeeReport | None:
        return await payees.find_payee(self.account, reference)

    async def onboarding_link(self, reference: UUID, *, return_url: str, refresh_url: str) -> str:
        return await payees.onboarding_link(
            self.account, reference, return_url=return_url, refresh_url=refresh_url
        )

    def verify_and_parse(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[Hint, ...]:
        """Of a dispute and of a card none: their events do not say whose they are, and `trace` asks."""
        signatures.verify(headers=headers, header=webhooks.HEADER, body=body, secrets=self.secrets, now=now)
        event = webhooks.read(body, live=self.account.live)
        return () if event is None else webhooks.hints(event)

    async def trace(self, body: bytes) -> tuple[Hint, ...]:
        event = webhooks.read(body, live=self.account.live)
        return () if event is None else await webhooks.traced(self.account, event)
