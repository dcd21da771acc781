"""A card is saved by one SetupIntent, and stands as long as it is attached to its customer."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Literal, NoReturn
from uuid import UUID

from marketplace.adapters.orders import NOBODY
from marketplace.adapters.stripe import customers, lists, standings
from marketplace.adapters.stripe.account import Account, metadata
from marketplace.adapters.stripe.objects import METHOD, PaymentMethod, SetupIntent
from marketplace.adapters.stripe.orders import Kept, Order
from marketplace.adapters.stripe.refusals import Declined
from marketplace.adapters.stripe.tokens import check_source
from marketplace.core.shared.errors import Invalid, OutcomeUnknown, Unavailable
from marketplace.core.shared.methods import MethodKind
from marketplace.ports.payments import Setup, SetupReport

_EXPAND = [lists.EXPAND_METHOD]
_CALLED_BACK = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupOrder(Kept):
    """`source` is a PaymentMethod of Stripe's form; none where the app confirms the intent by itself."""

    SHELF: ClassVar[str] = "stripe.setup"
    TERMS: ClassVar[tuple[str, ...]] = ("tenant_id", "customer_id", "source")

    customer_id: UUID
    source: str | None = None
    description: str = ""
    subject: Literal["method"] = METHOD


async def begin(account: Account, setup: Setup) -> SetupReport:
    if setup.kind is not MethodKind.CARD:
        raise Invalid("kind", f"Stripe keeps no {setup.kind}", str(MethodKind.CARD))
    if setup.source is not None:
        check_source(setup.source, field="source")
    await account.check_mode(setup.tenant_id)
    async with account.alone(setup.reference):
        order, is_new = await account.orders.place(_order(setup, at=account.clock()))
        intent = None if is_new or order.voided else await _sought(account, order)
        if intent is None:
            order = order if is_new else await account.sent_again(order)
            if order.voided:
                return standings.revoked(order.reference)
            intent = await _made(account, order)
            order = await account.met(order, intent.id)
        return _told(account, order, intent)


async def find(account: Account, reference: UUID) -> SetupReport | None:
    order = await account.orders.kept(SetupOrder, reference)
    if order is None:
        return None
    if order.voided:
        return standings.revoked(reference)
    intent = await _sought(account, order)
    return None if intent is None else _told(account, order, intent)


async def revoke(account: Account, reference: UUID) -> SetupReport:
    """What is saved is detached from its customer, for good; what is not is cancelled."""
    async with account.alone(reference):
        order = await account.orders.void(_tombstone(reference, at=account.clock()))
        intent = None if order.voided else await _sought(account, order)
        if intent is None:
            order = order if order.voided else await account.kept_away(order)
            return standings.revoked(reference)
        if standings.is_attached(intent) or intent.status in _CALLED_BACK:
            await _let_go(account, order, intent)
            intent = await lists.setup_by_id(account, intent.id)
        if standings.is_attached(intent) or intent.status not in {"canceled", "succeeded"}:
            raise OutcomeUnknown("Stripe has not let it go yet", status=intent.status)
        return _told(account, order, intent)


async def amend(account: Account, reference: UUID) -> NoReturn:
    found = await account.orders.kept(SetupOrder, reference)
    if found is None:
        raise Invalid("reference", f"Stripe has saved no {reference}")
    raise Invalid("reference", "is a card, which has no terms", "an active debit order")


async def has_ended(account: Account, order: Order) -> bool:
    """Whether a charge was refused for its saved method, which pays no more."""
    saved = None if order.setup is None else await account.orders.kept(SetupOrder, order.setup)
    intent = None if saved is None or saved.voided else await _sought(account, saved)
    if intent is None or order.token != standings.token(intent):
        return False
    return not standings.is_attached(intent)


def _order(setup: Setup, *, at: datetime) -> SetupOrder:
    return SetupOrder(
        reference=setup.reference,
        tenant_id=setup.tenant_id,
        customer_id=setup.customer_id,
        source=setup.source,
        description=setup.description,
        first_sent_at=at,
        last_sent_at=at,
    )


def _tombstone(reference: UUID, *, at: datetime) -> SetupOrder:
    """It does not say whose card it would have been."""
    return SetupOrder(
        reference=reference,
        tenant_id=NOBODY,
        customer_id=NOBODY,
        first_sent_at=at,
        last_sent_at=at,
        voided=True,
    )


async def _sought(account: Account, order: SetupOrder) -> SetupIntent | None:
    """The intent as it is now; none was sent before its customer had a name at Stripe."""
    if order.rail_id is not None:
        return await lists.setup_by_id(account, order.rail_id)
    customer = await customers.known(account, order.tenant_id, order.customer_id)
    found = None if customer is None else await lists.setup(account, order, customer=customer)
    if found is not None:
        await account.met(order, found.id)
    return found


async def _made(account: Account, order: SetupOrder) -> SetupIntent:
    customer = await customers.named(account, order.tenant_id, order.customer_id)
    params = _params(account, order, customer)
    call = partial(account.client.v1.setup_intents.create_async, params)
    try:
        # Where its customer was deleted at Stripe it goes to another, and under another key.
        return await account.send(order, f"setup/{customer}", call, SetupIntent)
    except Declined as declined:
        found = await lists.setup(account, order, customer=customer)
        if found is None:
            raise Invalid("source", "the card was declined") from declined
        return found
    except Invalid as refused:
        if await customers.is_deleted(account, order.tenant_id, order.customer_id):
            raise Unavailable("the customer was deleted at Stripe, and gets another there") from refused
        raise Invalid("source", str(refused.facts["problem"])) from refused


def _params(account: Account, order: SetupOrder, customer: str) -> Any:
    """The customer is there now, and is not when the card is charged."""
    params: dict[str, Any] = {
        "customer": customer,
        "usage": "off_session",
        "allowed_payment_method_types": ["card"],
        "description": order.description,
        "metadata": metadata(order),
        "expand": _EXPAND,
    }
    if order.source is None:
        return params
    return params | {"payment_method": order.source, "confirm": True, "return_url": account.return_url}


async def _let_go(account: Account, order: SetupOrder, intent: SetupIntent) -> None:
    """Where Stripe refuses, it has moved on: where it stands then decides."""
    try:
        if intent.method is not None and standings.is_attached(intent):
            detach = partial(account.client.v1.payment_methods.detach_async, intent.method.id)
            await account.send(order, "setup/detach", detach, PaymentMethod)
        else:
            params: Any = {"cancellation_reason": "abandoned"}
            cancel = partial(account.client.v1.setup_intents.cancel_async, intent.id, params)
            await account.send(order, "setup/cancel", cancel, SetupIntent)
    except (Invalid, Declined):
        return


def _told(account: Account, order: SetupOrder, intent: SetupIntent) -> SetupReport:
    return standings.of_setup(order.reference, intent, by_app=order.source is None, now=account.clock())
