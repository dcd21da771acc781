"""
Each promise is one statement over whole tables: the rows it looked at, and a sentence for each violation.

$1 is the tenant, null for all of them; $2, where it is asked for, the time, null for each tenant's own.
"""

# ruff: noqa: S608 - the text is made of names of our own classes; every value is a parameter

from collections.abc import Iterable

from marketplace.adapters.postgres.tables import table_of
from marketplace.core.bookings.booking import State as BookingState
from marketplace.core.dispatch.job import OPEN as JOB_OPEN
from marketplace.core.dispatch.job import State as JobState
from marketplace.core.dispatch.offer import State as OfferState
from marketplace.core.ledger.movement import DISPUTE_HOLD, REFUNDS_PAYABLE, REVERSALS_PENDING
from marketplace.core.lifecycles import AGGREGATES
from marketplace.core.payments.payment import HELD, TAKEN_BACK
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payouts.payout import IN_THE_LEDGER
from marketplace.core.payouts.reversal import State as ReversalState
from marketplace.core.promises import (
    CLOSED,
    HOLDING,
    PATIENCE,
    RESTING,
    TIMED,
    UNPAID,
    Name,
    lawful_steps,
)
from marketplace.core.reviews.review import State as ReviewState
from marketplace.core.settlements.settlement import State as SettlementState
from marketplace.ports.audit import VIOLATIONS_MAX


def _scope(alias: str) -> str:
    return f"($1::uuid IS NULL OR {alias}.tenant_id = $1)"


def _in(values: Iterable[object]) -> str:
    return "(" + ", ".join(sorted(f"'{value}'" for value in values)) + ")"


def _statement(table: str, violations: str, *, given: str = "") -> str:
    """`violations` selects sentences."""
    return (
        f"{given} SELECT (SELECT count(*) FROM {table} AS t WHERE {_scope('t')}),"
        f" ARRAY(SELECT * FROM ({violations}) AS v (sentence) LIMIT {VIOLATIONS_MAX})"
    )


# What was due before this, by its tenant's clock, is overdue.
_LONG_PAST = f"""long_past AS (
    SELECT t.tenant_id, coalesce($2::timestamptz, now() + make_interval(secs => t.clock_ahead_seconds))
        - make_interval(secs => {PATIENCE.total_seconds()}) AS at
    FROM tenant AS t WHERE {_scope("t")})"""

_LEDGER = _statement(
    "posting",
    f"""SELECT format('%s sums to %s %s', coalesce('movement ' || movement_id, 'the ledger of ' || tenant_id),
            currency, sum(amount_minor))
        FROM posting AS p WHERE {_scope("p")}
        GROUP BY GROUPING SETS ((tenant_id, movement_id, currency), (tenant_id, currency))
        HAVING sum(amount_minor) <> 0""",
)

