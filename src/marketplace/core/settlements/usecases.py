"""A line is booked from clearing to the bank when it matches what we know, and kept as a break when not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from marketplace.core.ledger.movement import (
    BANK,
    PROCESSOR_FEE,
    SETTLEMENT_DIFFERENCE,
    Origin,
    balanced,
    psp_clearing,
)
from marketplace.core.providers.hours import zone
from marketplace.core.settlements.matching import Match, matches
from marketplace.core.settlements.queries import StatementsAskedBefore
from marketplace.core.settlements.settlement import Settlement, State, settlement_id
from marketplace.core.settlements.statement import RailStatement, rail_statement_id
from marketplace.core.settlements.statement import State as StatementState
from marketplace.core.shared.aggregate import create, is_due, move
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.limits import Reason
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Call
from marketplace.ports.payments import SettlementLine, Statement
from marketplace.ports.storage import Among, Work


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
    news = await take_in(told, call=call, work=work)
    step = "go_on" if command.told.lines else "finish"
    read = statement.lines + len(news)
    return work.save(move(statement, step, call, cursor=command.told.cursor, lines=read))


async def take_in(told: Sequence[Settlement], *, call: Call, work: Work) -> tuple[Settlement, ...]:
    """Book what matches and keep the rest as breaks, of what is new; raises Invalid for what is told anew."""
    news = await _news(told, work)
    found = await matches(news, work)
    taken = tuple(map(_settled, news, found))
    for settlement, settled, match in zip(news, taken, found, strict=True):
        work.add(create(settled, call))
        work.insert(*_postings(settlement, match, call))
    return taken


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
    standing = await work.ask(Among(Settlement, tuple(line.id for line in told)))
    known = {row.id: row for row in standing}
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
    (found,) = await matches((settlement,), work)
    settled = _settled(settlement, found)
    changes: dict[str, Any] = {
        "movement_id": settled.movement_id,
        "booking_id": settled.booking_id,
        "problem": settled.problem,
        "cause": settled.cause,
    }
    step = "book" if settled.state == State.BOOKED else "recheck"
    rechecked = move(settlement, step, call, rechecks=settlement.rechecks + 1, **changes)
    work.insert(*_postings(settlement, found, call))
    return work.save(rechecked)


def _settled(line: Settlement, match: Match) -> Settlement:
    movement = match.movement
    if movement is None:
        return replace(line, problem=match.problem, cause=match.cause)
    return replace(
        line,
        state=State.BOOKED,
        movement_id=movement.id,
        booking_id=movement.booking_id,
        problem=None,
        cause=None,
    )


def _postings(line: Settlement, match: Match, call: Call) -> tuple[object, ...]:
    movement = match.movement
    if movement is None:
        return ()
    return booked(line, booking_id=movement.booking_id, cleared_minor=line.gross_minor, call=call)


def booked(
    line: Settlement, *, booking_id: UUID | None, cleared_minor: int, call: Call
) -> tuple[object, ...]:
    """What the line brings to the bank, what it takes out of clearing, and what is between the two."""
    settled = Origin(
        tenant_id=line.tenant_id,
        name="settled",
        subject_id=line.id,
        booking_id=booking_id,
        currency=line.currency,
        at=call.at,
    )
    amounts = {
        BANK: line.gross_minor - line.fee_minor,
        PROCESSOR_FEE: line.fee_minor,
        psp_clearing(line.rail): -cleared_minor,
        SETTLEMENT_DIFFERENCE: cleared_minor - line.gross_minor,
    }
    return balanced(settled, amounts)
