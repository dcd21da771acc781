"""What the rail says of a reversal is booked: it has the money again, or the provider owes it after all."""

from dataclasses import dataclass
from uuid import UUID

from marketplace.core.ledger.movement import (
    REVERSALS_PENDING,
    Origin,
    balanced,
    provider_payable,
    psp_clearing,
)
from marketplace.core.payments.payment import looked
from marketplace.core.payments.usecases import check_subject
from marketplace.core.payouts.clawing import Claim, owe
from marketplace.core.payouts.reversal import PayoutReversal, State
from marketplace.core.shared.aggregate import is_due, move
from marketplace.core.shared.errors import Invalid, OutcomeUnknown
from marketplace.core.shared.limits import Reason
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Call
from marketplace.ports.payments import Report, Standing, Subject
from marketplace.ports.storage import Work
from marketplace.ports.vendors import Vendors


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReversal:
    """The rail has taken it back."""

    payout_reversal_id: UUID
    report: Report


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseReversal:
    """The rail will not take it back, as where the provider has spent it."""

    payout_reversal_id: UUID
    failure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpReversal:
    """Ask the rail again what became of a reversal."""

    payout_reversal_id: UUID
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRailForReversal:
    """Ask for a transfer, or a part of it, back; look it up first, for it may have been asked for."""

    payout_reversal_id: UUID


async def record_reversal(command: RecordReversal, *, call: Call, work: Work) -> PayoutReversal:
    """What came back is the provider's for a moment, as what was returned is, and then pays for the claim."""
    reversal, report = await work.get(PayoutReversal, command.payout_reversal_id), command.report
    if reversal.state != State.REQUESTED or report.standing != Standing.SUCCEEDED:
        return reversal
    check_subject(report, Subject.TRANSFER_REVERSAL, reversal.amount)
    minor, payable = reversal.amount_minor, provider_payable(reversal.provider_id)
    back = {psp_clearing(reversal.rail): minor, payable: -minor}
    work.insert(*balanced(_origin(reversal, "payout_reversed", None, call), back))
    paid = {payable: minor, REVERSALS_PENDING: -minor}
    work.insert(*balanced(_origin(reversal, "clawed_back", reversal.booking_id, call), paid))
    return work.save(move(reversal, "succeed", call, rail_reference=report.rail_reference, lookups=0))


async def refuse_reversal(command: RefuseReversal, *, call: Call, work: Work) -> PayoutReversal:
    reversal = await work.get(PayoutReversal, command.payout_reversal_id)
    if reversal.state != State.REQUESTED:
        return reversal
    claim = Claim(
        tenant_id=reversal.tenant_id,
        provider_id=reversal.provider_id,
        booking_id=reversal.booking_id,
        payment_id=reversal.payment_id,
        currency=reversal.currency,
        minor=reversal.amount_minor,
    )
    amounts = {**await owe(claim, call, work), REVERSALS_PENDING: -reversal.amount_minor}
    work.insert(*balanced(_origin(reversal, "reversal_refused", reversal.booking_id, call), amounts))
    return work.save(move(reversal, "refuse", call, failure=command.failure, lookups=0))


async def look_up_reversal(command: LookUpReversal, *, call: Call, work: Work) -> PayoutReversal:
    reversal = await work.get(PayoutReversal, command.payout_reversal_id)
    if call.actor.role == Role.CLOCK and not is_due(reversal, call):
        return reversal
    return work.save(move(reversal, "look_up", call, lookups=looked(reversal, call)))


async def ask_rail_for_reversal(
    effect: AskRailForReversal, *, call: Call, work: Work, vendors: Vendors
) -> RecordReversal | RefuseReversal | None:
    """The reference makes asking again harmless; nothing is refused that may have been done."""
    del call
    reversal = await work.find(PayoutReversal, effect.payout_reversal_id)
    if reversal is None or reversal.state != State.REQUESTED:
        return None
    rail = vendors.clawing_rail(reversal.rail)
    report = await rail.find(reversal.id)
    if report is None:
        try:
            report = await rail.claw_back(reversal.transfer, reversal=reversal.id, amount=reversal.amount)
        except OutcomeUnknown:
            return None  # the timer looks it up
        except Invalid as refused:
            return RefuseReversal(payout_reversal_id=reversal.id, failure=refused.detail)
    if report.standing != Standing.SUCCEEDED:
        return None
    return RecordReversal(payout_reversal_id=reversal.id, report=report)


def _origin(reversal: PayoutReversal, name: str, booking_id: UUID | None, call: Call) -> Origin:
    return Origin(
        tenant_id=reversal.tenant_id,
        name=name,
        subject_id=reversal.id,
        booking_id=booking_id,
        currency=reversal.currency,
        at=call.at,
    )
