"""A vendor's adapter joins its contract by an entry in a registry here; what it cannot do is skipped."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from tests.vendors.stitch import consents as stitch_consents
from tests.vendors.stitch import server as played_stitch
from tests.vendors.stitch.stage import rail_at as stitch_rail_at
from tests.vendors.stripe import connect
from tests.vendors.stripe.server import playing
from tests.vendors.stripe.stage import rail_at

from marketplace.adapters.postgres.engine import create_engine
from marketplace.adapters.postgres.shelf import PostgresShelf
from marketplace.adapters.sandbox.books import Books
from marketplace.adapters.sandbox.inbox import SandboxChannel
from marketplace.adapters.sandbox.rail import CONNECTED, SandboxRail
from marketplace.adapters.sandbox.shelf import MemoryShelf
from marketplace.core.shared.mandates import DebitValue, Frequency, MandateTerms
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.money import Money
from marketplace.core.shared.payees import BankAccount, PayeeKind
from marketplace.ports.messaging import Channel, Message
from marketplace.ports.paying import ClawingRail, PayeeOrder, PayeeStanding, PayingRail
from marketplace.ports.payments import (
    Charge,
    PaymentRail,
    Report,
    SavingRail,
    Setup,
    SetupReport,
    SetupStanding,
    Transfer,
)
from marketplace.ports.shelf import Shelf

START = datetime(2026, 11, 2, 9, tzinfo=UTC)


class VirtualClock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self, _tenant_id: UUID) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass(kw_only=True)
class RailStage:
    """A rail with what its contract needs to bring about; `methods`, `payees`, `sources` name test tokens.

    `balance` is the vendor's own truth where it can be had; `act` and `refuse` are what the customer does,
    `authorise` what the payer of a saved method does, with a yes or a no, and `own` what a provider does on
    the rail's pages. A rail without sources of its own has `askers`: what else of a method that is saved
    brings about its outcome. `openings` are the sources of accounts that it opens; a rail that takes none is
    told by `choose` what becomes of the next.
    """

    rail: PaymentRail
    clock: VirtualClock
    methods: Mapping[str, str]
    payees: Mapping[str, str]
    balance: Callable[[UUID], Awaitable[int]] | None = None
    act: Callable[[UUID], Awaitable[Any]] | None = None
    refuse: Callable[[UUID], Awaitable[Any]] | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    askers: Callable[[str, MethodKind], Mapping[str, Any]] | None = None
    authorise: Callable[[UUID, bool], Awaitable[Any]] | None = None
    openings: Mapping[str, str | None] = field(default_factory=dict)
    own: Callable[[UUID], Awaitable[Any]] | None = None
    choose: Callable[[str], None] | None = None
    tenant_id: UUID = field(default_factory=uuid4)

    def charge(self, outcome: str = "succeeds", *, minor: int = 10_000, hold: bool = False) -> Charge:
        if hold and self.rail.capabilities.hold_max is None:
            pytest.skip(f"{self.rail.name} cannot hold")
        return Charge(
            reference=uuid4(),
            tenant_id=self.tenant_id,
            amount=Money(minor, "ZAR"),
            method=self._token(self.methods, outcome),
            hold=hold,
            description="Wash and vacuum",
            at=self.clock.now,
        )

    def transfer(
        self, outcome: str = "succeeds", *, minor: int = 8_000, charge: UUID | None = None
    ) -> Transfer:
        if not self.rail.capabilities.pays_out:
            pytest.skip(f"{self.rail.name} does not pay out")
        return Transfer(
            reference=uuid4(),
            tenant_id=self.tenant_id,
            amount=Money(minor, "ZAR"),
            payee=self._token(self.payees, outcome),
            description="Week 45",
            at=self.clock.now,
            charge=charge,
        )

    @property
    def clawing(self) -> ClawingRail:
        if not self.rail.capabilities.claws_back:
            pytest.skip(f"{self.rail.name} takes nothing back")
        return cast("ClawingRail", self.rail)

    async def pay(self, outcome: str = "succeeds", *, minor: int = 8_000) -> Transfer:
        transfer = self.transfer(outcome, minor=minor)
        await self.rail.release(transfer)
        return transfer

    @property
    def saving(self) -> SavingRail:
        if not self.rail.capabilities.saves:
            pytest.skip(f"{self.rail.name} keeps no methods")
        return cast("SavingRail", self.rail)

    def setup(self, outcome: str = "succeeds", *, kind: MethodKind = MethodKind.CARD) -> Setup:
        if kind not in self.saving.capabilities.saves:
            pytest.skip(f"{self.rail.name} keeps no {kind}")
        debits = kind is MethodKind.DEBIT_ORDER
        reference = uuid4()
        setup = Setup(
            reference=reference,
            tenant_id=self.tenant_id,
            customer_id=uuid4(),
            kind=kind,
            currency="ZAR",
            description="Wash and vacuum",
            at=self.clock.now,
            source=None if self.askers else self.source(outcome),
            terms=TERMS if debits else None,
            contract=reference.hex[:14] if debits else None,
        )
        return replace(setup, **(self.askers(outcome, kind) if self.askers else {}))

    def source(self, outcome: str) -> str:
        return self._token(self.sources, outcome)

    async def keep(self, outcome: str = "succeeds", *, kind: MethodKind = MethodKind.CARD) -> Setup:
        """Begun, and agreed to by its payer where that is asked first."""
        setup = self.setup(outcome, kind=kind)
        await self.saving.begin_setup(setup)
        await self.settle(setup)
        return setup

    async def settle(self, setup: Setup) -> SetupReport:
        """Where it stands once its payer has said yes, if it was asked."""
        report = await self.kept(setup)
        if report.standing is SetupStanding.NEEDS_ACTION:
            if self.authorise is None:
                pytest.skip(f"{self.rail.name} plays no payer")
            await self.authorise(setup.reference, True)
        return await self.kept(setup)

    async def kept(self, setup: Setup) -> SetupReport:
        report = await self.saving.find_setup(setup.reference)
        assert report is not None
        return report

    async def charge_of(self, setup: Setup, *, minor: int = 10_000) -> Charge:
        """By a method that was saved."""
        report = await self.saving.find_setup(setup.reference)
        assert report is not None
        assert report.token is not None
        charge = self.charge(minor=minor)
        return replace(charge, method=report.token, setup=setup.reference)

    @property
    def paying(self) -> PayingRail:
        if not self.rail.capabilities.opens_payees:
            pytest.skip(f"{self.rail.name} opens no payees")
        return cast("PayingRail", self.rail)

    def payee_kind(self) -> PayeeKind:
        """The one that it opens, the bank's details where it opens both."""
        return min(self.paying.capabilities.opens_payees)

    @property
    def bank_account(self) -> BankAccount:
        return BankAccount(holder="T Mokoena", bank="absa", account_number="4081234567")

    def payee_order(self, outcome: str = "succeeds", *, kind: PayeeKind | None = None) -> PayeeOrder:
        kind = kind or self.payee_kind()
        if kind not in self.paying.capabilities.opens_payees:
            pytest.skip(f"{self.rail.name} opens no {kind} payees")
        if outcome not in self.openings:
            pytest.skip(f"{self.rail.name} has no account that {outcome}")
        if self.choose is not None:
            self.choose(outcome)
        return PayeeOrder(
            reference=uuid4(),
            tenant_id=self.tenant_id,
            provider_id=uuid4(),
            kind=kind,
            name="Sparkle Mobile",
            currency="ZAR",
            at=self.clock.now,
            country="ZA",
            source=self.openings[outcome],
            bank_account=self.bank_account if kind is PayeeKind.BANK_ACCOUNT else None,
        )

    async def opened(self, outcome: str = "succeeds", *, kind: PayeeKind | None = None) -> PayeeOrder:
        """Whatever its owner has to do for that, the owner has done."""
        order = self.payee_order(outcome, kind=kind)
        report = await self.paying.open_payee(order)
        if report.standing is PayeeStanding.NEEDS_ACTION:
            await self.onboard(order.reference)
        return order

    async def onboard(self, reference: UUID) -> None:
        if self.own is None:
            pytest.skip(f"{self.rail.name} plays no provider")
        await self.own(reference)

    async def transfer_into(self, order: PayeeOrder, *, minor: int = 8_000) -> Transfer:
        report = await self.paying.find_payee(order.reference)
        assert report is not None
        assert report.token is not None
        return replace(self.transfer(minor=minor), payee=report.token)

    async def take(self, outcome: str = "succeeds", *, minor: int = 10_000) -> Charge:
        charge = self.charge(outcome, minor=minor)
        await self.rail.collect(charge)
        return charge

    async def hold(self, outcome: str = "succeeds", *, minor: int = 10_000) -> Charge:
        charge = self.charge(outcome, minor=minor, hold=True)
        await self.rail.collect(charge)
        return charge

    async def truth(self, reference: UUID) -> Report:
        report = await self.rail.find(reference)
        assert report is not None
        return report

    async def held_minor(self) -> int:
        if self.balance is None:
            pytest.skip(f"{self.rail.name} does not tell its balance")
        return await self.balance(self.tenant_id)

    def _token(self, table: Mapping[str, str], outcome: str) -> str:
        if outcome not in table:
            pytest.skip(f"{self.rail.name} has no test token that {outcome}")
        return table[outcome]


