"""A call-out is booked before anybody is known to do it: a skill, a place and a window instead of a slot."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, cast
from uuid import UUID

from marketplace.core.bookings.booking import Booking
from marketplace.core.bookings.request import begin, start_code
from marketplace.core.catalogue.availability import job_length, price_of
from marketplace.core.catalogue.pricing import ChosenOption
from marketplace.core.catalogue.service import Service
from marketplace.core.catalogue.service import State as ServiceState
from marketplace.core.providers.provider import NotBookable
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.limits import Length, Line, Minutes, NewId, Text, VendorToken
from marketplace.core.shared.period import Period, instant
from marketplace.core.shared.place import Place
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOut:
    """
    Have somebody come who does this, and begin the payment; without `starts_at` as soon as possible.

    `until` is the latest that the work may begin; without it as far on as the marketplace reaches.
    """

    booking_id: NewId
    service_id: UUID
    place: Place
    payment_method: VendorToken
    starts_at: datetime | None = None
    until: datetime | None = None
    duration_minutes: Minutes | None = None
    options: Annotated[tuple[ChosenOption, ...], Length(50)] = ()
    address: Line | None = None
    note: Text | None = None


async def call_out(command: CallOut, *, call: Call, work: Work) -> Booking:
    """Raises NotBookable for a service that is not the house's, Invalid for a window that cannot be met."""
    service = await work.get(Service, command.service_id)
    if service.provider_id is not None:
        raise NotBookable("this service is a provider's own: book one of its slots")
    if service.state != ServiceState.PUBLISHED:
        raise NotBookable(f"this service is {service.state}")
    work.guard(service)
    booking = _booking(command, service, call)
    return begin(booking, command.payment_method, call, work)


def window_of(starts_at: datetime | None, until: datetime | None, call: Call) -> Period:
    """From now on where no start is given, and as far on as the marketplace reaches where no end is."""
    start = call.at if starts_at is None else max(instant(starts_at, field="starts_at"), call.at)
    horizon = call.at + timedelta(days=call.policy.booking.horizon_days)
    if start > horizon:
        raise Invalid("starts_at", "is too far ahead", f"until {horizon.isoformat()}")
    reach = start + timedelta(minutes=call.policy.dispatch.reach_minutes)
    end = reach if until is None else instant(until, field="until")
    if end <= start:
        raise Invalid("until", "is not after the start", f"later than {start.isoformat()}")
    return Period(start, end)


def _booking(command: CallOut, service: Service, call: Call) -> Booking:
    window = window_of(command.starts_at, command.until, call)
    duration = job_length(service, command.duration_minutes)
    cost = price_of(
        service=service,
        chosen=command.options,
        duration=duration,
        starts_at=window.start,
        time_zone=call.policy.time_zone,
        policy=call.policy,
    )
    return Booking(
        id=command.booking_id,
        tenant_id=call.tenant_id,
        customer_id=cast("UUID", call.actor.user_id),
        provider_id=None,
        service_id=service.id,
        service_name=service.name,
        starts_at=window.start,
        ends_at=window.start + duration,
        time_zone=call.policy.time_zone,
        skill=service.category,
        window_start=window.start,
        window_end=window.end,
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
        pay_by=call.at + timedelta(minutes=call.policy.booking.payment_window_minutes),
    )
