"""A rail's clearing is explained to the cent: by what it settles late, should have settled, and by breaks."""

# ruff: noqa: S608 - the text is made of constants of this module; every value is a parameter

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from marketplace.adapters.postgres.reads import Reads
from marketplace.core.ledger.movement import psp_clearing
from marketplace.core.settlements.cause import RAIL_DELAY, Cause
from marketplace.core.shared.period import Period

BREAKS_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearing:
    """
    The rail's account in one currency: opening + moved - settled = closing.

    What is in it at the end was settled since then, waits for a line that is not late yet, or is overdue;
    anything else would be unexplained. The lines are those dated within the period, with what they tell.
    """

    currency: str
    opening_minor: int
    moved_minor: int
    settled_minor: int
    closing_minor: int
    settled_since_minor: int
    waiting_minor: int
    overdue_minor: int
    unexplained_minor: int
    lines: int
    booked: int
    gross_minor: int
    fee_minor: int
    net_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A line that settles nothing (`line`), or a movement that no line has told of in time (`movement`)."""

    kind: str
    id: UUID
    cause: Cause
    age_days: int
    at: datetime
    line_id: str | None
    reference: UUID
    subject: str
    booking_id: UUID | None
    currency: str
    gross_minor: int
    fee_minor: int
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """
    A rail's lines beside the ledger, up to `until`. `breaks` are open now, the oldest first; where there are
    more than are listed, `open_breaks` counts them all.
    """

    rail: str
    start: datetime
    until: datetime
    clear: bool
    open_breaks: int
    clearings: tuple[Clearing, ...]
    breaks: tuple[Break, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line as it was told, and what became of it."""

    id: UUID
    line_id: str
    reference: UUID
    subject: str
    currency: str
    gross_minor: int
    fee_minor: int
    settled_at: datetime
    state: str
    cause: Cause | None
    movement_id: UUID | None
    booking_id: UUID | None


