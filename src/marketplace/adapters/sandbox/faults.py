"""Trouble comes by plan: a seeded function says which call meets which fault, and a tally what came of it."""

from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum
from hashlib import blake2b
from types import MappingProxyType
from uuid import UUID

Random = Callable[[str], float]  # what to decide → a number from 0 up to, but without, 1


class Fault(StrEnum):
    UNAVAILABLE = "unavailable"
    TIMEOUT_BEFORE = "timeout_before"
    TIMEOUT_AFTER = "timeout_after"
    DECLINED = "declined"
    NEEDS_ACTION = "needs_action"
    PENDING = "pending"
    PENDING_DECLINED = "pending_declined"
    RETURNED = "returned"
    REJECTED = "rejected"
    CHARGEBACK = "chargeback"
    HOLD_EXPIRED = "hold_expired"
    REFUND_PENDING = "refund_pending"
    REFUND_FAILED = "refund_failed"
    REFUND_BOUNCED = "refund_bounced"
    WEBHOOK_LOST = "webhook_lost"
    WEBHOOKS_DOUBLED = "webhooks_doubled"
    WEBHOOK_LATE = "webhook_late"


class Operation(StrEnum):
    """The calls that a plan is asked about; `WEBHOOK` is asked for each event of an order."""

    COLLECT = "collect"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    RELEASE = "release"
    CLAW_BACK = "claw_back"
    EVIDENCE = "submit_evidence"
    BEGIN_SETUP = "begin_setup"
    AMEND_SETUP = "amend_setup"
    REVOKE_SETUP = "revoke_setup"
    OPEN_PAYEE = "open_payee"
    FIND = "find"
    STATEMENT = "settlement_lines"
    WEBHOOK = "webhook"
    SEND = "send"


CALL_FAULTS = frozenset({Fault.UNAVAILABLE, Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER})
WEBHOOK_FAULTS = frozenset({Fault.WEBHOOK_LOST, Fault.WEBHOOKS_DOUBLED, Fault.WEBHOOK_LATE})

# Which faults can strike which call: a plan that names another is not followed.
POSSIBLE: Mapping[Operation, frozenset[Fault]] = MappingProxyType(
    {
        Operation.COLLECT: CALL_FAULTS
        | {
            Fault.DECLINED,
            Fault.NEEDS_ACTION,
            Fault.PENDING,
            Fault.PENDING_DECLINED,
            Fault.RETURNED,
            Fault.CHARGEBACK,
            Fault.HOLD_EXPIRED,
        },
        Operation.CAPTURE: CALL_FAULTS,
        Operation.VOID: CALL_FAULTS,
        Operation.REFUND: CALL_FAULTS | {Fault.REFUND_BOUNCED, Fault.REFUND_FAILED, Fault.REFUND_PENDING},
        Operation.RELEASE: CALL_FAULTS | {Fault.PENDING, Fault.RETURNED, Fault.REJECTED},
        Operation.CLAW_BACK: CALL_FAULTS | {Fault.REJECTED},
        Operation.EVIDENCE: CALL_FAULTS,
        Operation.BEGIN_SETUP: CALL_FAULTS,
        Operation.AMEND_SETUP: CALL_FAULTS,
        Operation.REVOKE_SETUP: CALL_FAULTS,
        Operation.OPEN_PAYEE: CALL_FAULTS,
        Operation.FIND: frozenset({Fault.UNAVAILABLE}),
        Operation.STATEMENT: frozenset({Fault.UNAVAILABLE}),
        Operation.WEBHOOK: WEBHOOK_FAULTS,
        Operation.SEND: CALL_FAULTS | {Fault.REJECTED},
    }
)

FaultPlan = Callable[[Operation, UUID], Fault | None]
Tally = Counter[Fault]


def no_faults(_operation: Operation, _reference: UUID) -> Fault | None:
    return None


def seeded_random(seed: int | str) -> Random:
    """A number for each thing to decide: the same for the same seed and thing, in whatever order asked."""

    def number(thing: str) -> float:
        digest = blake2b(f"{seed}/{thing}".encode(), digest_size=8).digest()
        return (int.from_bytes(digest, "big") >> 11) / (1 << 53)

    return number


def seeded_faults(*, seed: int | str, share: float, in_a_row_max: int = 2) -> FaultPlan:
    """
    A plan that troubles a `share` (0 to 1) of the calls, no call for one reference too often in a row.

    It remembers how often it was asked about each call, so one plan serves one run in one process.
    """
    random = seeded_random(seed)
    asked: Counter[tuple[Operation, UUID]] = Counter()

    def plan(operation: Operation, reference: UUID) -> Fault | None:
        asked[operation, reference] += 1
        turn = asked[operation, reference]
        spared = operation is not Operation.WEBHOOK and turn > in_a_row_max
        if spared or random(f"{operation}/{reference}/{turn}") >= share:
            return None
        kinds = sorted(POSSIBLE[operation])
        return kinds[int(random(f"kind/{operation}/{reference}/{turn}") * len(kinds))]

    return plan


def fault_for(plan: FaultPlan, operation: Operation, reference: UUID) -> Fault | None:
    fault = plan(operation, reference)
    return fault if fault in POSSIBLE[operation] else None
