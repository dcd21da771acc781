"""One place turns a provider, its units and their reservations into the diary that search and booking ask."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from marketplace.core.catalogue.pricing import ChosenOption, Price, price
from marketplace.core.catalogue.service import Service
from marketplace.core.catalogue.service import State as ServiceState
from marketplace.core.catalogue.slots import Diary, SlotRefusal, free_units, reach, why_not
from marketplace.core.providers.hours import open_periods, zone
from marketplace.core.providers.provider import NotBookable, Provider, Unit
from marketplace.core.providers.provider import State as ProviderState
from marketplace.core.providers.queries import HeldBetween
from marketplace.core.providers.reservation import Reservation, SlotTaken
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.period import Period, instant
from marketplace.core.tenants.policy import Policy

_REASONS = {
    SlotRefusal.PAST: "it is in the past",
    SlotRefusal.TOO_SOON: "it is too soon",
    SlotRefusal.TOO_FAR: "it is too far ahead",
    SlotRefusal.OUTSIDE_HOURS: "it is outside opening hours",
    SlotRefusal.OFF_GRID: "starts are on a grid, see the slots",
    SlotRefusal.TIME_OFF: "the provider is off",
    SlotRefusal.TAKEN: "every unit is taken",
}


def job_length(service: Service, duration_minutes: int | None) -> timedelta:
    """How long a job takes; raises Invalid outside what the service allows."""
    minutes = service.duration_minutes if duration_minutes is None else duration_minutes
    if not service.duration_minutes <= minutes <= service.duration_max_minutes:
        allowed = f"{service.duration_minutes} to {service.duration_max_minutes}"
        raise Invalid("duration_minutes", f"{minutes} is not offered", allowed)
    return timedelta(minutes=minutes)


def _reach(provider: Provider, within: Period, duration: timedelta) -> Period:
    return reach(
        within=within,
        duration=duration,
        buffer_before=provider.buffer_before,
        buffer_after=provider.buffer_after,
    )


def held_around(provider: Provider, *, within: Period, duration: timedelta) -> HeldBetween:
    """The question for the reservations that a diary of these starts needs."""
    around = _reach(provider, within, duration)
    return HeldBetween(provider_id=provider.id, start=around.start, end=around.end)


def diary(
    *,
    provider: Provider,
    units: Iterable[Unit],
    held: Iterable[Reservation],
    policy: Policy,
    duration: timedelta,
    within: Period,
    now: datetime,
) -> Diary:
    """The facts for every start in `within`."""
    busy: dict[UUID, list[Period]] = {}
    for reservation in held:
        busy.setdefault(reservation.unit_id, []).append(reservation.period)
    return Diary(
        open_periods=open_periods(
            hours=provider.hours,
            exceptions=provider.exceptions,
            time_zone=provider.time_zone,
            within=_reach(provider, within, duration),
        ),
        units=[unit.id for unit in units],
        busy=busy,
        time_off=provider.time_off,
        duration=duration,
        buffer_before=provider.buffer_before,
        buffer_after=provider.buffer_after,
        step=timedelta(minutes=policy.booking.slot_step_minutes),
        notice=provider.notice,
        horizon=timedelta(days=policy.booking.horizon_days),
        now=now,
    )


def check_bookable(provider: Provider, service: Service) -> None:
    """Only what is on show can be booked, and only with an active provider."""
    if provider.state != ProviderState.ACTIVE:
        raise NotBookable(f"this provider is {provider.state}")
    if service.state != ServiceState.PUBLISHED or service.provider_id != provider.id:
        raise NotBookable(f"this service is {service.state}")


def start_to_come(start: datetime, *, now: datetime) -> datetime:
    """A start asked for, in UTC; raises Invalid for one that is past already."""
    start = instant(start, field="starts_at")
    if start < now:
        raise Invalid("starts_at", "is in the past", f"later than {now.isoformat(timespec='seconds')}")
    return start


def pick_unit(facts: Diary, *, start: datetime, seed: UUID) -> UUID:
    """
    A free unit for a start; racers with different seeds try different ones first.

    Raises SlotTaken with the reason in `facts["why"]`.
    """
    free: Sequence[UUID] = free_units(facts, start=start)
    if not free:
        why = why_not(facts, start=start) or SlotRefusal.TAKEN
        raise SlotTaken(f"that start cannot be booked: {_REASONS[why]}", why=str(why))
    return free[seed.int % len(free)]


def price_of(
    *,
    service: Service,
    chosen: Sequence[ChosenOption],
    duration: timedelta,
    starts_at: datetime,
    time_zone: str,
    policy: Policy,
) -> Price:
    """What a job costs, with the VAT rate of its local day."""
    day = starts_at.astimezone(zone(time_zone)).date()
    result = price(
        rule=service.rule,
        options=service.options,
        chosen=chosen,
        duration_minutes=int(duration.total_seconds() // 60),
        currency=policy.currency,
        vat_rate_basis_points=policy.vat.basis_points_on(day),
        prices_include_vat=policy.vat.prices_include_vat,
        fee=policy.fees,
    )
    if result.total_minor <= 0:
        raise Invalid("service_id", "its price is nothing", "a service with a price")
    return result
