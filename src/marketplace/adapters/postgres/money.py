"""Balances are sums of postings and earnings, and each says what it is the sum of."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from marketplace.adapters.postgres.provider_statement import accounts_of
from marketplace.adapters.postgres.reads import Reads


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBalance:
    """`balance_minor` is a debit when positive, a credit when negative."""

    account: str
    currency: str
    balance_minor: int
    postings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderBalance:
    """
    `payable_minor` may be drawn now, `pending_minor` later; the rest is in payouts not yet paid.

    `owed_minor` is what was clawed back beyond the balance: later earnings make it good.
    """

    provider_id: UUID
    currency: str
    payable_minor: int
    pending_minor: int
    on_its_way_minor: int
    owed_minor: int
    ledger_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementLine:
    """A movement with its postings by account, a debit positive; `subject_id` is what it is of."""

    id: UUID
    key: str
    name: str
    subject_id: UUID
    booking_id: UUID | None
    at: datetime
    postings: dict[str, int]


_ACCOUNTS = """
SELECT account, currency, sum(amount_minor)::bigint AS balance_minor, count(*) AS postings
FROM (SELECT CASE WHEN :detailed::boolean THEN account ELSE split_part(account, ':', 1) END AS account,
             currency, amount_minor
      FROM posting WHERE tenant_id = :tenant_id
        AND (:prefix::text IS NULL OR account LIKE :prefix || '%')) AS p
GROUP BY account, currency ORDER BY account, currency
"""

_BALANCE = """
SELECT coalesce(sum(amount_minor) FILTER (
         WHERE state = 'payable' AND (payable_at <= :at OR amount_minor < 0)), 0)::bigint AS payable_minor,
       coalesce(sum(amount_minor) FILTER (
         WHERE state = 'payable' AND payable_at > :at AND amount_minor > 0), 0)::bigint AS pending_minor,
       (SELECT coalesce(sum(amount_minor), 0)::bigint FROM payout
        WHERE tenant_id = :tenant_id AND provider_id = :provider_id AND state <> 'paid') AS on_its_way_minor,
       (SELECT owed_minor FROM provider WHERE tenant_id = :tenant_id AND id = :provider_id) AS owed_minor,
       (SELECT coalesce(-sum(amount_minor), 0)::bigint FROM posting
        WHERE tenant_id = :tenant_id AND account = ANY(:accounts)) AS ledger_minor
FROM earning WHERE tenant_id = :tenant_id AND provider_id = :provider_id
"""

_MOVEMENTS = """
SELECT coalesce(json_agg(json_build_object(
  'id', m.id, 'key', m.key, 'name', m.name, 'at', m.at, 'subject_id', m.subject_id,
  'booking_id', m.booking_id,
  'postings', (SELECT json_object_agg(account, amount_minor) FROM posting AS o
               WHERE o.tenant_id = m.tenant_id AND o.movement_id = m.id)) ORDER BY m.at, m.id), '[]')::text
FROM movement AS m WHERE m.tenant_id = :tenant_id AND m.booking_id = :booking_id
"""


async def accounts(
    reads: Reads, tenant_id: UUID, *, prefix: str | None = None, detailed: bool = False
) -> tuple[AccountBalance, ...]:
    """The trial balance; `detailed` by account, otherwise by the account's first word."""
    rows = await reads.rows(tenant_id, _ACCOUNTS, prefix=prefix, detailed=detailed)
    return tuple(AccountBalance(**row) for row in rows)


async def provider_balance(
    reads: Reads, tenant_id: UUID, *, provider_id: UUID, currency: str, at: datetime
) -> ProviderBalance:
    accounts = accounts_of(provider_id)
    (row,) = await reads.rows(tenant_id, _BALANCE, provider_id=provider_id, accounts=accounts, at=at)
    return ProviderBalance(provider_id=provider_id, currency=currency, **row)


async def booking_movements(reads: Reads, tenant_id: UUID, *, booking_id: UUID) -> tuple[MovementLine, ...]:
    """Everything that the ledger says of a booking, in order."""
    text = await reads.value(tenant_id, _MOVEMENTS, booking_id=booking_id)
    return msgspec.json.decode(text, type=tuple[MovementLine, ...])