SANDBOX_METHODS = {
    "succeeds": "tok_success",
    "is declined": "tok_decline",
    "lacks funds": "tok_insufficient_funds",
    "needs action": "tok_needs_action",
    "succeeds later": "tok_pending_success",
    "is declined later": "tok_pending_decline",
    "is returned": "tok_returned",
    "answers too late": "tok_timeout_after",
    "never arrives": "tok_timeout_before",
    "is down once": "tok_unavailable_once",
    "is disputed": "tok_chargeback",
    "is disputed, and won": "tok_chargeback_won",
    "holds briefly": "tok_hold_expires",
    "fails the first refund": "tok_refund_fails_once",
    "refunds later": "tok_refund_pending",
    "fails refunds later": "tok_refund_fails_later",
    "sends refunds back": "tok_refund_bounces",
}
SANDBOX_SOURCES = {
    "succeeds": "setup_success",
    "needs action": "setup_needs_action",
    "succeeds later": "setup_pending",
    "is rejected": "setup_rejected",
    "lapses": "setup_expires",
    "is suspended": "setup_suspended",
    "is revoked at the bank": "setup_revoked",
    "declines charges": "setup_declines",
    "refuses amendments": "setup_amendment_refused",
    "answers too late": "setup_timeout_after",
    "never arrives": "setup_timeout_before",
    "is down once": "setup_unavailable_once",
}
SANDBOX_OPENINGS = {
    "succeeds": "opening_success",
    "needs action": "opening_needs_action",
    "is looked at": "opening_pending",
    "is asked for more": "opening_more_needed",
    "is rejected": "opening_rejected",
    "is restricted": "opening_restricted",
    "answers too late": "opening_timeout_after",
    "never arrives": "opening_timeout_before",
    "is down once": "opening_unavailable_once",
}
TERMS = MandateTerms(
    value=DebitValue.USAGE_BASED, frequency=Frequency.AD_HOC, collection_day=99, maximum_minor=100_000
)
SANDBOX_PAYEES = {
    "succeeds": "payee_ok",
    "succeeds later": "payee_pending",
    "is returned": "payee_returned",
    "is rejected": "payee_rejected",
    "answers too late": "payee_timeout_after",
    "never arrives": "payee_timeout_before",
    "is down once": "payee_unavailable_once",
    "has spent it": "payee_spent",
    "is taken back too late": "payee_claw_back_timeout_after",
    "is taken back never": "payee_claw_back_timeout_before",
}


