"""A line settles one movement of its reference and amount that nothing settled yet; or it says why not."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from marketplace.core.ledger.movement import Movement, Posting, psp_clearing
from marketplace.core.settlements.cause import Cause
from marketplace.core.settlements.queries import MovementsOf, PostingsOf, SettlementsOf
from marketplace.core.settlements.settlement import Settlement
from marketplace.ports.storage import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The movement that a line settles, or why it settles none."""

    movement: Movement | None = None
    problem: str | None = None
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A movement with what it moved in the rail's clearing."""

    movement: Movement
    posting: Posting


async def matches(lines: Sequence[Settlement], work: Work) -> list[Match]:
    """One for each line, in order; no movement is settled twice."""
    if not lines:
        return []
    references = tuple({line.reference for line in lines})
    told = await work.ask(SettlementsOf(references=references))
    moved = await moved_by(lines, work)
    settled = {row.movement_id for row in told}
    beside: dict[UUID, list[Settlement]] = defaultdict(list)
    for row in {row.id: row for row in (*told, *lines)}.values():
        beside[row.reference].append(row)
    found: list[Match] = []
    for line, all_of_it in zip(lines, moved, strict=True):
        others = [row for row in beside[line.reference] if row.id != line.id]
        left = [one for one in all_of_it if one.movement.id not in settled]
        match = _match(line, left, others, known=bool(all_of_it))
        settled.add(None if match.movement is None else match.movement.id)
        found.append(match)
    return found


async def moved_by(lines: Sequence[Settlement], work: Work) -> list[list[Moved]]:
    """What each line's reference has moved in the rail's clearing, the earliest first."""
    movements = await work.ask(MovementsOf(subject_ids=tuple({line.reference for line in lines})))
    postings: dict[UUID, list[Posting]] = defaultdict(list)
    if movements:
        for row in await work.ask(PostingsOf(movement_ids=tuple(one.id for one in movements))):
            postings[row.movement_id].append(row)
    in_order = sorted(movements, key=lambda one: (one.at, one.id))
    return [
        [
            Moved(movement, posting)
            for movement in in_order
            if movement.subject_id == line.reference
            for posting in postings[movement.id]
            if posting.account == psp_clearing(line.rail)
        ]
        for line in lines
    ]


def _match(line: Settlement, left: Sequence[Moved], others: Sequence[Settlement], *, known: bool) -> Match:
    for one in left:
        if (one.posting.amount_minor, one.posting.currency) == (line.gross_minor, line.currency):
            return Match(movement=one.movement) if _fee_is_usual(line) else _odd_fee(line)
    if not known:
        problem = f"no {line.subject} of ours is known under this reference"
        return Match(problem=problem, cause=Cause.LINE_WITHOUT_MOVEMENT)
    amounts = ", ".join(f"{one.posting.amount_minor} {one.posting.currency}" for one in left) or "nothing"
    problem = f"{line.gross_minor} {line.currency} is told, and of what we know {amounts} is not settled"
    return Match(problem=problem, cause=_cause(line, left, others))


def _fee_is_usual(line: Settlement) -> bool:
    """Of what came in a rail keeps a part, and not more than there is; a refund's fee may be anything."""
    return line.gross_minor < 0 or 0 <= line.fee_minor <= line.gross_minor


def _odd_fee(line: Settlement) -> Match:
    problem = f"a fee of {line.fee_minor} {line.currency} is told for {line.gross_minor}"
    return Match(problem=problem, cause=Cause.FEE_UNEXPECTED)


def _cause(line: Settlement, left: Sequence[Moved], others: Sequence[Settlement]) -> Cause:
    if any(_facts(other) == _facts(line) for other in others):
        return Cause.DUPLICATE_LINE
    if not left:
        return Cause.ALREADY_SETTLED
    alike = [one.posting.amount_minor for one in left if one.posting.currency == line.currency]
    if not alike:
        return Cause.CURRENCY_DIFFERS
    # As where a rail tells what it paid, and not what it took its fee from.
    net_of_fee = {minor - line.gross_minor for minor in alike} & {line.fee_minor, -line.fee_minor}
    return Cause.FEE_UNEXPECTED if net_of_fee else Cause.AMOUNT_DIFFERS


def _facts(line: Settlement) -> tuple[object, ...]:
    return (line.subject, line.currency, line.gross_minor, line.rail)
