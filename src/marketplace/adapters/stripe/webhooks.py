"""What a verified webhook tells is a hint: of what, and whose; the object itself is fetched later."""

from dataclasses import replace
from uuid import UUID

import msgspec

from marketplace.adapters.stripe.account import Account
from marketplace.adapters.stripe.lists import intent_by_id, setups_of
from marketplace.adapters.stripe.objects import METHOD, PAYEE, REFERENCE, SUBJECT, TENANT, Metadata
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
    "payment_method.automatically_updated",
    "payment_method.detached",
    "refund.created",
    "refund.failed",
    "refund.updated",
    "setup_intent.canceled",
    "setup_intent.requires_action",
    "setup_intent.setup_failed",
    "setup_intent.succeeded",
    "transfer.created",
    "transfer.reversed",
    "transfer.updated",
)
# What an endpoint for connected accounts is told of: theirs come to no other.
CONNECT_EVENTS = ("account.updated",)
_DISPUTE, _CARD = "charge.dispute.", "payment_method."
_SUBJECTS = frozenset({*map(str, Subject), METHOD, PAYEE})


class _Object(msgspec.Struct, frozen=True):
    id: str | None = None
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
    known = event.type in EVENTS or event.type in CONNECT_EVENTS
    return event if known and event.livemode is live else None


def hints(event: Event) -> tuple[Hint, ...]:
    """
    Of an event whose object says itself whose it is; of any other none. A card says nothing of ours: its
    metadata may be whatever the app of its customer gave it.
    """
    return () if event.type.startswith(_CARD) else _hint(event, event.data.object.metadata or {})


async def traced(account: Account, event: Event) -> tuple[Hint, ...]:
    """
    A dispute carries no metadata of ours: the payment that it is about does. So do the intents by which a
    card was saved, which may be several.
    """
    told = event.data.object
    if event.type.startswith(_DISPUTE) and told.payment_intent is not None:
        return _hint(event, (await intent_by_id(account, told.payment_intent)).metadata)
    if event.type.startswith(_CARD) and told.id is not None:
        setups = await setups_of(account, told.id)
        return tuple(
            replace(hint, event_id=f"{hint.event_id}/{hint.reference}")
            for one in setups
            for hint in _hint(event, one.metadata)
        )
    return ()


def _hint(event: Event, named: Metadata) -> tuple[Hint, ...]:
    """None where it is not ours: an account may serve others too."""
    try:
        tenant_id, reference = UUID(named[TENANT]), UUID(named[REFERENCE])
    except (KeyError, ValueError):
        return ()
    subject = named.get(SUBJECT, "")
    if subject not in _SUBJECTS:
        return ()
    return (Hint(event_id=event.id, tenant_id=tenant_id, reference=reference, subject=subject),)


_EVENT = msgspec.json.Decoder(Event)
