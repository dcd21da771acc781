"""An account is opened once; it moves by its source, by its owner and by time."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from marketplace.adapters.orders import check_same
from marketplace.adapters.sandbox.openings import ASKED, OPENINGS, TAKEN, OpeningBehaviour, OpeningStep
from marketplace.adapters.sandbox.records import Record, Records, known
from marketplace.adapters.sandbox.tokens import PAYEES, check_token
from marketplace.adapters.sandbox.webhooks import Clock
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.payees import PayeeKind
from marketplace.ports.paying import PAYEE, PayeeOrder, PayeeReport, PayeeStanding

PREFIX = "opened_"  # of the tokens by which opened accounts are paid
UNPAYABLE = "payee_rejected"
_TOKEN = re.compile(rf"{PREFIX}[0-9a-f]{{32}}")
_OVER = frozenset({PayeeStanding.REJECTED, PayeeStanding.CLOSED})
_ASKS = frozenset({PayeeStanding.NEEDS_ACTION, PayeeStanding.RESTRICTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedPayee(Record):
    """Of a number only the last digits are kept."""

    SHELF: ClassVar[str] = "sandbox.payee"
    TERMS: ClassVar[tuple[str, ...]] = ("tenant_id", "provider_id", "kind", "source", "last_digits")
    SUBJECT: ClassVar[str] = PAYEE
    NOUN: ClassVar[str] = "account"

    provider_id: UUID
    kind: PayeeKind
    source: str
    last_digits: str
    standing: PayeeStanding = PayeeStanding.PENDING
    failure: str | None = None
    required: tuple[str, ...] = ()
    step: int = 0
    due_at: datetime | None = None

    @property
    def found_by(self) -> str:
        return str(self.kind)

    @property
    def behaviour(self) -> OpeningBehaviour:
        return OPENINGS[self.source]

    def brought_up(self, *, now: datetime) -> "OpenedPayee":
        payee = self
        while payee.due_at is not None and payee.due_at <= now:
            following = replace(payee, step=payee.step + 1)
            payee = _enter(following, following.behaviour.path[following.step], at=payee.due_at)
        return payee


def check_payee(token: str, *, field: str) -> None:
    if _TOKEN.fullmatch(token) is None:
        check_token(token, field=field, table=PAYEES)


def source_of(order: PayeeOrder) -> str:
    return order.source or (ASKED if order.kind is PayeeKind.HOSTED else TAKEN)


def report(payee: OpenedPayee) -> PayeeReport:
    return PayeeReport(
        reference=payee.reference,
        rail_reference=f"sandbox_{payee.reference.hex}",
        standing=payee.standing,
        token=f"{PREFIX}{payee.reference.hex}",
        label=f"Sandbox Bank {payee.last_digits}",
        required=payee.required,
        failure=payee.failure,
    )


def opened(standing: OpenedPayee | None, *, order: PayeeOrder, now: datetime) -> OpenedPayee:
    """Raises Invalid for a reference that stands for something else."""
    fresh = OpenedPayee(
        reference=order.reference,
        tenant_id=order.tenant_id,
        provider_id=order.provider_id,
        kind=order.kind,
        source=source_of(order),
        last_digits=order.bank_account.account_number[-4:] if order.bank_account else "6789",
    )
    if standing is None:
        return _enter(fresh, fresh.behaviour.path[0], at=now)
    check_same(standing, fresh)
    return standing


def answered(standing: OpenedPayee | None, *, reference: UUID, agreed: bool, clock: Clock) -> OpenedPayee:
    """What its owner does on the vendor's page; without effect on an account that asks for nothing."""
    payee = known(standing, OpenedPayee, reference)
    if payee.standing not in _ASKS:
        return payee
    refused = OpeningStep(PayeeStanding.REJECTED, failure="owner_declined")
    step = OpeningStep(PayeeStanding.ACTIVE) if agreed else refused
    return _enter(payee, step, at=clock(payee.tenant_id))


def link_of(payee: OpenedPayee) -> str:
    """Raises Invalid for an account that has no page."""
    if payee.kind is not PayeeKind.HOSTED or payee.standing in _OVER:
        raise Invalid("reference", f"is a {payee.kind} that is {payee.standing}: it has no page")
    return f"/v1/sandbox/payout-accounts/{payee.reference}/action"


def _enter(payee: OpenedPayee, step: OpeningStep, *, at: datetime) -> OpenedPayee:
    path = payee.behaviour.path
    goes_on = step is path[payee.step] and payee.step + 1 < len(path)
    due_at = at + timedelta(seconds=path[payee.step + 1].after_seconds) if goes_on else None
    return replace(
        payee,
        standing=step.standing,
        failure=step.failure,
        required=step.required,
        due_at=due_at,
        history=(*payee.history, (at, str(step.standing))),
    )


async def paid_as(opened: Records[OpenedPayee], token: str, *, tenant_id: UUID) -> str:
    """The payee as which an account is paid now. Raises Invalid for one that is not known to a tenant."""
    if not token.startswith(PREFIX):
        return check_token(token, field="payee", table=PAYEES)
    check_payee(token, field="payee")
    payee = await opened.find(UUID(token.removeprefix(PREFIX)))
    if payee is None or payee.tenant_id != tenant_id:
        raise Invalid("payee", f"the sandbox has opened no {token[:60]!r}")
    return payee.behaviour.pays if payee.standing is PayeeStanding.ACTIVE else UNPAYABLE
