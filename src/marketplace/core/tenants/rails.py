"""A policy asks of its rails no more than each of them can do."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.methods import MethodKind
from marketplace.core.tenants.policy import Capture, Confirmation, PaymentPolicy, Policy
from marketplace.core.tenants.tenant import Mode
from marketplace.ports.payments import Capabilities

# A yes in the last minute has still to reach the rail, which may be down just then.
CAPTURE_TAKES_MAX = timedelta(hours=1)


def check_rail(policy: Policy, *, rails: Mapping[str, Capabilities], mode: Mode) -> None:
    """Raises Invalid, naming the field of the policy that its rail cannot serve in a tenant of this mode."""
    payment = policy.payment
    for field, name in _wanted(payment):
        _check_known(field, name, rails, mode=mode)
        _check_currency(name, policy, rails)
    if payment.fallback_rail == payment.rail:
        raise Invalid("policy.payment.fallback_rail", "is the rail that it stands in for", "another, or none")
    for field, name in _taking_cards(payment):
        if not _takes_cards(rails[name]):
            raise Invalid(f"policy.payment.{field}", f"{name} takes no cards", _able(rails, _takes_cards))
        if payment.capture == Capture.ON_CONFIRMATION:
            _check_hold(policy, name, rails[name].hold_max)
    if payment.capture == Capture.NEAR_DATE and MethodKind.CARD not in rails[payment.rail].saves:
        raise Invalid("policy.payment.capture", f"{payment.rail} saves no cards", str(Capture.ON_BOOKING))
    if payment.debit_order_rail is not None and not _takes_mandates(rails[payment.debit_order_rail]):
        problem = f"{payment.debit_order_rail} takes no mandates"
        raise Invalid("policy.payment.debit_order_rail", problem, _able(rails, _takes_mandates))
    if not rails[payment.paying_rail].pays_out:
        problem = f"{payment.paying_rail} pays nobody"
        raise Invalid("policy.payment.payout_rail", problem, _able(rails, _pays_out))


def _wanted(payment: PaymentPolicy) -> Iterator[tuple[str, str]]:
    """The rails that a policy names, each by its field."""
    yield from _taking_cards(payment)
    if payment.debit_order_rail is not None:
        yield "debit_order_rail", payment.debit_order_rail
    yield "payout_rail", payment.paying_rail


def _taking_cards(payment: PaymentPolicy) -> Iterator[tuple[str, str]]:
    yield "rail", payment.rail
    if payment.fallback_rail is not None:
        yield "fallback_rail", payment.fallback_rail


def _check_known(field: str, name: str, rails: Mapping[str, Capabilities], *, mode: Mode) -> None:
    if name not in rails:
        raise Invalid(f"policy.payment.{field}", f"{name} is not known", ", ".join(sorted(rails)))
    live = rails[name].live
    if live is not None and live is not (mode is Mode.LIVE):
        money = "real money" if live else "money for tests"
        raise Invalid(f"policy.payment.{field}", f"{name} moves {money} here, and the marketplace is {mode}")


def _check_currency(name: str, policy: Policy, rails: Mapping[str, Capabilities]) -> None:
    currencies = rails[name].currencies
    if policy.currency not in currencies:
        problem = f"{policy.currency} is none of the rail {name}'s"
        raise Invalid("policy.currency", problem, ", ".join(sorted(currencies)))


def _takes_cards(able: Capabilities) -> bool:
    return MethodKind.CARD in able.collects


def _takes_mandates(able: Capabilities) -> bool:
    return MethodKind.DEBIT_ORDER in able.collects & able.saves


def _pays_out(able: Capabilities) -> bool:
    return able.pays_out


def _able(rails: Mapping[str, Capabilities], to: Callable[[Capabilities], bool]) -> str:
    """The names of the rails that can do it."""
    return ", ".join(sorted(name for name, able in rails.items() if to(able))) or "none is set up"


def _check_hold(policy: Policy, name: str, hold_max: timedelta | None) -> None:
    """Money is held from the payment until the provider's yes."""
    if hold_max is None:
        problem = f"the rail {name} cannot hold money"
        raise Invalid("policy.payment.capture", problem, str(Capture.ON_BOOKING))
    window = policy.booking.acceptance_window_minutes
    most = (hold_max - CAPTURE_TAKES_MAX) // timedelta(minutes=1)
    if policy.booking.confirmation == Confirmation.REQUEST and window > most:
        problem = f"{window} is longer than the rail {name} holds money"
        allowed = f"1 to {most}, or payment.capture {Capture.ON_BOOKING}"
        raise Invalid("policy.booking.acceptance_window_minutes", problem, allowed)
