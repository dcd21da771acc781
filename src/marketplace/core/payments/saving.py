"""A method is saved, amended and removed by its owner; what the rail reports moves it on, or not at all."""

from base64 import b32encode
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast
from uuid import UUID

from marketplace.core.payments.mandate import check_amendment, check_terms
from marketplace.core.payments.method import GONE, PaymentMethod, State
from marketplace.core.payments.payment import looked
from marketplace.core.providers.hours import zone
from marketplace.core.shared.aggregate import create, is_due, move
from marketplace.core.shared.errors import Invalid, NotFound
from marketplace.core.shared.limits import NewId, Reason, VendorToken
from marketplace.core.shared.mandates import MandateTerms, Payer
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Call
from marketplace.ports.payments import SetupReport, SetupStanding
from marketplace.ports.storage import Work

_CONTRACT_LENGTH = 14  # what banks print; 70 bits of the id, which are random


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveMethod:
    """
    Keep a card or a mandate to pay by later. What you have to do for it is its next action.

    `source` is what the rail's own form gave for it; a debit order has terms, and a payer where none asked.
    """

    payment_method_id: NewId
    kind: MethodKind
    source: VendorToken | None = None
    payer: Payer | None = None
    terms: MandateTerms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendMandate:
    """Let other terms hold for a mandate. Until its payer has agreed, if it must, the old ones do."""

    payment_method_id: UUID
    amendment_id: NewId
    terms: MandateTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveMethod:
    """Pay by it no more, from now on; its rail is told until it knows."""

    payment_method_id: UUID
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMethod:
    """Bring a saved method to what the rail reports."""

    report: SetupReport


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpMethod:
    """Ask the rail again where a saved method stands; one that nobody authorised in time has expired."""

    payment_method_id: UUID
    reason: Reason | None = None


async def save_method(command: SaveMethod, *, call: Call, work: Work) -> PaymentMethod:
    """Raises MarketplaceClosed, Invalid."""
    call.check_open()
    mandate = command.kind == MethodKind.DEBIT_ORDER
    _check_parts(command)
    if command.terms is not None:
        check_terms(command.terms, today=_today(call))
    payment = call.policy.payment
    method = PaymentMethod(
        id=command.payment_method_id,
        tenant_id=call.tenant_id,
        customer_id=cast("UUID", call.actor.user_id),
        kind=command.kind,
        rail=payment.collecting_rail(command.kind),
        created_at=call.at,
        authorise_by=call.at + timedelta(minutes=payment.authorisation_window_minutes),
        source=command.source,
        payer=command.payer,
        terms=command.terms,
        contract=_contract(command.payment_method_id) if mandate else None,
    )
    return work.add(create(method, call))


def _check_parts(command: SaveMethod) -> None:
    if command.kind == MethodKind.DEBIT_ORDER:
        if command.terms is None:
            raise Invalid("terms", "are missing for a debit order", "what its payer agrees to")
        return
    for name in ("terms", "payer"):
        if getattr(command, name) is not None:
            raise Invalid(name, "is no part of a card", "none")


def _contract(key: UUID) -> str:
    return b32encode(key.bytes[-10:]).decode()[-_CONTRACT_LENGTH:]


def _today(call: Call) -> date:
    return call.at.astimezone(zone(call.policy.time_zone)).date()


async def own_method(key: UUID, call: Call, work: Work) -> PaymentMethod:
    """Raises NotFound, also for another customer's."""
    method = await work.find(PaymentMethod, key)
    if method is None or not sees(method, call):
        raise NotFound("payment method", key)
    return method


def sees(method: PaymentMethod, call: Call) -> bool:
    return call.actor.role != Role.CUSTOMER or method.customer_id == call.actor.user_id


async def amend_mandate(command: AmendMandate, *, call: Call, work: Work) -> PaymentMethod:
    """Raises Invalid for terms that take a new mandate. The same `amendment_id` is one amendment."""
    method = await own_method(command.payment_method_id, call, work)
    if method.amendment_id == command.amendment_id:
        return method
    wanted: dict[str, Any] = {"wanted": command.terms, "amendment_id": command.amendment_id}
    amended = move(method, "amend", call, failure=None, next_action=None, lookups=0, **wanted)
    check_amendment(cast("MandateTerms", method.terms), command.terms, today=_today(call))
    return work.save(amended)


