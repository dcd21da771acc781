"""When a booking's timer goes off, the state is looked at afresh: only what is still due is done."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from marketplace.core.bookings.access import step
from marketplace.core.bookings.booking import Booking, Side
from marketplace.core.bookings.commands import ClockBooking
from marketplace.core.bookings.complaint import decided
from marketplace.core.bookings.consequences import free_reservation
from marketplace.core.bookings.fulfilment import approved, delivered
from marketplace.core.bookings.settlement import divide
from marketplace.core.bookings.withdrawal import no_show
from marketplace.core.payments.payment import DEAD, HELD, Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.shared.aggregate import is_due
from marketplace.core.shared.lifecycle import Move
from marketplace.core.shared.roles import SYSTEM
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Work

# How long a release waits before it asks again whether the bank's dispute is decided.
RELEASE_PAUSE = timedelta(hours=6)


async def clock_booking(command: ClockBooking, *, call: Call, work: Work) -> Booking:
    """May come early, late or twice; does nothing unless the deadline that the booking holds is past."""
    booking = await work.get(Booking, command.booking_id)
    due = booking.LIFECYCLE.clock_move(booking.state)
    return await _due(booking, due, call, work) if due and is_due(booking, call) else booking


async def _due(booking: Booking, due: Move, call: Call, work: Work) -> Booking:
    match due.name:
        case "expire":
            await free_reservation(booking, call, work)
            back = booking.total_minor if await _has_paid(booking, work) else None
            return work.save(step(booking, "expire", call, refund_minor=back))
        case "lapse":
            silent = _lapsed if booking.payment_deadline is None else _unpaid
            return await silent(booking, call, work)
        case "deliver":
            return work.save(delivered(booking, call, "nobody reported its end"))
        case "approve":
            return work.save(approved(booking, call, "no complaint"))
        case "resolve":
            # As it stood before the complaint: of a provider who did not come, everything goes back.
            return work.save(decided(booking, call, booking.refund_minor or 0, "not decided in time"))
        case _:
            return await _release(booking, call, work)


async def _lapsed(booking: Booking, call: Call, work: Work) -> Booking:
    await free_reservation(booking, call, work)
    facts = no_show(booking, Side.PROVIDER, call)
    return work.save(step(booking, "lapse", call, reason="nobody reported any work", **facts))


async def _unpaid(booking: Booking, call: Call, work: Work) -> Booking:
    """
    Nobody works for nothing; but where the money has come meanwhile the job stands.

    Nobody is late with money for which no rail was asked yet, as where the charge falls due at once with its
    deadline, or the rail is down: that has the grace once more, until the start.
    """
    payment = await _payment_of(booking, work)
    if payment is not None and payment.state in HELD:
        paid = replace(call, actor=SYSTEM)
        return work.save(step(booking, "pay_up", paid, payment_deadline=None, payment_failure=None))
    grace = timedelta(minutes=call.policy.payment.charge_grace_minutes)
    later = min(call.at + grace, booking.starts_at)
    if payment is not None and payment.state in _NOT_ASKED_FOR and later > call.at:
        return work.save(step(booking, "extend_payment", call, payment_deadline=later))
    await free_reservation(booking, call, work)
    ended: dict[str, Any] = {"fault": Side.CUSTOMER, "refund_minor": None}
    return work.save(step(booking, "cancel", call, reason="it was not paid in time", **ended))


_NOT_ASKED_FOR = frozenset({PaymentState.PROMISED, PaymentState.CREATED})


async def _has_paid(booking: Booking, work: Work) -> bool:
    """Money that is only held was never taken; what comes late goes back whole in any case."""
    payment = await _payment_of(booking, work)
    return payment is not None and payment.state in HELD


async def _payment_of(booking: Booking, work: Work) -> Payment | None:
    payment = None if booking.payment_id is None else await work.find(Payment, booking.payment_id)
    if payment is not None:
        work.guard(payment)  # come meanwhile, it goes back, and the customer would be told of nothing
    return payment


async def _release(booking: Booking, call: Call, work: Work) -> Booking:
    """The gate: work done, window over, no dispute at the bank. Money not yet here, or in dispute, waits."""
    if booking.payment_id is None:
        raise ValueError("a booking ended without a payment")
    payment = await work.get(Payment, booking.payment_id)
    work.guard(payment)  # come after all meanwhile, its money would be nobody's
    if payment.state not in HELD | DEAD:
        later = call.at + RELEASE_PAUSE
        return work.save(step(booking, "postpone_release", call, reason=str(payment.state), release_at=later))
    left = payment.left_minor if payment.state in HELD else 0
    back = min(booking.refund_minor or 0, left)
    if left:
        divide(booking, payment, back, call, work)
    # Nobody is told of money that the customer, or the bank, has got back.
    name = "release" if left > back else "end_unpaid"
    return work.save(step(booking, name, call, released_at=call.at))
