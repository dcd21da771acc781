"""A payment goes on by another rail only where the first has surely never heard of it."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from marketplace.core.payments.payment import Payment, State
from marketplace.core.shared.aggregate import move
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Work

# The failure of a payment that another method would have paid: its booking can be paid again at once.
RAIL_DOWN = "rail_down"


class WayOut(StrEnum):
    """What a payment can do whose rail did not take it: wait, go elsewhere, or be asked for anew."""

    WAIT = "wait"
    OTHER_RAIL = "other_rail"
    OTHER_METHOD = "other_method"


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginCollect:
    """
    Write down that a payment is about to be sent, before every time, where it could go elsewhere.

    Two workers may be at it, and one of them may die. What is written tells whoever comes next how many
    orders to collect there are of which nobody has heard yet.
    """

    payment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PutOffPayment:
    """The rail has surely done nothing with the order that was begun last."""

    payment_id: UUID
    way_out: WayOut


async def begin_collect(command: BeginCollect, *, call: Call, work: Work) -> Payment:
    payment = await work.get(Payment, command.payment_id)
    if payment.state != State.CREATED or payment.fallback_rail is None:
        return payment
    return work.save(move(payment, "begin_collect", call, collecting=payment.collecting + 1))


async def put_off_payment(command: PutOffPayment, *, call: Call, work: Work) -> Payment:
    """While another order is under way it may be taken yet, so the payment stays with its rail."""
    payment = await work.get(Payment, command.payment_id)
    if payment.state != State.CREATED or payment.fallback_rail is None:
        return payment
    left = payment.collecting - 1
    if left or command.way_out is WayOut.WAIT:
        return work.save(move(payment, "put_off", call, collecting=left))
    if command.way_out is WayOut.OTHER_METHOD:
        return work.save(move(payment, "fail", call, collecting=0, failure=RAIL_DOWN))
    moved = move(
        payment, "reroute", call, rail=payment.fallback_rail, fallback_rail=None, collecting=0, lookups=0
    )
    return work.save(moved)