@asynccontextmanager
async def sandbox_stage(shelf: Shelf) -> AsyncIterator[RailStage]:
    clock = VirtualClock()
    books = Books(shelf=shelf, clock=clock)
    rail = SandboxRail(books=books, secrets=("secret",), capabilities=CONNECTED)

    async def balance(tenant_id: UUID) -> int:
        found = await books.balance(tenant_id)
        return found["ZAR"].minor if found else 0

    yield RailStage(
        rail=rail,
        clock=clock,
        methods=SANDBOX_METHODS,
        payees=SANDBOX_PAYEES,
        balance=balance,
        act=rail.complete_action,
        refuse=rail.fail_action,
        sources=SANDBOX_SOURCES,
        authorise=lambda reference, agreed: rail.answer_setup(reference, agreed=agreed),
        openings=SANDBOX_OPENINGS,
        own=lambda reference: rail.answer_payee(reference, agreed=True),
    )


def stitch_asker(outcome: str, kind: MethodKind) -> Mapping[str, Any]:
    """A card's holder acts at Stitch's page, of which it is told the customer; a mandate's has an account."""
    if outcome not in stitch_consents.COURSES:
        pytest.skip(f"stitch has no payer who {outcome}")
    if kind is MethodKind.CARD:
        return {"customer_id": stitch_consents.CUSTOMERS[outcome]}
    return {"payer": stitch_consents.payer(outcome)}