_HOLDS = _statement(
    "payment",
    """SELECT format('payment %s gave back and released more than it captured', id) FROM ours
        WHERE least(refunded_minor, released_minor, lost_minor) < 0
            OR refunded_minor + released_minor + lost_minor > captured_minor
    UNION ALL
        SELECT format('payment %s captured %s, %s is posted', o.id, o.captured_minor, coalesce(minor, 0))
        FROM ours AS o LEFT JOIN captured AS c ON (c.tenant_id, c.id) = (o.tenant_id, o.id)
        WHERE o.captured_minor <> coalesce(minor, 0)
    UNION ALL
        SELECT format('payment %s gave back %s, %s is posted', o.id, o.refunded_minor, coalesce(minor, 0))
        FROM ours AS o LEFT JOIN refunded AS r ON (r.tenant_id, r.id) = (o.tenant_id, o.id)
        WHERE o.refunded_minor <> coalesce(minor, 0)
    UNION ALL
        SELECT format('booking %s released %s, %s is posted', id, coalesce(b.minor, 0), coalesce(r.minor, 0))
        FROM by_booking AS b FULL JOIN released AS r USING (tenant_id, id)
        WHERE coalesce(b.minor, 0) <> coalesce(r.minor, 0)""",
    given=f"""WITH ours AS (SELECT * FROM payment AS p WHERE {_scope("p")}),
    by_booking AS (
        SELECT tenant_id, booking_id AS id, sum(released_minor) AS minor FROM ours GROUP BY 1, 2),
    posted AS (
        SELECT m.tenant_id, m.name, m.subject_id, p.amount_minor AS minor
        FROM movement AS m JOIN posting AS p ON (p.tenant_id, p.movement_id) = (m.tenant_id, m.id)
        WHERE {_scope("m")} AND p.account LIKE 'customer_funds:%'
            AND m.name IN ('payment_succeed', 'payment_catch_up', 'refund_promised', 'released')),
    captured AS (SELECT tenant_id, subject_id AS id, -sum(minor) AS minor FROM posted
        WHERE name IN ('payment_succeed', 'payment_catch_up') GROUP BY 1, 2),
    refunded AS (SELECT p.tenant_id, r.payment_id AS id, sum(minor) AS minor
        FROM posted AS p JOIN refund AS r ON (r.tenant_id, r.id) = (p.tenant_id, p.subject_id)
        WHERE name = 'refund_promised' GROUP BY 1, 2),
    released AS (SELECT tenant_id, subject_id AS id, sum(minor) AS minor FROM posted
        WHERE name = 'released' GROUP BY 1, 2)""",
)

_CAPACITY = _statement(
    "reservation",
    f"""SELECT format('unit %s is sold twice at %s', unit_id, starts_at) FROM (
            SELECT unit_id, starts_at, max(ends_at) OVER (PARTITION BY tenant_id, unit_id
                ORDER BY starts_at, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS busy_until
            FROM reservation AS r WHERE {_scope("r")} AND state = 'held') AS held
        WHERE starts_at < busy_until""",
)

_CURRENT = " UNION ALL ".join(
    f"SELECT '{kind.LIFECYCLE.kind}' AS kind, tenant_id, id, version, state"
    f" FROM {table_of(kind).quoted} AS c WHERE {_scope('c')}"
    for kind in AGGREGATES
)
_STEPS = ", ".join(
    f"('{kind}', {'NULL' if before is None else repr(before)}, '{after}')"
    for kind, before, after in sorted(lawful_steps(), key=str)
)
_HISTORIES = _statement(
    "event",
    f"""SELECT format('%s %s has a gap in its history', kind, subject_id) FROM steps
            WHERE version <> coalesce(prior_version, 0) + 1
        UNION ALL
            SELECT format('%s %s has a step that does not begin where the last one ended', kind, subject_id)
            FROM steps WHERE before IS DISTINCT FROM prior
        UNION ALL SELECT format('%s %s went from %s to %s', kind, subject_id, before, after) FROM steps AS s
            WHERE NOT EXISTS (SELECT FROM lawful AS l WHERE l.kind = s.kind AND l.after = s.after
                AND l.before IS NOT DISTINCT FROM s.before)
        UNION ALL SELECT CASE WHEN s.subject_id IS NULL THEN format('%s %s has no history', c.kind, c.id)
                ELSE format('%s %s is %s, its history ends in %s', c.kind, c.id, c.state, s.after) END
            FROM ({_CURRENT}) AS c LEFT JOIN steps AS s
                ON s.is_last AND (s.tenant_id, s.subject_id, s.kind) = (c.tenant_id, c.id, c.kind)
            WHERE (s.after, s.version) IS DISTINCT FROM (c.state, c.version)""",
    given=f"""WITH lawful (kind, before, after) AS (VALUES {_STEPS}),
    steps AS MATERIALIZED (
        SELECT tenant_id, kind, subject_id, version, before, after, lag(after) OVER history AS prior,
            lag(version) OVER history AS prior_version, lead(version) OVER history IS NULL AS is_last
        FROM event AS e WHERE {_scope("e")}
        WINDOW history AS (PARTITION BY tenant_id, kind, subject_id ORDER BY version))""",
)

