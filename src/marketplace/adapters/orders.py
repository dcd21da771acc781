"""What is ordered of a vendor stands on a shelf before it is sent, so that a doubt knows where to look."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self, TypeVar
from uuid import UUID

import msgspec

from marketplace.core.shared.errors import Invalid
from marketplace.ports.shelf import Document, Found, Key, Shelf

NOBODY = UUID(int=0)  # the tenant of what was called back before it came: a reference says not whose it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What is ordered under one reference of ours; a repeat has to repeat its `TERMS`."""

    SHELF: ClassVar[str]
    TERMS: ClassVar[tuple[str, ...]]

    reference: UUID
    tenant_id: UUID

    @property
    def found_by(self) -> str:
        """By what it is found again among its tenant's, besides its reference."""
        return ""

    @property
    def due_at(self) -> datetime | None:
        """When something must be done for it."""
        return None

    def called_back(self) -> "Self | None":
        """As what it is kept that was called back before it came; None for what nobody calls back."""
        return None


P = TypeVar("P", bound=Placed)


async def find(shelf: Shelf, kind: type[P], reference: UUID) -> P | None:
    document = await shelf.fetch(shelf=kind.SHELF, key=str(reference))
    return None if document is None else order_of(document, kind)


async def place(shelf: Shelf, order: P, *, beside: Sequence[Document] = ()) -> tuple[P, bool]:
    """
    The order as it stands, and whether it is new. Raises Invalid for a reference of another order.

    What is to stand `beside` the first such order comes with it. What was called back before it came is kept
    as what it would have been.
    """
    key = key_of(type(order), order.reference)

    def decide(found: Found) -> tuple[tuple[P, bool], tuple[Document, ...]]:
        if key not in found:
            first = (one for one in beside if (one.shelf, one.key) not in found)
            return (order, True), (document_of(order), *first)
        standing = order_of(found[key], type(order))
        late = order.called_back() if standing.tenant_id == NOBODY else None
        if late is not None:
            return (late, False), (document_of(late),)
        check_same(standing, order)
        return (standing, False), ()

    return await shelf.change([key, *((one.shelf, one.key) for one in beside)], decide)


async def change(shelf: Shelf, kind: type[P], reference: UUID, decide: Callable[[P | None], P]) -> P:
    """What `decide` makes of what stands under the reference, or of nothing."""
    key = key_of(kind, reference)

    def decided(found: Found) -> tuple[P, tuple[Document, ...]]:
        before = order_of(found[key], kind) if key in found else None
        after = decide(before)
        return after, () if after == before else (document_of(after),)

    return await shelf.change([key], decided)


async def amend(shelf: Shelf, order: P, decide: Callable[[P], P]) -> P:
    """What is known of an order that stands."""
    return await change(shelf, type(order), order.reference, lambda standing: decide(standing or order))


def key_of(kind: type[Placed], reference: UUID) -> Key:
    return (kind.SHELF, str(reference))


def order_of(document: Document, kind: type[P]) -> P:
    return msgspec.json.decode(document.body, type=kind)


def document_of(order: Placed) -> Document:
    return Document(
        shelf=order.SHELF,
        key=str(order.reference),
        tenant_id=order.tenant_id,
        body=msgspec.json.encode(order),
        label=order.found_by,
        due_at=order.due_at,
    )


def check_same(standing: Placed, asked: Placed) -> None:
    """A repeat must repeat: the same reference for anything else is a mistake that would hide an order."""
    if any(getattr(standing, name) != getattr(asked, name) for name in asked.TERMS):
        raise Invalid("reference", f"{asked.reference} was used for another order")
