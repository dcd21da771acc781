"""What a sandbox payment does is written in its token: one table says what each of them brings about."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from marketplace.adapters.sandbox.faults import CALL_FAULTS, Fault
from marketplace.core.shared.errors import Invalid
from marketplace.ports.payments import Standing

SOON_SECONDS = 60
DAY_SECONDS = 86_400
WEEK_SECONDS = 7 * DAY_SECONDS


@dataclass(frozen=True, slots=True)
class Step:
    """Where an order comes to stand, so many seconds of its tenant's time after it came to the last step."""

    standing: Standing
    after_seconds: int = 0
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Habit:
    """How an order's webhooks come: how often each, and how late at most."""

    copies: int = 1
    delay_seconds_max: int = 0


SUCCEEDS = (Step(Standing.SUCCEEDED),)
ON_TIME = Habit()
LOST = Habit(copies=0)
DOUBLED = Habit(copies=2, delay_seconds_max=120)
LATE = Habit(delay_seconds_max=3_600)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBehaviour:
    """
    `fault` is the kind of trouble that the token is there to show.

    A fault of the call strikes the first call for a reference only, so that the way out can be tried too.
    What is not `voidable` cannot be called back while it is pending, as a line of a file that has gone.
    `claw_back_fault` is what a payee shows when money is asked back from it; REJECTED where it has none.
    """

    description: str
    path: tuple[Step, ...] = SUCCEEDS
    fault: Fault | None = None
    refund_path: tuple[Step, ...] = SUCCEEDS
    refunds_failing: int = 0
    evidence_wins: bool = False
    contested_basis_points: int = 10_000
    hold_seconds: int = WEEK_SECONDS
    voidable: bool = True
    webhooks: Habit = ON_TIME
    claw_back_fault: Fault | None = None


def _later(first: Standing, second: Standing, failure: str | None = None) -> tuple[Step, ...]:
    return (Step(first), Step(second, SOON_SECONDS, failure))


# Banks debit each other overnight, and tell of it the day after.
_DEBITED = (Step(Standing.PENDING), Step(Standing.SUCCEEDED, 2 * DAY_SECONDS))

METHODS: Mapping[str, TokenBehaviour] = MappingProxyType(
    {
        "tok_success": TokenBehaviour(description="succeeds at once"),
        "tok_decline": TokenBehaviour(
            description="declined by the bank",
            path=(Step(Standing.FAILED, failure="card_declined"),),
            fault=Fault.DECLINED,
        ),
        "tok_insufficient_funds": TokenBehaviour(
            description="declined for want of money",
            path=(Step(Standing.FAILED, failure="insufficient_funds"),),
            fault=Fault.DECLINED,
        ),
        "tok_needs_action": TokenBehaviour(
            description="waits until the customer completes the action",
            path=(Step(Standing.NEEDS_ACTION),),
            fault=Fault.NEEDS_ACTION,
        ),
        "tok_pending_success": TokenBehaviour(
            description="pending, succeeds a minute later",
            path=_later(Standing.PENDING, Standing.SUCCEEDED),
            fault=Fault.PENDING,
        ),
        "tok_pending_decline": TokenBehaviour(
            description="pending, declined a minute later",
            path=_later(Standing.PENDING, Standing.FAILED, "insufficient_funds"),
            fault=Fault.PENDING_DECLINED,
        ),
        "tok_returned": TokenBehaviour(
            description="succeeds, and is returned unpaid a minute later, as a debit order may be",
            path=_later(Standing.SUCCEEDED, Standing.RETURNED, "unpaid"),
            fault=Fault.RETURNED,
        ),
        "tok_timeout_after": TokenBehaviour(
            description="takes the money, and the answer is lost", fault=Fault.TIMEOUT_AFTER
        ),
        "tok_timeout_before": TokenBehaviour(
            description="lost on the way: unknown while it is looked up for up to three minutes, "
            "then failed; retry-payment pays",
            fault=Fault.TIMEOUT_BEFORE,
        ),
        "tok_unavailable_once": TokenBehaviour(
            description="down for the first call, a repeat succeeds", fault=Fault.UNAVAILABLE
        ),
        "tok_webhook_lost": TokenBehaviour(
            description="succeeds, and no webhook ever comes", fault=Fault.WEBHOOK_LOST, webhooks=LOST
        ),
        "tok_webhooks_doubled": TokenBehaviour(
            description="succeeds, and its webhooks come twice and out of order",
            fault=Fault.WEBHOOKS_DOUBLED,
            webhooks=DOUBLED,
        ),
        "tok_webhook_late": TokenBehaviour(
            description="succeeds, and its webhooks come up to an hour late",
            fault=Fault.WEBHOOK_LATE,
            webhooks=LATE,
        ),
        "tok_chargeback": TokenBehaviour(
            description="succeeds, is disputed a minute later, and lost whatever the evidence",
            path=_later(Standing.SUCCEEDED, Standing.DISPUTED, "fraudulent"),
            fault=Fault.CHARGEBACK,
        ),
        "tok_chargeback_won": TokenBehaviour(
            description="succeeds, is disputed a minute later, and won if evidence is sent",
            path=_later(Standing.SUCCEEDED, Standing.DISPUTED, "not_received"),
            fault=Fault.CHARGEBACK,
            evidence_wins=True,
        ),
        "tok_chargeback_late": TokenBehaviour(
            description="succeeds, is disputed 30 days later, when the provider has been paid, and lost",
            path=(Step(Standing.SUCCEEDED), Step(Standing.DISPUTED, 30 * 86_400, "fraudulent")),
            fault=Fault.CHARGEBACK,
        ),
        "tok_chargeback_part": TokenBehaviour(
            description="succeeds; a quarter of it is disputed a minute later, and lost",
            path=_later(Standing.SUCCEEDED, Standing.DISPUTED, "not_as_described"),
            fault=Fault.CHARGEBACK,
            contested_basis_points=2_500,
        ),
        "tok_hold_expires": TokenBehaviour(
            description="a hold lasts a minute only", fault=Fault.HOLD_EXPIRED, hold_seconds=SOON_SECONDS
        ),
        "tok_refund_fails_once": TokenBehaviour(
            description="succeeds; the first refund fails, one under another reference succeeds",
            fault=Fault.REFUND_FAILED,
            refunds_failing=1,
        ),
        "tok_refund_pending": TokenBehaviour(
            description="succeeds; a refund is pending for a minute",
            fault=Fault.REFUND_PENDING,
            refund_path=_later(Standing.PENDING, Standing.SUCCEEDED),
        ),
        "tok_refund_fails_later": TokenBehaviour(
            description="succeeds; a refund is pending, and fails a minute later",
            fault=Fault.REFUND_FAILED,
            refund_path=_later(Standing.PENDING, Standing.FAILED, "refund_failed"),
        ),
        "tok_refund_bounces": TokenBehaviour(
            description="succeeds; a refund succeeds, and the customer's bank sends it back 20 days later",
            fault=Fault.REFUND_BOUNCED,
            refund_path=(Step(Standing.SUCCEEDED), Step(Standing.FAILED, 20 * 86_400, "account_closed")),
        ),
        "tok_debit": TokenBehaviour(
            description="submitted for good, as a debit order is; succeeds two days later",
            path=_DEBITED,
            fault=Fault.PENDING,
            voidable=False,
        ),
        "tok_debit_unpaid": TokenBehaviour(
            description="submitted for good, and unpaid two days later",
            path=(Step(Standing.PENDING), Step(Standing.FAILED, 2 * DAY_SECONDS, "insufficient_funds")),
            fault=Fault.PENDING_DECLINED,
            voidable=False,
        ),
        "tok_debit_returned": TokenBehaviour(
            description="submitted for good; succeeds two days later, and is returned five days after that",
            path=(*_DEBITED, Step(Standing.RETURNED, 5 * DAY_SECONDS, "unpaid")),
            fault=Fault.RETURNED,
            voidable=False,
        ),
        "tok_debit_late": TokenBehaviour(
            description="submitted for good, and succeeds six days later, when nobody waits for it any more",
            path=(Step(Standing.PENDING), Step(Standing.SUCCEEDED, 6 * DAY_SECONDS)),
            fault=Fault.PENDING,
            voidable=False,
        ),
    }
)