_VENDOR_EVENTS = _statement(
    "vendor_event",
    f"""SELECT format('event %s of %s counted %s times', event_id, rail, count(*)) FROM vendor_event AS e
        WHERE {_scope("e")} GROUP BY tenant_id, rail, event_id HAVING count(*) > 1""",
)

_CUSTOMER_FUNDS = _statement(
    "booking",
    f"""SELECT format('booking %s has funds of %s, its payments hold %s', b.id, coalesce(f.minor, 0),
                coalesce(h.minor, 0))
            FROM ours AS b LEFT JOIN funds AS f
                ON (f.tenant_id, f.account, f.currency) = (b.tenant_id, 'customer_funds:' || b.id, b.currency)
            LEFT JOIN held AS h ON (h.tenant_id, h.booking_id) = (b.tenant_id, b.id)
            WHERE coalesce(f.minor, 0) <> coalesce(h.minor, 0)
        UNION ALL SELECT format('booking %s is %s and still holds %s', b.id, b.state, p.left_minor)
            FROM ours AS b JOIN payments AS p ON (p.tenant_id, p.booking_id) = (b.tenant_id, b.id)
            JOIN long_past AS l ON l.tenant_id = b.tenant_id
            WHERE (b.state IN {_in(CLOSED)} OR b.released_at IS NOT NULL)
                AND p.state IN {_in(HELD)} AND p.left_minor <> 0
                AND (SELECT max(e.at) FROM event AS e
                    WHERE e.tenant_id = p.tenant_id AND e.subject_id IN (p.id, b.id)) < l.at
        UNION ALL SELECT format('payment %s is %s, and nobody has borne the loss', p.id, p.state)
            FROM payments AS p JOIN long_past AS l ON l.tenant_id = p.tenant_id
            WHERE p.state IN {_in(TAKEN_BACK)} AND NOT absorbed AND (SELECT max(e.at) FROM event AS e
                    WHERE (e.tenant_id, e.subject_id) = (p.tenant_id, p.id)) < l.at""",
    given=f"""WITH {_LONG_PAST},
    ours AS (SELECT tenant_id, id, state, currency, released_at FROM booking AS b WHERE {_scope("b")}),
    payments AS (SELECT p.tenant_id, p.id, p.booking_id, p.state, m.id IS NOT NULL AS absorbed,
            captured_minor - refunded_minor - released_minor - lost_minor AS left_minor
        FROM payment AS p LEFT JOIN movement AS m
            ON (m.tenant_id, m.subject_id, m.name) = (p.tenant_id, p.id, 'loss_absorbed')
        WHERE {_scope("p")}),
    funds AS (SELECT tenant_id, account, currency, -sum(amount_minor) AS minor FROM posting AS p
        WHERE {_scope("p")} AND account LIKE 'customer_funds:%' GROUP BY 1, 2, 3),
    held AS (SELECT tenant_id, booking_id, sum(left_minor) AS minor FROM payments
        WHERE state IN {_in(HOLDING)} OR (state IN {_in(TAKEN_BACK)} AND NOT absorbed) GROUP BY 1, 2)""",
)

_EARNINGS = _statement(
    "earning",
    f"""SELECT format('earning %s was drawn %s times', subject_id, count(*)) FROM event AS e
            WHERE {_scope("e")} AND kind = 'earning' AND move = 'draw'
            GROUP BY tenant_id, subject_id HAVING count(*) > 1
        UNION ALL SELECT format('payout %s is of %s, its earnings are %s', id, coalesce(amount_minor, 0),
                coalesce(minor, 0))
            FROM (SELECT tenant_id, id, amount_minor FROM payout AS p WHERE {_scope("p")}) AS paid
            FULL JOIN (SELECT tenant_id, payout_id AS id, sum(amount_minor) AS minor FROM earning AS e
                WHERE {_scope("e")} AND payout_id IS NOT NULL GROUP BY 1, 2) AS drawn USING (tenant_id, id)
            WHERE coalesce(amount_minor, 0) <> coalesce(minor, 0)""",
)