@asynccontextmanager
async def stitch_stage(shelf: Shelf) -> AsyncIterator[RailStage]:
    """Of what is charged at once; what goes by file takes days, and is tested where there are files."""
    clock = VirtualClock()

    def now() -> datetime:
        return clock.now

    with played_stitch.playing(now) as stitch:
        async with stitch_rail_at(stitch, shelf=shelf, clock=now) as rail:

            async def balance(tenant_id: UUID) -> int:
                return stitch.balance(tenant_id)

            async def act(reference: UUID) -> None:
                stitch.act(reference.hex, proves=True)

            async def refuse(reference: UUID) -> None:
                stitch.act(reference.hex, proves=False)

            async def answered(reference: UUID, *, agreed: bool) -> None:
                stitch.consents.act(reference.hex, agrees=agreed)

            yield RailStage(
                rail=rail,
                clock=clock,
                methods=played_stitch.METHODS,
                payees=played_stitch.PAYEES,
                openings={"succeeds": None},
                balance=balance,
                act=act,
                refuse=refuse,
                askers=stitch_asker,
                authorise=lambda reference, agreed: answered(reference, agreed=agreed),
            )


STRIPE_METHODS = {
    "succeeds": "pm_card_visa",
    "is declined": "pm_card_visa_chargeDeclined",
    "lacks funds": "pm_card_visa_chargeDeclinedInsufficientFunds",
    "needs action": "pm_card_authenticationRequired",
    "answers too late": "pm_played_answersTooLate",
    "never arrives": "pm_played_neverArrives",
    "is down once": "pm_played_slowDown",
    "is disputed": "pm_card_createDispute",
    "is disputed, and won": "pm_card_createDisputeProductNotReceived",
    "holds briefly": "pm_played_holdsBriefly",
    "refunds later": "pm_card_pendingRefund",
    "fails refunds later": "pm_played_refundFailsLater",
    "sends refunds back": "pm_played_refundBounces",
}
STRIPE_SOURCES = {
    "succeeds": "pm_card_visa",
    "needs action": "pm_card_authenticationRequiredOnSetup",
    "declines charges": "pm_card_chargeCustomerFail",
    "answers too late": "pm_played_answersTooLate",
    "never arrives": "pm_played_neverArrives",
    "is down once": "pm_played_slowDown",
}
STRIPE_PAYEES = {
    "succeeds": "acct_1032D82eZvKYlo2C",
    "answers too late": "acct_1AnswersTooLate",
    "never arrives": "acct_1NeverArrives",
    "is down once": "acct_1SlowDown",
    "has spent it": "acct_1HasSpentIt",
    "is taken back too late": "acct_1TakenBackTooLate",
    "is taken back never": "acct_1TakenBackNever",
}


STRIPE_OPENINGS: Mapping[str, str | None] = dict.fromkeys(
    (
        "succeeds",
        "needs action",
        "is looked at",
        "is asked for more",
        "is rejected",
        "is restricted",
        *connect.FAULTS,
    )
)


@asynccontextmanager
async def stripe_stage(shelf: Shelf) -> AsyncIterator[RailStage]:
    """On a server that plays Stripe: its own takes real keys, and is asked by the tests marked `live`."""
    clock = VirtualClock()

    def now() -> datetime:
        return clock.now

    with playing(now) as stripe:
        async with rail_at(stripe.url, shelf=shelf, clock=now) as rail:

            async def balance(tenant_id: UUID) -> int:
                return stripe.balance(tenant_id)

            async def act(reference: UUID) -> None:
                stripe.books.act(str(reference), proves=True)

            async def refuse(reference: UUID) -> None:
                stripe.books.act(str(reference), proves=False)

            async def own(reference: UUID) -> None:
                stripe.books.connect.submit(str(reference))

            def choose(outcome: str) -> None:
                stripe.books.connect.choose(outcome)
                stripe.faults[:] = filter(None, [connect.FAULTS.get(outcome)])

            async def authorise(reference: UUID, *, agreed: bool) -> None:
                stripe.books.wallet.authorise(str(reference), proves=agreed)

            yield RailStage(
                rail=rail,
                clock=clock,
                methods=STRIPE_METHODS,
                payees=STRIPE_PAYEES,
                balance=balance,
                act=act,
                refuse=refuse,
                sources=STRIPE_SOURCES,
                authorise=lambda reference, agreed: authorise(reference, agreed=agreed),
                openings=STRIPE_OPENINGS,
                own=own,
                choose=choose,
            )


