"""A charge is one PaymentIntent, confirmed when it is made; what it takes is never more than was ordered."""

from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from marketplace.adapters.stripe import lists, reports, setups
from marketplace.adapters.stripe.account import UNDER_WAY, Account, metadata
from marketplace.adapters.stripe.amounts import from_stripe, to_stripe
from marketplace.adapters.stripe.objects import Dispute, Intent
from marketplace.adapters.stripe.orders import Order, of_charge, of_void
from marketplace.adapters.stripe.refusals import Declined
from marketplace.adapters.stripe.tokens import check_method
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Charge, Report, Subject

_EXPAND = [lists.EXPAND_CHARGE]
_CALLED_BACK = frozenset({"requires_confirmation", "requires_action", "requires_capture", "processing"})


async def collect(account: Account, charge: Charge) -> Report:
    check_method(charge.method, field="method")
    to_stripe(charge.amount)
    await account.check_mode(charge.tenant_id)
    async with account.alone(charge.reference):
        order, is_new = await account.orders.place(of_charge(charge, at=account.clock()))
        intent = None if is_new or order.voided else await sought(account, order)
        if intent is None:
            order = order if is_new else await account.sent_again(order)
            if order.voided:
                return reports.voided(order)
            try:
                intent = await _made(account, order)
            except Invalid:
                if await setups.has_ended(account, order):
                    return await _without_its_method(account, order)
                raise
            order = await account.met(order, intent.id)
        if _asks_for_the_customer(intent, order):
            intent = await _with_the_customer(account, order, intent)
        return await _told(account, order, intent)


async def find(account: Account, order: Order) -> Report | None:
    if order.voided:
        return reports.voided(order)
    intent = await sought(account, order)
    return None if intent is None else await _told(account, order, intent)


async def sought(account: Account, order: Order) -> Intent | None:
    """The order's intent as it is now, wherever it is; None where Stripe never heard of it."""
    if order.rail_id is not None:
        return await lists.intent_by_id(account, order.rail_id)
    found = await lists.intent(account, order)
    if found is not None:
        await account.met(order, found.id)
    return found


async def known(account: Account, reference: UUID) -> tuple[Order, Intent]:
    """Raises Invalid for a reference that stands for no charge at Stripe."""
    order = await account.orders.find(reference)
    if order is None or order.subject is not Subject.CHARGE:
        raise Invalid("reference", f"Stripe has no charge {reference}")
    if not order.voided:
        await account.check_mode(order.tenant_id)
    intent = None if order.voided else await sought(account, order)
    if intent is None:
        raise Invalid("reference", f"Stripe has no charge {reference}")
    return order, intent


async def capture(account: Account, reference: UUID, amount: Money) -> Report:
    to_stripe(amount)
    async with account.alone(reference):
        order = await account.orders.find(reference)
        if order is not None and order.voided:
            return reports.voided(order)
        order, intent = await known(account, reference)
        _check_capture(order, intent, amount)
        if intent.status != "requires_capture":
            return await _told(account, order, intent)
        params: Any = {"amount_to_capture": to_stripe(amount), "expand": _EXPAND}
        call = partial(account.client.v1.payment_intents.capture_async, intent.id, params)
        return await _stepped(account, order, intent, f"capture/{amount.minor}", call)


async def void(account: Account, reference: UUID) -> Report:
    async with account.alone(reference):
        order = await account.orders.void(of_void(reference, at=account.clock()))
        if order.voided:
            return reports.voided(order)
        if order.subject is not Subject.CHARGE:
            raise Invalid("reference", f"is a {order.subject}", "a charge")
        intent = await sought(account, order)
        if intent is None:
            return reports.voided(await account.kept_away(order))
        if intent.status not in _CALLED_BACK:
            return await _told(account, order, intent)
        params: Any = {"cancellation_reason": "abandoned", "expand": _EXPAND}
        call = partial(account.client.v1.payment_intents.cancel_async, intent.id, params)
        return await _stepped(account, order, intent, "cancel", call)


