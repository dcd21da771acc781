"""The sandbox does no more than it says it can, so that it can play a vendor that can do less."""

from uuid import UUID

from marketplace.adapters.sandbox.tokens import WEEK_SECONDS
from marketplace.core.shared.errors import Invalid
from marketplace.ports.payments import Capabilities, Charge, Setup, Transfer


def check_charge(able: Capabilities, charge: Charge) -> None:
    """Raises Invalid."""
    _check_currency(able, charge.amount.currency)
    if charge.hold and able.hold_max is None:
        raise Invalid("hold", "is asked for, and this rail holds no money", "none")


def check_refund(able: Capabilities, reference: UUID) -> None:
    """Raises Invalid."""
    if not able.refunds:
        problem = f"this rail gives nothing of {reference} back"
        raise Invalid("reference", problem, "a refund that is paid by hand")


def check_transfer(able: Capabilities, transfer: Transfer) -> None:
    """Raises Invalid."""
    _check_currency(able, transfer.amount.currency)
    if transfer.charge is not None and not able.pays_by_charge:
        raise Invalid("charge", "is named, and this rail pays from its balance", "none")


def check_claw_back(able: Capabilities, transfer: UUID) -> None:
    """Raises Invalid."""
    if not able.claws_back:
        raise Invalid("transfer", f"this rail takes nothing of {transfer} back", "none")


def check_setup(able: Capabilities, setup: Setup) -> None:
    """Raises Invalid."""
    if setup.kind not in able.saves:
        allowed = ", ".join(sorted(able.saves)) or "none"
        raise Invalid("kind", f"{setup.kind} is none that this rail keeps", allowed)


def hold_seconds_max(able: Capabilities) -> int:
    return WEEK_SECONDS if able.hold_max is None else int(able.hold_max.total_seconds())


def _check_currency(able: Capabilities, currency: str) -> None:
    if currency not in able.currencies:
        raise Invalid("currency", f"{currency} is none of this rail's", ", ".join(sorted(able.currencies)))
