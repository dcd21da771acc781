"""What becomes of an account that is opened is written in its source: one table says what each does."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from marketplace.adapters.sandbox.faults import Fault
from marketplace.adapters.sandbox.tokens import SOON_SECONDS
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.payees import BankAccount, PayeeKind
from marketplace.ports.paying import PayeeStanding

_ACTIVE, _PENDING = PayeeStanding.ACTIVE, PayeeStanding.PENDING
DOCUMENT = "proof of identity"
BANK = "bank account"


@dataclass(frozen=True, slots=True)
class OpeningStep:
    """Where an account comes to stand, so many seconds of its tenant's time after the last step."""

    standing: PayeeStanding
    after_seconds: int = 0
    failure: str | None = None
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningBehaviour:
    """`pays` is the payee as which it is paid while it is active."""

    description: str
    path: tuple[OpeningStep, ...] = (OpeningStep(_ACTIVE),)
    fault: Fault | None = None
    pays: str = "payee_ok"


def _later(first: PayeeStanding, then: OpeningStep, *more: OpeningStep) -> tuple[OpeningStep, ...]:
    return (OpeningStep(first), then, *more)


ASKED, TAKEN = "opening_needs_action", "opening_success"  # without a source: hosted, and by bank details

OPENINGS: Mapping[str, OpeningBehaviour] = MappingProxyType(
    {
        TAKEN: OpeningBehaviour(description="is active at once"),
        ASKED: OpeningBehaviour(
            description="waits until its owner completes the action",
            path=(OpeningStep(PayeeStanding.NEEDS_ACTION, required=(BANK, DOCUMENT)),),
        ),
        "opening_pending": OpeningBehaviour(
            description="is looked at, and active a minute later",
            path=_later(_PENDING, OpeningStep(_ACTIVE, SOON_SECONDS)),
        ),
        "opening_more_needed": OpeningBehaviour(
            description="is looked at, and a minute later asks its owner for more",
            path=_later(
                _PENDING,
                OpeningStep(PayeeStanding.NEEDS_ACTION, SOON_SECONDS, required=(DOCUMENT,)),
            ),
        ),
        "opening_rejected": OpeningBehaviour(
            description="is looked at, and rejected a minute later",
            path=_later(_PENDING, OpeningStep(PayeeStanding.REJECTED, SOON_SECONDS, "fraud_suspected")),
        ),
        "opening_restricted": OpeningBehaviour(
            description="is active, and restricted a minute later until its owner completes the action",
            path=_later(
                _ACTIVE,
                OpeningStep(PayeeStanding.RESTRICTED, SOON_SECONDS, "documents_expired", (DOCUMENT,)),
            ),
        ),
        "opening_restricted_a_day": OpeningBehaviour(
            description="is active, restricted a minute later, and active again a day after that",
            path=_later(
                _ACTIVE,
                OpeningStep(PayeeStanding.RESTRICTED, SOON_SECONDS, "under_review"),
                OpeningStep(_ACTIVE, 86_400),
            ),
        ),
        "opening_closed": OpeningBehaviour(
            description="is active, and closed by the vendor a minute later",
            path=_later(_ACTIVE, OpeningStep(PayeeStanding.CLOSED, SOON_SECONDS, "closed_by_vendor")),
        ),
        "opening_returns": OpeningBehaviour(
            description="is active; what is paid into it is returned a minute later", pays="payee_returned"
        ),
        "opening_timeout_after": OpeningBehaviour(
            description="is active, and the answer is lost", fault=Fault.TIMEOUT_AFTER
        ),
        "opening_timeout_before": OpeningBehaviour(
            description="the first call is lost on the way, a repeat opens it", fault=Fault.TIMEOUT_BEFORE
        ),
        "opening_unavailable_once": OpeningBehaviour(
            description="down for the first call, a repeat opens it", fault=Fault.UNAVAILABLE
        ),
    }
)


def check_opening(*, kind: PayeeKind, source: str | None, bank_account: BankAccount | None) -> None:
    """Raises Invalid. The vendor takes any account number that is one."""
    if source is not None and source not in OPENINGS:
        raise Invalid("source", f"the sandbox has no {source[:60]!r}", ", ".join(OPENINGS))
    if kind is PayeeKind.HOSTED:
        if bank_account is not None:
            raise Invalid("bank_account", "is asked for on the sandbox's own pages", "none")
        return
    if bank_account is None:
        raise Invalid("bank_account", "is missing", "where the provider banks")
    if not bank_account.account_number.isdecimal():
        raise Invalid("bank_account.account_number", "is no account number", "digits alone")
