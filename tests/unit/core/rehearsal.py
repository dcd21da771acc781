"""Moves tried without a trace: what the use case would say, against what the booking offers."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from marketplace.core.bookings import commands
from marketplace.core.bookings.booking import BOOKING, Booking
from marketplace.core.commands import USE_CASES
from marketplace.core.providers.provider import NotBookable
from marketplace.core.providers.reservation import SlotTaken
from marketplace.core.shared.errors import Refused
from marketplace.core.shared.roles import Actor
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Store, Work

WHY = "tried"

# By the move's name: the command that makes it, with arguments that only the booking itself could refuse.
TRIES: dict[str, Callable[[Booking], Any]] = {
    "retry_payment": lambda b: commands.RetryPayment(
        booking_id=b.id, payment_id=uuid4(), payment_method="tok_success", reason=WHY
    ),
    "accept": lambda b: commands.AcceptBooking(booking_id=b.id, reason=WHY),
    "assign": lambda b: commands.AssignBooking(booking_id=b.id, provider_id=b.provider_id, reason=WHY),
    "decline": lambda b: commands.DeclineBooking(booking_id=b.id, reason=WHY),
    "set_out": lambda b: commands.SetOut(booking_id=b.id, reason=WHY),
    "arrive": lambda b: commands.Arrive(booking_id=b.id, reason=WHY),
    "start": lambda b: commands.StartBooking(booking_id=b.id, start_code=b.start_code, reason=WHY),
    "deliver": lambda b: commands.DeliverBooking(booking_id=b.id, reason=WHY),
    "approve": lambda b: commands.ApproveBooking(booking_id=b.id, reason=WHY),
    "cancel": lambda b: commands.CancelBooking(booking_id=b.id, reason=WHY, reason_code="other"),
    "report_no_show": lambda b: commands.ReportNoShow(booking_id=b.id, reason=WHY, absent="customer"),
    "hand_back": lambda b: commands.HandBack(booking_id=b.id, reason=WHY),
    "propose_time": lambda b: commands.ProposeTime(booking_id=b.id, starts_at=b.starts_at),
    "decline_time": lambda b: commands.DeclineTime(booking_id=b.id),
    "reschedule": lambda b: commands.AcceptTime(booking_id=b.id, reason=WHY),
    "dispute": lambda b: commands.DisputeBooking(booking_id=b.id, reason=WHY),
    "resolve": lambda b: commands.ResolveDispute(booking_id=b.id, reason=WHY, refund_minor=0),
    "refund": lambda b: commands.ResolveDispute(booking_id=b.id, reason=WHY, refund_minor=b.total_minor),
}


def asked_for(actor: Actor) -> set[str]:
    """The moves that the table names this role for, and that are asked for by themselves."""
    return {move.name for move in BOOKING.moves if actor.role in move.by and not move.implied}


async def outcome(booking: Booking, name: str, *, call: Call, store: Store) -> Refused | None:
    """What the move would be refused with just now; nothing is written."""
    command = TRIES[name](booking)
    try:
        await USE_CASES[type(command)](command, call=call, work=Work(store, call.tenant_id))
    except Refused as refusal:
        return refusal
    return None


def is_elsewhere(refusal: Refused) -> bool:
    """It lies with the provider's day or with the bank, which the booking cannot know."""
    return isinstance(refusal, SlotTaken | NotBookable) or "payment" in refusal.facts
