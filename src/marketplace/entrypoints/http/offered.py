"""What is shown of a job before it is one's own: the place to about a kilometre, and what it pays."""

from datetime import datetime

import msgspec

from marketplace.adapters.postgres.listings import AskedJob, AskedOffer, Pay
from marketplace.core.bookings.booking import Booking
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.shared.place import Place
from marketplace.entrypoints.http.representations import OfferView


class OfferedJob(msgspec.Struct, kw_only=True, frozen=True):
    """What is asked for: the place to about a kilometre, and the provider's share of the price."""

    service_name: str
    skill: str
    place: Place
    window_start: datetime
    window_end: datetime
    duration_minutes: int
    currency: str
    provider_minor: int


class AskedOfferView(OfferView, frozen=True):
    """An offer, and what is known of the job before it is one's own."""

    job: OfferedJob


def listed_job(offer: AskedOffer) -> OfferedJob:
    return offered_job(offer.job, offer.pay)


def job_of(job: DispatchJob, booking: Booking) -> OfferedJob:
    pay = Pay(
        service_name=booking.service_name,
        currency=booking.currency,
        provider_minor=booking.price.provider_minor,
    )
    return offered_job(job, pay)


def offered_job(job: DispatchJob | AskedJob, pay: Pay) -> OfferedJob:
    return OfferedJob(
        service_name=pay.service_name,
        skill=job.skill,
        place=job.place.rounded(),
        window_start=job.window_start,
        window_end=job.window_end,
        duration_minutes=job.duration_minutes,
        currency=pay.currency,
        provider_minor=pay.provider_minor,
    )
