"""What a verified webhook tells is a hint: of what, and whose; the object itself is fetched later."""

from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID

import msgspec

from marketplace.adapters.stripe.account import Account
from marketplace.adapters.stripe.lists import intent_by_id
from marketplace.adapters.stripe.objects import REFERENCE, SUBJECT, TENANT, Metadata
from marketplace.core.shared.errors import Invalid
from marketplace.ports.payments import Hint, Subject

HEADER = "Stripe-Signature"
PATH = "/hooks/stripe"

# The events that are worth a look; an endpoint needs no others. Metadata of the object says whose it is.
EVENTS = (
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "refund.created",
    "refund.failed",
    "refund.updated",
    "transfer.created",
    "transfer.reversed",
    "transfer.updated",
)
_DISPUTE = "charge.dispute."
_SUBJECTS: Mapping[str, Subject] = MappingProxyType({str(one): one for one in Subject})


class _Object(msgspec.Struct, frozen=True):
    metadata: Metadata | None = None
    payment_intent: str | None = None


class _Data(msgspec.Struct, frozen=True):
    object: _Object


class Event(msgspec.Struct, frozen=True):
    id: str
    type: str
    livemode: bool
    data: _Data


def read(body: bytes, *, live: bool) -> Event | None:
    """The event, if it is one of ours to look at; raises Invalid for a body we can't read."""
    try:
        event = _EVENT.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid("body", "is no event of Stripe's") from error
    return event if event.type in EVENTS and event.livemode is live else None


def hints(event: Event) -> tuple[Hint, ...]:
    """Of an event whose object says itself whose it is; of any other none."""
    return _hint(event, event.data.object.metadata or {})


async def traced(account: Account, event: Event) -> tuple[Hint, ...]:
    """A dispute carries no metadata of ours: the payment that it is about does."""
    intent_id = event.data.object.payment_intent
    if not event.type.startswith(_DISPUTE) or intent_id is None:
        return ()
    return _hint(event, (await intent_by_id(account, intent_id)).metadata)


def _hint(event: Event, named: Metadata) -> tuple[Hint, ...]:
    """None where it is not ours: an account may serve others too."""
    subject = _SUBJECTS.get(named.get(SUBJECT, ""))
    try:
        tenant_id, reference = UUID(named[TENANT]), UUID(named[REFERENCE])
    except (KeyError, ValueError):
        return ()
    if subject is None:
        return ()
    return (Hint(event_id=event.id, tenant_id=tenant_id, reference=reference, subject=str(subject)),)


_EVENT = msgspec.json.Decoder(Event)
