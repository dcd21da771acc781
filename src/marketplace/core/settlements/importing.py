"""Lines of a rail without an interface are brought in by a person, all of them or none, and each once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from marketplace.core.settlements.settlement import Settlement, State, settlement_id
from marketplace.core.settlements.statement import RailStatement, rail_statement_id
from marketplace.core.settlements.usecases import take_in
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.limits import AMOUNT_MINOR_MAX, Between, Length, Name, Reason, Word
from marketplace.core.shared.money import check_currency
from marketplace.core.tenants.tenant import Call
from marketplace.ports.payments import Subject
from marketplace.ports.storage import One, Work

LINES_MAX = 2_000
_Signed = Annotated[int, Between(-AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedLine:
    """`gross_minor` is negative for money that went out; `reference` is ours, and `line_id` the rail's."""

    line_id: Name
    reference: UUID
    subject: Subject
    currency: Word
    gross_minor: _Signed
    settled_at: datetime
    fee_minor: _Signed = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportLines:
    """Take in lines of a rail's statement, all or none; a line that is known by its id is left."""

    rail: Word
    lines: Annotated[tuple[ImportedLine, ...], Length(LINES_MAX, least=1)]
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Of so many lines: those that were `known` before, were `booked`, or match nothing."""

    lines: int
    known: int
    booked: int
    breaks: int


async def import_lines(command: ImportLines, *, call: Call, work: Work) -> Imported:
    """Raises Invalid for a rail that this marketplace never had, or a line told otherwise than before."""
    check_rail(command.rail, await work.read(statement_of(command.rail, call)), call)
    for place, line in enumerate(command.lines):
        if not line.gross_minor:
            raise Invalid(f"lines[{place}].gross_minor", "moves nothing", "an amount")
        check_currency(line.currency)
    told = tuple(_received(line, command.rail, call) for line in command.lines)
    taken = await take_in(told, call=call, work=work)
    booked = sum(line.state == State.BOOKED for line in taken)
    return Imported(lines=len(told), known=len(told) - len(taken), booked=booked, breaks=len(taken) - booked)


def statement_of(rail: str, call: Call) -> One[RailStatement]:
    return One(RailStatement, rail_statement_id(call.tenant_id, rail))


def check_rail(rail: str, statements: Iterable[Sequence[RailStatement]], call: Call) -> None:
    """One that policy names, or that was read once; of any other, that nothing is open would tell nothing."""
    ours = call.policy.payment.rails
    if rail not in ours and not any(statements):
        raise Invalid("rail", f"{rail} is none that this marketplace settles by", ", ".join(ours))


def _received(line: ImportedLine, rail: str, call: Call) -> Settlement:
    return Settlement(
        id=settlement_id(call.tenant_id, rail, line.line_id),
        tenant_id=call.tenant_id,
        rail=rail,
        line_id=line.line_id,
        reference=line.reference,
        subject=line.subject,
        currency=line.currency,
        gross_minor=line.gross_minor,
        fee_minor=line.fee_minor,
        settled_at=line.settled_at,
    )
