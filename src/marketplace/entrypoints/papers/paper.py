"""A statement as a document has the same facts in every form: whose, of when, in which words and amounts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from marketplace.adapters.postgres.provider_statement import Statement, StatementLine
from marketplace.core.providers.hours import zone
from marketplace.core.providers.provider import Provider
from marketplace.core.shared.money import Money, format_amount
from marketplace.core.tenants.policy import Policy

KINDS = {
    "job": "Job",
    "cancellation": "Cancellation",
    "no_show": "No-show",
    "claw_back": "Claw-back",
    "payout_sent": "Payout",
    "payout_returned": "Payout returned",
    "payout_reversed": "Payout reversed",
    "clawed_back": "Claw-back",
    "reversal_refused": "Claw-back",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A statement with what stands at its head."""

    statement: Statement
    brand: str
    vat_number: str | None
    provider: str
    zone: ZoneInfo

    @property
    def name(self) -> str:
        """Of the file, without its ending."""
        first, last = self.first_and_last()
        return f"statement-{str(self.statement.provider_id)[:8]}-{first:%Y%m%d}-{last:%Y%m%d}"

    def first_and_last(self) -> tuple[datetime, datetime]:
        """The local days on which the period begins and ends."""
        last = self.statement.until - timedelta(microseconds=1)
        return self.local(self.statement.start), self.local(last)

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self.zone)

    def amount(self, minor: int) -> str:
        return format_amount(Money(minor, self.statement.currency))

    def balances(self) -> Iterator[tuple[StatementLine, int]]:
        """Each line, and what is owed after it."""
        balance = self.statement.opening_minor
        for line in self.statement.lines:
            balance += line.net_minor
            yield line, balance

    def sums(self) -> tuple[tuple[str, int], ...]:
        """From the opening to the closing balance, each with its sign: the last is the sum of the others."""
        told = self.statement
        return (
            ("Opening balance", told.opening_minor),
            ("Gross", told.gross_minor),
            ("Fees", -told.fee_minor),
            ("VAT on fees", -told.vat_minor),
            ("Adjustments", told.adjustments_minor),
            ("Payouts", -told.paid_minor),
            ("Closing balance", told.closing_minor),
        )


def paper_of(statement: Statement, *, provider: Provider, policy: Policy) -> Paper:
    return Paper(
        statement=statement,
        brand=policy.wording.brand,
        vat_number=policy.vat.number,
        provider=provider.name,
        zone=zone(policy.time_zone),
    )