PAYEES: Mapping[str, TokenBehaviour] = MappingProxyType(
    {
        "payee_ok": TokenBehaviour(description="is paid at once"),
        "payee_pending": TokenBehaviour(
            description="is paid a minute later",
            path=_later(Standing.PENDING, Standing.SUCCEEDED),
            fault=Fault.PENDING,
        ),
        "payee_returned": TokenBehaviour(
            description="is paid, and the bank returns the money a minute later",
            path=_later(Standing.SUCCEEDED, Standing.RETURNED, "account_closed"),
            fault=Fault.RETURNED,
        ),
        "payee_rejected": TokenBehaviour(
            description="cannot be paid",
            path=(Step(Standing.FAILED, failure="payee_rejected"),),
            fault=Fault.REJECTED,
        ),
        "payee_timeout_after": TokenBehaviour(
            description="is paid, and the answer is lost", fault=Fault.TIMEOUT_AFTER
        ),
        "payee_timeout_before": TokenBehaviour(
            description="the first call is lost on the way, a repeat pays", fault=Fault.TIMEOUT_BEFORE
        ),
        "payee_unavailable_once": TokenBehaviour(
            description="down for the first call, a repeat pays", fault=Fault.UNAVAILABLE
        ),
        "payee_spent": TokenBehaviour(
            description="is paid at once, and has spent it when it is asked back",
            claw_back_fault=Fault.REJECTED,
        ),
        "payee_claw_back_timeout_after": TokenBehaviour(
            description="is paid at once; it is taken back, and the answer is lost",
            claw_back_fault=Fault.TIMEOUT_AFTER,
        ),
        "payee_claw_back_timeout_before": TokenBehaviour(
            description="is paid at once; the first call to take it back is lost on the way",
            claw_back_fault=Fault.TIMEOUT_BEFORE,
        ),
    }
)

TOKENS: Mapping[str, TokenBehaviour] = MappingProxyType({**METHODS, **PAYEES})


def check_token(token: str, *, field: str, table: Mapping[str, TokenBehaviour]) -> str:
    if token not in table:
        raise Invalid(field, f"the sandbox has no {token[:60]!r}", ", ".join(table))
    return token


def showing(fault: Fault | None, *, table: Mapping[str, TokenBehaviour]) -> str | None:
    """The token that brings about a fault of the order; None for none, or for a fault of the call."""
    if fault is None or fault in CALL_FAULTS:
        return None
    return next((token for token, behaviour in table.items() if behaviour.fault is fault), None)
