"""A booking begins with capacity held, a price fixed and a payment under way, all in one write."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from marketplace.core.bookings.access import booking_payment_and, step
from marketplace.core.bookings.booking import Booking
from marketplace.core.bookings.commands import CallOut, CreateBooking, RetryPayment
from marketplace.core.bookings.guards import PaymentUnderWay
from marketplace.core.catalogue.availability import (
    check_bookable,
    diary,
    held_around,
    job_length,
    pick_unit,
    price_of,
    start_to_come,
)
from marketplace.core.catalogue.service import Service
from marketplace.core.payments.means import Means, means_of, saved
from marketplace.core.payments.payment import DEAD, Payment
from marketplace.core.providers.provider import Provider, Unit
from marketplace.core.providers.queries import ActiveUnits, HeldBetween
from marketplace.core.providers.reservation import Reservation
from marketplace.core.shared.aggregate import create
from marketplace.core.shared.entropy import keyed
from marketplace.core.shared.errors import NotFound
from marketplace.core.shared.ids import derive
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.period import Period
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import One, Work

START_CODE_DIGITS = 4
_USUAL_BUFFER = timedelta(hours=1)
_USUAL_JOB = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class _Facts:
    provider: Provider
    service: Service
    units: tuple[Unit, ...]
    held: tuple[Reservation, ...]
    duration: timedelta
    means: Means


async def create_booking(command: CreateBooking, *, call: Call, work: Work) -> Booking:
    """Raises MarketplaceClosed, NotBookable, SlotTaken (with why), MethodUnusable, Invalid."""
    call.check_open()
    facts = await _facts(command, call, work)
    check_bookable(facts.provider, facts.service)
    booking = draft(
        command,
        facts.service,
        facts.means,
        call,
        during=Period(command.starts_at, command.starts_at + facts.duration),
        time_zone=facts.provider.time_zone,
        provider_id=facts.provider.id,
        reservation_id=derive(command.booking_id, "reservation"),
    )
    reservation = _reserve(booking, facts, call)
    work.guard(facts.provider)
    work.guard(facts.service)
    work.add(create(reservation, call))
    return begin(booking, facts.means, call, work)


def begin(booking: Booking, means: Means, call: Call, work: Work) -> Booking:
    """The booking, and its payment, which begins with it, or is promised by it."""
    key = payment_id_of(booking)
    payment = payment_for(booking, key, means, call)
    charge_at = means.charge_at(call, starts_at=booking.starts_at)
    if charge_at is None:
        means.check_up(call)
    work.add(create(replace(payment, charge_at=charge_at), call))
    return work.add(create(replace(booking, payment_id=key), call))


async def _facts(command: CreateBooking, call: Call, work: Work) -> _Facts:
    """
    In one round trip for the usual job: the reservations are asked for around a guess of its length.

    A longer job, or wider buffers, show once provider and service are read, and are asked for again.
    """
    guess = _guess(start_to_come(command.starts_at, now=call.at), command.provider_id)
    provider, service, units, held, *found = await work.read(
        One(Provider, command.provider_id),
        One(Service, command.service_id),
        ActiveUnits(provider_id=command.provider_id),
        guess,
        *saved(command.payment_method),
    )
    if not provider:
        raise NotFound("provider", command.provider_id)
    if not service:
        raise NotFound("service", command.service_id)
    duration = job_length(service[0], command.duration_minutes)
    within = Period(command.starts_at, command.starts_at + duration)
    needed = held_around(provider[0], within=within, duration=duration)
    if needed.start < guess.start or needed.end > guess.end:
        held = await work.ask(needed)
    means = means_of(command.payment_method, found, customer_id=_customer(call), call=call, work=work)
    return _Facts(provider[0], service[0], units, held, duration, means)


def _customer(call: Call) -> UUID:
    return cast("UUID", call.actor.user_id)


def _guess(start: datetime, provider_id: UUID) -> HeldBetween:
    around = Period(start, start + _USUAL_JOB).widened(_USUAL_BUFFER, _USUAL_BUFFER)
    return HeldBetween(provider_id=provider_id, start=around.start, end=around.end)


def draft(
    command: CreateBooking | CallOut,
    service: Service,
    means: Means,
    call: Call,
    *,
    during: Period,
    time_zone: str,
    **facts: Any,
) -> Booking:
    """What is asked for, at its price and on the terms of this day; `facts` differ by the way of booking."""
    cost = price_of(
        service=service,
        chosen=command.options,
        duration=during.length,
        starts_at=during.start,
        time_zone=time_zone,
        policy=call.policy,
    )
    return Booking(
        id=command.booking_id,
        tenant_id=call.tenant_id,
        customer_id=_customer(call),
        service_id=service.id,
        service_name=service.name,
        starts_at=during.start,
        ends_at=during.end,
        time_zone=time_zone,
        options=command.options,
        price=cost,
        currency=cost.currency,
        total_minor=cost.total_minor,
        terms=call.policy.cancellation,
        address=command.address,
        place=command.place,
        note=command.note,
        start_code=start_code(command.booking_id, call),
        booked_at=call.at,
        pay_by=means.pay_by(call, before=during.start),
        **facts,
    )


def start_code(booking_id: UUID, call: Call) -> str | None:
    if not call.policy.booking.start_code:
        return None
    number = int.from_bytes(keyed(call.entropy, "start code", booking_id), "big")
    return f"{number % 10**START_CODE_DIGITS:0{START_CODE_DIGITS}d}"


def _reserve(booking: Booking, facts: _Facts, call: Call) -> Reservation:
    day = diary(
        provider=facts.provider,
        units=facts.units,
        held=facts.held,
        policy=call.policy,
        duration=facts.duration,
        within=booking.period,
        now=call.at,
    )
    unit_id = pick_unit(day, start=booking.starts_at, seed=booking.id)
    return reservation_for(booking, facts.provider, unit_id, derive(booking.id, "reservation"))


def reservation_for(booking: Booking, provider: Provider, unit_id: UUID, key: UUID) -> Reservation:
    """The claim on a unit: the job with the provider's buffers on both sides."""
    blocked = booking.period.widened(provider.buffer_before, provider.buffer_after)
    return Reservation(
        id=key,
        tenant_id=booking.tenant_id,
        provider_id=provider.id,
        unit_id=unit_id,
        booking_id=booking.id,
        starts_at=blocked.start,
        ends_at=blocked.end,
    )


