"""A reversal takes a transfer back, or a part of it, as far as the connected account's balance covers it."""

from functools import partial
from typing import Any
from uuid import UUID

from marketplace.adapters.stripe import lists, reports, transfers
from marketplace.adapters.stripe.account import Account, metadata
from marketplace.adapters.stripe.amounts import to_stripe
from marketplace.adapters.stripe.objects import Reversal, Transfer
from marketplace.adapters.stripe.orders import Order, of_reversal
from marketplace.adapters.stripe.refusals import Declined, NotCovered, asked
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Report, Subject


async def claw_back(account: Account, reference: UUID, *, key: UUID, amount: Money) -> Report:
    """https://docs.stripe.com/connect/separate-charges-and-transfers#reverse-transfers"""
    to_stripe(amount)
    async with account.alone(key):
        paid, transfer = await _known(account, reference)
        wanted = of_reversal(paid, reversal=key, amount=amount, at=account.clock())
        order, found = await account.send_once(
            wanted,
            sought=lambda order: _sought(account, order, transfer.id),
            made=lambda order: _made(account, order, transfer),
        )
        return reports.of_reversal(order, found)


async def find(account: Account, order: Order) -> Report | None:
    paid = None if order.charge is None else await account.orders.find(order.charge)
    transfer_id = None if paid is None else paid.rail_id
    found = None if transfer_id is None else await _sought(account, order, transfer_id)
    return None if found is None else reports.of_reversal(order, found)


async def _known(account: Account, reference: UUID) -> tuple[Order, Transfer]:
    """Raises Invalid for a reference that stands for no transfer at Stripe."""
    order = await account.orders.find(reference)
    if order is None or order.subject is not Subject.TRANSFER:
        raise Invalid("reference", f"Stripe has no transfer {reference}")
    await account.check_mode(order.tenant_id)
    transfer = await transfers.sought(account, order)
    if transfer is None:
        raise Invalid("reference", f"Stripe has no transfer {reference}")
    return order, transfer


async def _sought(account: Account, order: Order, transfer_id: str) -> Reversal | None:
    if order.rail_id is not None:
        retrieve = account.client.v1.transfers.reversals.retrieve_async
        return await asked(retrieve(transfer_id, order.rail_id), Reversal)
    found = await lists.reversal(account, order, transfer_id=transfer_id)
    if found is not None:
        await account.met(order, found.id)
    return found


async def _made(account: Account, order: Order, transfer: Transfer) -> Reversal:
    """What the payee has spent is not waited for, as a payout is where our own balance does not suffice."""
    params: Any = {"amount": to_stripe(order.amount), "metadata": metadata(order)}
    call = partial(account.client.v1.transfers.reversals.create_async, transfer.id, params)
    try:
        return await account.send(order, "reversal", call, Reversal)
    except (NotCovered, Declined) as refused:
        raise Invalid("payee", "the balance of the provider's account does not cover it") from refused
