"""Who may see a booking, and on which side whoever acts on it stands."""

from typing import Any, TypeVar
from uuid import UUID

from marketplace.core.bookings.booking import Booking, Side
from marketplace.core.payments.payment import Payment
from marketplace.core.shared.aggregate import Changed, move
from marketplace.core.shared.errors import NotFound
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import One, Question, Work

R = TypeVar("R")


def sees(booking: Booking, call: Call) -> bool:
    """Its customer, its provider and the people of the platform; to others it is not there."""
    match call.actor.role:
        case Role.CUSTOMER:
            return booking.customer_id == call.actor.user_id
        case Role.PROVIDER:
            return booking.provider_id == call.actor.provider_id
        case _:
            return True


async def booking_of(key: UUID, call: Call, work: Work) -> Booking:
    """The booking, if this actor may see it; raises NotFound."""
    booking = await work.get(Booking, key)
    if not sees(booking, call):
        raise NotFound("booking", key)
    return booking


async def booking_and_payment(key: UUID, call: Call, work: Work) -> tuple[Booking, Payment]:
    booking, payment, _ = await booking_payment_and(key, call, work)
    return booking, payment


async def booking_payment_and(
    key: UUID, call: Call, work: Work, *questions: Question[R]
) -> tuple[Booking, Payment, list[tuple[R, ...]]]:
    """With the payment come the answers to other questions, in one round trip."""
    booking = await booking_of(key, call, work)
    if booking.payment_id is None:
        raise NotFound("payment of booking", key)
    payment, *answers = await work.read(One(Payment, booking.payment_id), *questions)
    if not payment:
        raise NotFound("payment", booking.payment_id)
    return booking, payment[0], answers


def step(
    booking: Booking, name: str, call: Call, *, reason: str | None = None, **changes: Any
) -> Changed[Booking]:
    """A move of a booking; without a `reason` of its own, for that of the call."""
    return move(booking, name, call, reason=reason, **changes)


def side_of(call: Call) -> Side:
    match call.actor.role:
        case Role.CUSTOMER:
            return Side.CUSTOMER
        case Role.PROVIDER:
            return Side.PROVIDER
        case _:
            return Side.PLATFORM
