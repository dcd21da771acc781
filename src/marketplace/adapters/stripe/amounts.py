"""Stripe counts some currencies in other units than ISO 4217, so every amount is converted at its border."""

from collections.abc import Mapping
from types import MappingProxyType

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import EXPONENTS, Money

# Of those that we know, the one that Stripe takes no payment in.
CURRENCIES = frozenset(EXPONENTS) - {"GHS"}
_THREE_PLACES = 3

# https://docs.stripe.com/currencies#special-cases: how many places Stripe counts, where it differs from ISO.
# The shilling has none, and is told with two.
_PLACES: Mapping[str, int] = MappingProxyType({"UGX": 2})


def to_stripe(amount: Money, *, field: str = "amount") -> int:
    """Stripe's count of it; raises Invalid for what cannot be told to Stripe, or is nothing."""
    if amount.currency not in CURRENCIES:
        raise Invalid("currency", f"Stripe takes no {amount.currency}", ", ".join(sorted(CURRENCIES)))
    if amount.minor <= 0:
        raise Invalid(field, "must be more than nothing", "1 and more")
    if _ours(amount.currency) == _THREE_PLACES and amount.minor % 10:
        # Card networks ask for a nought in the last place.
        problem = f"{amount.minor} of {amount.currency} is finer than cards are charged"
        raise Invalid(field, problem, "multiples of 10")
    return amount.minor * _factor(amount.currency)


def from_stripe(count: int, currency: str) -> Money:
    """Of a count in Stripe's unit; `currency` is in Stripe's small letters, or not."""
    code = currency.upper()
    whole, rest = divmod(abs(count), _factor(code))
    if rest:
        raise Invalid("amount", f"{count} has more places than {code}")
    return Money(-whole if count < 0 else whole, code)


def _factor(currency: str) -> int:
    return int(10 ** (_PLACES.get(currency, _ours(currency)) - _ours(currency)))


def _ours(currency: str) -> int:
    return EXPONENTS.get(currency, 2)
