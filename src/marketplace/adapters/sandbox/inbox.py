"""
Every message that the sandbox accepted can be read in its inbox, as often as it was sent.

Real gateways know no idempotency, so neither does this one: a message that is sent twice is seen twice.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

import msgspec

from marketplace.adapters.sandbox.faults import (
    Fault,
    FaultPlan,
    Operation,
    Tally,
    fault_for,
    no_faults,
)
from marketplace.adapters.sandbox.webhooks import Clock
from marketplace.core.shared.errors import Unavailable
from marketplace.ports.messaging import Answer, Message, Rejection, Verdict
from marketplace.ports.shelf import Document, Found, Listing, Shelf

SHELF = "sandbox.inbox"
_SENT, _ATTEMPTS = "sandbox.sent", "sandbox.attempt"
TEXT_MAX = 1_600  # characters; as with Twilio
ADDRESS_MAX = 320
SUFFIX_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberBehaviour:
    """Faults of the call strike the first send for a reference only."""

    description: str
    fault: Fault | None = None
    rejection: Rejection | None = None


# By the last four digits of a phone number; any other is accepted.
NUMBERS: Mapping[str, NumberBehaviour] = MappingProxyType(
    {
        "9901": NumberBehaviour(description="has opted out", rejection=Rejection.OPTED_OUT),
        "9902": NumberBehaviour(description="is no number", rejection=Rejection.BAD_ADDRESS),
        "9903": NumberBehaviour(description="is blocked", rejection=Rejection.BLOCKED),
        "9904": NumberBehaviour(description="accepted, the answer is lost", fault=Fault.TIMEOUT_AFTER),
        "9905": NumberBehaviour(description="lost on the way, once", fault=Fault.TIMEOUT_BEFORE),
        "9906": NumberBehaviour(description="down for the first send", fault=Fault.UNAVAILABLE),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxMessage:
    """`copy` is 1 for a first send; 2 and more mean that the same reference was sent again."""

    reference: UUID
    tenant_id: UUID
    address: str
    text: str
    at: datetime
    channel_reference: str
    copy: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """What became of a reference, for who asks later."""

    copies: int
    answer: Answer


@dataclass(kw_only=True)
class SandboxChannel:
    shelf: Shelf
    clock: Clock
    faults: FaultPlan = no_faults
    tally: Tally = field(default_factory=Counter)

    @property
    def name(self) -> str:
        return "sandbox"

    async def send(self, message: Message) -> Answer:
        fault = await self._fault(message)
        if fault is not None:
            self.tally[fault] += 1
        if fault is Fault.UNAVAILABLE:
            raise Unavailable("the sandbox's gateway is down")
        if fault is Fault.TIMEOUT_BEFORE:
            return Answer(verdict=Verdict.UNKNOWN)
        rejection = Rejection.OTHER if fault is Fault.REJECTED else self._rejection(message)
        answer = await self._take(message, rejection=rejection)
        return Answer(verdict=Verdict.UNKNOWN) if fault is Fault.TIMEOUT_AFTER else answer

    async def lookup(self, reference: UUID) -> Answer | None:
        document = await self.shelf.fetch(shelf=_SENT, key=str(reference))
        return None if document is None else _SENT_DECODER.decode(document.body).answer

    async def read(
        self, tenant_id: UUID, *, address: str | None = None, limit: int = 50
    ) -> tuple[InboxMessage, ...]:
        """What a tenant's people have received, newest first."""
        listing = Listing(shelf=SHELF, tenant_id=tenant_id, label=address, limit=limit)
        return tuple(_INBOX_DECODER.decode(document.body) for document in await self.shelf.listed(listing))

    async def _fault(self, message: Message) -> Fault | None:
        planned = fault_for(self.faults, Operation.SEND, message.reference)
        behaviour = NUMBERS.get(message.address[-SUFFIX_DIGITS:])
        if planned is not None or behaviour is None or behaviour.fault is None:
            return planned
        attempt = Document(
            shelf=_ATTEMPTS, key=f"send/{message.reference}", tenant_id=message.tenant_id, body=b"null"
        )
        return behaviour.fault if await self.shelf.keep(attempt) else None

    def _rejection(self, message: Message) -> Rejection | None:
        behaviour = NUMBERS.get(message.address[-SUFFIX_DIGITS:])
        if behaviour is not None and behaviour.rejection is not None:
            return behaviour.rejection
        if not 0 < len(message.address) <= ADDRESS_MAX or not message.address.isprintable():
            return Rejection.BAD_ADDRESS
        if len(message.text) > TEXT_MAX:
            return Rejection.TOO_LONG
        late = message.expires_at <= self.clock(message.tenant_id)
        return Rejection.EXPIRED if late else None

    async def _take(self, message: Message, *, rejection: Rejection | None) -> Answer:
        """Note what became of the message, and put it into the inbox unless it is rejected."""
        key = (_SENT, str(message.reference))
        at = self.clock(message.tenant_id)

        def decide(found: Found) -> tuple[Answer, list[Document]]:
            before = _SENT_DECODER.decode(found[key].body) if key in found else None
            if rejection is not None:
                answer = Answer(verdict=Verdict.REJECTED, rejection=rejection)
                return answer, [] if before else [_sent(message, _Sent(copies=0, answer=answer))]
            received = _received(message, copy=1 if before is None else before.copies + 1, at=at)
            answer = Answer(verdict=Verdict.ACCEPTED, channel_reference=received.channel_reference)
            return answer, [_sent(message, _Sent(copies=received.copy, answer=answer)), _inbox(received)]

        return await self.shelf.change([key], decide)


def _received(message: Message, *, copy: int, at: datetime) -> InboxMessage:
    return InboxMessage(
        reference=message.reference,
        tenant_id=message.tenant_id,
        address=message.address,
        text=message.text,
        at=at,
        channel_reference=f"sandbox_{message.reference.hex}_{copy}",
        copy=copy,
    )


def _sent(message: Message, sent: _Sent) -> Document:
    body = msgspec.json.encode(sent)
    return Document(shelf=_SENT, key=str(message.reference), tenant_id=message.tenant_id, body=body)


def _inbox(received: InboxMessage) -> Document:
    return Document(
        shelf=SHELF,
        key=received.channel_reference,
        tenant_id=received.tenant_id,
        body=msgspec.json.encode(received),
        label=received.address,
    )


_SENT_DECODER = msgspec.json.Decoder(_Sent)
_INBOX_DECODER = msgspec.json.Decoder(InboxMessage)
