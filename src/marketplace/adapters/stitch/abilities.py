"""
What Stitch can do, told without loading its library.

A debit order cannot be given back by its rail: the money has to be paid to the customer by hand. What was
settled is not told line by line.
"""

from marketplace.adapters.stitch.amounts import CURRENCY
from marketplace.ports.payments import Capabilities

CAPABILITIES = Capabilities(
    currencies=frozenset({CURRENCY}),
    hold_max=None,
    partial_refunds=False,
    asynchronous=True,
    pays_out=True,
    refunds=False,
    settles=False,
)
