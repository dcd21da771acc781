"""A yes takes the job, its time and its price in one write, and one yes wins; any other answer moves on."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from marketplace.core.bookings.assigning import Assignment, assign
from marketplace.core.bookings.booking import Booking
from marketplace.core.bookings.guards import TooLate
from marketplace.core.dispatch.area import cell_of
from marketplace.core.dispatch.facts import begins_at, blocked_period
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.job import State as JobState
from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.dispatch.presence import Presence, presence_id
from marketplace.core.dispatch.queries import HeldBy, OpenOffersOf
from marketplace.core.dispatch.searching import PATIENCE, ask_for_round, withdraw_offers
from marketplace.core.payments.payment import Payment
from marketplace.core.providers.provider import NotBookable, Provider, Unit, UnitState
from marketplace.core.providers.provider import State as ProviderState
from marketplace.core.providers.reservation import Reservation, SlotTaken
from marketplace.core.shared.aggregate import is_due, move
from marketplace.core.shared.errors import NotFound
from marketplace.core.shared.limits import Reason
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import One, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeOffer:
    """The offer has reached the device."""

    offer_id: UUID
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeeOffer:
    """Somebody has looked at the offer."""

    offer_id: UUID
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptOffer:
    """Take the job."""

    offer_id: UUID
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineOffer:
    """Leave the job to others."""

    offer_id: UUID
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockOffer:
    """Silence is an answer too."""

    offer_id: UUID


async def offer_of(key: UUID, call: Call, work: Work) -> DispatchOffer:
    """The offer, if this actor may see it; raises NotFound."""
    offer = await work.find(DispatchOffer, key)
    if offer is None or (call.actor.role == Role.PROVIDER and offer.provider_id != call.actor.provider_id):
        raise NotFound("offer", key)
    return offer


async def acknowledge_offer(command: AcknowledgeOffer, *, call: Call, work: Work) -> DispatchOffer:
    offer = await offer_of(command.offer_id, call, work)
    return work.save(move(offer, "deliver", call))


async def see_offer(command: SeeOffer, *, call: Call, work: Work) -> DispatchOffer:
    offer = await offer_of(command.offer_id, call, work)
    return work.save(move(offer, "see", call))


async def accept_offer(command: AcceptOffer, *, call: Call, work: Work) -> DispatchOffer:
    """
    Offer, job, booking and reservation in one write: who comes second finds the job moved, or the time taken.

    An offer is over when the clock has said so, whatever this machine's clock says: nobody else is asked
    before. Raises MoveRefused for one that is, NotBookable, TooLate or SlotTaken for what has changed since.
    """
    offer = await offer_of(command.offer_id, call, work)
    accepted = move(offer, "accept", call)
    (job,), (booking,), (provider,), (unit,), presences, rivals = await work.read(
        One(DispatchJob, offer.job_id),
        One(Booking, offer.booking_id),
        One(Provider, offer.provider_id),
        One(Unit, offer.unit_id),
        One(Presence, presence_id(offer.unit_id)),
        OpenOffersOf(job_id=offer.job_id),
    )
    given = _assignment(offer, job, booking, provider, call)
    (payment,), held = await work.read(
        One(Payment, booking.payment_id),
        HeldBy(unit_ids=(offer.unit_id,), start=given.blocked.start, end=given.blocked.end),
    )
    _check(given, unit, job, held)
    work.guard(unit)
    assign(given, payment, call, work)
    withdraw_offers((rival for rival in rivals if rival.id != offer.id), call, work)
    work.save(move(job, "assign", call, unit_id=offer.unit_id, search_at=None))
    _note(presences, call, work, accepted=1)
    return work.save(accepted)


def _check(given: Assignment, unit: Unit, job: DispatchJob, held: tuple[Reservation, ...]) -> None:
    if unit.state != UnitState.ACTIVE or given.provider.state != ProviderState.ACTIVE:
        raise NotBookable("only an active provider's active units take jobs")
    if given.starts_at > job.window_end:
        until = job.window_end.isoformat()
        raise TooLate("the work could not begin in time any more", closed_at=until)
    if held:
        raise SlotTaken("this unit has another job then", why="taken")


def _assignment(
    offer: DispatchOffer, job: DispatchJob, booking: Booking, provider: Provider, call: Call
) -> Assignment:
    begins = begins_at(job, offer.travel, at=max(call.at, offer.leaves_at))
    return Assignment(
        booking=booking,
        provider=provider,
        unit_id=offer.unit_id,
        starts_at=begins,
        blocked=blocked_period(begins, offer.travel, job, provider),
    )


async def decline_offer(command: DeclineOffer, *, call: Call, work: Work) -> DispatchOffer:
    offer = await offer_of(command.offer_id, call, work)
    declined = move(offer, "decline", call)
    await _go_on(offer, call, work)
    return work.save(declined)


async def clock_offer(command: ClockOffer, *, call: Call, work: Work) -> DispatchOffer:
    offer = await work.get(DispatchOffer, command.offer_id)
    if not is_due(offer, call):
        return offer
    expired = move(offer, "expire", call)
    await _go_on(offer, call, work)
    return work.save(expired)


async def _go_on(offer: DispatchOffer, call: Call, work: Work) -> None:
    """The last no sends the job on; the job is written each time, so that one of two is the last."""
    (job,), others, presences = await work.read(
        One(DispatchJob, offer.job_id),
        OpenOffersOf(job_id=offer.job_id),
        One(Presence, presence_id(offer.unit_id)),
    )
    _note(presences, call, work, accepted=0)
    if job.state != JobState.OFFERING:
        return
    unfit: dict[str, Any] = {"unfit": (*job.unfit, offer.unit_id)}
    if any(other.id != offer.id for other in others):
        work.save(move(job, "lose_one", call, **unfit))
        return
    wave = min(job.wave + 1, len(call.policy.dispatch.waves) - 1)
    work.save(move(job, "go_on", call, wave=wave, search_at=call.at + PATIENCE, **unfit))
    await ask_for_round(job.area_id, call, work, cell=cell_of(job.place))


def _note(presences: tuple[Presence, ...], call: Call, work: Work, *, accepted: int) -> None:
    """What the unit did with what it was offered counts when the next job is decided."""
    for presence in presences:
        counts: dict[str, Any] = {"offered": presence.offered + 1, "accepted": presence.accepted + accepted}
        work.save(move(presence, "answer", call, **counts))