def payment_id_of(booking: Booking) -> UUID:
    return derive(booking.id, "payment")


def payment_for(booking: Booking, key: UUID, means: Means, call: Call) -> Payment:
    """A payment of the whole price; held or taken as the policy says. Raises Invalid for a small mandate."""
    means.check_amount(booking.total_minor)
    return Payment(
        id=key,
        tenant_id=booking.tenant_id,
        booking_id=booking.id,
        customer_id=booking.customer_id,
        provider_id=booking.provider_id,
        rail=means.rail,
        fallback_rail=means.fallback_rail,
        method=means.token,
        method_id=means.method_id,
        hold=means.hold(call),
        currency=booking.currency,
        amount_minor=booking.total_minor,
        created_at=call.at,
    )


async def retry_payment(command: RetryPayment, *, call: Call, work: Work) -> Booking:
    """The last payment is looked at again, and guarded: one that failed may still turn out to have worked."""
    booking, last, found = await booking_payment_and(
        command.booking_id, call, work, *saved(command.payment_method)
    )
    means = means_of(command.payment_method, found, customer_id=booking.customer_id, call=call, work=work)
    means.check_up(call)
    facts: dict[str, Any] = {"payment_id": command.payment_id, "payment_failure": None}
    if means.kind == MethodKind.DEBIT_ORDER:
        facts["pay_by"] = means.pay_by(call, before=booking.payment_deadline or booking.starts_at)
    retried = step(booking, "retry_payment", call, **facts)
    if last.state not in DEAD:
        raise PaymentUnderWay(f"the last payment is {last.state}", state=str(last.state))
    work.guard(last)
    fresh = payment_for(booking, command.payment_id, means, call)
    work.add(create(fresh, call))
    return work.save(retried)
