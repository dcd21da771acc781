"""An earning is paid from the charge that it is a share of, where nothing has to be set off against it."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from marketplace.core.payments.payment import HELD, Payment
from marketplace.core.payouts.earning import Earning


def charges_of(payments: Iterable[Payment], rail: str) -> frozenset[UUID]:
    """The payments that this rail can pay from: it took them, and no bank has asked for them."""
    return frozenset(one.id for one in payments if one.rail == rail and one.state in HELD)


def apart(due: Sequence[Earning], charges: frozenset[UUID]) -> tuple[list[Earning], list[Earning]]:
    """
    Those that go out whole, each by its charge, and those that go out in one sum from the balance.

    What was clawed back is set off against as few as will do, the largest first. Together they are more than
    nothing.
    """
    bound = [one for one in due if one.amount_minor > 0 and one.payment_id in charges]
    pooled = [one for one in due if one not in bound]
    bound.sort(key=lambda one: (one.amount_minor, one.id))
    left = sum(one.amount_minor for one in pooled)
    while pooled and left <= 0:
        pooled.append(bound.pop())
        left += pooled[-1].amount_minor
    return bound, pooled
