"""A policy asks of its rail no more than the rail can do."""

from collections.abc import Mapping
from datetime import timedelta

from marketplace.core.shared.errors import Invalid
from marketplace.core.tenants.policy import Capture, Confirmation, Policy
from marketplace.core.tenants.tenant import Mode
from marketplace.ports.payments import Capabilities

# A yes in the last minute has still to reach the rail, which may be down just then.
CAPTURE_TAKES_MAX = timedelta(hours=1)


def check_rail(policy: Policy, *, rails: Mapping[str, Capabilities], mode: Mode) -> None:
    """Raises Invalid, naming the field of the policy that its rail cannot serve in a tenant of this mode."""
    name = policy.payment.rail
    if name not in rails:
        raise Invalid("policy.payment.rail", f"{name} is not known", ", ".join(sorted(rails)))
    able = rails[name]
    if able.live is not None and able.live is not (mode is Mode.LIVE):
        money = "real money" if able.live else "money for tests"
        raise Invalid("policy.payment.rail", f"{name} moves {money} here, and the marketplace is {mode}")
    if policy.currency not in able.currencies:
        allowed = ", ".join(sorted(able.currencies))
        raise Invalid("policy.currency", f"{policy.currency} is none of the rail {name}'s", allowed)
    if policy.payment.capture == Capture.ON_CONFIRMATION:
        _check_hold(policy, able.hold_max)


def _check_hold(policy: Policy, hold_max: timedelta | None) -> None:
    """Money is held from the payment until the provider's yes."""
    name = policy.payment.rail
    if hold_max is None:
        problem = f"the rail {name} cannot hold money"
        raise Invalid("policy.payment.capture", problem, str(Capture.ON_BOOKING))
    window = policy.booking.acceptance_window_minutes
    most = (hold_max - CAPTURE_TAKES_MAX) // timedelta(minutes=1)
    if policy.booking.confirmation == Confirmation.REQUEST and window > most:
        problem = f"{window} is longer than the rail {name} holds money"
        allowed = f"1 to {most}, or payment.capture {Capture.ON_BOOKING}"
        raise Invalid("policy.booking.acceptance_window_minutes", problem, allowed)
