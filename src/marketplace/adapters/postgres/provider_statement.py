"""What a provider is owed moves with the ledger alone: opening, lines and closing are sums of postings."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from marketplace.adapters.postgres.reads import Reads
from marketplace.core.ledger.movement import provider_payable, provider_receivable
from marketplace.core.shared.period import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """
    A movement of what the provider is owed: gross - fee - VAT + adjustment - payout = net.

    `id` is of the earning where there is one, else of the movement.
    """

    kind: str
    id: UUID
    at: datetime
    booking_id: UUID | None
    gross_minor: int
    fee_minor: int
    vat_minor: int
    adjustment_minor: int
    payout_minor: int
    net_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """
    From `start` up to, but without, `until`: opening + earned - paid = closing, in minor units.

    Earned is gross - fee - VAT + adjustments; all of them are sums of the lines.
    """

    provider_id: UUID
    currency: str
    start: datetime
    until: datetime
    opening_minor: int
    gross_minor: int
    fee_minor: int
    vat_minor: int
    adjustments_minor: int
    earned_minor: int
    paid_minor: int
    closing_minor: int
    lines: tuple[StatementLine, ...]


# One statement, and so one snapshot: what is booked meanwhile is in all of it or in nothing. What moves only
# between the two accounts, as a debt that is set off, changes nothing that is owed.
_STATEMENT = """
SELECT json_build_object('opening', (
  SELECT coalesce(-sum(o.amount_minor), 0)::bigint
  FROM posting AS o JOIN movement AS m ON m.tenant_id = o.tenant_id AND m.id = o.movement_id
  WHERE o.tenant_id = :tenant_id AND o.account = ANY(:accounts) AND m.at < :start
), 'lines', (
  SELECT coalesce(json_agg(json_build_object(
    'kind', coalesce(e.reason, own.name), 'id', coalesce(e.id, own.id), 'at', own.at,
    'booking_id', own.booking_id, 'gross_minor', coalesce(p.gross, 0), 'fee_minor', coalesce(p.fee, 0),
    'vat_minor', coalesce(p.vat, 0), 'net_minor', own.net,
    'payout_minor', CASE WHEN own.name LIKE 'payout_%' THEN -own.net ELSE 0 END,
    'adjustment_minor', CASE WHEN own.name LIKE 'payout_%' THEN 0
      ELSE own.net - coalesce(p.gross - p.fee - p.vat, 0) END
  ) ORDER BY own.at, own.id), '[]')
  FROM (
    SELECT m.tenant_id, m.id, m.name, m.at, m.booking_id, -sum(o.amount_minor)::bigint AS net
    FROM posting AS o JOIN movement AS m ON m.tenant_id = o.tenant_id AND m.id = o.movement_id
    WHERE o.tenant_id = :tenant_id AND o.account = ANY(:accounts) AND m.at >= :start AND m.at < :until
    GROUP BY m.tenant_id, m.id HAVING sum(o.amount_minor) <> 0
  ) AS own
  LEFT JOIN LATERAL (
    SELECT sum(o.amount_minor) FILTER (WHERE o.account LIKE 'customer_funds:%')::bigint AS gross,
      coalesce(-sum(o.amount_minor) FILTER (
        WHERE o.account IN ('platform_fee', 'cancellation_fee')), 0)::bigint AS fee,
      coalesce(-sum(o.amount_minor) FILTER (WHERE o.account = 'vat_output'), 0)::bigint AS vat
    FROM posting AS o
    WHERE own.name = 'released' AND o.tenant_id = own.tenant_id AND o.movement_id = own.id
  ) AS p ON true
  LEFT JOIN LATERAL (
    SELECT e.id, e.reason FROM earning AS e
    WHERE e.tenant_id = own.tenant_id AND e.booking_id = own.booking_id AND e.provider_id = :provider_id
      AND (e.amount_minor > 0) = (own.net > 0)
    ORDER BY e.amount_minor <> own.net, e.id LIMIT 1
  ) AS e ON true
))::text
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    opening: int
    lines: tuple[StatementLine, ...]


_found = msgspec.json.Decoder(_Found)


async def provider_statement(
    reads: Reads, tenant_id: UUID, *, provider_id: UUID, currency: str, period: Period
) -> Statement:
    """Adds up to the cent, and closes where the next one opens."""
    text = await reads.value(
        tenant_id,
        _STATEMENT,
        provider_id=provider_id,
        accounts=accounts_of(provider_id),
        start=period.start,
        until=period.end,
    )
    found = _found.decode(text)
    gross, fee, vat, adjustments, paid, net = (
        sum(getattr(line, f"{name}_minor") for line in found.lines)
        for name in ("gross", "fee", "vat", "adjustment", "payout", "net")
    )
    return Statement(
        provider_id=provider_id,
        currency=currency,
        start=period.start,
        until=period.end,
        opening_minor=found.opening,
        gross_minor=gross,
        fee_minor=fee,
        vat_minor=vat,
        adjustments_minor=adjustments,
        earned_minor=net + paid,
        paid_minor=paid,
        closing_minor=found.opening + net,
        lines=found.lines,
    )


def accounts_of(provider_id: UUID) -> list[str]:
    """What it is owed, and what it owes: together they are its balance."""
    return [provider_payable(provider_id), provider_receivable(provider_id)]
