"""A method that is saved stands on a shelf before Stitch hears of it, and so does that it was revoked."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import msgspec

from marketplace.adapters.stitch.orders import NOBODY
from marketplace.adapters.stitch.sources import ACCOUNT
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.mandates import MandateTerms
from marketplace.core.shared.methods import MethodKind
from marketplace.ports.payments import Setup
from marketplace.ports.shelf import Document, Found, Key, Listing, Shelf

SHELF = "stitch.setup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """
    One method under a reference of ours; what it stands at is asked for, and not kept.

    `terms` are those that hold, `wanted` those of the last `amendment`, which Stitch decides on. A revocation
    that came before its method has `sent_at` None, and nobody's tenant.
    """

    reference: UUID
    tenant_id: UUID
    customer_id: UUID = NOBODY
    kind: MethodKind = MethodKind.CARD
    source: str | None = None
    contract: str | None = None
    label: str | None = None
    terms: MandateTerms | None = None
    sent_at: datetime | None = None
    consent_id: str | None = None
    amendment: UUID | None = None
    wanted: MandateTerms | None = None
    revoked: bool = False

    @property
    def is_account(self) -> bool:
        """Debited by its number: Stitch hears of it with the first debit."""
        return self.source == ACCOUNT

    @property
    def nonce(self) -> str:
        return self.reference.hex

    @property
    def external_reference(self) -> str:
        """It comes back with webhooks, which say whose news they bring by nothing else."""
        return f"marketplace:method:{self.tenant_id}:{self.reference}"


def kept_of(setup: Setup, *, at: datetime) -> Kept:
    digits = f" {setup.payer.account_number[-4:]}" if setup.payer else ""
    return Kept(
        reference=setup.reference,
        tenant_id=setup.tenant_id,
        customer_id=setup.customer_id,
        kind=setup.kind,
        source=setup.source,
        contract=setup.contract,
        label=f"Bank account{digits}" if setup.kind is MethodKind.DEBIT_ORDER else None,
        terms=setup.terms,
        sent_at=at,
    )


@dataclass(frozen=True, slots=True)
class Keeping:
    shelf: Shelf

    async def find(self, reference: UUID) -> Kept | None:
        document = await self.shelf.fetch(shelf=SHELF, key=str(reference))
        return None if document is None else kept_in(document)

    async def of_consent(self, consent_id: str, *, tenant_id: UUID) -> Kept | None:
        listing = Listing(shelf=SHELF, tenant_id=tenant_id, label=consent_id, limit=1)
        return next(map(kept_in, await self.shelf.listed(listing)), None)

    async def place(self, wanted: Kept) -> tuple[Kept, bool]:
        """
        The method as it stands, and whether it is new. Raises Invalid for a reference of another.

        One that was revoked before it came is kept as what it would have been.
        """
        key = key_of(wanted.reference)

        def decide(found: Found) -> tuple[tuple[Kept, bool], tuple[Document, ...]]:
            if key not in found:
                return (wanted, True), (_document(wanted),)
            standing = kept_in(found[key])
            if standing.tenant_id == NOBODY:
                late = replace(wanted, sent_at=None, revoked=True)
                return (late, False), (_document(late),)
            if _terms(standing) != _terms(wanted):
                raise Invalid("reference", f"{wanted.reference} was used for another method")
            return (standing, False), ()

        return await self.shelf.change([key], decide)

    async def revoke(self, reference: UUID) -> Kept:
        """That nothing shall be collected by it, whether it has come or not."""
        nobody_s = Kept(reference=reference, tenant_id=NOBODY)
        return await self._change(reference, lambda standing: replace(standing or nobody_s, revoked=True))

    async def amend(self, kept: Kept, change: Callable[[Kept], Kept]) -> Kept:
        """What is known of a method that stands."""
        return await self._change(kept.reference, lambda standing: change(standing or kept))

    async def _change(self, reference: UUID, decide: Callable[[Kept | None], Kept]) -> Kept:
        key = key_of(reference)

        def decided(found: Found) -> tuple[Kept, tuple[Document, ...]]:
            before = kept_in(found[key]) if key in found else None
            after = decide(before)
            return after, () if after == before else (_document(after),)

        return await self.shelf.change([key], decided)


def key_of(reference: UUID) -> Key:
    return (SHELF, str(reference))


def kept_in(document: Document) -> Kept:
    return _DECODER.decode(document.body)


def _document(kept: Kept) -> Document:
    return Document(
        shelf=SHELF,
        key=str(kept.reference),
        tenant_id=kept.tenant_id,
        body=msgspec.json.encode(kept),
        label=kept.consent_id or "",
    )


def _terms(kept: Kept) -> tuple[object, ...]:
    return (kept.tenant_id, kept.customer_id, kept.kind, kept.source, kept.contract)


_DECODER = msgspec.json.Decoder(Kept)
