"""A refund gives back part of a charge under a reference of its own, and never more than is left of it."""

from functools import partial
from typing import Any
from uuid import UUID

from marketplace.adapters.stripe import charges, lists, reports
from marketplace.adapters.stripe.account import Account, metadata
from marketplace.adapters.stripe.amounts import to_stripe
from marketplace.adapters.stripe.objects import Intent, Refund
from marketplace.adapters.stripe.orders import Order, of_refund
from marketplace.adapters.stripe.refusals import Declined, asked
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Report


async def refund(account: Account, reference: UUID, *, key: UUID, amount: Money) -> Report:
    """One refund of a charge at a time, so that what is left is left for the next."""
    to_stripe(amount)
    async with account.alone(reference):
        charge, intent = await charges.known(account, reference)
        if await account.orders.find(key) is None:
            await _check_left(account, charge, intent, amount)
        wanted = of_refund(charge, refund=key, amount=amount, at=account.clock())
        order, found = await account.send_once(
            wanted,
            sought=lambda order: _sought(account, order, intent.id),
            made=lambda order: _made(account, order, intent),
        )
        return reports.of_refund(order, found)


async def find(account: Account, order: Order) -> Report | None:
    charge = None if order.charge is None else await account.orders.find(order.charge)
    intent_id = None if charge is None else charge.rail_id
    found = None if intent_id is None else await _sought(account, order, intent_id)
    return None if found is None else reports.of_refund(order, found)


async def _sought(account: Account, order: Order, intent_id: str) -> Refund | None:
    if order.rail_id is not None:
        return await asked(account.client.v1.refunds.retrieve_async(order.rail_id), Refund)
    found = await lists.refund(account, order, intent_id=intent_id)
    if found is not None:
        await account.met(order, found.id)
    return found


async def _made(account: Account, order: Order, intent: Intent) -> Refund:
    params: Any = {
        "payment_intent": intent.id,
        "amount": to_stripe(order.amount),
        "metadata": metadata(order),
    }
    call = partial(account.client.v1.refunds.create_async, params)
    try:
        return await account.send(order, "refund", call, Refund)
    except Declined as declined:
        raise Invalid("reference", "the bank refuses to give it back") from declined


async def _check_left(account: Account, charge: Order, intent: Intent, amount: Money) -> None:
    if amount.currency != charge.currency:
        raise Invalid("currency", f"is {amount.currency}", charge.currency)
    left = reports.left(charge, intent, await charges.disputes_of(account, intent))
    if amount.minor > left.minor:
        raise Invalid("amount", f"{amount.minor} is more than there is", f"1 to {left.minor}")
