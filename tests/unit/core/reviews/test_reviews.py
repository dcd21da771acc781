"""A customer reviews what was done for it, once, and its stars count once for who did it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.core.bookings.booking import State as BookingState
from marketplace.core.bookings.commands import ApproveBooking, DisputeBooking, ResolveDispute
from marketplace.core.bookings.guards import TooLate
from marketplace.core.notifications.notification import Notification
from marketplace.core.providers.provider import Provider, Unit
from marketplace.core.providers.reservation import Reservation
from marketplace.core.reviews.review import AlreadyAnswered, Review, State, review_id
from marketplace.core.reviews.usecases import (
    AlreadyReviewed,
    CountReview,
    HideReview,
    NotCompleted,
    ReplyToReview,
    RestoreReview,
    ReviewBooking,
)
from marketplace.core.shared.errors import Invalid, MoveRefused, NotAllowed, NotFound
from marketplace.core.shared.roles import Actor, Role
from marketplace.ports.storage import AlreadyThere, Batch


async def completed(world: Any, **given: Any) -> UUID:
    key: UUID = await world.deliver(**given)
    await world.do(ApproveBooking(booking_id=key), world.customer)
    await world.settle()
    return key


async def reviewed(world: Any, *, stars: int = 4, **given: Any) -> Review:
    key = await completed(world, **given)
    await world.do(ReviewBooking(booking_id=key, stars=stars), world.customer)
    await world.settle()
    review: Review = await world.get(Review, review_id(key))
    return review


async def rating(world: Any) -> tuple[float | None, int]:
    provider = await world.get(Provider, world.market.shops[0].provider_id)
    return provider.stars, provider.reviews_count


class TestReviewing:
    async def test_says_how_it_was_and_tells_the_provider(self, world: Any) -> None:
        key = await completed(world)

        command = ReviewBooking(booking_id=key, stars=5, words="Quick and clean.")
        review = await world.do(command, world.customer)
        await world.settle()

        assert (review.state, review.stars, review.words) == (State.PUBLISHED, 5, "Quick and clean.")
        assert review.parties() == (world.customer.user_id, world.provider.provider_id)
        (told,) = [one for one in world.all(Notification) if one.template.startswith("review.")]
        assert told.user_id == world.provider.user_id
        assert "has reviewed" in told.text
        assert await world.broken() == []

    @pytest.mark.parametrize("stars", [0, 6])
    async def test_takes_one_to_five_stars(self, world: Any, stars: int) -> None:
        key = await completed(world)

        with pytest.raises(Invalid, match="stars"):
            await world.do(ReviewBooking(booking_id=key, stars=stars), world.customer)

    async def test_is_for_what_is_completed(self, world: Any) -> None:
        key = await world.deliver()

        with pytest.raises(NotCompleted, match="is delivered: it can be reviewed once it is completed"):
            await world.do(ReviewBooking(booking_id=key, stars=5), world.customer)

    async def test_is_for_the_booking_s_own_customer(self, world: Any) -> None:
        key = await completed(world)

        for actor in (world.market.customers[1], world.provider):
            with pytest.raises(NotFound):
                await world.do(ReviewBooking(booking_id=key, stars=1), actor)

    async def test_is_not_for_who_did_the_work(self, world: Any) -> None:
        """Anybody may book itself; to praise itself for it, it may not."""
        itself = Actor(Role.CUSTOMER, world.provider.user_id)
        key = await world.deliver(actor=itself)
        await world.do(ApproveBooking(booking_id=key), itself)

        with pytest.raises(NotAllowed, match="itself"):
            await world.do(ReviewBooking(booking_id=key, stars=5), itself)

    async def test_ends_with_the_window_of_the_policy(self, make_world: Any) -> None:
        world = await make_world(reviews={"window_days": 3})
        key = await completed(world)
        done = (await world.booking(key)).completed_at
        late = await completed(world, start=world.start + timedelta(days=10))

        await world.until(done + timedelta(days=3) + timedelta(seconds=1))
        with pytest.raises(TooLate) as refused:
            await world.do(ReviewBooking(booking_id=key, stars=5), world.customer)
        await world.do(ReviewBooking(booking_id=late, stars=5), world.customer)

        assert refused.value.facts["closed_at"] == (done + timedelta(days=3)).isoformat()

    async def test_begins_again_when_a_complaint_is_decided_for_the_work(self, world: Any) -> None:
        key = await world.dispute()
        with pytest.raises(NotCompleted):
            await world.do(ReviewBooking(booking_id=key, stars=1), world.customer)

        await world.forward(days=2)
        await world.do(ResolveDispute(booking_id=key, refund_minor=100, reason="fair"), world.admin)

        assert (await world.booking(key)).completed_at == world.lane.now
        await world.do(ReviewBooking(booking_id=key, stars=2), world.customer)

    async def test_goes_by_the_clock_s_approval_too(self, world: Any) -> None:
        key = await world.deliver()
        await world.until((await world.booking(key)).complaint_until)

        booking = await world.booking(key)

        assert booking.state == BookingState.COMPLETED
        assert booking.completed_at == booking.complaint_until

    async def test_is_done_once(self, world: Any) -> None:
        review = await reviewed(world)

        with pytest.raises(AlreadyReviewed):
            await world.do(ReviewBooking(booking_id=review.booking_id, stars=5), world.customer)

    async def test_is_done_once_whatever_was_looked_at(self, world: Any) -> None:
        """Storage refuses a second: by the id that derives from the booking's, and by the booking itself."""
        review = await reviewed(world)

        for key in (review.id, uuid4()):
            second = Batch(tenant_id=review.tenant_id, added=(replace(review, id=key, version=1),))
            with pytest.raises(AlreadyThere):
                await world.storage.write(second)

    async def test_survives_a_complaint_that_comes_later(self, world: Any) -> None:
        review = await reviewed(world, stars=4)

        await world.do(DisputeBooking(booking_id=review.booking_id, reason="broke again"), world.customer)
        await world.settle()

        assert (await world.get(Review, review.id)).state == State.PUBLISHED
        assert await rating(world) == (4.0, 1)


