"""When a booking has ended, what its payment holds goes back, or is released in shares, to the last cent."""

from datetime import timedelta

from marketplace.core.bookings.access import booking_of
from marketplace.core.bookings.booking import CLOSED_UNDONE, Booking, State
from marketplace.core.bookings.commands import AbsorbLoss, SettleBooking
from marketplace.core.ledger.movement import (
    CANCELLATION_FEE,
    CHARGEBACK_LOSS,
    DISPUTE_HOLD,
    PLATFORM_FEE,
    VAT_OUTPUT,
    Origin,
    balanced,
    customer_funds,
    provider_payable,
)
from marketplace.core.payments.payment import HELD, OPEN, TAKEN_BACK, Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.refunding import drop_failed, resolve
from marketplace.core.payments.usecases import origin
from marketplace.core.payouts.clawing import Claim, claw_back
from marketplace.core.payouts.earning import Earning, Reason, earning_id
from marketplace.core.shared.aggregate import create, move
from marketplace.core.shared.money import split
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Work

# What asks for its customer has no end by itself, and the customer no reason to go on.
_COMING = OPEN - {PaymentState.NEEDS_ACTION}
_REASONS = {State.COMPLETED: Reason.JOB, State.NO_SHOW: Reason.NO_SHOW}


async def settle_booking(command: SettleBooking, *, call: Call, work: Work) -> Booking:
    booking = await booking_of(command.booking_id, call, work)
    if booking.payment_id is not None and booking.state in CLOSED_UNDONE:
        settle(booking, await work.get(Payment, booking.payment_id), call, work)
    return booking


def settle(booking: Booking, payment: Payment, call: Call, work: Work) -> None:
    """
    Give back `refund_minor` and release the rest; money still on its way is called back first, but for a fee.

    A payment that is being captured or voided settles when the rail has answered. Safe to repeat.
    """
    if payment.state == PaymentState.PROMISED:
        work.save(move(payment, "drop", call))
    elif payment.state in _COMING and _is_owed(booking, payment):
        return  # called back, nobody would ask for it again
    elif payment.state in OPEN or payment.state == PaymentState.AUTHORISED:
        work.save(move(payment, "request_void", call))
    elif payment.state in HELD and payment.left_minor:
        back = payment.left_minor if booking.refund_minor is None else booking.refund_minor
        back = back if booking.fee_minor is None else 0
        divide(booking, payment, min(back, payment.left_minor), call, work)


def _is_owed(booking: Booking, payment: Payment) -> bool:
    """Whether what is under way is the fee, or has the fee in it."""
    in_part = booking.refund_minor is not None and booking.refund_minor < payment.amount_minor
    return in_part or booking.fee_minor is not None


def divide(booking: Booking, payment: Payment, refund_minor: int, call: Call, work: Work) -> None:
    """Part of what is left goes back to the customer, all the rest to provider and platform."""
    release_minor = payment.left_minor - refund_minor
    resolve(payment, refund_minor=refund_minor, release_minor=release_minor, call=call, work=work)
    if release_minor:
        _release(booking, payment, release_minor, call, work)


def shares(booking: Booking, minor: int) -> tuple[int, int, int]:
    """(provider, platform net of VAT, VAT on the platform's fees) of a released amount, as in the price."""
    price = booking.price
    vat = price.fee_vat_minor + price.customer_fee_vat_minor
    platform = price.total_minor - price.provider_minor - vat
    platform_part, provider_part, vat_part = split(
        total_minor=minor, weights=(platform, price.provider_minor, vat)
    )
    return provider_part, platform_part, vat_part


def _release(booking: Booking, payment: Payment, minor: int, call: Call, work: Work) -> None:
    provider_part, platform_part, vat_part = shares(booking, minor)
    undone = booking.state in CLOSED_UNDONE
    unserved = undone or booking.state == State.NO_SHOW
    amounts = {
        customer_funds(booking.id): minor,
        provider_payable(booking.performer_id): -provider_part,
        CANCELLATION_FEE if unserved else PLATFORM_FEE: -platform_part,
        VAT_OUTPUT: -vat_part,
    }
    work.insert(*balanced(_origin(booking, "released", call), amounts))
    if provider_part:
        reason = Reason.CANCELLATION if undone else _REASONS[booking.state]
        work.add(create(_earning(booking, payment, provider_part, reason, call), call))


def _origin(booking: Booking, name: str, call: Call) -> Origin:
    return Origin(
        tenant_id=booking.tenant_id,
        name=name,
        subject_id=booking.id,
        booking_id=booking.id,
        currency=booking.currency,
        at=call.at,
    )


def _earning(booking: Booking, payment: Payment, minor: int, reason: Reason, call: Call) -> Earning:
    return Earning(
        id=earning_id(booking.id),
        tenant_id=booking.tenant_id,
        provider_id=booking.performer_id,
        booking_id=booking.id,
        payment_id=payment.id,
        reason=reason,
        currency=booking.currency,
        amount_minor=minor,
        earned_at=call.at,
        payable_at=call.at + timedelta(minutes=call.policy.payout.risk_delay_minutes),
    )


async def absorb_loss(command: AbsorbLoss, *, call: Call, work: Work) -> Payment:
    """
    What a bank has taken for good comes first from what is held, then from the provider; the fee is our loss.

    What it took beyond is refunded twice if the refund goes through as well: that is our loss too, until the
    refund is known never to have reached the rail.
    """
    payment = await work.get(Payment, command.payment_id)
    if payment.state not in TAKEN_BACK:
        return payment
    booking = await work.get(Booking, payment.booking_id)
    held = min(payment.contested_minor, payment.left_minor)
    released = min(payment.contested_minor - held, payment.released_minor)
    provider_part = shares(booking, released)[0]
    amounts = {
        customer_funds(booking.id): held,
        **await _clawed_back(booking, payment, provider_part, call, work),
        CHARGEBACK_LOSS: payment.contested_minor - held - provider_part,
        DISPUTE_HOLD: -payment.contested_minor,
    }
    work.insert(*balanced(origin(payment, "loss_absorbed", call), amounts))
    await drop_failed(payment, call, work)
    return payment


async def _clawed_back(
    booking: Booking, payment: Payment, minor: int, call: Call, work: Work
) -> dict[str, int]:
    if not minor:
        return {}
    claim = Claim(
        tenant_id=booking.tenant_id,
        provider_id=booking.performer_id,
        booking_id=booking.id,
        payment_id=payment.id,
        currency=booking.currency,
        minor=minor,
    )
    return await claw_back(claim, call, work)
