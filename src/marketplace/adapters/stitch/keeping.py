"""A method that is saved stands on a shelf before Stitch hears of it, and so does that it was revoked."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from marketplace.adapters import orders
from marketplace.adapters.orders import NOBODY, Placed, order_of
from marketplace.adapters.stitch.sources import ACCOUNT
from marketplace.core.shared.mandates import MandateTerms
from marketplace.core.shared.methods import MethodKind
from marketplace.ports.payments import Setup
from marketplace.ports.shelf import Listing, Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Placed):
    """
    One method under a reference of ours; what it stands at is asked for, and not kept.

    `terms` are those that hold, `wanted` those of the last `amendment`, which Stitch decides on. A revocation
    that came before its method has `sent_at` None, and nobody's tenant.
    """

    SHELF: ClassVar[str] = "stitch.setup"
    TERMS: ClassVar[tuple[str, ...]] = ("tenant_id", "customer_id", "kind", "source", "contract")

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
    def found_by(self) -> str:
        return self.consent_id or ""

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

    def called_back(self) -> "Kept":
        return replace(self, sent_at=None, revoked=True)


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
        return await orders.find(self.shelf, Kept, reference)

    async def of_consent(self, consent_id: str, *, tenant_id: UUID) -> Kept | None:
        listing = Listing(shelf=Kept.SHELF, tenant_id=tenant_id, label=consent_id, limit=1)
        return next((order_of(found, Kept) for found in await self.shelf.listed(listing)), None)

    async def place(self, wanted: Kept) -> tuple[Kept, bool]:
        """The method as it stands, and whether it is new. Raises Invalid for a reference of another order."""
        return await orders.place(self.shelf, wanted)

    async def revoke(self, reference: UUID) -> Kept:
        """That nothing shall be collected by it, whether it has come or not."""
        nobody_s = Kept(reference=reference, tenant_id=NOBODY)
        return await orders.change(
            self.shelf, Kept, reference, lambda standing: replace(standing or nobody_s, revoked=True)
        )

    async def amend(self, kept: Kept, change: Callable[[Kept], Kept]) -> Kept:
        """What is known of a method that stands."""
        return await orders.amend(self.shelf, kept, change)