class TestStars:
    async def test_count_for_the_provider_and_the_unit_that_did_the_work(self, world: Any) -> None:
        first = await reviewed(world, stars=4)
        await reviewed(world, stars=5, start=world.start + timedelta(days=1))

        held = await world.get(Reservation, (await world.booking(first.booking_id)).reservation_id)
        units = [one for one in world.all(Unit) if one.reviews_count]

        assert await rating(world) == (4.5, 2)
        assert first.unit_id == held.unit_id
        assert held.unit_id in {unit.id for unit in units}
        assert sum(unit.stars_sum for unit in units) == 9
        assert await world.broken() == []

    async def test_count_once_however_often_they_are_told_of(self, world: Any) -> None:
        review = await reviewed(world, stars=3)

        for _ in range(3):
            await world.do(CountReview(review_id=review.id))

        assert await rating(world) == (3.0, 1)

    async def test_of_a_hidden_review_do_not_count_until_it_is_restored(self, world: Any) -> None:
        review = await reviewed(world, stars=1)
        await reviewed(world, stars=5, start=world.start + timedelta(days=1))

        await world.do(HideReview(review_id=review.id, reason="insults"), world.admin)
        await world.settle()
        hidden = await rating(world)
        await world.do(RestoreReview(review_id=review.id, reason="it was fair"), world.admin)
        await world.settle()

        assert hidden == (5.0, 1)
        assert await rating(world) == (3.0, 2)
        assert await world.broken() == []

    async def test_count_as_it_is_now_when_they_are_told_of_late(self, world: Any) -> None:
        """Hidden before anybody has counted them, and the two jobs run afterwards, in whatever order."""
        key = await completed(world)
        review = await world.do(ReviewBooking(booking_id=key, stars=1), world.customer)
        await world.do(HideReview(review_id=review.id, reason="insults"), world.admin)

        await world.settle()

        assert await rating(world) == (None, 0)
        assert await world.broken() == []


class TestAnAnswer:
    async def test_is_given_once_by_the_provider(self, world: Any) -> None:
        review = await reviewed(world)

        answered = await world.do(ReplyToReview(review_id=review.id, words="Thank you!"), world.provider)
        with pytest.raises(AlreadyAnswered):
            await world.do(ReplyToReview(review_id=review.id, words="And again."), world.provider)

        assert (answered.reply, answered.replied_at) == ("Thank you!", world.lane.now)

    async def test_is_for_nobody_else(self, world: Any) -> None:
        review, other = await reviewed(world), Actor(Role.PROVIDER, uuid4(), uuid4())
        command = ReplyToReview(review_id=review.id, words="Mine.")

        with pytest.raises(NotFound):
            await world.do(command, other)
        with pytest.raises(NotAllowed):
            await world.do(command, world.customer)

    async def test_is_not_given_to_what_is_hidden(self, world: Any) -> None:
        review = await reviewed(world)
        await world.do(HideReview(review_id=review.id, reason="insults"), world.admin)

        with pytest.raises(MoveRefused):
            await world.do(ReplyToReview(review_id=review.id, words="Lies."), world.provider)
