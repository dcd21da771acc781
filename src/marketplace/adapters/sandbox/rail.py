"""The sandbox plays a payment vendor: money that is not real, trouble that is, chosen by the token."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

from marketplace.adapters.orders import NOBODY
from marketplace.adapters.sandbox import abilities, openings, payees, requests, setups, sources
from marketplace.adapters.sandbox.books import Books
from marketplace.adapters.sandbox.faults import CALL_FAULTS, Fault, Operation, fault_for
from marketplace.adapters.sandbox.openings import OPENINGS
from marketplace.adapters.sandbox.orders import Order
from marketplace.adapters.sandbox.payees import OpenedPayee
from marketplace.adapters.sandbox.records import known
from marketplace.adapters.sandbox.setups import SavedSetup
from marketplace.adapters.sandbox.signatures import verify
from marketplace.adapters.sandbox.sources import SOURCES
from marketplace.adapters.sandbox.tokens import METHODS, PAYEES, TOKENS, WEEK_SECONDS, check_token, showing
from marketplace.adapters.sandbox.webhooks import hints
from marketplace.core.shared.errors import Invalid, OutcomeUnknown, Unavailable
from marketplace.core.shared.ids import derive
from marketplace.core.shared.mandates import MandateTerms
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.money import EXPONENTS, Money
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
    Transfer,
)
from marketplace.ports.shelf import Document

CAPABILITIES = Capabilities(
    currencies=frozenset(EXPONENTS),
    hold_max=timedelta(seconds=WEEK_SECONDS),
    pays_out=True,
    collects=frozenset(MethodKind),
    saves=frozenset(MethodKind),
    opens_payees=frozenset(PayeeKind),
)
# What it can do where it plays a vendor at which providers have accounts of their own.
CONNECTED = replace(CAPABILITIES, pays_by_charge=True, claws_back=True)
R = TypeVar("R")
_ATTEMPTS, _OVERRIDES = "sandbox.attempt", "sandbox.override"

Act = Callable[[], Awaitable[R]]


@dataclass(kw_only=True)
class SandboxRail:
    """`secrets` verify webhooks: the one in use first, and while they are rotated the one before."""

    books: Books
    secrets: tuple[str, ...]
    name: str = "sandbox"
    capabilities: Capabilities = CAPABILITIES

    def __post_init__(self) -> None:
        if not self.secrets or not all(self.secrets):
            raise Invalid("secrets", "the sandbox's webhooks need a secret", "one or two that are not empty")

    def check_method(self, token: str, *, field: str) -> None:
        check_token(token, field=field, table=METHODS)

    def check_payee(self, token: str, *, field: str) -> None:
        payees.check_payee(token, field=field)

    async def collect(self, charge: Charge) -> Report:
        requests.check_positive(charge.amount)
        abilities.check_charge(self.capabilities, charge)
        asked = await self._charged_as(charge.method)
        planned = self._planned(Operation.COLLECT, charge.reference)
        token = await self._overriding(charge.reference) or showing(planned, table=METHODS) or asked
        check_token(token, field="method", table=METHODS)
        now = self.books.clock(charge.tenant_id)
        held_seconds = abilities.hold_seconds_max(self.capabilities)
        decide = partial(requests.collect, charge=charge, token=token, now=now, hold_seconds_max=held_seconds)
        fault = planned or await self._first(Operation.COLLECT, charge.reference, METHODS[token].fault)
        return await self._answer(fault, lambda: self.books.change((charge.reference,), decide))

    async def _charged_as(self, method: str) -> str:
        """What a saved method is charged as; any other token is itself."""
        if method.startswith(setups.PREFIX):
            return await setups.charged_as(self.books.setups, method)
        return check_token(method, field="method", table=METHODS)

    async def capture(self, reference: UUID, amount: Money) -> Report:
        requests.check_positive(amount)
        planned = self._planned(Operation.CAPTURE, reference)
        decide = partial(requests.capture, reference=reference, amount=amount, clock=self.books.clock)
        return await self._answer(planned, lambda: self.books.change((reference,), decide))

    async def void(self, reference: UUID) -> Report:
        planned = self._planned(Operation.VOID, reference)
        decide = partial(requests.void, reference=reference, clock=self.books.clock)
        return await self._answer(planned, lambda: self.books.change((reference,), decide))

    async def refund(self, reference: UUID, *, refund: UUID, amount: Money) -> Report:
        requests.check_positive(amount)
        abilities.check_refund(self.capabilities, reference)
        planned = self._planned(Operation.REFUND, refund)
        wanted = requests.GiveBack(charge=reference, refund=refund, amount=amount)
        token = showing(planned, table=METHODS)
        decide = partial(requests.refund, wanted=wanted, token=token, clock=self.books.clock)
        return await self._answer(planned, lambda: self.books.change((refund, reference), decide))

    async def release(self, transfer: Transfer) -> Report:
        asked = await payees.paid_as(self.books.payees, transfer.payee, tenant_id=transfer.tenant_id)
        requests.check_positive(transfer.amount)
        abilities.check_transfer(self.capabilities, transfer)
        planned = self._planned(Operation.RELEASE, transfer.reference)
        token = await self._overriding(transfer.reference) or showing(planned, table=PAYEES) or asked
        check_token(token, field="payee", table=PAYEES)
        now = self.books.clock(transfer.tenant_id)
        decide = partial(requests.release, transfer=transfer, token=token, now=now)
        fault = planned or await self._first(Operation.RELEASE, transfer.reference, PAYEES[token].fault)
        references = (
            (transfer.reference,) if transfer.charge is None else (transfer.reference, transfer.charge)
        )
        return await self._answer(fault, lambda: self.books.change(references, decide))

    async def claw_back(self, transfer: UUID, *, reversal: UUID, amount: Money) -> Report:
        requests.check_positive(amount)
        abilities.check_claw_back(self.capabilities, transfer)
        planned = self._planned(Operation.CLAW_BACK, reversal)
        paid = await self.books.find(transfer)
        shown = None if paid is None else paid.behaviour.claw_back_fault
        fault = planned or await self._first(Operation.CLAW_BACK, reversal, shown)
        if Fault.REJECTED in {planned, shown}:
            self.books.tally[Fault.REJECTED] += 1
            raise Invalid("payee", "has not got it any more")
        wanted = requests.TakeBack(transfer=transfer, reversal=reversal, amount=amount)
        decide = partial(requests.claw_back, wanted=wanted, clock=self.books.clock)
        references = [reversal, transfer, *([paid.charge] if paid is not None and paid.charge else [])]
        return await self._answer(fault, lambda: self.books.change(references, decide))

    async def find(self, reference: UUID) -> Report | None:
        self._meet_before(self._planned(Operation.FIND, reference))
        order = await self.books.find(reference)
        return None if order is None else requests.report(order)

    async def submit_evidence(self, reference: UUID, *, text: str) -> Report:
        planned = self._planned(Operation.EVIDENCE, reference)
        decide = partial(requests.take_evidence, reference=reference, text=text, clock=self.books.clock)
        return await self._answer(planned, lambda: self.books.change((reference,), decide))

    async def settlement_lines(self, tenant_id: UUID, *, after: str | None, limit: int) -> Statement:
        if limit < 1:
            raise Invalid("limit", f"{limit} lines are none", "1 and more")
        self._meet_before(self._planned(Operation.STATEMENT, derive(tenant_id, "statement", after)))
        if not self.capabilities.settles:
            return Statement(lines=(), cursor=None)
        return await self.books.statement(tenant_id, after=after, limit=limit)

    def verify_and_parse(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[Hint, ...]:
        verify(headers=headers, body=body, secrets=self.secrets, now=now)
        return hints(body)

    def check_source(self, source: str, *, field: str) -> None:
        sources.check_source(source, field=field)

    async def begin_setup(self, setup: Setup) -> SetupReport:
        abilities.check_setup(self.capabilities, setup)
        source = setups.source_of(setup)
        sources.check_source(source, field="source")
        planned = self._planned(Operation.BEGIN_SETUP, setup.reference)
        fault = planned or await self._first(Operation.BEGIN_SETUP, setup.reference, SOURCES[source].fault)
        decide = partial(setups.begun, setup=setup, now=self.books.clock(setup.tenant_id))
        return await self._answer_setup(fault, setup.reference, decide)

    async def amend_setup(self, reference: UUID, *, amendment: UUID, terms: MandateTerms) -> SetupReport:
        del terms  # the sandbox collects what it is asked to
        planned = self._planned(Operation.AMEND_SETUP, reference)
        decide = partial(setups.amended, reference=reference, amendment=amendment, clock=self.books.clock)
        return await self._answer_setup(planned, reference, decide)

    async def revoke_setup(self, reference: UUID) -> SetupReport:
        planned = self._planned(Operation.REVOKE_SETUP, reference)
        decide = partial(setups.revoked, reference=reference, clock=self.books.clock)
        return await self._answer_setup(planned, reference, decide)

    async def find_setup(self, reference: UUID) -> SetupReport | None:
        self._meet_before(self._planned(Operation.FIND, reference))
        setup = await self.books.setups.find(reference)
        return None if setup is None else setups.report(setup)

    async def answer_setup(self, reference: UUID, *, agreed: bool) -> SetupReport:
        """What the payer says to the `next_action` of a method; without effect on one that needs none."""
        decide = partial(setups.answered, reference=reference, agreed=agreed, clock=self.books.clock)
        return setups.report(await self.books.setups.change(reference, decide))

    def check_opening(
        self, *, kind: PayeeKind, country: str | None, source: str | None, bank_account: BankAccount | None
    ) -> None:
        del country  # the vendor is everywhere
        openings.check_opening(kind=kind, source=source, bank_account=bank_account)

    async def open_payee(self, order: PayeeOrder) -> PayeeReport:
        openings.check_opening(kind=order.kind, source=order.source, bank_account=order.bank_account)
        planned = self._planned(Operation.OPEN_PAYEE, order.reference)
        own = OPENINGS[payees.source_of(order)].fault
        fault = planned or await self._first(Operation.OPEN_PAYEE, order.reference, own)
        decide = partial(payees.opened, order=order, now=self.books.clock(order.tenant_id))
        books = self.books.payees
        return payees.report(await self._met(fault, lambda: books.change(order.reference, decide)))

    async def find_payee(self, reference: UUID) -> PayeeReport | None:
        self._meet_before(self._planned(Operation.FIND, reference))
        payee = await self.books.payees.find(reference)
        return None if payee is None else payees.report(payee)

    async def onboarding_link(self, reference: UUID, *, return_url: str, refresh_url: str) -> str:
        del return_url, refresh_url  # whoever plays the owner is not led anywhere
        return payees.link_of(known(await self.books.payees.find(reference), OpenedPayee, reference))

    async def answer_payee(self, reference: UUID, *, agreed: bool) -> PayeeReport:
        """What its owner does on the vendor's page; without effect on an account that asks for nothing."""
        decide = partial(payees.answered, reference=reference, agreed=agreed, clock=self.books.clock)
        return payees.report(await self.books.payees.change(reference, decide))

    async def complete_action(self, reference: UUID) -> Report:
        """What the customer does at `next_action`; without effect on a charge that needs none."""
        decide = partial(requests.complete_action, reference=reference, clock=self.books.clock)
        return requests.report(await self.books.change((reference,), decide))

    async def fail_action(self, reference: UUID) -> Report:
        decide = partial(requests.fail_action, reference=reference, clock=self.books.clock)
        return requests.report(await self.books.change((reference,), decide))

    async def override(self, reference: UUID, *, token: str) -> None:
        """Let the charge or transfer that will come under this reference behave as another token; once."""
        check_token(token, field="token", table=TOKENS)
        key = str(reference)
        await self.books.shelf.keep(
            Document(shelf=_OVERRIDES, key=key, tenant_id=NOBODY, body=b'"' + token.encode() + b'"')
        )

    async def _overriding(self, reference: UUID) -> str | None:
        document = await self.books.shelf.fetch(shelf=_OVERRIDES, key=str(reference))
        return None if document is None else document.body.decode().strip('"')

    def _planned(self, operation: Operation, reference: UUID) -> Fault | None:
        return fault_for(self.books.faults, operation, reference)

    async def _first(self, operation: Operation, reference: UUID, fault: Fault | None) -> Fault | None:
        """A token's fault of the call, if this is the first call: kept, so that a restart knows it too."""
        if fault not in CALL_FAULTS:
            return None
        attempt = Document(shelf=_ATTEMPTS, key=f"{operation}/{reference}", tenant_id=NOBODY, body=b"null")
        return fault if await self.books.shelf.keep(attempt) else None

    async def _answer(self, fault: Fault | None, act: Act[Order]) -> Report:
        return requests.report(await self._met(fault, act))

    async def _answer_setup(
        self, fault: Fault | None, key: UUID, decide: Callable[[SavedSetup | None], SavedSetup]
    ) -> SetupReport:
        books = self.books.setups
        return setups.report(await self._met(fault, lambda: books.change(key, decide)))

    async def _met(self, fault: Fault | None, act: Act[R]) -> R:
        """What was done, unless the call meets its fault before, or its answer is lost."""
        self._meet_before(fault)
        done = await act()
        if fault is Fault.TIMEOUT_AFTER:
            self.books.tally[fault] += 1
            raise OutcomeUnknown("the sandbox did not answer")
        return done

    def _meet_before(self, fault: Fault | None) -> None:
        if fault is Fault.UNAVAILABLE:
            self.books.tally[fault] += 1
            raise Unavailable("the sandbox is down")
        if fault is Fault.TIMEOUT_BEFORE:
            self.books.tally[fault] += 1
            raise OutcomeUnknown("the sandbox did not answer")
