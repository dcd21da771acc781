"""What the rail says becomes what we know: each report moves a payment forward, or not at all."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from marketplace.core.ledger.movement import (
    DISPUTE_HOLD,
    Origin,
    balanced,
    customer_funds,
    psp_clearing,
)
from marketplace.core.payments.payment import OPEN, Payment, looked
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.refund import Refund
from marketplace.core.shared.aggregate import Changed, is_due, move
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.ids import derive
from marketplace.core.shared.limits import TEXT_MAX, Length, Reason
from marketplace.core.shared.money import Money
from marketplace.core.shared.roles import Role
from marketplace.core.shared.rules import AppendOnly, Rule, Unique
from marketplace.core.tenants.tenant import Call
from marketplace.ports.payments import Hint, Report, Standing, Subject
from marketplace.ports.storage import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPayment:
    """Bring a payment to what the rail reports."""

    report: Report


@dataclass(frozen=True, slots=True, kw_only=True)
class LosePayment:
    """The call ended in doubt: look it up, never send it again blindly."""

    payment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUpPayment:
    """The rail, asked again and again, never heard of this payment."""

    payment_id: UUID
    failure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromisePayment:
    """It is not near the date yet: a saved method stands for the money until then."""

    payment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpPayment:
    """Ask the rail again what became of a payment."""

    payment_id: UUID
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitEvidence:
    """Tell the bank why a disputed payment was right; sent again, it takes the place of what was told."""

    payment_id: UUID
    text: Annotated[str, Length(TEXT_MAX, least=1)]
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class HearHint:
    """A verified webhook; counts once, however often it comes."""

    rail: str
    hint: Hint


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorEvent:
    """A vendor's event that was heard; the key makes it count once."""

    RULES: ClassVar[tuple[Rule, ...]] = (Unique(("rail", "event_id")), AppendOnly())

    id: UUID
    tenant_id: UUID
    rail: str
    event_id: str
    reference: UUID
    subject: str
    at: datetime
    request_id: str


# What a report may mean, best first: a rail can be more than one step ahead of what we know.
_STEPS: dict[Standing, tuple[str, ...]] = {
    Standing.NEEDS_ACTION: ("need_action",),
    Standing.PENDING: ("submit",),
    Standing.AUTHORISED: ("authorise",),
    Standing.SUCCEEDED: ("succeed",),
    Standing.FAILED: ("fail",),
    Standing.CANCELLED: ("cancel",),
    Standing.RETURNED: ("return", "catch_up"),
    Standing.DISPUTED: ("dispute", "catch_up"),
    Standing.WON: ("win", "dispute", "catch_up"),
    Standing.LOST: ("lose_part", "lose", "dispute", "catch_up"),
}


async def record_payment(command: RecordPayment, *, call: Call, work: Work) -> Payment:
    """Forward only: a report that is behind what we know changes nothing."""
    report = command.report
    check_subject(report, Subject.CHARGE)
    payment = await work.get(Payment, report.reference)
    step = step_to(payment, report.standing)
    if step is None:
        return payment
    changes: dict[str, Any] = {
        "rail_reference": report.rail_reference,
        "next_action": report.next_action,
        "failure": report.failure,
        "lookups": 0,
    }
    if step == "authorise":
        changes["hold_until"] = report.hold_until
    if step in _AMOUNT_TOLD:
        changes[_AMOUNT_TOLD[step]] = _amount(payment, report, least=_least(payment, step))
    if step == "lose_part":
        changes["lost_minor"] = payment.lost_minor + payment.contested_minor
    moved = work.save(move(payment, step, call, **changes))
    work.insert(*_postings(moved, step, call))
    return moved


# Which amount a report tells where it leads to this step. What is taken back may be more than we hold: a
# refund that is promised, and has not reached the rail, is not given any more.
_AMOUNT_TOLD = {
    "succeed": "captured_minor",
    "catch_up": "captured_minor",
    "dispute": "contested_minor",
    "return": "contested_minor",
}


def check_subject(report: Report, subject: Subject, amount: Money | None = None) -> None:
    """A reference of ours stands for one thing and one sum; raises Invalid where the rail says otherwise."""
    if report.subject != subject:
        raise Invalid("reference", f"stands for a {report.subject} at the rail", f"a {subject}")
    if amount is not None and report.amount != amount:
        said = f"{report.amount.minor} of {report.amount.currency} at the rail"
        raise Invalid("amount", said, f"{amount.minor} of {amount.currency}")


def step_to(payment: Payment, standing: Standing) -> str | None:
    """The move by which this standing is news; None where it is none."""
    if str(standing) == str(payment.state) or (payment.state, standing) == _PART_LOST:
        return None  # a dispute that is decided is no new dispute
    table = payment.LIFECYCLE.table
    in_part = payment.contested_minor < payment.left_minor
    lawful = (
        name
        for name in _STEPS[standing]
        if (payment.state, name) in table and (name != "lose_part" or in_part)
    )
    return next(lawful, None)


