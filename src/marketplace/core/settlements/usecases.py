"""A line is booked from clearing to the bank when it matches what we know, and kept as a break when not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from marketplace.core.ledger.movement import (
    BANK,
    PROCESSOR_FEE,
    Movement,
    Origin,
    Posting,
    balanced,
    psp_clearing,
)
from marketplace.core.payments.queries import RefundUnder
from marketplace.core.providers.hours import zone
from marketplace.core.settlements.queries import MovementsOf, PostingsOf, SettlementsOf, StatementsAskedBefore
from marketplace.core.settlements.settlement import Settlement, State, settlement_id
from marketplace.core.settlements.statement import RailStatement, rail_statement_id
from marketplace.core.settlements.statement import State as StatementState
from marketplace.core.shared.aggregate import create, is_due, move
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.limits import Reason
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Call
from marketplace.ports.payments import SettlementLine, Statement, Subject
from marketplace.ports.storage import Among, One, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStatements:
    """Read on in the statement of every rail that has one, once a local day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookLines:
    """What a rail's statement tells after the cursor `after`; no lines where it is read to its end."""

    statement_id: UUID
    after: str | None
    told: Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class RecheckSettlement:
    """See whether a break matches something by now; if it does not, the rail is asked about its reference."""

    settlement_id: UUID
    reason: Reason | None = None


async def read_statements(command: ReadStatements, *, call: Call, work: Work) -> None:
    """A rail that policy names no more may still settle, so whatever was read once is read on."""
    del command
    named = {rail_statement_id(call.tenant_id, rail): rail for rail in call.policy.payment.rails}
    known, stale = await work.read(
        Among(RailStatement, tuple(named)), StatementsAskedBefore(at=_day_begins(call))
    )
    for statement in stale:
        work.save(move(statement, "ask_again", call, asked_at=call.at))
    standing = {statement.id for statement in known}
    for key, rail in named.items():
        if key not in standing:
            first = RailStatement(id=key, tenant_id=call.tenant_id, rail=rail, asked_at=call.at)
            work.add(create(first, call))


def _day_begins(call: Call) -> datetime:
    """The local midnight behind us."""
    local = call.at.astimezone(zone(call.policy.time_zone))
    return datetime.combine(local.date(), time(), local.tzinfo).astimezone(UTC)


async def book_lines(command: BookLines, *, call: Call, work: Work) -> RailStatement:
    """All of them and the cursor behind them in one write, so that no line is skipped or counted twice."""
    statement = await work.get(RailStatement, command.statement_id)
    if statement.state != StatementState.READING or statement.cursor != command.after:
        return statement  # somebody else was first
    told = tuple(_received(line, statement) for line in command.told.lines)
    news = await _news(told, work)
    for settlement, found in zip(news, await _matches(news, work), strict=True):
        work.add(create(_settled(settlement, found), call))
        work.insert(*_postings(settlement, found, call))
    step = "go_on" if command.told.lines else "finish"
    read = statement.lines + len(news)
    return work.save(move(statement, step, call, cursor=command.told.cursor, lines=read))


def _received(line: SettlementLine, statement: RailStatement) -> Settlement:
    return Settlement(
        id=settlement_id(statement.tenant_id, statement.rail, line.line_id),
        tenant_id=statement.tenant_id,
        rail=statement.rail,
        line_id=line.line_id,
        reference=line.reference,
        subject=line.subject,
        currency=line.gross.currency,
        gross_minor=line.gross.minor,
        fee_minor=line.fee.minor,
        settled_at=line.settled_at,
    )


async def _news(told: Sequence[Settlement], work: Work) -> tuple[Settlement, ...]:
    """Those not received before. Raises Invalid for a line that said something else then."""
    if not told:
        return ()
    standing = await work.read(*(One(Settlement, line.id) for line in told))
    known = {row.id: row for rows in standing for row in rows}
    news: list[Settlement] = []
    for line in told:
        before = known.get(line.id)
        if before is None:
            news.append(line)
        elif _facts(before) != _facts(line):
            raise Invalid("line_id", f"{line.line_id} of {line.rail} is told otherwise than before")
        known[line.id] = line
    return tuple(news)


