"""What Stripe can do, told without loading its library."""

from datetime import timedelta

from marketplace.adapters.stripe.amounts import CURRENCIES
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.payees import PayeeKind
from marketplace.ports.payments import Capabilities

# What every card holds at least: Visa, charged while the customer is away. Most hold seven days, and what a
# hold really lasts is in its report (https://docs.stripe.com/payments/place-a-hold-on-a-payment-method).
HOLD_MAX = timedelta(days=4, hours=18)


def capabilities(*, live: bool | None) -> Capabilities:
    """`live` is whether the key moves real money; None where no key is known."""
    return Capabilities(
        currencies=CURRENCIES,
        hold_max=HOLD_MAX,
        pays_out=True,
        pays_by_charge=True,
        claws_back=True,
        saves=frozenset({MethodKind.CARD}),
        live=live,
        opens_payees=frozenset({PayeeKind.HOSTED}),
    )


def is_live(key: str) -> bool:
    """Whether a secret or restricted key moves real money: it says so itself."""
    return key.split("_", 2)[1] == "live"