# Each movement of the rail's clearing with the one that settled it, where there is one.
_MOVED = """
WITH moved AS (
  SELECT m.id, m.name, m.at, m.subject_id, m.booking_id, p.currency, p.amount_minor AS minor,
    m.name <> 'settled' AS ours, s.id IS NOT NULL AS told, b.at AS settled_at
  FROM posting AS p
  JOIN movement AS m ON m.tenant_id = p.tenant_id AND m.id = p.movement_id
  LEFT JOIN settlement AS s ON s.tenant_id = m.tenant_id AND s.movement_id = m.id
  LEFT JOIN movement AS b ON b.tenant_id = s.tenant_id AND b.key = 'settled:' || s.id::text
  WHERE p.tenant_id = :tenant_id AND p.account = :account AND m.at < :until
)
"""
_CLEARINGS = (
    _MOVED
    + """
, balance AS (
  SELECT currency,
    sum(minor) FILTER (WHERE at < :start) AS opening,
    sum(minor) FILTER (WHERE at >= :start AND ours) AS moved,
    -sum(minor) FILTER (WHERE at >= :start AND NOT ours) AS settled,
    sum(minor) AS closing
  FROM moved GROUP BY currency
), left_over AS (
  SELECT currency,
    sum(minor) FILTER (WHERE told) AS settled_since,
    sum(minor) FILTER (WHERE NOT told AND at >= :late) AS waiting,
    sum(minor) FILTER (WHERE NOT told AND at < :late) AS overdue
  FROM moved WHERE ours AND (settled_at IS NULL OR settled_at >= :until) GROUP BY currency
), line AS (
  SELECT currency, count(*) AS lines, count(*) FILTER (WHERE state <> 'break') AS booked,
    sum(gross_minor) AS gross, sum(fee_minor) AS fee
  FROM settlement
  WHERE tenant_id = :tenant_id AND rail = :rail AND settled_at >= :start AND settled_at < :until
  GROUP BY currency
)
SELECT currency,
  coalesce(opening, 0)::bigint AS opening_minor,
  coalesce(moved, 0)::bigint AS moved_minor,
  coalesce(settled, 0)::bigint AS settled_minor,
  coalesce(closing, 0)::bigint AS closing_minor,
  coalesce(settled_since, 0)::bigint AS settled_since_minor,
  coalesce(waiting, 0)::bigint AS waiting_minor,
  coalesce(overdue, 0)::bigint AS overdue_minor,
  coalesce(lines, 0) AS lines,
  coalesce(booked, 0) AS booked,
  coalesce(gross, 0)::bigint AS gross_minor,
  coalesce(fee, 0)::bigint AS fee_minor
FROM balance FULL JOIN left_over USING (currency) FULL JOIN line USING (currency) ORDER BY currency
"""
)
_BREAKS = (
    _MOVED
    + """
, open AS (
  SELECT 'line' AS kind, id, coalesce(cause, 'line_without_movement') AS cause, settled_at AS at, line_id,
    reference, subject, booking_id, currency, gross_minor, fee_minor, problem
  FROM settlement
  WHERE tenant_id = :tenant_id AND state = 'break' AND rail = :rail AND settled_at < :until
  UNION ALL
  SELECT 'movement', id, 'movement_without_line', at, NULL, subject_id, name, booking_id, currency, minor, 0,
    'no line of the rail has told of it'
  FROM moved WHERE ours AND NOT told AND at < :late
)
SELECT json_build_object('open', (SELECT count(*) FROM open), 'breaks', (
  SELECT coalesce(json_agg(b ORDER BY b.at, b.id), '[]') FROM (
    SELECT *, greatest(0, extract(day FROM :now::timestamptz - at))::int AS age_days FROM open
    ORDER BY at, id LIMIT :most
  ) AS b
))::text
"""
)
_LINES = """
SELECT coalesce(json_agg(s ORDER BY s.settled_at, s.id), '[]')::text FROM settlement AS s
WHERE tenant_id = :tenant_id AND rail = :rail AND settled_at >= :start AND settled_at < :until
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    open: int
    breaks: tuple[Break, ...]


_open = msgspec.json.Decoder(_Open)
_lines = msgspec.json.Decoder(tuple[Line, ...])


async def reconcile(
    reads: Reads,
    tenant_id: UUID,
    *,
    rail: str,
    period: Period,
    now: datetime,
    delay: timedelta = RAIL_DELAY,
) -> Reconciliation:
    """What no line has told of after `delay` is a break; by the rules of the ledger nothing else is left."""
    account = {"account": psp_clearing(rail), "rail": rail}
    late = min(now - delay, period.end)
    facts: dict[str, Any] = account | {"until": period.end, "late": late}
    rows = await reads.rows(tenant_id, _CLEARINGS, start=period.start, **facts)
    clearings = tuple(_clearing(dict(row)) for row in rows)
    found = _open.decode(await reads.value(tenant_id, _BREAKS, now=now, most=BREAKS_MAX, **facts))
    return Reconciliation(
        rail=rail,
        start=period.start,
        until=period.end,
        clear=not found.open and not any(one.unexplained_minor for one in clearings),
        open_breaks=found.open,
        clearings=clearings,
        breaks=found.breaks,
    )


def _clearing(row: dict[str, Any]) -> Clearing:
    explained = row["settled_since_minor"] + row["waiting_minor"] + row["overdue_minor"]
    return Clearing(
        **row,
        net_minor=row["gross_minor"] - row["fee_minor"],
        unexplained_minor=row["closing_minor"] - explained,
    )


async def lines_of(reads: Reads, tenant_id: UUID, *, rail: str, period: Period) -> tuple[Line, ...]:
    """Every line dated within the period, in the order of their dates."""
    text = await reads.value(tenant_id, _LINES, rail=rail, start=period.start, until=period.end)
    return _lines.decode(text)
