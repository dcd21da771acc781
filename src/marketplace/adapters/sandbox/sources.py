"""What becomes of a method that is saved is written in its source: one table says what each brings about."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from marketplace.adapters.sandbox.faults import Fault
from marketplace.adapters.sandbox.tokens import SOON_SECONDS
from marketplace.core.shared.errors import Invalid
from marketplace.ports.payments import SetupStanding


@dataclass(frozen=True, slots=True)
class SetupStep:
    """Where a saved method comes to stand, so many seconds of its tenant's time after the last step."""

    standing: SetupStanding
    after_seconds: int = 0
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBehaviour:
    """`charges` is the token as which it is charged while it is active; `amended` how an amendment ends."""

    description: str
    path: tuple[SetupStep, ...] = (SetupStep(SetupStanding.ACTIVE),)
    fault: Fault | None = None
    charges: str = "tok_success"
    amended: SetupStanding = SetupStanding.ACTIVE


def _later(first: SetupStanding, second: SetupStanding, failure: str | None = None) -> tuple[SetupStep, ...]:
    return (SetupStep(first), SetupStep(second, SOON_SECONDS, failure))


_ACTIVE, _PENDING = SetupStanding.ACTIVE, SetupStanding.PENDING
WAITING, ASKED = "setup_pending", "setup_needs_action"  # without a source: of a bank account, and of a card

SOURCES: Mapping[str, SourceBehaviour] = MappingProxyType(
    {
        "setup_success": SourceBehaviour(description="is active at once"),
        ASKED: SourceBehaviour(
            description="waits until its payer completes the action",
            path=(SetupStep(SetupStanding.NEEDS_ACTION),),
        ),
        WAITING: SourceBehaviour(
            description="pending, authorised a minute later; charges are pending for a minute",
            path=_later(_PENDING, _ACTIVE),
            charges="tok_pending_success",
        ),
        "setup_rejected": SourceBehaviour(
            description="pending, rejected by its payer a minute later",
            path=_later(_PENDING, SetupStanding.REJECTED, "payer_declined"),
        ),
        "setup_expires": SourceBehaviour(
            description="pending, and lapses a minute later, as nobody answers the bank",
            path=_later(_PENDING, SetupStanding.EXPIRED, "no_response"),
        ),
        "setup_unanswered": SourceBehaviour(description="pending for ever", path=(SetupStep(_PENDING),)),
        "setup_suspended": SourceBehaviour(
            description="is active, suspended a minute later, and active again a day after that",
            path=(
                *_later(_ACTIVE, SetupStanding.SUSPENDED, "suspended_by_bank"),
                SetupStep(_ACTIVE, 86_400),
            ),
        ),
        "setup_revoked": SourceBehaviour(
            description="is active, and revoked at the bank a minute later",
            path=_later(_ACTIVE, SetupStanding.CANCELLED, "revoked_by_payer"),
        ),
        "setup_declines": SourceBehaviour(
            description="is active, and every charge is declined", charges="tok_insufficient_funds"
        ),
        "setup_returned": SourceBehaviour(
            description="is active; charges succeed, and are returned unpaid a minute later",
            charges="tok_returned",
        ),
        "setup_amendment_refused": SourceBehaviour(
            description="is active; its payer refuses amendments", amended=SetupStanding.REJECTED
        ),
        "setup_debits": SourceBehaviour(
            description="pending, authorised a minute later; charges are debit orders, which take two days",
            path=_later(_PENDING, _ACTIVE),
            charges="tok_debit",
        ),
        "setup_debits_unpaid": SourceBehaviour(
            description="is active; debit orders come back unpaid after two days", charges="tok_debit_unpaid"
        ),
        "setup_debits_returned": SourceBehaviour(
            description="is active; debit orders succeed, and are returned five days later",
            charges="tok_debit_returned",
        ),
        "setup_debits_late": SourceBehaviour(
            description="is active; debit orders take six days", charges="tok_debit_late"
        ),
        "setup_timeout_after": SourceBehaviour(
            description="is active, and the answer is lost", fault=Fault.TIMEOUT_AFTER
        ),
        "setup_timeout_before": SourceBehaviour(
            description="the first call is lost on the way, a repeat saves it", fault=Fault.TIMEOUT_BEFORE
        ),
        "setup_unavailable_once": SourceBehaviour(
            description="down for the first call, a repeat saves it", fault=Fault.UNAVAILABLE
        ),
    }
)


def check_source(source: str, *, field: str) -> None:
    if source not in SOURCES:
        raise Invalid(field, f"the sandbox has no {source[:60]!r}", ", ".join(SOURCES))
