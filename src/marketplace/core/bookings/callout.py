"""A call-out is booked before anybody is known to do it: a skill, a place and a window instead of a slot."""

from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from marketplace.core.bookings.booking import Booking
from marketplace.core.bookings.commands import CallOut
from marketplace.core.bookings.request import begin, draft
from marketplace.core.catalogue.availability import job_length
from marketplace.core.catalogue.service import Service
from marketplace.core.catalogue.service import State as ServiceState
from marketplace.core.payments.means import means_of, saved
from marketplace.core.providers.provider import NotBookable
from marketplace.core.shared.errors import Invalid, NotFound
from marketplace.core.shared.period import Period, instant
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import One, Work

# A start that has passed while somebody typed, or by a slow clock, is now; one further back is a mistake.
SLIP_MAX = timedelta(minutes=5)


async def call_out(command: CallOut, *, call: Call, work: Work) -> Booking:
    """
    Raises MarketplaceClosed, NotBookable for a provider's service, MethodUnusable, Invalid for an impossible
    window.
    """
    call.check_open()
    (services, *found) = await work.read(One(Service, command.service_id), *saved(command.payment_method))
    if not services:
        raise NotFound("service", command.service_id)
    service = services[0]
    if service.provider_id is not None:
        raise NotBookable("this service is a provider's own: book one of its slots")
    if service.state != ServiceState.PUBLISHED:
        raise NotBookable(f"this service is {service.state}")
    work.guard(service)
    customer_id = cast("UUID", call.actor.user_id)
    means = means_of(command.payment_method, found, customer_id=customer_id, call=call, work=work)
    window = window_of(command.starts_at, command.until, call)
    booking = draft(
        command,
        service,
        means,
        call,
        during=Period(window.start, window.start + job_length(service, command.duration_minutes)),
        time_zone=call.policy.time_zone,
        provider_id=None,
        skill=service.category,
        window_start=window.start,
        window_end=window.end,
    )
    return begin(booking, means, call, work)


def window_of(starts_at: datetime | None, until: datetime | None, call: Call) -> Period:
    """From now on where no start is given, and as far on as the marketplace reaches where no end is."""
    wished = call.at if starts_at is None else instant(starts_at, field="starts_at")
    if wished < call.at - SLIP_MAX:
        raise Invalid("starts_at", "is over", f"from {call.at.isoformat()} on; without it somebody comes now")
    start = max(wished, call.at)
    horizon = call.at + timedelta(days=call.policy.booking.horizon_days)
    if start > horizon:
        raise Invalid("starts_at", "is too far ahead", f"until {horizon.isoformat()}")
    reach = start + timedelta(minutes=call.policy.dispatch.reach_minutes)
    end = reach if until is None else instant(until, field="until")
    if end <= start:
        raise Invalid("until", "is not after the start", f"later than {start.isoformat()}")
    if end > max(reach, horizon):
        raise Invalid("until", "is too far ahead", f"until {max(reach, horizon).isoformat()}")
    return Period(start, end)
