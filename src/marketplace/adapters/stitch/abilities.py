"""
What Stitch can do, told without loading its library.

A debit order cannot be given back by its rail: the money has to be paid to the customer by hand. What was
settled is not told line by line.
"""

from marketplace.adapters.stitch.amounts import CURRENCY
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.payees import PayeeKind
from marketplace.ports.payments import Capabilities


def capabilities(*, live: bool | None) -> Capabilities:
    """`live` is whether the client moves real money; None where no client is known."""
    return Capabilities(
        currencies=frozenset({CURRENCY}),
        hold_max=None,
        pays_out=True,
        collects=frozenset({MethodKind.CARD, MethodKind.DEBIT_ORDER}),
        saves=frozenset({MethodKind.CARD, MethodKind.DEBIT_ORDER}),
        live=live,
        refunds=False,
        settles=False,
        opens_payees=frozenset({PayeeKind.BANK_ACCOUNT}),
    )
