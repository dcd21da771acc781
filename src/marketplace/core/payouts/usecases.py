"""A payout goes when it is small or approved, and what the rail reports of it is booked."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from marketplace.core.ledger.movement import Origin, balanced, provider_payable, psp_clearing
from marketplace.core.payments.payment import looked
from marketplace.core.payments.usecases import check_subject
from marketplace.core.payouts.payout import IN_THE_LEDGER, Payout, State, transfer_reference
from marketplace.core.providers.provider import Provider
from marketplace.core.shared.aggregate import is_due, move
from marketplace.core.shared.limits import Reason
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Call
from marketplace.ports.payments import Report, Standing, Subject
from marketplace.ports.storage import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovePayout:
    """Let a payout above the limit go."""

    payout_id: UUID
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPayout:
    """Keep a payout back for review."""

    payout_id: UUID
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumePayout:
    """Let a payout that was kept back be approved after all."""

    payout_id: UUID
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPayout:
    """Make a payout that failed or came back due again; it is approved afresh."""

    payout_id: UUID
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPayout:
    """Bring a payout to what the rail reports of its last attempt."""

    payout_id: UUID
    report: Report
    reversible: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FailPayout:
    """The rail will not take this try at a payout, as where it does not know the account: mend that first."""

    payout_id: UUID
    reference: UUID
    failure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpPayout:
    """Ask the rail again what became of a payout."""

    payout_id: UUID
    reason: Reason | None = None


async def approve_payout(command: ApprovePayout, *, call: Call, work: Work) -> Payout:
    """It goes to the account that the provider has now, of the same rail: nothing of it was sent."""
    payout = await work.get(Payout, command.payout_id)
    provider = await work.get(Provider, payout.provider_id)
    facts: dict[str, Any] = {"approved_by": call.actor.user_id}
    if provider.payee is not None and payout.rail == call.policy.payment.paying_rail:
        facts["payee"] = provider.payee
    return work.save(move(payout, "approve", call, **facts))


async def hold_payout(command: HoldPayout, *, call: Call, work: Work) -> Payout:
    return work.save(move(await work.get(Payout, command.payout_id), "hold", call))


async def resume_payout(command: ResumePayout, *, call: Call, work: Work) -> Payout:
    """One that had failed before it was held goes as a new attempt: the rail has done with the last one."""
    payout = await work.get(Payout, command.payout_id)
    again = {} if payout.failure is None else await _afresh(payout, call, work)
    again["due_again_by"] = call.actor.user_id
    return work.save(move(payout, "resume", call, **again))


async def retry_payout(command: RetryPayout, *, call: Call, work: Work) -> Payout:
    payout = await work.get(Payout, command.payout_id)
    again = await _afresh(payout, call, work) | {"due_again_by": call.actor.user_id}
    return work.save(move(payout, "retry", call, **again))


async def _afresh(payout: Payout, call: Call, work: Work) -> dict[str, Any]:
    """
    To the account that the provider has now, by the rail that pays now: a wrong one is the usual reason why
    it came back. And from the balance, for the rail may be done with the charge as well.
    """
    provider = await work.get(Provider, payout.provider_id)
    return {
        "attempt": payout.attempt + 1,
        "reference": transfer_reference(payout.id, payout.attempt + 1),
        "payee": provider.payee,
        "rail": call.policy.payment.paying_rail,
        "payment_id": None,
        "approved_by": None,
        "failure": None,
        "lookups": 0,
    }


async def fail_payout(command: FailPayout, *, call: Call, work: Work) -> Payout:
    """
    Only one of which the rail has heard nothing: what it has taken, it tells of itself. Of another try than
    the last it says nothing either: that one may be on its way, and would be sent once more.
    """
    payout = await work.get(Payout, command.payout_id)
    if payout.state != State.APPROVED or payout.reference != command.reference:
        return payout
    return work.save(move(payout, "fail", call, failure=command.failure))


async def look_up_payout(command: LookUpPayout, *, call: Call, work: Work) -> Payout:
    payout = await work.get(Payout, command.payout_id)
    if call.actor.role == Role.CLOCK and not is_due(payout, call):
        return payout
    return work.save(move(payout, "look_up", call, lookups=looked(payout, call)))


_STEPS = {
    Standing.PENDING: "send",
    Standing.SUCCEEDED: "pay",
    Standing.FAILED: "fail",
    Standing.CANCELLED: "fail",
    Standing.RETURNED: "fail",
}


def step_to(payout: Payout, standing: Standing) -> str | None:
    """The move by which this standing is news; None where it is none."""
    step = _STEPS.get(standing)
    return step if step is not None and (payout.state, step) in payout.LIFECYCLE.table else None


async def record_payout(command: RecordPayout, *, call: Call, work: Work) -> Payout:
    """Money leaves the ledger when the rail has it, and returns when the rail returns it."""
    payout, report = await work.get(Payout, command.payout_id), command.report
    step = step_to(payout, report.standing)
    if step is None or report.reference != payout.reference:
        return payout
    check_subject(report, Subject.TRANSFER, payout.amount)
    told: dict[str, Any] = {
        "rail_reference": report.rail_reference,
        "reversible": command.reversible,
        "failure": report.failure,
        "lookups": 0,
    }
    moved = work.save(move(payout, step, call, **told))
    before, after = payout.state in IN_THE_LEDGER, moved.state in IN_THE_LEDGER
    came_back = report.standing == Standing.RETURNED
    if after != before or (came_back and not before):
        # What is back before we heard that it went has gone all the same: the rail's statement has both.
        signs = (1, -1) if came_back and not before else (1,) if after else (-1,)
        for sign in signs:
            work.insert(*_postings(moved, sign=sign, call=call))
    return moved


def _postings(payout: Payout, *, sign: int, call: Call) -> tuple[object, ...]:
    leaving = Origin(
        tenant_id=payout.tenant_id,
        name="payout_sent" if sign > 0 else "payout_returned",
        subject_id=payout.reference,
        booking_id=None,
        currency=payout.currency,
        at=call.at,
    )
    amount = sign * payout.amount_minor
    return balanced(
        leaving, {provider_payable(payout.provider_id): amount, psp_clearing(payout.rail): -amount}
    )