_PROVIDER_PAYABLE = _statement(
    "earning",
    """SELECT format('provider %s is owed %s %s, its accounts say %s', provider_id, currency, o.minor,
                coalesce(payable, 0) - coalesce(receivable, 0))
            FROM owed AS o LEFT JOIN accounts AS a USING (tenant_id, provider_id, currency)
            WHERE o.minor <> coalesce(payable, 0) - coalesce(receivable, 0)
        UNION ALL SELECT format('provider %s has %s payable and %s receivable', provider_id, payable,
                receivable)
            FROM accounts WHERE least(payable, receivable) < 0
        UNION ALL SELECT format('provider %s owes %s, its account says %s', id, owed_minor,
                coalesce(minor, 0))
            FROM owing LEFT JOIN receivables USING (tenant_id, id) WHERE owed_minor <> coalesce(minor, 0)""",
    given=f"""WITH owed AS (
        SELECT tenant_id, provider_id, currency, sum(minor) AS minor FROM (
            SELECT tenant_id, provider_id, currency, amount_minor AS minor
                FROM earning AS e WHERE {_scope("e")}
            UNION ALL SELECT tenant_id, provider_id, currency, -amount_minor
                FROM payout AS p WHERE {_scope("p")} AND state IN {_in(IN_THE_LEDGER)}) AS each
        GROUP BY 1, 2, 3),
    accounts AS (SELECT tenant_id, split_part(account, ':', 2)::uuid AS provider_id, currency,
            -coalesce(sum(amount_minor) FILTER (WHERE account LIKE 'provider_payable:%'), 0) AS payable,
            coalesce(sum(amount_minor) FILTER (WHERE account LIKE 'provider_receivable:%'), 0) AS receivable
        FROM posting AS p
        WHERE {_scope("p")} AND (account LIKE 'provider_payable:%' OR account LIKE 'provider_receivable:%')
        GROUP BY 1, 2, 3),
    owing AS (SELECT tenant_id, id, owed_minor FROM provider AS p WHERE {_scope("p")}),
    receivables AS (
        SELECT tenant_id, provider_id AS id, sum(receivable) AS minor FROM accounts GROUP BY 1, 2)""",
)


def _like_account(table: str, account: str, sign: str, told: str, what: str) -> str:
    """That an account is what the rows of a table come to; `told` selects (tenant_id, currency, minor)."""
    return _statement(
        table,
        f"""SELECT format('{account} of %s is %s %s, {what} %s', tenant_id, currency, coalesce(s.minor, 0),
                coalesce(o.minor, 0))
            FROM said AS s FULL JOIN told AS o USING (tenant_id, currency)
            WHERE coalesce(s.minor, 0) <> coalesce(o.minor, 0)""",
        given=f"""WITH said AS (SELECT tenant_id, currency, {sign}sum(amount_minor) AS minor
            FROM posting AS p WHERE {_scope("p")} AND account = '{account}' GROUP BY 1, 2),
        told AS ({told} GROUP BY 1, 2)""",
    )