@dataclass(kw_only=True)
class ChannelStage:
    """A channel, the addresses that bring about its outcomes, and what reached one, if it shows that."""

    channel: Channel
    clock: VirtualClock
    addresses: Mapping[str, str]
    received: Callable[[UUID, str], Awaitable[list[str]]] | None = None
    tenant_id: UUID = field(default_factory=uuid4)

    def message(self, outcome: str = "is accepted", *, text: str = "Your code is 123456") -> Message:
        if outcome not in self.addresses:
            pytest.skip(f"{self.channel.name} has no test address that {outcome}")
        return Message(
            reference=uuid4(),
            tenant_id=self.tenant_id,
            address=self.addresses[outcome],
            text=text,
            expires_at=self.clock.now + timedelta(minutes=10),
            at=self.clock.now,
        )

    async def texts(self, message: Message) -> list[str]:
        if self.received is None:
            pytest.skip(f"{self.channel.name} does not show what was received")
        return await self.received(self.tenant_id, message.address)


SANDBOX_ADDRESSES = {
    "is accepted": "+27821234567",
    "has opted out": "+27821239901",
    "is no number": "+27821239902",
    "is blocked": "+27821239903",
    "answers too late": "+27821239904",
    "never arrives": "+27821239905",
    "is down once": "+27821239906",
}


def sandbox_channel_stage(shelf: Shelf) -> ChannelStage:
    clock = VirtualClock()
    channel = SandboxChannel(shelf=shelf, clock=clock)

    async def received(tenant_id: UUID, address: str) -> list[str]:
        return [message.text for message in await channel.read(tenant_id, address=address)]

    return ChannelStage(channel=channel, clock=clock, addresses=SANDBOX_ADDRESSES, received=received)


# Shelves: name → an opener that may ask for fixtures. Rails and channels: name → (shelf, stage on it).
Opener = Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[Shelf]]


@asynccontextmanager
async def memory_shelf(_request: pytest.FixtureRequest) -> AsyncIterator[Shelf]:
    yield MemoryShelf()


@asynccontextmanager
async def postgres_shelf(request: pytest.FixtureRequest) -> AsyncIterator[Shelf]:
    engine = create_engine(request.getfixturevalue("shared_url"))
    yield PostgresShelf(engine)
    await engine.dispose()


SHELVES: Mapping[str, Opener] = {"memory": memory_shelf, "postgres": postgres_shelf}
StageOn = Callable[[Shelf], AbstractAsyncContextManager[RailStage]]
PLAYED: Mapping[str, StageOn] = {"sandbox": sandbox_stage, "stitch": stitch_stage, "stripe": stripe_stage}
RAILS: Mapping[str, tuple[str, StageOn]] = {
    f"{rail} on {shelf}": (shelf, staged) for rail, staged in PLAYED.items() for shelf in SHELVES
}
CHANNELS: Mapping[str, tuple[str, Callable[[Shelf], ChannelStage]]] = {
    f"sandbox on {shelf}": (shelf, sandbox_channel_stage) for shelf in SHELVES
}


@pytest.fixture(params=SHELVES)
async def shelf(request: pytest.FixtureRequest) -> AsyncIterator[Shelf]:
    async with SHELVES[request.param](request) as opened:
        yield opened


@pytest.fixture(params=RAILS)
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[RailStage]:
    name, staged = RAILS[request.param]
    async with SHELVES[name](request) as opened, staged(opened) as stage:
        yield stage


@pytest.fixture(params=CHANNELS)
async def channel_stage(request: pytest.FixtureRequest) -> AsyncIterator[ChannelStage]:
    name, staged = CHANNELS[request.param]
    async with SHELVES[name](request) as opened:
        yield staged(opened)