async def remove_method(command: RemoveMethod, *, call: Call, work: Work) -> PaymentMethod:
    method = await own_method(command.payment_method_id, call, work)
    removed = move(method, "remove", call, next_action=None, lookups=0, payer=None, source=None)
    return work.save(removed)


async def look_up_method(command: LookUpMethod, *, call: Call, work: Work) -> PaymentMethod:
    method = await work.get(PaymentMethod, command.payment_method_id)
    if call.actor.role != Role.CLOCK:
        return work.save(move(method, "look_up", call, lookups=looked(method, call)))
    if not is_due(method, call):
        return method
    if method.state in _BEGUN and call.at >= method.authorise_by:
        facts: dict[str, Any] = {"failure": "not_authorised_in_time", "next_action": None}
        return work.save(move(method, "expire", call, payer=None, source=None, **facts))
    return work.save(move(method, "look_up", call, lookups=looked(method, call)))


_BEGUN = frozenset({State.DRAFT, State.PENDING_AUTH})


async def record_method(command: RecordMethod, *, call: Call, work: Work) -> PaymentMethod:
    """A report that says nothing new changes nothing."""
    report = command.report
    method = await work.get(PaymentMethod, report.reference)
    step = step_to(method, report)
    if step is None:
        return method
    changes: dict[str, Any] = {
        "rail_reference": report.rail_reference or method.rail_reference,
        "token": report.token or method.token,
        "label": report.label or method.label,
        "expires_at": report.expires_at,
        "next_action": report.next_action,
        "failure": report.failure,
        "payer": None,
        "source": None,
        "lookups": 0,
    }
    if method.wanted is not None and report.amendment == method.amendment_id:
        if report.amended == SetupStanding.ACTIVE:
            changes["terms"] = method.wanted
        if report.amended not in _WAITING:
            changes["wanted"] = None
    return work.save(move(method, step, call, **changes))


_WAITING = frozenset({SetupStanding.NEEDS_ACTION, SetupStanding.PENDING})
_ENDS = {
    SetupStanding.REJECTED: "reject",
    SetupStanding.EXPIRED: "expire",
    SetupStanding.CANCELLED: "cancel",
}


def step_to(method: PaymentMethod, report: SetupReport) -> str | None:
    """The move by which this report is news; None where it is none."""
    if method.state in GONE:
        return None
    if report.standing in _ENDS:
        return _end(method, report.standing)
    if method.state == State.CANCELLING:
        return None
    if report.standing == SetupStanding.SUSPENDED:
        return None if method.state == State.SUSPENDED else "suspend"
    if report.standing in _WAITING:
        return _wait(method, report)
    return _stand(method, report)


def _end(method: PaymentMethod, standing: SetupStanding) -> str:
    """What was removed here is over however the rail puts it; only one that never stood was rejected."""
    name = _ENDS[standing]
    return name if (method.state, name) in method.LIFECYCLE.table else "cancel"


def _wait(method: PaymentMethod, report: SetupReport) -> str | None:
    match method.state:
        case State.DRAFT:
            return "submit"
        case State.PENDING_AUTH if report.next_action != method.next_action:
            return "ask_payer"
        case _:
            return None  # what stood once does not wait again


def _stand(method: PaymentMethod, report: SetupReport) -> str | None:
    heard = report.amendment == method.amendment_id and report.amended not in _WAITING
    match method.state:
        case State.AMENDED if report.amendment != method.amendment_id:
            return None  # the rail has not heard of it yet
        case State.AMENDED if heard:
            return "apply" if report.amended == SetupStanding.ACTIVE else "keep"
        case State.AMENDED:
            return "ask_payer" if report.next_action != method.next_action else None
        case State.SUSPENDED:
            return "resume" if method.wanted is None or heard else "go_on"
        case State.ACTIVE:
            told = (report.token, report.label, report.expires_at)
            return "refresh" if told != (method.token, method.label, method.expires_at) else None
        case _:
            return "activate"
