"""A method is saved once; it moves by its source, by its payer and by time."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from marketplace.adapters.orders import NOBODY, check_same
from marketplace.adapters.sandbox.records import Record, Records, known
from marketplace.adapters.sandbox.sources import ASKED, SOURCES, WAITING, SetupStep, SourceBehaviour
from marketplace.adapters.sandbox.tokens import SOON_SECONDS
from marketplace.adapters.sandbox.webhooks import Clock
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.methods import MethodKind
from marketplace.ports.payments import Setup, SetupReport, SetupStanding

PREFIX = "saved_"  # of the tokens by which saved methods are charged
UNUSABLE = "tok_decline"
_CARD_LIVES = timedelta(days=3 * 365)
_OVER = frozenset({SetupStanding.REJECTED, SetupStanding.EXPIRED, SetupStanding.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSetup(Record):
    """A tombstone has no history, and nobody's tenant."""

    SHELF: ClassVar[str] = "sandbox.setup"
    TERMS: ClassVar[tuple[str, ...]] = ("tenant_id", "customer_id", "kind", "source", "contract")
    SUBJECT: ClassVar[str] = "method"
    NOUN: ClassVar[str] = "method"

    customer_id: UUID
    kind: MethodKind = MethodKind.CARD
    source: str = "setup_success"
    contract: str | None = None
    last_digits: str = "4242"
    standing: SetupStanding = SetupStanding.CANCELLED
    failure: str | None = None
    step: int = 0
    step_due_at: datetime | None = None
    expires_at: datetime | None = None
    amendment: UUID | None = None
    amended: SetupStanding | None = None
    amended_due_at: datetime | None = None

    @property
    def behaviour(self) -> SourceBehaviour:
        return SOURCES[self.source]

    @property
    def due_at(self) -> datetime | None:
        return min(filter(None, (self.step_due_at, self.amended_due_at)), default=None)

    @property
    def found_by(self) -> str:
        return str(self.kind)

    def brought_up(self, *, now: datetime) -> "SavedSetup":
        setup = self
        while setup.due_at is not None and setup.due_at <= now:
            setup = _due_step(setup, at=setup.due_at)
        return setup


def report(setup: SavedSetup) -> SetupReport:
    asked = SetupStanding.NEEDS_ACTION in {setup.standing, setup.amended}
    stood = setup.standing not in _OVER and setup.expires_at is not None
    return SetupReport(
        reference=setup.reference,
        rail_reference=f"sandbox_{setup.reference.hex}",
        standing=setup.standing,
        token=f"{PREFIX}{setup.reference.hex}" if stood else None,
        label=f"{'Visa' if setup.kind is MethodKind.CARD else 'Bank account'} {setup.last_digits}",
        next_action=f"/v1/sandbox/payment-methods/{setup.reference}/action" if asked else None,
        expires_at=setup.expires_at if setup.kind is MethodKind.CARD else None,
        failure=setup.failure,
        amendment=setup.amendment,
        amended=setup.amended,
    )


def source_of(setup: Setup) -> str:
    """Where no form of ours was used: a bank asks its customer, and a card's holder types it in."""
    return setup.source or (WAITING if setup.payer else ASKED)


def begun(standing: SavedSetup | None, *, setup: Setup, now: datetime) -> SavedSetup:
    """Raises Invalid for a reference that stands for something else."""
    fresh = SavedSetup(
        reference=setup.reference,
        tenant_id=setup.tenant_id,
        customer_id=setup.customer_id,
        kind=setup.kind,
        source=source_of(setup),
        contract=setup.contract,
        last_digits=setup.payer.account_number[-4:] if setup.payer else "4242",
    )
    if standing is None:
        return _enter(fresh, fresh.behaviour.path[0], at=now)
    if standing.tenant_id == NOBODY:
        return _enter(fresh, SetupStep(SetupStanding.CANCELLED, failure="revoked"), at=now)
    check_same(standing, fresh)
    return standing


def amended(standing: SavedSetup | None, *, reference: UUID, amendment: UUID, clock: Clock) -> SavedSetup:
    """The payer is asked, and answers a minute later."""
    setup = known(standing, SavedSetup, reference)
    if setup.amendment == amendment:
        return setup
    if setup.kind is not MethodKind.DEBIT_ORDER or setup.standing is not SetupStanding.ACTIVE:
        raise Invalid("reference", f"is a {setup.kind} that is {setup.standing}", "an active debit order")
    at = clock(setup.tenant_id)
    due_at = at + timedelta(seconds=SOON_SECONDS)
    asked = replace(setup, amendment=amendment, amended=SetupStanding.PENDING, amended_due_at=due_at)
    return _told(asked, "amendment_pending", at)


def revoked(standing: SavedSetup | None, *, reference: UUID, clock: Clock) -> SavedSetup:
    if standing is None:
        return SavedSetup(reference=reference, tenant_id=NOBODY, customer_id=NOBODY, failure="revoked")
    if standing.standing in _OVER:
        return standing
    step = SetupStep(SetupStanding.CANCELLED, failure="revoked")
    return _enter(standing, step, at=clock(standing.tenant_id))


def answered(standing: SavedSetup | None, *, reference: UUID, agreed: bool, clock: Clock) -> SavedSetup:
    """What the payer does at `next_action`; without effect on a method that asks for nothing."""
    setup = known(standing, SavedSetup, reference)
    if setup.standing is not SetupStanding.NEEDS_ACTION:
        return setup
    refused = SetupStep(SetupStanding.REJECTED, failure="payer_declined")
    step = SetupStep(SetupStanding.ACTIVE) if agreed else refused
    return _enter(setup, step, at=clock(setup.tenant_id))


def _due_step(setup: SavedSetup, *, at: datetime) -> SavedSetup:
    if setup.amended_due_at == at:
        ended = setup.behaviour.amended
        failure = None if ended is SetupStanding.ACTIVE else "payer_declined"
        decided = replace(setup, amended=ended, amended_due_at=None, failure=failure)
        return _told(decided, f"amendment_{ended}", at)
    following = replace(setup, step=setup.step + 1)
    return _enter(following, following.behaviour.path[following.step], at=at)


def _enter(setup: SavedSetup, step: SetupStep, *, at: datetime) -> SavedSetup:
    path, over = setup.behaviour.path, step.standing in _OVER
    goes_on = not over and step is path[setup.step] and setup.step + 1 < len(path)
    due_at = at + timedelta(seconds=path[setup.step + 1].after_seconds) if goes_on else None
    changed = replace(setup, standing=step.standing, failure=step.failure, step_due_at=due_at)
    if over:
        changed = replace(changed, amended_due_at=None)
    elif step.standing is SetupStanding.ACTIVE and setup.expires_at is None:
        changed = replace(changed, expires_at=at + _CARD_LIVES)
    return _told(changed, str(step.standing), at)


def _told(setup: SavedSetup, name: str, at: datetime) -> SavedSetup:
    return replace(setup, history=(*setup.history, (at, name)))


async def charged_as(saved: Records[SavedSetup], token: str) -> str:
    """The token as which a saved method is charged now. Raises Invalid for one that is not known."""
    try:
        setup = await saved.find(UUID(token.removeprefix(PREFIX)))
    except ValueError:
        setup = None
    if setup is None:
        raise Invalid("method", f"the sandbox has saved no {token[:60]!r}")
    return setup.behaviour.charges if setup.standing is SetupStanding.ACTIVE else UNUSABLE