def _facts(line: Settlement) -> tuple[object, ...]:
    return (line.reference, line.subject, line.currency, line.gross_minor, line.fee_minor)


async def recheck_settlement(command: RecheckSettlement, *, call: Call, work: Work) -> Settlement:
    settlement = await work.get(Settlement, command.settlement_id)
    by_clock = call.actor.role == Role.CLOCK
    if by_clock and (settlement.state != State.BREAK or not is_due(settlement, call)):
        return settlement
    (found,) = await _matches((settlement,), work)
    settled = _settled(settlement, found)
    changes: dict[str, Any] = {
        "movement_id": settled.movement_id,
        "booking_id": settled.booking_id,
        "problem": settled.problem,
    }
    step = "book" if settled.state == State.BOOKED else "recheck"
    rechecked = move(settlement, step, call, rechecks=settlement.rechecks + 1, **changes)
    work.insert(*_postings(settlement, found, call))
    return work.save(rechecked)


_Match = tuple[Movement | None, str | None]  # what a line settles, or why it settles nothing


async def _matches(lines: Sequence[Settlement], work: Work) -> list[_Match]:
    """For each line a movement of its own: of its reference, of its amount, and not settled yet."""
    if not lines:
        return []
    moved = await _moved(lines, work)
    told = await work.read(*(SettlementsOf(reference=line.reference) for line in lines))
    settled = {row.movement_id for rows in told for row in rows}
    found: list[_Match] = []
    for line, movements in zip(lines, moved, strict=True):
        match = _match(line, [one for one in movements if one[0].id not in settled], known=bool(movements))
        settled.add(None if match[0] is None else match[0].id)
        found.append(match)
    return found


_Moved = tuple[Movement, Posting]


def _match(line: Settlement, unsettled: Sequence[_Moved], *, known: bool) -> _Match:
    for movement, posting in sorted(unsettled, key=lambda one: (one[0].at, one[0].id)):
        if (posting.amount_minor, posting.currency) == (line.gross_minor, line.currency):
            return movement, None
    if not known:
        return None, f"no {line.subject} of ours is known under this reference"
    amounts = ", ".join(f"{posting.amount_minor} {posting.currency}" for _, posting in unsettled) or "nothing"
    return None, f"{line.gross_minor} {line.currency} is told, and of what we know {amounts} is not settled"


async def _moved(lines: Sequence[Settlement], work: Work) -> list[list[_Moved]]:
    """What each line's reference has moved in the rail's clearing."""
    movements = await work.read(*(MovementsOf(subject_id=key) for key in await _subjects(lines, work)))
    each = [movement for rows in movements for movement in rows]
    postings = await work.read(*(PostingsOf(movement_id=movement.id) for movement in each)) if each else []
    by_movement = dict(zip((movement.id for movement in each), postings, strict=True))
    return [
        [
            (movement, posting)
            for movement in rows
            for posting in by_movement[movement.id]
            if posting.account == psp_clearing(line.rail)
        ]
        for line, rows in zip(lines, movements, strict=True)
    ]


async def _subjects(lines: Sequence[Settlement], work: Work) -> list[UUID]:
    """What the movements are of: a refund is known at the rail by the reference of its last attempt."""
    found = await work.read(*(RefundUnder(reference=line.reference) for line in lines))
    return [
        refunds[0].id if line.subject == Subject.REFUND and refunds else line.reference
        for line, refunds in zip(lines, found, strict=True)
    ]


def _settled(line: Settlement, match: _Match) -> Settlement:
    movement, problem = match
    if movement is None:
        return replace(line, problem=problem)
    return replace(
        line,
        state=State.BOOKED,
        movement_id=movement.id,
        booking_id=movement.booking_id,
        problem=None,
    )


def _postings(line: Settlement, match: _Match, call: Call) -> tuple[object, ...]:
    movement, _ = match
    if movement is None:
        return ()
    settled = Origin(
        tenant_id=line.tenant_id,
        name="settled",
        subject_id=line.id,
        booking_id=movement.booking_id,
        currency=line.currency,
        at=call.at,
    )
    net = line.gross_minor - line.fee_minor
    return balanced(
        settled, {BANK: net, PROCESSOR_FEE: line.fee_minor, psp_clearing(line.rail): -line.gross_minor}
    )
