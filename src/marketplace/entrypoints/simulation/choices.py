"""What somebody may do with a booking next, in each of its states, and how likely: one table."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from marketplace.core.bookings.booking import Booking, Side, State
from marketplace.core.bookings.commands import (
    AcceptBooking,
    AcceptTime,
    ApproveBooking,
    Arrive,
    AssignBooking,
    CancelBooking,
    DeclineBooking,
    DeclineTime,
    DeliverBooking,
    DisputeBooking,
    HandBack,
    ProposeTime,
    ReportNoShow,
    ResolveDispute,
    SetOut,
    StartBooking,
)
from marketplace.core.dispatch.searching import SearchOn
from marketplace.core.reviews.usecases import ReviewBooking
from marketplace.core.shared.roles import Actor
from marketplace.entrypoints.simulation.market import Market

WHY = "simulated"
_SHIFT_STEPS = 12
_STEP = timedelta(minutes=15)
_REASON_CODES = ("change_of_plans", "illness", "death", "weather", "other")


@dataclass(frozen=True, slots=True)
class Scene:
    """A booking as it was just looked at, and those around it."""

    booking: Booking
    market: Market
    random: Random

    @property
    def customer(self) -> Actor:
        return self.market.customer(self.booking.customer_id)

    @property
    def provider(self) -> Actor:
        """Of a call-out that nobody has yet: somebody who is not its provider."""
        if self.booking.provider_id is None:
            return self.random.choice(self.market.shops).actor
        return self.market.shop(self.booking.provider_id).actor

    @property
    def searching(self) -> bool:
        return self.booking.state == State.AWAITING_PROVIDER and self.booking.provider_id is None

    @property
    def either(self) -> Actor:
        return self.random.choice((self.customer, self.provider))


Step = tuple[Any, Actor]  # a command, and who gives it
Choice = Callable[[Scene], Step | None]


def nothing(_: Scene) -> None:
    """Let the clock decide."""


def accept(scene: Scene) -> Step | None:
    if scene.booking.handed_back_by is not None:
        return assign(scene)
    return AcceptBooking(booking_id=scene.booking.id), scene.provider


def assign(scene: Scene) -> Step:
    other = scene.random.choice(scene.market.shops)
    command = AssignBooking(booking_id=scene.booking.id, provider_id=other.provider_id, reason=WHY)
    return command, scene.market.admin


def decline(scene: Scene) -> Step:
    return DeclineBooking(booking_id=scene.booking.id, reason=WHY), scene.provider


def cancel(scene: Scene) -> Step:
    code: Any = scene.random.choice(_REASON_CODES)
    by = scene.random.choice((scene.customer, scene.customer, scene.provider, scene.market.admin))
    return CancelBooking(booking_id=scene.booking.id, reason=WHY, reason_code=code), by


def hand_back(scene: Scene) -> Step:
    return HandBack(booking_id=scene.booking.id, reason=WHY), scene.provider


def talk_of_time(scene: Scene) -> Step:
    """Propose another start, or answer a proposal."""
    booking = scene.booking
    if booking.proposed_starts_at is None:
        later = booking.starts_at + _STEP * scene.random.randint(-_SHIFT_STEPS, _SHIFT_STEPS)
        return ProposeTime(booking_id=booking.id, starts_at=later), scene.either
    if scene.random.random() < 1 / 3:
        return DeclineTime(booking_id=booking.id), scene.either
    other = scene.provider if booking.proposed_by == Side.CUSTOMER else scene.customer
    return AcceptTime(booking_id=booking.id), other


def search_on(scene: Scene) -> Step:
    """Wait a while longer, or have somebody come later; refused while the search is on."""
    later = scene.booking.starts_at + _STEP * scene.random.randint(4, 4 * _SHIFT_STEPS)
    starts_at = later if scene.random.random() < 1 / 3 else None
    return SearchOn(booking_id=scene.booking.id, starts_at=starts_at), scene.customer


def set_out(scene: Scene) -> Step:
    return SetOut(booking_id=scene.booking.id), scene.provider


def arrive(scene: Scene) -> Step:
    return Arrive(booking_id=scene.booking.id), scene.provider


def start(scene: Scene) -> Step:
    """Now and then with the wrong code."""
    wrong = scene.random.random() < 1 / 8
    return StartBooking(
        booking_id=scene.booking.id, start_code="none" if wrong else scene.booking.start_code
    ), scene.provider


def deliver(scene: Scene) -> Step:
    return DeliverBooking(booking_id=scene.booking.id), scene.provider


def report_no_show(scene: Scene) -> Step:
    return ReportNoShow(booking_id=scene.booking.id, reason=WHY), scene.either


def approve(scene: Scene) -> Step:
    return ApproveBooking(booking_id=scene.booking.id), scene.customer


def dispute(scene: Scene) -> Step:
    return DisputeBooking(booking_id=scene.booking.id, reason=WHY), scene.customer


def resolve(scene: Scene) -> Step:
    total = scene.booking.total_minor
    back = scene.random.choice((0, total, total, scene.random.randint(1, total - 1)))
    return ResolveDispute(booking_id=scene.booking.id, refund_minor=back, reason=WHY), scene.market.admin


def review(scene: Scene) -> Step:
    """Mostly good; once given it is given."""
    (stars,) = scene.random.choices((1, 2, 3, 4, 5), (5, 5, 10, 30, 50))
    return ReviewBooking(booking_id=scene.booking.id, stars=stars, words=WHY), scene.customer


_ON_THE_WAY = ((70, arrive), (10, hand_back), (10, cancel), (10, nothing))
CHOICES: dict[State, tuple[tuple[int, Choice], ...]] = {
    State.AWAITING_PAYMENT: ((10, cancel), (90, nothing)),
    State.AWAITING_PROVIDER: ((75, accept), (8, decline), (7, cancel), (10, nothing)),
    State.CONFIRMED: (
        (45, set_out),
        (20, start),
        (10, talk_of_time),
        (7, cancel),
        (6, hand_back),
        (6, report_no_show),
        (6, nothing),
    ),
    State.EN_ROUTE: _ON_THE_WAY,
    State.ARRIVED: ((75, start), (10, report_no_show), (5, cancel), (10, nothing)),
    State.UNDER_WAY: ((90, deliver), (10, nothing)),
    State.DELIVERED: ((60, approve), (15, dispute), (25, nothing)),
    State.NO_SHOW: ((30, dispute), (70, nothing)),
    State.COMPLETED: ((15, dispute), (30, review), (55, nothing)),
    State.DISPUTED: ((85, resolve), (15, nothing)),
}


# While the platform looks for somebody.
SEARCHING: tuple[tuple[int, Choice], ...] = ((40, search_on), (12, cancel), (5, assign), (43, nothing))


def choose(scene: Scene) -> Step | None:
    options = SEARCHING if scene.searching else CHOICES.get(scene.booking.state, ((1, nothing),))
    weights = [weight for weight, _ in options]
    (choice,) = scene.random.choices([choice for _, choice in options], weights)
    return choice(scene)
