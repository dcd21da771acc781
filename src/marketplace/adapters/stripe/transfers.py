"""A transfer moves money from the platform's balance to a connected account's, once, and may be reversed."""

from functools import partial
from typing import Any

from marketplace.adapters.stripe import lists, reports
from marketplace.adapters.stripe.account import Account, metadata
from marketplace.adapters.stripe.amounts import to_stripe
from marketplace.adapters.stripe.objects import Transfer
from marketplace.adapters.stripe.orders import Order, of_transfer
from marketplace.adapters.stripe.refusals import Declined, asked
from marketplace.adapters.stripe.tokens import check_payee
from marketplace.core.shared.errors import Invalid
from marketplace.ports.payments import Report
from marketplace.ports.payments import Transfer as Wanted


async def release(account: Account, wanted: Wanted) -> Report:
    check_payee(wanted.payee, field="payee")
    to_stripe(wanted.amount)
    await account.check_mode(wanted.tenant_id)
    async with account.alone(wanted.reference):
        order, is_new = await account.orders.place(of_transfer(wanted, at=account.clock()))
        found = None if is_new else await _sought(account, order)
        if found is None:
            order = order if is_new else await account.sent_again(order)
            found = await _made(account, order)
            await account.met(order, found.id)
        return reports.of_transfer(order, found)


async def find(account: Account, order: Order) -> Report | None:
    found = await _sought(account, order)
    return None if found is None else reports.of_transfer(order, found)


async def _sought(account: Account, order: Order) -> Transfer | None:
    if order.rail_id is not None:
        return await asked(account.client.v1.transfers.retrieve_async(order.rail_id), Transfer)
    found = await lists.transfer(account, order)
    if found is not None:
        await account.met(order, found.id)
    return found


async def _made(account: Account, order: Order) -> Transfer:
    """
    From the available balance, as a payout is of many bookings: `source_transaction` takes one charge, and
    then binds the amount to it (https://docs.stripe.com/connect/separate-charges-and-transfers).
    """
    params: Any = {
        "amount": to_stripe(order.amount),
        "currency": order.currency.lower(),
        "destination": order.token,
        "description": order.description,
        "metadata": metadata(order),
        "transfer_group": str(order.reference),
    }
    call = partial(account.client.v1.transfers.create_async, params)
    try:
        return await account.send(order, "transfer", call, Transfer)
    except Declined as declined:
        raise Invalid("payee", "Stripe does not pay it") from declined
