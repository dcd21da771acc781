"""A break ends when a person says what it was: money of another amount, or a line that was never money."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from marketplace.core.ledger.movement import Movement, psp_clearing
from marketplace.core.settlements.queries import PostingsOf
from marketplace.core.settlements.settlement import Settlement
from marketplace.core.settlements.usecases import booked
from marketplace.core.shared.aggregate import move
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.limits import Reason
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Work


class Outcome(StrEnum):
    """Whether the line's money is at the bank."""

    BOOK = "book"
    SET_ASIDE = "set_aside"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveSettlement:
    """
    End a break for good: `book` what came, or `set_aside` a line that was told in error.

    What is booked settles the movement that is named, whatever its amount; what is between the two, or all
    of it where none is named, is a settlement difference in the ledger.
    """

    settlement_id: UUID
    outcome: Outcome
    reason: Reason
    movement_id: UUID | None = None


async def resolve_settlement(command: ResolveSettlement, *, call: Call, work: Work) -> Settlement:
    """The database refuses a movement that another line settles."""
    line = await work.get(Settlement, command.settlement_id)
    if command.outcome == Outcome.SET_ASIDE:
        if command.movement_id is not None:
            raise Invalid("movement_id", "is settled by nothing where the line is set aside", "none")
        return work.save(move(line, "resolve", call))
    settles, cleared = await _settles(line, command.movement_id, work)
    booking_id = None if settles is None else settles.booking_id
    facts: dict[str, Any] = {
        "movement_id": command.movement_id,
        "booking_id": booking_id,
        "cleared_minor": cleared,
    }
    resolved = work.save(move(line, "resolve", call, **facts))
    work.insert(*booked(resolved, booking_id=booking_id, cleared_minor=cleared, call=call))
    return resolved


async def _settles(line: Settlement, key: UUID | None, work: Work) -> tuple[Movement | None, int]:
    """The movement, and what it left in the rail's clearing; raises NotFound, Invalid."""
    if key is None:
        return None, 0
    movement = await work.get(Movement, key)
    account = psp_clearing(line.rail)
    for posting in await work.ask(PostingsOf(movement_ids=(key,))):
        if (posting.account, posting.currency) == (account, line.currency) and movement.name != "settled":
            return movement, posting.amount_minor
    raise Invalid("movement_id", f"has moved no {line.currency} in {account}", "a movement that has")
