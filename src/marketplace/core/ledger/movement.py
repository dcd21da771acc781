"""Every movement of money is one balanced set of postings, written once under a key and never changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from marketplace.core.shared.ids import derive
from marketplace.core.shared.rules import AppendOnly, Balanced, Rule, Unique


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One transaction. `key` says what it is of, so that doing it twice is refused."""

    RULES: ClassVar[tuple[Rule, ...]] = (Unique(("key",)), AppendOnly())

    id: UUID
    tenant_id: UUID
    key: str
    name: str
    subject_id: UUID
    booking_id: UUID | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A line of a movement. `amount_minor` is a debit when positive, a credit when negative."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Balanced(group=("movement_id", "currency"), amount="amount_minor"),
        AppendOnly(),
    )

    id: UUID
    tenant_id: UUID
    movement_id: UUID
    account: str
    amount_minor: int
    currency: str


def psp_clearing(rail: str) -> str:
    return f"psp_clearing:{rail}"


def customer_funds(booking_id: UUID) -> str:
    return f"customer_funds:{booking_id}"


def provider_payable(provider_id: UUID) -> str:
    return f"provider_payable:{provider_id}"


def provider_receivable(provider_id: UUID) -> str:
    return f"provider_receivable:{provider_id}"


BANK = "bank"
REFUNDS_PAYABLE = "refunds_payable"
VAT_OUTPUT = "vat_output"
PLATFORM_FEE = "platform_fee"
CANCELLATION_FEE = "cancellation_fee"
CHARGEBACK_LOSS = "chargeback_loss"
PROCESSOR_FEE = "processor_fee"
DISPUTE_HOLD = "dispute_hold"
REVERSALS_PENDING = "reversals_pending"
SETTLEMENT_DIFFERENCE = "settlement_difference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a movement is of: whose, which name, which aggregate and booking, when, and which time."""

    tenant_id: UUID
    name: str
    subject_id: UUID
    booking_id: UUID | None
    currency: str
    at: datetime
    turn: int | None = None


def balanced(origin: Origin, amounts: Mapping[str, int]) -> tuple[Movement | Posting, ...]:
    """
    The rows of one movement; accounts with nothing are left out.

    Raises ValueError when the amounts do not add up to zero: that is a defect, never the caller's fault.
    """
    if sum(amounts.values()) != 0:
        raise ValueError(f"{origin.name} does not balance: {dict(amounts)}")
    key = f"{origin.name}:{origin.subject_id}" + ("" if origin.turn is None else f":{origin.turn}")
    movement = Movement(
        id=derive(origin.tenant_id, "movement", key),
        tenant_id=origin.tenant_id,
        key=key,
        name=origin.name,
        subject_id=origin.subject_id,
        booking_id=origin.booking_id,
        at=origin.at,
    )
    lines = [(account, amount) for account, amount in amounts.items() if amount]
    return (movement, *(_posting(movement, account, amount, origin.currency) for account, amount in lines))


def _posting(movement: Movement, account: str, amount_minor: int, currency: str) -> Posting:
    return Posting(
        id=derive(movement.id, account),
        tenant_id=movement.tenant_id,
        movement_id=movement.id,
        account=account,
        amount_minor=amount_minor,
        currency=currency,
    )