_PART_LOST = (PaymentState.PART_LOST, Standing.LOST)


def _least(payment: Payment, step: str) -> int:
    """
    Of a part that was collected no booking is firm, and a debit order comes back whole or not at all: a
    person has to see that. A bank may contest a part.
    """
    match step:
        case "dispute":
            return 1
        case "return":
            return max(1, payment.left_minor + payment.released_minor)
        case _:
            return payment.amount_minor


def _amount(payment: Payment, report: Report, *, least: int) -> int:
    amount, most = report.amount, payment.amount_minor
    if amount.currency != payment.currency or not least <= amount.minor <= most:
        allowed = f"{least} to {most} of {payment.currency}"
        raise Invalid("amount", f"the rail moved {amount.minor} of {amount.currency}", allowed)
    return amount.minor


def _postings(payment: Payment, step: str, call: Call) -> tuple[Any, ...]:
    """What a payment's step moves in the ledger, apart from what its booking decides."""
    clearing, funds = psp_clearing(payment.rail), customer_funds(payment.booking_id)
    captured, contested = payment.captured_minor, payment.contested_minor
    amounts = {
        "succeed": {clearing: captured, funds: -captured},
        "catch_up": {clearing: captured, funds: -captured},
        "return": {DISPUTE_HOLD: contested, clearing: -contested},
        "dispute": {DISPUTE_HOLD: contested, clearing: -contested},
        "win": {clearing: contested, DISPUTE_HOLD: -contested},
        "lose_part": {funds: contested, DISPUTE_HOLD: -contested},
    }.get(step)
    if amounts is None:
        return ()
    turn = payment.version if step in _REPEATED else None
    return balanced(origin(payment, f"payment_{step}", call, turn=turn), amounts)


# A bank may ask for the money again after it has lost the first time.
_REPEATED = frozenset({"dispute", "win", "lose_part"})


def origin(subject: Payment | Refund, name: str, call: Call, *, turn: int | None = None) -> Origin:
    return Origin(
        tenant_id=subject.tenant_id,
        name=name,
        subject_id=subject.id,
        booking_id=subject.booking_id,
        currency=subject.currency,
        at=call.at,
        turn=turn,
    )


async def lose_payment(command: LosePayment, *, call: Call, work: Work) -> Payment:
    payment = await work.get(Payment, command.payment_id)
    if (payment.state, "lose_track") not in payment.LIFECYCLE.table:
        return payment
    return work.save(move(payment, "lose_track", call))


async def give_up_payment(command: GiveUpPayment, *, call: Call, work: Work) -> Payment:
    """If the rail took the money after all, its late answer still counts and the money goes back."""
    payment = await work.get(Payment, command.payment_id)
    if payment.state not in OPEN | {PaymentState.VOIDING}:
        return payment
    step = "cancel" if payment.state == PaymentState.VOIDING else "fail"
    return work.save(move(payment, step, call, failure=command.failure))


async def promise_payment(command: PromisePayment, *, call: Call, work: Work) -> Payment:
    payment = await work.get(Payment, command.payment_id)
    if payment.state != PaymentState.CREATED or payment.charge_at is None:
        return payment
    return work.save(move(payment, "promise", call, lookups=0))


def charge(payment: Payment, call: Call, **changes: Any) -> Changed[Payment]:
    """What was promised is taken now."""
    return move(payment, "charge", call, charge_at=None, **changes)


async def look_up_payment(command: LookUpPayment, *, call: Call, work: Work) -> Payment:
    payment = await work.get(Payment, command.payment_id)
    if call.actor.role == Role.CLOCK:
        if not is_due(payment, call):
            return payment
        if payment.state == PaymentState.PROMISED:
            return work.save(charge(payment, call))
    return work.save(move(payment, "look_up", call, lookups=looked(payment, call)))


async def submit_evidence(command: SubmitEvidence, *, call: Call, work: Work) -> Payment:
    """It is written down before it is sent."""
    payment = await work.get(Payment, command.payment_id)
    return work.save(move(payment, "submit_evidence", call, evidence=command.text))


async def hear_hint(command: HearHint, *, call: Call, work: Work) -> VendorEvent:
    """Raises AlreadyThere for an event that was heard before."""
    heard = VendorEvent(
        id=derive(call.tenant_id, "vendor event", command.rail, command.hint.event_id),
        tenant_id=call.tenant_id,
        rail=command.rail,
        event_id=command.hint.event_id,
        reference=command.hint.reference,
        subject=command.hint.subject,
        at=call.at,
        request_id=call.request_id,
    )
    work.insert(heard)
    return heard