async def _made(account: Account, order: Order) -> Intent:
    """Raises Declined only where Stripe names no intent in which it was."""
    params = _params(account, order)

    call = partial(account.client.v1.payment_intents.create_async, params)
    try:
        return await account.send(order, "create", call, Intent)
    except Declined as declined:
        return await _declined(account, order, declined)


async def _without_its_method(account: Account, order: Order) -> Report:
    """What is detached is gone for good, and so is what was to be charged by it."""
    ended = await account.orders.amend(
        order, lambda standing: replace(standing, voided=True, failure="method_revoked")
    )
    return reports.voided(ended)


async def _declined(account: Account, order: Order, declined: Declined) -> Intent:
    if declined.intent_id is not None:
        await account.met(order, declined.intent_id)
        return await lists.intent_by_id(account, declined.intent_id)
    found = await lists.intent(account, order)
    if found is None:
        raise Invalid("method", "the card was declined")
    return found


def _params(account: Account, order: Order) -> Any:
    """A method that is saved for a customer is charged without it; any other while it is there."""
    method, customer = check_method(order.token, field="method")
    params: dict[str, Any] = {
        "amount": to_stripe(order.amount),
        "currency": order.currency.lower(),
        "confirm": True,
        "payment_method": method,
        "allowed_payment_method_types": ["card"],
        "capture_method": "manual" if order.hold else "automatic",
        "description": order.description,
        "metadata": metadata(order),
        "transfer_group": order.group,
        "expand": _EXPAND,
    }
    if customer is None:
        return params | {"return_url": account.return_url}
    return params | {"customer": customer, "off_session": True}


def _asks_for_the_customer(intent: Intent, order: Order) -> bool:
    """Charged while the customer was away, and the bank wants to see it."""
    error = intent.last_payment_error
    codes = (None, None) if error is None else (error.code, error.decline_code)
    away = check_method(order.token, field="method").customer is not None
    return away and intent.status == "requires_payment_method" and "authentication_required" in codes


async def _with_the_customer(account: Account, order: Order, intent: Intent) -> Intent:
    """The same intent once more with the way back, so that the answer is where the customer has to go."""
    method = check_method(order.token, field="method").method
    params: Any = {"payment_method": method, "return_url": account.return_url, "expand": _EXPAND}
    call = partial(account.client.v1.payment_intents.confirm_async, intent.id, params)
    try:
        return await account.send(order, "confirm", call, Intent)
    except Declined:
        return await lists.intent_by_id(account, intent.id)


async def _stepped(account: Account, order: Order, intent: Intent, step: str, call: Any) -> Report:
    """Where Stripe refuses a step because the intent has moved on, it tells where it stands."""
    try:
        intent = await account.send(order, step, call, Intent)
    except (Invalid, Declined) as refused:
        intent = await lists.intent_by_id(account, intent.id)
        if intent.status in _CALLED_BACK:
            raise Invalid("reference", f"Stripe refuses to {step.partition('/')[0]} it") from refused
    return await _told(account, order, intent)


async def _told(account: Account, order: Order, intent: Intent) -> Report:
    """Between a bank's wish to see the customer and the call that follows it, nothing is decided."""
    if _asks_for_the_customer(intent, order) and account.clock() - order.last_sent_at < UNDER_WAY:
        return reports.undecided(order, intent)
    return reports.of_charge(order, intent, await disputes_of(account, intent))


async def disputes_of(account: Account, intent: Intent) -> tuple[Dispute, ...]:
    disputed = intent.charge is not None and intent.charge.disputed
    return await lists.disputes(account, intent.id) if disputed else ()


def _check_capture(order: Order, intent: Intent, amount: Money) -> None:
    if amount.currency != order.currency:
        raise Invalid("currency", f"is {amount.currency}", order.currency)
    if intent.status == "succeeded":
        taken = from_stripe(intent.amount_received, intent.currency)
        if taken != amount:
            raise Invalid("amount", "another amount has been captured", f"{taken.minor}")
    elif amount.minor > order.minor:
        raise Invalid("amount", f"{amount.minor} is more than there is", f"1 to {order.minor}")
