"""What the money of a lane goes by: one rail that does it all, or vendors that do no more than they can."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from marketplace.adapters.sandbox.rail import CAPABILITIES, CONNECTED
from marketplace.adapters.stitch import abilities as stitch
from marketplace.adapters.stripe import abilities as stripe
from marketplace.core.tenants.policy import PaymentPolicy
from marketplace.ports.payments import Capabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """
    `rails` is what each can do, by its name; `payment` is the policy that names them.

    `currency` is the only one that all of them take, where there is one.
    """

    rails: Mapping[str, Capabilities]
    payment: PaymentPolicy = field(default_factory=PaymentPolicy)
    currency: str | None = None


_STRIPE = stripe.capabilities(live=False)
SANDBOX = Way(rails={"sandbox": CAPABILITIES})
CONNECTED_SANDBOX = Way(rails={"sandbox": CONNECTED})
CARDS = Way(rails={"stripe": _STRIPE}, payment=PaymentPolicy(rail="stripe"))
# Cards by the one; debit orders, and what providers get, by the other.
SOUTH_AFRICA = Way(
    rails={"stripe": _STRIPE, "stitch": stitch.capabilities(live=False)},
    payment=PaymentPolicy(rail="stripe", debit_order_rail="stitch", payout_rail="stitch"),
    currency="ZAR",
)
_WAYS = (SANDBOX, CARDS, SOUTH_AFRICA, CONNECTED_SANDBOX, CARDS, SOUTH_AFRICA)


def way_of(number: int) -> Way:
    """In turn, as the other differences between lanes."""
    return _WAYS[number % len(_WAYS)]
