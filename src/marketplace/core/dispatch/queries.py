"""What the search for a provider asks of storage."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from marketplace.core.bookings.booking import Booking
from marketplace.core.dispatch.block import Block
from marketplace.core.dispatch.block import State as BlockState
from marketplace.core.dispatch.decision import DispatchDecision
from marketplace.core.dispatch.job import OPEN as JOB_OPEN
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.job import State as JobState
from marketplace.core.dispatch.offer import OPEN as OFFER_OPEN
from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.dispatch.presence import Presence
from marketplace.core.dispatch.presence import State as PresenceState
from marketplace.core.providers.reservation import Reservation
from marketplace.core.providers.reservation import State as ReservationState


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedIn:
    """The jobs of an area that wait for a decision at an instant; those for later are not looked for yet."""

    kind: ClassVar[type[DispatchJob]] = DispatchJob
    area_id: UUID
    at: datetime

    def matches(self, row: Any) -> bool:
        here = row.area_id == self.area_id and row.state == JobState.QUEUED
        return bool(here and row.queued_at <= self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenJobOf:
    """The search that is on for a booking."""

    kind: ClassVar[type[DispatchJob]] = DispatchJob
    booking_id: UUID

    def matches(self, row: Any) -> bool:
        return row.booking_id == self.booking_id and row.state in JOB_OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOffersOf:
    """The offers of a job that may still be accepted."""

    kind: ClassVar[type[DispatchOffer]] = DispatchOffer
    job_id: UUID

    def matches(self, row: Any) -> bool:
        return row.job_id == self.job_id and row.state in OFFER_OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class OffersTo:
    """The offers that some units have had since an instant."""

    kind: ClassVar[type[DispatchOffer]] = DispatchOffer
    unit_ids: tuple[UUID, ...]
    since: datetime

    def matches(self, row: Any) -> bool:
        return row.unit_id in self.unit_ids and row.sent_at >= self.since


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBy:
    """The reservations of some units that touch a period."""

    kind: ClassVar[type[Reservation]] = Reservation
    unit_ids: tuple[UUID, ...]
    start: datetime
    end: datetime

    def matches(self, row: Any) -> bool:
        held = row.unit_id in self.unit_ids and row.state == ReservationState.HELD
        return bool(held and row.starts_at < self.end and row.ends_at > self.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationsOf:
    """The time that a booking holds."""

    kind: ClassVar[type[Reservation]] = Reservation
    booking_id: UUID

    def matches(self, row: Any) -> bool:
        return bool(row.booking_id == self.booking_id and row.state == ReservationState.HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlocksOf:
    """Whom some customers will not have, or who will not have them."""

    kind: ClassVar[type[Block]] = Block
    customer_ids: tuple[UUID, ...]

    def matches(self, row: Any) -> bool:
        return row.customer_id in self.customer_ids and row.state == BlockState.STANDING


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneBy:
    """The bookings of a customer that are a provider's, `by`, or were until it handed them back."""

    kind: ClassVar[type[Booking]] = Booking
    customer_id: UUID
    by: UUID

    def matches(self, row: Any) -> bool:
        return row.customer_id == self.customer_id and self.by in {row.provider_id, row.handed_back_by}


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUpBy:
    """The searches for a customer's bookings that began anew, because a provider, `by`, handed them back."""

    kind: ClassVar[type[DispatchJob]] = DispatchJob
    customer_id: UUID
    by: UUID

    def matches(self, row: Any) -> bool:
        return row.customer_id == self.customer_id and self.by in row.unfit


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineIn:
    """The units that are online in some squares of the globe, and have said where since an instant."""

    kind: ClassVar[type[Presence]] = Presence
    squares: tuple[str, ...]
    since: datetime

    def matches(self, row: Any) -> bool:
        online = row.state == PresenceState.ONLINE and row.placed_at >= self.since
        return bool(online and row.square in self.squares)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineAfter:
    """The next few units that are online, by the ids of their presences."""

    kind: ClassVar[type[Presence]] = Presence
    after: UUID
    most: int

    def matches(self, row: Any) -> bool:
        return bool(row.state == PresenceState.ONLINE and row.id > self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionsOn:
    """What was decided on a job, each time that it was."""

    kind: ClassVar[type[DispatchDecision]] = DispatchDecision
    job_id: UUID

    def matches(self, row: Any) -> bool:
        return bool(row.job_id == self.job_id)
