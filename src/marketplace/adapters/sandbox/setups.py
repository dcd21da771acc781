"""A saved method stands in the vendor's books once; it moves by its source, by its payer and by time."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from marketplace.adapters.sandbox.faults import Random
from marketplace.adapters.sandbox.orders import NOBODY
from marketplace.adapters.sandbox.sources import ASKED, SOURCES, WAITING, SetupStep, SourceBehaviour
from marketplace.adapters.sandbox.tokens import ON_TIME, SOON_SECONDS
from marketplace.adapters.sandbox.webhooks import Clock, Payload, queued
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.ids import derive
from marketplace.core.shared.methods import MethodKind
from marketplace.ports.payments import Setup, SetupReport, SetupStanding
from marketplace.ports.shelf import Document, Found, Shelf

SHELF = "sandbox.setup"
PREFIX = "saved_"  # of the tokens by which saved methods are charged
UNUSABLE = "tok_decline"
_CARD_LIVES = timedelta(days=3 * 365)
_OVER = frozenset({SetupStanding.REJECTED, SetupStanding.EXPIRED, SetupStanding.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSetup:
    """`history` names its steps, each with a webhook; a tombstone has none, and nobody's tenant."""

    reference: UUID
    tenant_id: UUID
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
    history: tuple[tuple[datetime, str], ...] = ()

    @property
    def behaviour(self) -> SourceBehaviour:
        return SOURCES[self.source]

    @property
    def due_at(self) -> datetime | None:
        return min(filter(None, (self.step_due_at, self.amended_due_at)), default=None)


Decide = Callable[[SavedSetup | None], SavedSetup]


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
    if _terms_of(standing) != _terms_of(fresh):
        raise Invalid("reference", f"{setup.reference} was used for another method")
    return standing


def _terms_of(setup: SavedSetup) -> tuple[object, ...]:
    return (setup.tenant_id, setup.customer_id, setup.kind, setup.source, setup.contract)


def amended(standing: SavedSetup | None, *, reference: UUID, amendment: UUID, clock: Clock) -> SavedSetup:
    """The payer is asked, and answers a minute later."""
    setup = known(standing, reference)
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
    setup = known(standing, reference)
    if setup.standing is not SetupStanding.NEEDS_ACTION:
        return setup
    refused = SetupStep(SetupStanding.REJECTED, failure="payer_declined")
    step = SetupStep(SetupStanding.ACTIVE) if agreed else refused
    return _enter(setup, step, at=clock(setup.tenant_id))


def known(standing: SavedSetup | None, reference: UUID) -> SavedSetup:
    if standing is None:
        raise Invalid("reference", f"the sandbox knows of no method {reference}")
    return standing


def brought_up(setup: SavedSetup, *, now: datetime) -> SavedSetup:
    """The method after everything that the time has brought it by now."""
    while setup.due_at is not None and setup.due_at <= now:
        setup = _due_step(setup, at=setup.due_at)
    return setup


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


@dataclass(frozen=True, kw_only=True)
class Setups:
    """All saved methods, each moved at its time, with a webhook for every step."""

    shelf: Shelf
    clock: Clock
    random: Random

    async def find(self, reference: UUID) -> SavedSetup | None:
        """The method as of its tenant's now."""
        document = await self.shelf.fetch(shelf=SHELF, key=str(reference))
        setup = None if document is None else _DECODER.decode(document.body)
        if setup is None or setup.due_at is None or setup.due_at > self.clock(setup.tenant_id):
            return setup
        return await self.change(reference, lambda standing: known(standing, reference))

    async def change(self, reference: UUID, decide: Decide) -> SavedSetup:
        """Let `decide` change the method, brought up to now first; nobody else can meanwhile."""

        def decided(found: Found) -> tuple[SavedSetup, list[Document]]:
            document = found.get((SHELF, str(reference)))
            before = None if document is None else _DECODER.decode(document.body)
            current = before and brought_up(before, now=self.clock(before.tenant_id))
            after = decide(current)
            return after, [] if after == before else self._documents(before, after)

        return await self.shelf.change([(SHELF, str(reference))], decided)

    async def tick(self, *, limit: int = 1_000) -> int:
        """Bring what is due up to now, up to `limit` methods of each tenant; how many there were."""
        moved = 0
        for tenant_id in await self.shelf.tenants_waiting(shelf=SHELF):
            at = self.clock(tenant_id)
            for document in await self.shelf.due(shelf=SHELF, tenant_id=tenant_id, at=at, limit=limit):
                await self.find(UUID(document.key))
                moved += 1
        return moved

    async def charged_as(self, token: str) -> str:
        """The token as which a saved method is charged now. Raises Invalid for one that is not known."""
        try:
            setup = await self.find(UUID(token.removeprefix(PREFIX)))
        except ValueError:
            setup = None
        if setup is None:
            raise Invalid("method", f"the sandbox has saved no {token[:60]!r}")
        return setup.behaviour.charges if setup.standing is SetupStanding.ACTIVE else UNUSABLE

    def _documents(self, before: SavedSetup | None, after: SavedSetup) -> list[Document]:
        told = 0 if before is None else len(before.history)
        news = (self._event(after, index) for index in range(told, len(after.history)))
        return [_document(after), *news]

    def _event(self, setup: SavedSetup, index: int) -> Document:
        at, name = setup.history[index]
        payload = Payload(
            id=f"evt_{derive(setup.reference, 'method', index).hex}",
            tenant_id=setup.tenant_id,
            reference=setup.reference,
            subject="method",
            kind=f"method.{name}",
            at=at,
        )
        return queued(payload, habit=ON_TIME, random=self.random)


def _document(setup: SavedSetup) -> Document:
    return Document(
        shelf=SHELF,
        key=str(setup.reference),
        tenant_id=setup.tenant_id,
        body=_ENCODER.encode(setup),
        label=str(setup.kind),
        due_at=setup.due_at,
    )


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(SavedSetup)
