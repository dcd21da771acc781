"""A rail's statement is asked for its next lines, and the rail about the reference of a break."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from marketplace.core.payments.effects import AskRail, AskRailAboutRefund, ask_rail, ask_rail_about_refund
from marketplace.core.payments.payment import Payment
from marketplace.core.payouts.effects import AskRailAboutTransfer, ask_rail_about_transfer
from marketplace.core.payouts.reversing import AskRailForReversal, ask_rail_for_reversal
from marketplace.core.settlements.settlement import Settlement
from marketplace.core.settlements.statement import RailStatement, State
from marketplace.core.settlements.usecases import BookLines
from marketplace.core.tenants.tenant import Call
from marketplace.ports.payments import Subject
from marketplace.ports.storage import Work
from marketplace.ports.vendors import Vendors

LINES_A_STEP = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AskForLines:
    """The next lines of a statement that is being read."""

    statement_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRailAboutBreak:
    """What the rail says of the reference of a break: we may have missed something."""

    settlement_id: UUID


async def ask_for_lines(effect: AskForLines, *, call: Call, work: Work, vendors: Vendors) -> BookLines | None:
    statement = await work.get(RailStatement, effect.statement_id)
    if statement.state != State.READING:
        return None
    rail = vendors.rail(statement.rail)
    told = await rail.settlement_lines(call.tenant_id, after=statement.cursor, limit=LINES_A_STEP)
    return BookLines(statement_id=statement.id, after=statement.cursor, told=told)


async def ask_rail_about_break(effect: AskRailAboutBreak, *, call: Call, work: Work, vendors: Vendors) -> Any:
    line = await work.get(Settlement, effect.settlement_id)
    match line.subject:
        case Subject.CHARGE:
            if await work.find(Payment, line.reference) is None:
                return None
            charge = AskRail(payment_id=line.reference)
            return await ask_rail(charge, call=call, work=work, vendors=vendors)
        case Subject.REFUND:
            refund = AskRailAboutRefund(reference=line.reference)
            return await ask_rail_about_refund(refund, call=call, work=work, vendors=vendors)
        case Subject.TRANSFER_REVERSAL:
            reversal = AskRailForReversal(payout_reversal_id=line.reference)
            return await ask_rail_for_reversal(reversal, call=call, work=work, vendors=vendors)
        case Subject.TRANSFER:
            transfer = AskRailAboutTransfer(reference=line.reference)
            return await ask_rail_about_transfer(transfer, call=call, work=work, vendors=vendors)
