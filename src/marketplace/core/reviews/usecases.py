"""Customers review what was done for them, once; the stars count for who did it, as long as it is shown."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from marketplace.core.bookings.booking import Booking
from marketplace.core.bookings.booking import State as BookingState
from marketplace.core.bookings.guards import TooLate
from marketplace.core.identity.user import User
from marketplace.core.providers.provider import Provider, Unit
from marketplace.core.providers.reservation import Reservation
from marketplace.core.reviews.review import STARS_LEAST, STARS_MOST, Review, review_id
from marketplace.core.shared.aggregate import create, move
from marketplace.core.shared.errors import Conflict, NotAllowed, NotFound
from marketplace.core.shared.limits import Between, Length, Reason
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Among, One, Work

Words = Annotated[str, Length(1_000, least=1)]


class NotCompleted(Conflict):
    """Only what is done, and not complained about, is reviewed."""

    code = "not_completed"


class AlreadyReviewed(Conflict):
    code = "already_reviewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewBooking:
    """Say how it was: stars, and words if you like. Everybody can read them; your name is not shown."""

    booking_id: UUID
    stars: Annotated[int, Between(STARS_LEAST, STARS_MOST)]
    words: Words | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyToReview:
    """Answer a review, once; everybody can read it."""

    review_id: UUID
    words: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class HideReview:
    """Show a review to strangers no more; its stars do not count."""

    review_id: UUID
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReview:
    """Show a review again; its stars count again."""

    review_id: UUID
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class CountReview:
    """Bring the sums of who did the work to what is shown."""

    review_id: UUID


def review_until(booking: Booking, call: Call) -> datetime | None:
    """Until when a booking may be reviewed; None for one that is not completed, or is in dispute."""
    if booking.state != BookingState.COMPLETED or booking.completed_at is None:
        return None
    return booking.completed_at + timedelta(days=call.policy.reviews.window_days)


async def review_booking(command: ReviewBooking, *, call: Call, work: Work) -> Review:
    """
    Raises NotCompleted, TooLate, AlreadyReviewed, and NotAllowed for who acts for the one that did the work.

    A complaint that comes later leaves the review as it is.

    The first look at whether there is one already spares a try; that there is one only, storage sees to.
    """
    key = review_id(command.booking_id)
    bookings, standing = await work.read(One(Booking, command.booking_id), One(Review, key))
    if not bookings or bookings[0].customer_id != call.actor.user_id:
        raise NotFound("booking", command.booking_id)
    booking: Booking = bookings[0]
    customer = await work.get(User, booking.customer_id)
    if standing:
        raise AlreadyReviewed("this booking has been reviewed", review_id=str(key))
    _check_window(booking, call)
    if customer.provider_id == booking.performer_id:
        raise NotAllowed("nobody reviews itself")
    work.guard(booking)
    held = None if booking.reservation_id is None else await work.find(Reservation, booking.reservation_id)
    review = Review(
        id=key,
        tenant_id=call.tenant_id,
        booking_id=booking.id,
        customer_id=booking.customer_id,
        provider_id=booking.performer_id,
        unit_id=None if held is None else held.unit_id,
        service_id=booking.service_id,
        service_name=booking.service_name,
        stars=command.stars,
        words=command.words,
        given_at=call.at,
    )
    return work.add(create(review, call))


def _check_window(booking: Booking, call: Call) -> None:
    until = review_until(booking, call)
    if until is None:
        said = f"this booking is {booking.state}: it can be reviewed once it is completed"
        raise NotCompleted(said, state=str(booking.state))
    if call.at > until:
        raise TooLate("the time to review it is over", closed_at=until.isoformat())


async def reply_to_review(command: ReplyToReview, *, call: Call, work: Work) -> Review:
    review = await work.get(Review, command.review_id)
    if call.actor.role == Role.PROVIDER and review.provider_id != call.actor.provider_id:
        raise NotFound("review", review.id)
    said: dict[str, Any] = {"reply": command.words, "replied_at": call.at}
    return work.save(move(review, "reply", call, **said))


async def hide_review(command: HideReview, *, call: Call, work: Work) -> Review:
    return work.save(move(await work.get(Review, command.review_id), "hide", call))


async def restore_review(command: RestoreReview, *, call: Call, work: Work) -> Review:
    return work.save(move(await work.get(Review, command.review_id), "restore", call))


async def count_review(command: CountReview, *, call: Call, work: Work) -> Review:
    """The mark and the sums change in one write, to what is true now: told twice, or late, it counts once."""
    review = await work.get(Review, command.review_id)
    if review.counted == review.counts:
        return review
    sign = 1 if review.counts else -1
    units = () if review.unit_id is None else (review.unit_id,)
    rated = await work.read(One(Provider, review.provider_id), Among(Unit, units))
    for one in (*rated[0], *rated[1]):
        work.save(move(one, "rate", call, **_sums(one, review, sign)))
    return work.save(move(review, "count", call, counted=review.counts))


def _sums(rated: Provider | Unit, review: Review, sign: int) -> dict[str, Any]:
    return {
        "stars_sum": rated.stars_sum + sign * review.stars,
        "reviews_count": rated.reviews_count + sign,
    }