_REFUNDS_PAYABLE = _like_account(
    "refund",
    REFUNDS_PAYABLE,
    "-",
    f"""SELECT tenant_id, currency, sum(amount_minor) AS minor FROM refund AS r
        WHERE {_scope("r")} AND state IN {_in(UNPAID)}""",
    "the refunds not paid yet are",
)
_DISPUTE_HOLD = _like_account(
    "payment",
    DISPUTE_HOLD,
    "",
    f"""SELECT tenant_id, currency, sum(contested_minor) AS minor FROM payment AS r
        WHERE {_scope("r")} AND (state = '{PaymentState.DISPUTED}' OR (state IN {_in(TAKEN_BACK)}
            AND NOT EXISTS (SELECT FROM movement AS m WHERE m.tenant_id = r.tenant_id
                AND m.subject_id = r.id AND m.name = 'loss_absorbed')))""",
    "banks contest",
)
# What is asked back and has neither come nor been refused; and of no payout more than it paid.
_REVERSALS = _statement(
    "payout_reversal",
    f"""SELECT format('{REVERSALS_PENDING} of %s is %s %s, rails are asked for %s', tenant_id, currency,
                coalesce(s.minor, 0), coalesce(o.minor, 0))
            FROM said AS s FULL JOIN told AS o USING (tenant_id, currency)
            WHERE coalesce(s.minor, 0) <> coalesce(o.minor, 0)
        UNION ALL SELECT format('payout %s is of %s, %s of it is asked back', p.id, p.amount_minor, b.minor)
            FROM back AS b JOIN payout AS p ON (p.tenant_id, p.id) = (b.tenant_id, b.payout_id)
            WHERE b.minor > p.amount_minor""",
    given=f"""WITH said AS (SELECT tenant_id, currency, sum(amount_minor) AS minor
        FROM posting AS p WHERE {_scope("p")} AND account = '{REVERSALS_PENDING}' GROUP BY 1, 2),
    told AS (SELECT tenant_id, currency, sum(amount_minor) AS minor FROM payout_reversal AS r
        WHERE {_scope("r")} AND state = '{ReversalState.REQUESTED}' GROUP BY 1, 2),
    back AS (SELECT tenant_id, payout_id, sum(amount_minor) AS minor FROM payout_reversal AS r
        WHERE {_scope("r")} AND state <> '{ReversalState.REFUSED}' GROUP BY 1, 2)""",
)


def _timed(kind: type) -> str:
    name, resting = kind.LIFECYCLE.kind, "false"  # type: ignore[attr-defined]
    if name == "booking":
        resting = "released_at IS NOT NULL"
    elif name in RESTING:
        resting = f"state IN {_in(RESTING[name])}"
    return (
        f"SELECT '{name}' AS kind, tenant_id, id, state, due_at, {resting} AS rests"
        f" FROM {table_of(kind).quoted} AS s WHERE {_scope('s')} AND state IN {_in(TIMED[name])}"
    )


_TIMED = " UNION ALL ".join(_timed(kind) for kind in AGGREGATES if kind.LIFECYCLE.kind in TIMED)
_STUCK = f"""WITH {_LONG_PAST}, subjects AS MATERIALIZED ({_TIMED})
    SELECT (SELECT count(*) FROM subjects), ARRAY(
        SELECT CASE WHEN due_at IS NULL
            THEN format('%s %s is %s and nothing will happen to it', kind, id, state)
            ELSE format('%s %s is %s, and was due at %s', kind, id, state, due_at) END
        FROM subjects JOIN long_past USING (tenant_id)
        WHERE (due_at IS NULL AND NOT rests) OR due_at < at LIMIT {VIOLATIONS_MAX})"""

_SEARCHES = _statement(
    "dispatch_job",
    f"""SELECT format('search %s has %s offers that were accepted', job_id, count(*)) FROM dispatch_offer AS o
            WHERE {_scope("o")} AND state = '{OfferState.ACCEPTED}'
            GROUP BY tenant_id, job_id HAVING count(*) > 1
        UNION ALL SELECT format('search %s is assigned, and nobody''s time was taken', id)
            FROM dispatch_job AS j WHERE {_scope("j")} AND state = '{JobState.ASSIGNED}' AND NOT EXISTS (
                SELECT FROM reservation AS r
                WHERE (r.tenant_id, r.booking_id, r.unit_id) = (j.tenant_id, j.booking_id, j.unit_id))
        UNION ALL SELECT format('search %s is %s, its booking is %s', j.id, j.state, b.state)
            FROM dispatch_job AS j JOIN long_past AS l ON l.tenant_id = j.tenant_id
            JOIN booking AS b ON (b.tenant_id, b.id) = (j.tenant_id, j.booking_id)
            WHERE j.state IN {_in(JOB_OPEN)}
                AND NOT (b.state = '{BookingState.AWAITING_PROVIDER}' AND b.reservation_id IS NULL)
                AND (SELECT max(e.at) FROM event AS e
                    WHERE e.tenant_id = j.tenant_id AND e.subject_id IN (j.id, b.id)) < l.at""",
    given=f"WITH {_LONG_PAST}",
)


