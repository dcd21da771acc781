"""
The balance's transactions are the statement, in the order in which Stripe wrote them, as far as settled.

It ends before the first that is not available yet, whatever is behind that: so what becomes available
late comes late, and nothing is passed over. A cursor is the id of the last transaction that was looked at.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from marketplace.adapters.stripe.account import Account
from marketplace.adapters.stripe.amounts import from_stripe
from marketplace.adapters.stripe.lists import PAGE, intent_by_id
from marketplace.adapters.stripe.objects import (
    REFERENCE,
    SUBJECT,
    TENANT,
    BalanceTransaction,
    Metadata,
    Page,
    Transfer,
)
from marketplace.adapters.stripe.refusals import asked
from marketplace.core.shared.errors import Invalid
from marketplace.ports.payments import SettlementLine, Statement, Subject

_CURSOR = re.compile(r"txn_[A-Za-z0-9_]{1,200}")
# What Stripe is still writing may come before what it has written.
_WRITTEN = timedelta(minutes=1)
_FIRST_WINDOW = timedelta(hours=1)
# A call looks at no more pages than this; the rest is read by the next.
_PAGES_MAX = 50
# What moves money under a reference of ours, by what Stripe calls it: whose metadata says which.
# https://docs.stripe.com/reports/balance-transaction-types. Payouts to our bank, fees of the account and the
# like stand under no reference.
_SUBJECTS = {
    "charge": Subject.CHARGE,
    "payment": Subject.CHARGE,
    "payment_failure_refund": Subject.CHARGE,
    "adjustment": Subject.CHARGE,
    "refund": Subject.REFUND,
    "refund_failure": Subject.REFUND,
    "payment_refund": Subject.REFUND,
    "transfer": Subject.TRANSFER,
    "transfer_cancel": Subject.TRANSFER,
    "transfer_failure": Subject.TRANSFER,
    "transfer_refund": Subject.TRANSFER,
}


async def settlement_lines(account: Account, tenant_id: UUID, *, after: str | None, limit: int) -> Statement:
    if limit < 1:
        raise Invalid("limit", f"{limit} lines are none", "1 and more")
    if after is not None and _CURSOR.fullmatch(after) is None:
        raise Invalid("after", f"{after[:60]!r} is none of Stripe's", "a cursor of a statement")
    await account.check_mode(tenant_id)
    lines: list[SettlementLine] = []
    cursor = after
    for _ in range(_PAGES_MAX):
        found, more = await _next(account, tenant_id, cursor)
        for transaction in found:
            if not _is_settled(transaction, account.clock()):
                return Statement(lines=tuple(lines), cursor=cursor)
            cursor = transaction.id
            lines += await _lines(account, tenant_id, transaction)
            if len(lines) == limit:
                return Statement(lines=tuple(lines), cursor=cursor)
        if not more:
            break
    return Statement(lines=tuple(lines), cursor=cursor)


async def _next(
    account: Account, tenant_id: UUID, cursor: str | None
) -> tuple[Sequence[BalanceTransaction], bool]:
    """The transactions after a cursor, oldest first, and whether there may be more."""
    if cursor is None:
        first = await _first(account, tenant_id)
        return first, bool(first)
    # A page that ends before an item holds those that are newer, the nearest of them.
    page = await _page(account, {"ending_before": cursor})
    return page.data[::-1], page.has_more


async def _first(account: Account, tenant_id: UUID) -> Sequence[BalanceTransaction]:
    """Since the tenant's first order: lists begin with the newest, so a window grows until one is in it."""
    sent_at, now = await account.orders.first_sent_at(tenant_id), account.clock()
    start, window = (sent_at or now) - _FIRST_WINDOW, _FIRST_WINDOW
    while sent_at is not None:
        since = {"gte": int(start.timestamp()), "lt": int((start + window).timestamp()) + 1}
        page = await _page(account, {"created": since})
        oldest = page.data
        while page.has_more:
            page = await _page(account, {"created": since, "starting_after": page.data[-1].id})
            oldest = page.data or oldest
        if oldest or start + window > now:
            return oldest[::-1]
        window *= 2
    return ()


async def _page(account: Account, asking: dict[str, Any]) -> Page[BalanceTransaction]:
    params: Any = {**asking, "limit": PAGE, "expand": ["data.source"]}
    return await asked(account.client.v1.balance_transactions.list_async(params), Page[BalanceTransaction])


def _is_settled(transaction: BalanceTransaction, now: datetime) -> bool:
    written = datetime.fromtimestamp(transaction.created, UTC) + _WRITTEN
    return written <= now and datetime.fromtimestamp(transaction.available_on, UTC) <= now


async def _lines(
    account: Account, tenant_id: UUID, transaction: BalanceTransaction
) -> tuple[SettlementLine, ...]:
    subject = _SUBJECTS.get(transaction.type)
    named = {} if subject is None else await _named(account, transaction)
    if subject is None or named.get(TENANT) != str(tenant_id) or REFERENCE not in named:
        return ()
    if named.get(SUBJECT) == Subject.TRANSFER_REVERSAL:
        subject = Subject.TRANSFER_REVERSAL  # one of ours, and not somebody's in the dashboard
    line = SettlementLine(
        line_id=transaction.id,
        reference=UUID(named[REFERENCE]),
        subject=subject,
        gross=from_stripe(transaction.amount, transaction.currency),
        fee=from_stripe(transaction.fee, transaction.currency),
        settled_at=datetime.fromtimestamp(transaction.available_on, UTC),
    )
    return (line,)


async def _named(account: Account, transaction: BalanceTransaction) -> Metadata:
    """
    Whose it is: the source says so. What somebody did in Stripe's dashboard, and a dispute, do not: then
    that of which it takes or gives back does, so that it is seen.
    """
    source = transaction.source if isinstance(transaction.source, dict) else {}
    found: Metadata = source.get("metadata") or {}
    match source.get("object"):
        case "dispute" | "refund" if TENANT not in found and source.get("payment_intent"):
            return (await intent_by_id(account, source["payment_intent"])).metadata
        case "transfer_reversal" if TENANT not in found and source.get("transfer"):
            retrieve = account.client.v1.transfers.retrieve_async
            return (await asked(retrieve(source["transfer"]), Transfer)).metadata
        case _:
            return found
