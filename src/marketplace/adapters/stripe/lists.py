"""
What became of an order whose answer was lost stands in Stripe's lists, which show an object once it is made.

Search does not: it is behind by up to a minute, and more in an outage, and is not for reading what was just
written (https://docs.stripe.com/search#data-freshness). A list by transfer group, by the payment that a
refund is of, by customer or by the time of creation is no index of that kind, and asking it makes nothing.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from marketplace.adapters.stripe.account import Account
from marketplace.adapters.stripe.objects import (
    REFERENCE,
    Charge,
    Customer,
    Dispute,
    Intent,
    Object,
    Page,
    Refund,
    Reversal,
    SetupIntent,
    Transfer,
)
from marketplace.adapters.stripe.orders import Kept, Order
from marketplace.adapters.stripe.refusals import asked
from marketplace.adapters.stripe.tokens import check_method

PAGE = 100
EXPAND_CHARGE = "latest_charge"
EXPAND_METHOD = "payment_method"
# How far Stripe's clock and ours may be apart, and how long a call may be under way.
AROUND = timedelta(minutes=10)

Item = TypeVar("Item", bound=Object)
List = Callable[[Any], Awaitable[Any]]


async def intent(account: Account, order: Order) -> Intent | None:
    """
    By its transfer group once the bank was asked, which takes one call; before that, as while a customer has
    still to act, an intent has no charge, and is found by its customer or the time at which it was sent.
    """
    groups = pages(
        account.client.v1.charges.list_async, {"transfer_group": str(order.reference)}, Page[Charge]
    )
    async for charge in groups:
        if charge.payment_intent is not None:
            found = await intent_by_id(account, charge.payment_intent)
            if found.metadata.get(REFERENCE) == str(order.reference):
                return found
    asking: dict[str, Any] = {"created": _around(order), "expand": [f"data.{EXPAND_CHARGE}"]}
    customer = check_method(order.token, field="method").customer
    if customer is not None:
        asking["customer"] = customer
    return await _named(pages(account.client.v1.payment_intents.list_async, asking, Page[Intent]), order)


async def intent_by_id(account: Account, key: str) -> Intent:
    retrieve = account.client.v1.payment_intents.retrieve_async
    return await asked(retrieve(key, {"expand": [EXPAND_CHARGE]}), Intent)


async def customer(account: Account, order: Kept) -> Customer | None:
    asking = {"created": _around(order)}
    return await _named(pages(account.client.v1.customers.list_async, asking, Page[Customer]), order)


async def setup(account: Account, order: Kept, *, customer: str) -> SetupIntent | None:
    asking = {"created": _around(order), "customer": customer, "expand": [f"data.{EXPAND_METHOD}"]}
    return await _named(pages(account.client.v1.setup_intents.list_async, asking, Page[SetupIntent]), order)


async def setups_of(account: Account, method_id: str) -> tuple[SetupIntent, ...]:
    """All that a card was saved by."""
    found = pages(
        account.client.v1.setup_intents.list_async, {"payment_method": method_id}, Page[SetupIntent]
    )
    return tuple([one async for one in found])


async def setup_by_id(account: Account, key: str) -> SetupIntent:
    retrieve = account.client.v1.setup_intents.retrieve_async
    return await asked(retrieve(key, {"expand": [EXPAND_METHOD]}), SetupIntent)


async def refund(account: Account, order: Order, *, intent_id: str) -> Refund | None:
    asking = {"payment_intent": intent_id}
    return await _named(pages(account.client.v1.refunds.list_async, asking, Page[Refund]), order)


async def transfer(account: Account, order: Order) -> Transfer | None:
    asking = {"transfer_group": order.group}
    return await _named(pages(account.client.v1.transfers.list_async, asking, Page[Transfer]), order)


async def reversal(account: Account, order: Order, *, transfer_id: str) -> Reversal | None:
    list_ = partial(account.client.v1.transfers.reversals.list_async, transfer_id)
    return await _named(pages(list_, {}, Page[Reversal]), order)


async def disputes(account: Account, intent_id: str) -> tuple[Dispute, ...]:
    """Of a payment, as a bank may come back to it."""
    asking = {"payment_intent": intent_id}
    return tuple([one async for one in pages(account.client.v1.disputes.list_async, asking, Page[Dispute])])


async def pages(list_: List, asking: dict[str, Any], kind: type[Page[Item]]) -> AsyncIterator[Item]:
    """Every item of a list, newest first."""
    after: dict[str, Any] = {}
    while True:
        page = await asked(list_({**asking, **after, "limit": PAGE}), kind)
        for item in page.data:
            yield item
        if not page.has_more or not page.data:
            return
        after = {"starting_after": page.data[-1].id}


def _around(order: Kept) -> dict[str, int]:
    return {
        "gte": int((order.first_sent_at - AROUND).timestamp()),
        "lte": int((order.last_sent_at + AROUND).timestamp()),
    }


async def _named(found: AsyncIterator[Item], order: Kept) -> Item | None:
    """The one whose metadata says that it is the order's."""
    async for one in found:
        if one.metadata.get(REFERENCE) == str(order.reference):
            return one
    return None
