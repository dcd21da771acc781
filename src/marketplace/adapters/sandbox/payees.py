"""An account stands in the vendor's books once; it moves by its source, by its owner and by time."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from marketplace.adapters.sandbox.faults import Random
from marketplace.adapters.sandbox.openings import ASKED, OPENINGS, TAKEN, OpeningBehaviour, OpeningStep
from marketplace.adapters.sandbox.tokens import ON_TIME, PAYEES, check_token
from marketplace.adapters.sandbox.webhooks import Clock, Payload, queued
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.ids import derive
from marketplace.core.shared.payees import PayeeKind
from marketplace.ports.paying import PAYEE, PayeeOrder, PayeeReport, PayeeStanding
from marketplace.ports.shelf import Document, Found, Shelf

SHELF = "sandbox.payee"
PREFIX = "opened_"  # of the tokens by which opened accounts are paid
UNPAYABLE = "payee_rejected"
_TOKEN = re.compile(rf"{PREFIX}[0-9a-f]{{32}}")
_OVER = frozenset({PayeeStanding.REJECTED, PayeeStanding.CLOSED})
_ASKS = frozenset({PayeeStanding.NEEDS_ACTION, PayeeStanding.RESTRICTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedPayee:
    """`history` names its steps, each with a webhook; of a number only the last digits are kept."""

    reference: UUID
    tenant_id: UUID
    provider_id: UUID
    kind: PayeeKind
    source: str
    last_digits: str
    standing: PayeeStanding = PayeeStanding.PENDING
    failure: str | None = None
    required: tuple[str, ...] = ()
    step: int = 0
    due_at: datetime | None = None
    history: tuple[tuple[datetime, str], ...] = ()

    @property
    def behaviour(self) -> OpeningBehaviour:
        return OPENINGS[self.source]


Decide = Callable[[OpenedPayee | None], OpenedPayee]


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
    if _terms_of(standing) != _terms_of(fresh):
        raise Invalid("reference", f"{order.reference} was used for another account")
    return standing


def _terms_of(payee: OpenedPayee) -> tuple[object, ...]:
    return (payee.tenant_id, payee.provider_id, payee.kind, payee.source, payee.last_digits)


def answered(standing: OpenedPayee | None, *, reference: UUID, agreed: bool, clock: Clock) -> OpenedPayee:
    """What its owner does on the vendor's page; without effect on an account that asks for nothing."""
    payee = known(standing, reference)
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


def known(standing: OpenedPayee | None, reference: UUID) -> OpenedPayee:
    if standing is None:
        raise Invalid("reference", f"the sandbox knows of no account {reference}")
    return standing


def _brought_up(payee: OpenedPayee, *, now: datetime) -> OpenedPayee:
    """The account after everything that the time has brought it by now."""
    while payee.due_at is not None and payee.due_at <= now:
        following = replace(payee, step=payee.step + 1)
        payee = _enter(following, following.behaviour.path[following.step], at=payee.due_at)
    return payee


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


@dataclass(frozen=True, kw_only=True)
class Payees:
    """All opened accounts, each moved at its time, with a webhook for every step."""

    shelf: Shelf
    clock: Clock
    random: Random

    async def find(self, reference: UUID) -> OpenedPayee | None:
        """The account as of its tenant's now."""
        document = await self.shelf.fetch(shelf=SHELF, key=str(reference))
        payee = None if document is None else _DECODER.decode(document.body)
        if payee is None or payee.due_at is None or payee.due_at > self.clock(payee.tenant_id):
            return payee
        return await self.change(reference, lambda standing: known(standing, reference))

    async def change(self, reference: UUID, decide: Decide) -> OpenedPayee:
        """Let `decide` change the account, brought up to now first; nobody else can meanwhile."""

        def decided(found: Found) -> tuple[OpenedPayee, list[Document]]:
            document = found.get((SHELF, str(reference)))
            before = None if document is None else _DECODER.decode(document.body)
            current = before and _brought_up(before, now=self.clock(before.tenant_id))
            after = decide(current)
            return after, [] if after == before else self._documents(before, after)

        return await self.shelf.change([(SHELF, str(reference))], decided)

    async def tick(self, *, limit: int = 1_000) -> int:
        """Bring what is due up to now, up to `limit` accounts of each tenant; how many there were."""
        moved = 0
        for tenant_id in await self.shelf.tenants_waiting(shelf=SHELF):
            at = self.clock(tenant_id)
            for document in await self.shelf.due(shelf=SHELF, tenant_id=tenant_id, at=at, limit=limit):
                await self.find(UUID(document.key))
                moved += 1
        return moved

    async def paid_as(self, token: str, *, tenant_id: UUID) -> str:
        """The payee as which an account is paid now. Raises Invalid for one that is not known to a tenant."""
        if not token.startswith(PREFIX):
            return check_token(token, field="payee", table=PAYEES)
        check_payee(token, field="payee")
        payee = await self.find(UUID(token.removeprefix(PREFIX)))
        if payee is None or payee.tenant_id != tenant_id:
            raise Invalid("payee", f"the sandbox has opened no {token[:60]!r}")
        return payee.behaviour.pays if payee.standing is PayeeStanding.ACTIVE else UNPAYABLE

    def _documents(self, before: OpenedPayee | None, after: OpenedPayee) -> list[Document]:
        told = 0 if before is None else len(before.history)
        news = (self._event(after, index) for index in range(told, len(after.history)))
        return [_document(after), *news]

    def _event(self, payee: OpenedPayee, index: int) -> Document:
        at, name = payee.history[index]
        payload = Payload(
            id=f"evt_{derive(payee.reference, PAYEE, index).hex}",
            tenant_id=payee.tenant_id,
            reference=payee.reference,
            subject=PAYEE,
            kind=f"{PAYEE}.{name}",
            at=at,
        )
        return queued(payload, habit=ON_TIME, random=self.random)


def _document(payee: OpenedPayee) -> Document:
    return Document(
        shelf=SHELF,
        key=str(payee.reference),
        tenant_id=payee.tenant_id,
        body=_ENCODER.encode(payee),
        label=str(payee.kind),
        due_at=payee.due_at,
    )


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(OpenedPayee)
