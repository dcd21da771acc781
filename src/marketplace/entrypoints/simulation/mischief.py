"""Whoever tries what the tables do not allow is refused: wrong state, wrong role, somebody else's booking."""

from random import Random
from typing import Any
from uuid import UUID

from marketplace.core.bookings.booking import BOOKING, Booking
from marketplace.core.bookings.commands import (
    AcceptBooking,
    ApproveBooking,
    Arrive,
    CancelBooking,
    DeclineBooking,
    DeliverBooking,
    DisputeBooking,
    HandBack,
    ReportNoShow,
    ResolveDispute,
    SetOut,
    StartBooking,
)
from marketplace.core.shared.errors import OutcomeUnknown, Refused, Unavailable
from marketplace.core.shared.roles import Actor, Role
from marketplace.entrypoints.simulation.lane import Lane
from marketplace.entrypoints.simulation.market import Market
from marketplace.ports.storage import One

_WHY: dict[str, Any] = {"reason": "simulated"}
# Every move that a person asks for by name, and what its command needs besides the booking.
_COMMANDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "accept": (AcceptBooking, _WHY),
    "decline": (DeclineBooking, _WHY),
    "set_out": (SetOut, _WHY),
    "arrive": (Arrive, _WHY),
    "start": (StartBooking, _WHY),
    "deliver": (DeliverBooking, _WHY),
    "approve": (ApproveBooking, _WHY),
    "cancel": (CancelBooking, _WHY),
    "report_no_show": (ReportNoShow, _WHY | {"absent": "provider"}),
    "hand_back": (HandBack, _WHY),
    "dispute": (DisputeBooking, _WHY),
    "resolve": (ResolveDispute, _WHY | {"refund_minor": 0}),
}


async def try_unlawful(lane: Lane, market: Market, booking_id: UUID, random: Random) -> list[str]:
    """One try that has to be refused; a sentence for one that was not."""
    # Nothing may come between: the booking would not be any more what the try was unlawful for.
    with lane.store.undisturbed():
        ((booking,),) = await lane.store.read(lane.tenant.id, [One(Booking, booking_id)])
        move = random.choice(list(_COMMANDS))
        actor = random.choice(_actors(market, booking, random))
        if _lawful(booking, move, actor) or await _refused(lane, booking_id, move, actor):
            return []
    return [f"a {actor.role} could {move} booking {booking.id} that was {booking.state}"]


async def _refused(lane: Lane, booking_id: UUID, move: str, actor: Actor) -> bool:
    kind, needs = _COMMANDS[move]
    try:
        await lane.do(kind(booking_id=booking_id, **needs), actor)
    except (Refused, Unavailable):
        return True
    except OutcomeUnknown:
        return False
    return False


def _actors(market: Market, booking: Booking, random: Random) -> tuple[Actor, ...]:
    performer = booking.provider_id
    return (
        market.customer(booking.customer_id),
        random.choice(market.shops).actor if performer is None else market.shop(performer).actor,
        random.choice(market.customers),
        random.choice(market.shops).actor,
        Actor(Role.SUPPORT, market.admin.user_id),
        market.admin,
    )


def _lawful(booking: Booking, move: str, actor: Actor) -> bool:
    step = BOOKING.table.get((booking.state, move))
    stranger = (actor.role == Role.CUSTOMER and actor.user_id != booking.customer_id) or (
        actor.role == Role.PROVIDER and actor.provider_id != booking.provider_id
    )
    return step is not None and actor.role in step.by and not stranger
