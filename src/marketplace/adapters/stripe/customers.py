"""A customer of a marketplace is one Customer at Stripe, to whom its cards are attached, and is made once."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Literal
from uuid import UUID

from marketplace.adapters.stripe import lists
from marketplace.adapters.stripe.account import Account, metadata
from marketplace.adapters.stripe.objects import CUSTOMER, Customer
from marketplace.adapters.stripe.orders import Kept
from marketplace.adapters.stripe.refusals import asked
from marketplace.core.shared.ids import derive


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerOrder(Kept):
    """Of whom Stripe hears no more than our ids."""

    SHELF: ClassVar[str] = "stripe.customer"
    TERMS: ClassVar[tuple[str, ...]] = ("tenant_id", "customer_id")

    customer_id: UUID
    subject: Literal["customer"] = "customer"


def _reference(tenant_id: UUID, customer_id: UUID) -> UUID:
    return derive(tenant_id, "stripe customer", customer_id)


async def known(account: Account, tenant_id: UUID, customer_id: UUID) -> str | None:
    """Its name at Stripe, as far as we have heard; no call."""
    order = await account.orders.kept(CustomerOrder, _reference(tenant_id, customer_id))
    return None if order is None else order.rail_id


async def named(account: Account, tenant_id: UUID, customer_id: UUID) -> str:
    """Its name at Stripe, where it is made if it is not there: once, whatever races or repeats."""
    now = account.clock()
    wanted = CustomerOrder(
        reference=_reference(tenant_id, customer_id),
        tenant_id=tenant_id,
        customer_id=customer_id,
        first_sent_at=now,
        last_sent_at=now,
    )
    async with account.alone(wanted.reference):
        order, is_new = await account.orders.place(wanted)
        if order.rail_id is not None:
            return order.rail_id
        found = None if is_new else await lists.customer(account, order)
        if found is None:
            order = order if is_new else await account.sent_again(order)
            found = await _made(account, order)
        await account.met(order, found.id)
        return found.id


async def is_deleted(account: Account, tenant_id: UUID, customer_id: UUID) -> bool:
    """Whether somebody has deleted it at Stripe; then the next to ask for its name makes another."""
    order = await account.orders.kept(CustomerOrder, _reference(tenant_id, customer_id))
    if order is None or order.rail_id is None:
        return True
    gone = order.rail_id
    if not (await asked(account.client.v1.customers.retrieve_async(gone), Customer)).deleted:
        return False
    await account.orders.amend(order, lambda standing: _without(standing, gone))
    return True


def _without(standing: CustomerOrder, gone: str) -> CustomerOrder:
    """Under another key, as the one before would be answered with the one that is gone."""
    if standing.rail_id != gone:
        return standing
    return replace(standing, rail_id=None, tries=standing.tries + 1)


async def _made(account: Account, order: CustomerOrder) -> Customer:
    params: Any = {"metadata": metadata(order) | {CUSTOMER: str(order.customer_id)}}
    call = partial(account.client.v1.customers.create_async, params)
    return await account.send(order, "customer", call, Customer)
