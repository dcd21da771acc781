"""What an order moved is settled to the bank some days later, as the next line of one numbered statement."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from marketplace.adapters.sandbox.orders import Kind, Order
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.ids import derive
from marketplace.core.shared.money import Money, share_minor
from marketplace.ports.payments import SettlementLine, Standing, Statement, Subject
from marketplace.ports.shelf import Document, Found, Key, Shelf

WAITING, STATEMENT = "sandbox.unsettled", "sandbox.statement"
_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A charge costs `fee_basis_points` of it and `fee_minor`; nothing else costs anything."""

    days: int = 2
    fee_basis_points: int = 290
    fee_minor: int = 200

    def fee_of(self, order: Order, standing: Standing, minor: int) -> int:
        if (order.kind, standing) != (Kind.CHARGE, Standing.SUCCEEDED):
            return 0
        return share_minor(minor=minor, basis_points=self.fee_basis_points) + self.fee_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """`totals` is what the statement has settled by then, this line included, by currency."""

    line_id: str
    reference: UUID
    subject: Subject
    currency: str
    gross_minor: int
    fee_minor: int
    settled_at: datetime
    totals: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """How far a statement has got."""

    lines: int = 0
    totals: dict[str, int] = field(default_factory=dict)


def unsettled(order: Order, index: int, terms: Terms) -> Document | None:
    """What a step of an order leaves to be settled; None where it moved nothing."""
    entry = order.history[index]
    if not entry.moved_minor:
        return None
    due_at = entry.at + timedelta(days=terms.days)
    line = _Line(
        line_id=f"set_{derive(order.reference, order.kind, index).hex}",
        reference=order.reference,
        subject=Subject(order.kind),
        currency=order.currency,
        gross_minor=entry.moved_minor,
        fee_minor=terms.fee_of(order, entry.standing, entry.moved_minor),
        settled_at=due_at,
    )
    body = _encoder.encode(line)
    return Document(shelf=WAITING, key=line.line_id, tenant_id=order.tenant_id, body=body, due_at=due_at)


async def statement(
    shelf: Shelf, tenant_id: UUID, *, after: str | None, limit: int, now: datetime
) -> Statement:
    """The lines after one of them; what is due by now is written down first. Lines are never changed."""
    first = _number(after) + 1
    while await _settled(shelf, tenant_id, now):
        pass
    keys = [_line_key(tenant_id, first + place) for place in range(limit)]
    found = await shelf.change(keys, lambda documents: (documents, ()))
    lines = [_LINE.decode(found[key].body) for key in keys if key in found]
    cursor = str(first - 1 + len(lines)) if lines else after
    return Statement(lines=tuple(map(_told, lines)), cursor=cursor)


async def settled_minor(shelf: Shelf, tenant_id: UUID, *, read_to: str | None) -> Counter[str]:
    """What a statement has settled up to one of its lines, by currency."""
    if read_to is None:
        return Counter()
    shelf_name, key = _line_key(tenant_id, _number(read_to))
    document = await shelf.fetch(shelf=shelf_name, key=key)
    if document is None:
        raise Invalid("read_to", f"the sandbox has no line {read_to}")
    return Counter(_LINE.decode(document.body).totals)


async def _settled(shelf: Shelf, tenant_id: UUID, now: datetime) -> bool:
    """Number what is due, the longest due first; nobody else can meanwhile. Whether there was anything."""
    due = await shelf.due(shelf=WAITING, tenant_id=tenant_id, at=now, limit=_AT_ONCE)
    head = (STATEMENT, str(tenant_id))
    waiting = [(document.shelf, document.key) for document in due]

    def decide(found: Found) -> tuple[bool, Sequence[Document]]:
        left = [found[key] for key in waiting if found[key].due_at is not None]
        return bool(left), _numbered(found.get(head), left, head, tenant_id) if left else ()

    return await shelf.change([head, *waiting], decide) if due else False


def _numbered(
    standing: Document | None, due: Sequence[Document], head: Key, tenant_id: UUID
) -> list[Document]:
    before = _Head() if standing is None else _HEAD.decode(standing.body)
    number, totals = before.lines, Counter(before.totals)
    documents = []
    for document in due:
        line = _LINE.decode(document.body)
        number += 1
        totals[line.currency] += line.gross_minor
        kept = _encoder.encode(replace(line, totals=dict(totals)))
        shelf, key = _line_key(tenant_id, number)
        documents.append(Document(shelf=shelf, key=key, tenant_id=tenant_id, body=kept))
        documents.append(replace(document, due_at=None))
    body = _encoder.encode(_Head(lines=number, totals=dict(totals)))
    return [Document(shelf=head[0], key=head[1], tenant_id=tenant_id, body=body), *documents]


def _line_key(tenant_id: UUID, number: int) -> Key:
    return (STATEMENT, f"{tenant_id}/{number}")


def _number(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal()):
        raise Invalid("after", f"{cursor[:60]!r} is none of the sandbox's", "a cursor of a statement")
    return int(cursor)


def _told(line: _Line) -> SettlementLine:
    return SettlementLine(
        line_id=line.line_id,
        reference=line.reference,
        subject=line.subject,
        gross=Money(line.gross_minor, line.currency),
        fee=Money(line.fee_minor, line.currency),
        settled_at=line.settled_at,
    )


_encoder = msgspec.json.Encoder()
_LINE = msgspec.json.Decoder(_Line)
_HEAD = msgspec.json.Decoder(_Head)
