"""
A payment rail takes money, gives it back and pays it out, and tells the truth when asked.

Every call that moves money carries a reference of ours, persisted before the call: the same reference never
moves money twice, however often it is sent. A call that fails in doubt raises OutcomeUnknown and is looked
up by `find`; one that surely did nothing raises Unavailable and may be sent again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable
from uuid import UUID

from marketplace.core.shared.mandates import MandateTerms, Payer
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.money import Money
from marketplace.core.shared.payees import PayeeKind


class Standing(StrEnum):
    """Where a charge, a refund or a transfer stands, in the rail's truth."""

    NEEDS_ACTION = "needs_action"
    PENDING = "pending"
    AUTHORISED = "authorised"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RETURNED = "returned"
    DISPUTED = "disputed"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """
    What a rail can do; policy derives from it, nobody asks for the rail's name.

    `hold_max` is what a hold lasts at the least. `collects` are the kinds of methods that it takes money by,
    `saves` those that it keeps for later; `opens_payees` is how it opens the accounts that it pays into.
    `live` is whether it moves real money; None where that is the marketplace's affair. Without `refunds`
    money is given back by hand, and without `settles` the statement is empty for ever. `pays_by_charge` is
    whether a transfer may be bound to one charge of its own, `claws_back` whether what was transferred can be
    asked back.
    """

    currencies: frozenset[str]
    live: bool | None = None
    # Money that comes in, and back.
    collects: frozenset[MethodKind] = frozenset({MethodKind.CARD})
    saves: frozenset[MethodKind] = frozenset()
    hold_max: timedelta | None
    refunds: bool = True
    settles: bool = True
    # Money that goes out.
    pays_out: bool
    opens_payees: frozenset[PayeeKind] = frozenset()
    pays_by_charge: bool = False
    claws_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """
    An order to collect. `hold` only reserves the money until capture; `method` is a rail's token.

    `setup` is the reference of the saved method that the token is of: the customer is not there to be asked.
    """

    reference: UUID
    tenant_id: UUID
    amount: Money
    method: str
    hold: bool
    description: str
    at: datetime
    setup: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """
    An order to pay a provider; `payee` is the rail's token for the provider's account.

    `charge` is the reference of the one charge that it is paid from, and is never more than: as soon as that
    is taken, and not only once it is available. None for one that is paid from the balance.
    """

    reference: UUID
    tenant_id: UUID
    amount: Money
    payee: str
    description: str
    at: datetime
    charge: UUID | None = None


class Subject(StrEnum):
    """What a reference stands for at the rail."""

    CHARGE = "charge"
    REFUND = "refund"
    TRANSFER = "transfer"
    TRANSFER_REVERSAL = "transfer_reversal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """
    The rail's truth about one reference of ours, as of now.

    `amount` is what the standing is about: ordered or held, then captured, then contested or returned.
    """

    reference: UUID
    rail_reference: str
    standing: Standing
    amount: Money
    subject: Subject = Subject.CHARGE
    failure: str | None = None
    next_action: str | None = None
    hold_until: datetime | None = None


class SetupStanding(StrEnum):
    """Where a saved method stands, or an amendment of it, in the rail's truth."""

    NEEDS_ACTION = "needs_action"
    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """
    An order to keep a method for later. `source` is what the rail's own form gave for it, where there is one.

    A debit order has `terms` and a `contract` that is named by no other; its `payer` stands where no form
    of the rail's asked for the account.
    """

    reference: UUID
    tenant_id: UUID
    customer_id: UUID
    kind: MethodKind
    currency: str
    description: str
    at: datetime
    source: str | None = None
    payer: Payer | None = None
    terms: MandateTerms | None = None
    contract: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupReport:
    """
    The rail's truth about one saved method, as of now.

    `token` is what a charge names once it is active, `label` what its owner knows it by. `amendment` is the
    last one that the rail has heard of, and `amended` where that stands: active once it holds.
    """

    reference: UUID
    rail_reference: str
    standing: SetupStanding
    token: str | None = None
    label: str | None = None
    next_action: str | None = None
    expires_at: datetime | None = None
    failure: str | None = None
    amendment: UUID | None = None
    amended: SetupStanding | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementLine:
    """
    What the rail settled to our bank of one movement under a reference of ours, less its own fee.

    `gross` is negative for money that went: a refund, a transfer, what a bank took back. `line_id` is the
    rail's, and names this line for ever.
    """

    line_id: str
    reference: UUID
    subject: Subject
    gross: Money
    fee: Money
    settled_at: datetime

    @property
    def net(self) -> Money:
        return self.gross - self.fee


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Lines in the order in which the rail wrote them down; `cursor` is where to go on after the last."""

    lines: tuple[SettlementLine, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A verified webhook: something happened to `reference`; the truth is to be fetched."""

    event_id: str
    tenant_id: UUID
    reference: UUID
    subject: str


