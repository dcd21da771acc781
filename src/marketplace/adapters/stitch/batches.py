"""
A batch is one file: drafted with the orders in it, so that none is in two, and sent until it has arrived.

It is kept with what stands in which line, as an answer may name its lines by their number alone. Its text
holds account numbers, and is dropped once the file is sent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

import msgspec

from marketplace.adapters.orders import NOBODY, document_of, key_of, order_of
from marketplace.adapters.stitch import files
from marketplace.adapters.stitch.batchfile import StitchFiles
from marketplace.adapters.stitch.calendar import ZONE, Calendar
from marketplace.adapters.stitch.files import Channel
from marketplace.adapters.stitch.keeping import Kept
from marketplace.adapters.stitch.orders import Order, Orders, refused_by_us, told
from marketplace.adapters.stitch.payers import Payer, Payers
from marketplace.adapters.stitch.tokens import check_method
from marketplace.core.shared.ids import derive
from marketplace.ports import batches
from marketplace.ports.batches import Collection, Debtor, Sequence
from marketplace.ports.payments import Standing
from marketplace.ports.shelf import Document, Found, Listing, Shelf

BATCHES = "stitch.batch"
LINES_MAX = 1_000
# A REPLY comes within hours; one that names no batch is looked for in this many.
_LOOKED_AT_MAX = 100
# The sample's file is 202401011200123_1.csv; assumed: any name that is new will do.
_NUMBERS = {Channel.DEBICHECK: 1, Channel.DEBIT_ORDER: 2}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    reference: UUID
    consent_id: str = ""
    contract: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """`due_at` is since when it is to be sent, and None once it was; `refusal` why Stitch did not read it."""

    name: str
    reference: str
    channel: Channel
    lines: tuple[Line, ...]
    drafted_at: datetime
    text: str = field(default="", repr=False)
    due_at: datetime | None = None
    refusal: str | None = None
    replied: bool = False

    @property
    def stem(self) -> str:
        return self.name.removesuffix(".csv")

    def at(self, line: int) -> Line | None:
        index = line - files.FIRST_LINE
        return self.lines[index] if 0 <= index < len(self.lines) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    shelf: Shelf
    orders: Orders
    payers: Payers
    calendar: Calendar
    client_id: str
    lines_max: int = LINES_MAX

    async def draft(self, *, now: datetime) -> tuple[Batch, ...]:
        """Of all that is due, in files of one channel each."""
        drafted: list[Batch] = []
        while due := await self.orders.waiting(at=now, limit=self.lines_max):
            found = [await self._draft(channel, due, now, part=len(drafted)) for channel in Channel]
            if not any(found):
                break
            drafted += filter(None, found)
        return tuple(drafted)

    async def unsent(self, *, now: datetime) -> tuple[Batch, ...]:
        due = await self.shelf.due(shelf=BATCHES, tenant_id=NOBODY, at=now, limit=self.lines_max)
        return tuple(map(_batch, due))

    async def sent(self, batch: Batch) -> None:
        await self._save(replace(batch, text="", due_at=None))

    async def replied(self, batch: Batch, *, refusal: str | None) -> None:
        await self._save(replace(batch, text="", due_at=None, replied=True, refusal=refusal))

    async def find(self, reference: str) -> Batch | None:
        """By what a file of Stitch's names it by."""
        listing = Listing(shelf=BATCHES, tenant_id=NOBODY, label=reference, limit=1)
        return next(map(_batch, await self.shelf.listed(listing)), None)

    async def latest(self) -> tuple[Batch, ...]:
        """Newest first."""
        listing = Listing(shelf=BATCHES, tenant_id=NOBODY, limit=_LOOKED_AT_MAX)
        return tuple(map(_batch, await self.shelf.listed(listing)))

    async def _save(self, batch: Batch) -> None:
        key = (BATCHES, batch.name)
        await self.shelf.change([key], lambda _: (None, (_document(batch),)))

    async def _draft(
        self, channel: Channel, due: Iterable[Order], now: datetime, *, part: int
    ) -> Batch | None:
        wanted = [order for order in due if check_method(order.token, field="method").channel is channel]
        payers = {order.reference: payer for order in wanted if (payer := await self._payer(order))}
        local = now.astimezone(ZONE)
        name = f"{local:%Y%m%d%H%M}{local.microsecond // 1000:03d}_{2 * part + _NUMBERS[channel]}.csv"
        key, on = (BATCHES, name), self.calendar.debit_day(now)

        def decide(found: Found) -> tuple[Batch | None, list[Document]]:
            standing = [order_of(one, Order) for one in found.values() if one.shelf == Order.SHELF]
            # Whoever was voided meanwhile is due no more.
            still = [order for order in standing if order.due_at is not None and not order.voided]
            lost = [
                order for order in still if channel is Channel.DEBIT_ORDER and order.reference not in payers
            ]
            revoked = [order for order in still if _is_revoked(order, found)]
            going = [order for order in still if order not in lost and order not in revoked]
            documents = [document_of(refused_by_us(one)) for one in revoked]
            documents += [
                document_of(told(replace(one, due_at=None), Standing.FAILED, failure="payer_unknown"))
                for one in lost
                if one not in revoked
            ]
            if not going or key in found:
                return None, documents
            batch = self._batch(name=name, channel=channel, going=going, payers=payers, on=on, now=now)
            changed = [replace(order, due_at=None, batch=name, debit_on=on) for order in going]
            return batch, [*documents, *map(document_of, changed), _document(batch)]

        references = [order.reference for order in wanted]
        setups = {key_of(Kept, order.setup) for order in wanted if order.setup is not None}
        return await self.orders.change_all(references, [key, *setups], decide) if wanted else None

    async def _payer(self, order: Order) -> Payer | None:
        payer = check_method(order.token, field="method").payer
        return None if payer is None else await self.payers.find(payer, tenant_id=order.tenant_id)

    def _batch(
        self,
        *,
        name: str,
        channel: Channel,
        going: Iterable[Order],
        payers: Mapping[UUID, Payer],
        on: date,
        now: datetime,
    ) -> Batch:
        batch = batches.Batch(
            reference=derive(NOBODY, "stitch", name),
            at=now,
            collections=tuple(_collection(order, payers.get(order.reference), on) for order in going),
        )
        return Batch(
            name=name,
            reference=batch.reference.hex,
            channel=channel,
            lines=tuple(map(_line, batch.collections)),
            drafted_at=now,
            text=StitchFiles(client_id=self.client_id, channel=channel).write(batch).decode(),
            due_at=now,
        )


def _is_revoked(order: Order, found: Found) -> bool:
    document = None if order.setup is None else found.get(key_of(Kept, order.setup))
    return document is not None and order_of(document, Kept).revoked


def _collection(order: Order, payer: Payer | None, on: date) -> Collection:
    """Stitch keeps the account of a mandate with it, and tells no collection of one from another."""
    method = check_method(order.token, field="method")
    return Collection(
        reference=order.reference,
        amount=order.amount,
        due_on=on,
        sequence=Sequence.RECURRING,
        mandate=method.consent_id,
        contract=method.contract if payer is None else payer.contract,
        debtor=Debtor(holder="") if payer is None else payer.debtor,
        description=order.description,
    )


def _line(one: Collection) -> Line:
    return Line(reference=one.reference, consent_id=one.mandate, contract=one.contract or "")


def _batch(document: Document) -> Batch:
    return _DECODER.decode(document.body)


def _document(batch: Batch) -> Document:
    body = msgspec.json.encode(batch)
    return Document(
        shelf=BATCHES, key=batch.name, tenant_id=NOBODY, body=body, label=batch.reference, due_at=batch.due_at
    )


_DECODER = msgspec.json.Decoder(Batch)
