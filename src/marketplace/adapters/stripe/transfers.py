"""A transfer moves money from the platform's balance to a connected account's, once, and may be reversed."""

from functools import partial
from typing import Any
from uuid import UUID

from marketplace.adapters.stripe import charges, lists, reports
from marketplace.adapters.stripe.account import Account, metadata
from marketplace.adapters.stripe.amounts import from_stripe, to_stripe
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
        order, found = await account.send_once(
            of_transfer(wanted, at=account.clock()),
            sought=partial(sought, account),
            made=partial(_made, account),
        )
        return reports.of_transfer(order, found)


async def find(account: Account, order: Order) -> Report | None:
    found = await sought(account, order)
    return None if found is None else reports.of_transfer(order, found)


async def sought(account: Account, order: Order) -> Transfer | None:
    if order.rail_id is not None:
        return await asked(account.client.v1.transfers.retrieve_async(order.rail_id), Transfer)
    found = await lists.transfer(account, order)
    if found is not None:
        await account.met(order, found.id)
    return found


async def _source(account: Account, order: Order, reference: UUID) -> str:
    """
    The charge at Stripe that it is paid from, as `source_transaction`: the transfer need not wait until the
    money is available, and is never more than was taken.

    https://docs.stripe.com/connect/separate-charges-and-transfers#transfer-availability
    """
    of, intent = await charges.known(account, reference)
    if of.tenant_id != order.tenant_id or intent.charge is None or intent.status != "succeeded":
        raise Invalid("charge", f"Stripe has taken nothing under {reference}")
    taken = from_stripe(intent.charge.amount_captured, intent.currency)
    if taken.currency != order.currency or order.minor > taken.minor:
        raise Invalid(
            "amount", f"{order.minor} is more than there is", f"1 to {taken.minor} {taken.currency}"
        )
    return intent.charge.id


async def _made(account: Account, order: Order) -> Transfer:
    """From the available balance where it is from no single charge."""
    source = None if order.charge is None else await _source(account, order, order.charge)
    params: Any = {
        "amount": to_stripe(order.amount),
        "currency": order.currency.lower(),
        "destination": order.token,
        "description": order.description,
        "metadata": metadata(order),
        "transfer_group": order.group,
    }
    if source is not None:
        params["source_transaction"] = source
    call = partial(account.client.v1.transfers.create_async, params)
    try:
        return await account.send(order, "transfer", call, Transfer)
    except Declined as declined:
        raise Invalid("payee", "Stripe does not pay it") from declined