def _unlike_reviews(table: str, column: str) -> str:
    return f"""SELECT format('{table} %s has %s stars, its reviews gave %s', t.id, t.stars_sum,
                coalesce(g.stars, 0))
            FROM {table} AS t LEFT JOIN (
                SELECT tenant_id, {column} AS id, sum(stars) AS stars, count(*) AS times FROM review AS r
                WHERE {_scope("r")} AND counted GROUP BY 1, 2) AS g USING (tenant_id, id)
            WHERE {_scope("t")}
                AND (t.stars_sum, t.reviews_count) <> (coalesce(g.stars, 0), coalesce(g.times, 0))"""


_STARS = _statement(
    "review",
    f"""{_unlike_reviews("provider", "provider_id")} UNION ALL {_unlike_reviews("unit", "unit_id")}
        UNION ALL SELECT format('review %s is %s, and the sums do not know', id, state)
            FROM review AS r JOIN long_past AS l USING (tenant_id)
            WHERE counted <> (state = '{ReviewState.PUBLISHED}') AND (SELECT max(e.at) FROM event AS e
                WHERE (e.tenant_id, e.subject_id) = (r.tenant_id, r.id)) < l.at""",
    given=f"WITH {_LONG_PAST}",
)

_MESSAGES = _statement(
    "notification",
    f"""SELECT format('notification %s was begun twice without a doubt between', subject_id) FROM event AS e
        WHERE {_scope("e")} AND kind = 'notification' AND move = 'begin'
        GROUP BY tenant_id, subject_id HAVING count(*) > 1""",
)

# What an account holds by the ledger, for the promise that others keep books of as well.
BALANCES = f"""SELECT t.id, t.slug, t.policy ->> 'currency', p.currency, sum(p.amount_minor), count(p.id)
    FROM tenant AS t LEFT JOIN posting AS p ON p.tenant_id = t.tenant_id AND p.account = $2
    WHERE {_scope("t")} GROUP BY 1, 2, 3, 4 ORDER BY 1, 4"""

# How far its statement was read, and what of it settles nothing of ours: that is in clearing still.
CURSORS = f"""SELECT tenant_id, cursor FROM rail_statement AS s WHERE {_scope("s")} AND rail = $2"""
BREAKS = f"""SELECT tenant_id, currency, sum(gross_minor - cleared_minor) FROM settlement AS s
    WHERE {_scope("s")} AND rail = $2 AND state <> '{SettlementState.BOOKED}' GROUP BY 1, 2"""

STATEMENTS: dict[Name, str] = {
    Name.LEDGER: _LEDGER,
    Name.HOLDS: _HOLDS,
    Name.CAPACITY: _CAPACITY,
    Name.HISTORIES: _HISTORIES,
    Name.VENDOR_EVENTS: _VENDOR_EVENTS,
    Name.CUSTOMER_FUNDS: _CUSTOMER_FUNDS,
    Name.EARNINGS: _EARNINGS,
    Name.PROVIDER_PAYABLE: _PROVIDER_PAYABLE,
    Name.REFUNDS_PAYABLE: _REFUNDS_PAYABLE,
    Name.DISPUTE_HOLD: _DISPUTE_HOLD,
    Name.REVERSALS: _REVERSALS,
    Name.SEARCHES: _SEARCHES,
    Name.STARS: _STARS,
    Name.STUCK: _STUCK,
    Name.MESSAGES: _MESSAGES,
}
