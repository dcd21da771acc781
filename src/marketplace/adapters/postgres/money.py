"""Balances and statements are sums of postings and earnings, and each says what it is the sum of."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from marketplace.adapters.postgres.reads import Reads
from marketplace.core.ledger.movement import provider_payable, provider_receivable


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
class StatementLine:
    """An earning with what the job cost and what the platform kept, or a payout."""

    kind: str
    id: UUID
    at: datetime
    booking_id: UUID | None
    gross_minor: int
    fee_minor: int
    vat_minor: int
    net_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """From `start` up to, but without, `until`: opening + earned - paid = closing, in minor units."""

    provider_id: UUID
    currency: str
    start: datetime
    until: datetime
    opening_minor: int
    earned_minor: int
    paid_minor: int
    closing_minor: int
    lines: tuple[StatementLine, ...]


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

_EARNED = """
SELECT coalesce(json_agg(json_build_object(
  'kind', e.reason, 'id', e.id, 'at', e.earned_at, 'booking_id', e.booking_id,
  'gross_minor', coalesce(p.gross, e.amount_minor), 'fee_minor', coalesce(p.fee, 0),
  'vat_minor', coalesce(p.vat, 0), 'net_minor', e.amount_minor) ORDER BY e.earned_at, e.id), '[]')::text
FROM earning AS e LEFT JOIN LATERAL (
  SELECT sum(o.amount_minor) FILTER (WHERE o.account LIKE 'customer_funds:%')::bigint AS gross,
         -sum(o.amount_minor) FILTER (WHERE o.account IN ('platform_fee', 'cancellation_fee'))::bigint AS fee,
         -sum(o.amount_minor) FILTER (WHERE o.account = 'vat_output')::bigint AS vat
  FROM movement AS m JOIN posting AS o ON o.tenant_id = m.tenant_id AND o.movement_id = m.id
  WHERE m.tenant_id = e.tenant_id AND m.key = 'released:' || e.booking_id::text AND e.amount_minor > 0
) AS p ON true
WHERE e.tenant_id = :tenant_id AND e.provider_id = :provider_id
  AND e.earned_at >= :start AND e.earned_at < :until
"""

_PAID = """
SELECT coalesce(json_agg(json_build_object(
  'kind', m.name, 'id', m.id, 'at', m.at, 'booking_id', NULL,
  'gross_minor', 0, 'fee_minor', 0, 'vat_minor', 0, 'net_minor', -o.amount_minor
) ORDER BY m.at, m.id), '[]')::text
FROM movement AS m
JOIN posting AS o ON o.tenant_id = m.tenant_id AND o.movement_id = m.id AND o.account = :account
WHERE m.tenant_id = :tenant_id AND m.name IN ('payout_sent', 'payout_returned')
  AND m.at >= :start AND m.at < :until
"""

_BEFORE = """
SELECT coalesce(-sum(o.amount_minor), 0)::bigint
FROM posting AS o JOIN movement AS m ON m.tenant_id = o.tenant_id AND m.id = o.movement_id
WHERE o.tenant_id = :tenant_id AND o.account = ANY(:accounts) AND m.at < :start
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
    accounts = _accounts_of(provider_id)
    (row,) = await reads.rows(tenant_id, _BALANCE, provider_id=provider_id, accounts=accounts, at=at)
    return ProviderBalance(provider_id=provider_id, currency=currency, **row)


async def provider_statement(
    reads: Reads, tenant_id: UUID, *, provider_id: UUID, currency: str, start: datetime, until: datetime
) -> Statement:
    """Adds up to the cent: the opening is the ledger's, the lines are the ledger's and the earnings'."""
    facts: dict[str, Any] = {"provider_id": provider_id, "start": start, "until": until}
    account = provider_payable(provider_id)
    earned = _lines(await reads.value(tenant_id, _EARNED, **facts))
    paid = _lines(await reads.value(tenant_id, _PAID, account=account, start=start, until=until))
    opening = await reads.value(tenant_id, _BEFORE, accounts=_accounts_of(provider_id), start=start)
    total_earned, total_paid = (sum(line.net_minor for line in lines) for lines in (earned, paid))
    return Statement(
        provider_id=provider_id,
        currency=currency,
        start=start,
        until=until,
        opening_minor=opening,
        earned_minor=total_earned,
        paid_minor=-total_paid,
        closing_minor=opening + total_earned + total_paid,
        lines=tuple(sorted((*earned, *paid), key=lambda line: (line.at, line.id))),
    )


def _accounts_of(provider_id: UUID) -> list[str]:
    """What it is owed, and what it owes: together they are its balance."""
    return [provider_payable(provider_id), provider_receivable(provider_id)]


def _lines(text: str) -> tuple[StatementLine, ...]:
    return msgspec.json.decode(text, type=tuple[StatementLine, ...])


async def booking_movements(reads: Reads, tenant_id: UUID, *, booking_id: UUID) -> tuple[MovementLine, ...]:
    """Everything that the ledger says of a booking, in order."""
    text = await reads.value(tenant_id, _MOVEMENTS, booking_id=booking_id)
    return msgspec.json.decode(text, type=tuple[MovementLine, ...])