class PaymentRail(Protocol):
    """Raises Unavailable (nothing happened), OutcomeUnknown (look it up), Invalid (we asked wrongly)."""

    @property
    def name(self) -> str: ...
    @property
    def capabilities(self) -> Capabilities: ...
    def check_method(self, token: str, *, field: str) -> None:
        """Raises Invalid, naming the field, for a method that is surely none of this rail's; no I/O."""
        ...

    def check_payee(self, token: str, *, field: str) -> None:
        """Raises Invalid, naming the field, for a payee that is surely none of this rail's; no I/O."""
        ...

    async def collect(self, charge: Charge) -> Report: ...
    async def capture(self, reference: UUID, amount: Money) -> Report: ...
    async def void(self, reference: UUID) -> Report: ...
    async def refund(self, reference: UUID, *, refund: UUID, amount: Money) -> Report:
        """Give back part of the charge `reference` under the reference `refund`."""
        ...

    async def release(self, transfer: Transfer) -> Report: ...
    async def find(self, reference: UUID) -> Report | None:
        """The truth about a charge, refund or transfer of ours; None when the rail never heard of it."""
        ...

    async def submit_evidence(self, reference: UUID, *, text: str) -> Report: ...
    async def settlement_lines(self, tenant_id: UUID, *, after: str | None, limit: int) -> Statement:
        """
        The next lines of what was settled, after a cursor or from the beginning; none where all is read.

        What becomes known late comes last, whenever it was settled: who reads on from the last cursor misses
        nothing, and reads nothing twice.
        """
        ...

    def verify_and_parse(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[Hint, ...]:
        """The hints in a webhook; no I/O; raises NotAllowed for a bad signature, Invalid for a bad body."""
        ...


class SavingRail(PaymentRail, Protocol):
    """
    A rail that keeps methods for later: those kinds that its capabilities name in `saves`.

    The same reference never makes two, however often it is sent; its webhooks have the subject `method`.
    """

    def check_source(self, source: str, *, field: str) -> None:
        """Raises Invalid, naming the field, for what is surely nothing to be saved at this rail; no I/O."""
        ...

    async def begin_setup(self, setup: Setup) -> SetupReport: ...
    async def amend_setup(self, reference: UUID, *, amendment: UUID, terms: MandateTerms) -> SetupReport:
        """Let other terms hold for a mandate, once its payer agrees where that is needed."""
        ...

    async def revoke_setup(self, reference: UUID) -> SetupReport:
        """Nothing is collected by it any more; one that never came is cancelled before it comes."""
        ...

    async def find_setup(self, reference: UUID) -> SetupReport | None:
        """The truth about a saved method of ours; None when the rail never heard of it."""
        ...


@runtime_checkable
class Tracing(Protocol):
    """What a rail can do besides whose webhooks do not always say whose news they bring."""

    async def trace(self, body: bytes) -> tuple[Hint, ...]:
        """The hints in a verified webhook that only the vendor can tell; raises Unavailable, Invalid."""
        ...
