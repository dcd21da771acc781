"""A provider applies, describes itself, says when it works, and counts its units."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from marketplace.core.identity.user import User
from marketplace.core.providers.hours import HoursException, OpeningHours, zone
from marketplace.core.providers.provider import Provider, Unit, UnitBooked, current_time_off
from marketplace.core.providers.queries import HeldAfter
from marketplace.core.providers.reservation import LONG_OVERRUN
from marketplace.core.shared.aggregate import create, move
from marketplace.core.shared.category import folded
from marketplace.core.shared.errors import Invalid, NotAllowed, NotFound
from marketplace.core.shared.limits import (
    Between,
    Length,
    Minutes,
    Name,
    NewId,
    Reason,
    Text,
    VendorToken,
    Word,
)
from marketplace.core.shared.period import Period
from marketplace.core.shared.place import Place
from marketplace.core.shared.roles import SYSTEM, Role
from marketplace.core.tenants.dispatching import REACH_METRES_MAX
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Work

_MINUTES_MAX = 24 * 60
Skills = Annotated[tuple[Word, ...], Length(50)]
Reach = Annotated[int, Between(100, REACH_METRES_MAX)]
ProviderMove = Literal["verify", "activate", "suspend", "reinstate", "ban", "close"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyAsProvider:
    """A signed-in user becomes a provider, to be verified by admin."""

    provider_id: NewId
    name: Name
    about: Text = ""
    time_zone: Word | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendProvider:
    """Change the provider's profile and rules of availability; what is left out stays."""

    provider_id: UUID
    name: Name | None = None
    about: Text | None = None
    time_zone: Word | None = None
    place: Place | None = None
    hours: Annotated[tuple[OpeningHours, ...], Length(50)] | None = None
    exceptions: Annotated[tuple[HoursException, ...], Length(400)] | None = None
    time_off: Annotated[tuple[Period, ...], Length(200)] | None = None
    buffer_before_minutes: Minutes | None = None
    buffer_after_minutes: Minutes | None = None
    notice_minutes: Minutes | None = None
    payee: VendorToken | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveProvider:
    """Admin's moves: verify, suspend, reinstate, ban; and activate, close, which the provider makes too."""

    provider_id: UUID
    move: ProviderMove
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class AddUnit:
    """One more unit of capacity."""

    provider_id: UUID
    unit_id: NewId
    name: Name
    skills: Skills = ()
    base: Place | None = None
    reach_metres: Reach | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendUnit:
    """Say what a unit can be sent out for, and how far; fields left out stay as they are."""

    unit_id: UUID
    name: Name | None = None
    skills: Skills | None = None
    base: Place | None = None
    reach_metres: Reach | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireUnit:
    """Take a unit out of service, once nothing is booked on it any more."""

    unit_id: UUID
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnUnit:
    """Take a unit back into service."""

    unit_id: UUID
    reason: Reason | None = None


async def apply_as_provider(command: ApplyAsProvider, *, call: Call, work: Work) -> Provider:
    """The user gets the role at once; bookings wait for verification."""
    user = await work.get(User, cast("UUID", call.actor.user_id))
    if user.provider_id is not None:
        raise Invalid("provider_id", "you act for a provider already")
    roles = tuple(dict.fromkeys((*user.roles, Role.PROVIDER)))
    work.save(move(user, "grant", replace(call, actor=SYSTEM), roles=roles, provider_id=command.provider_id))
    time_zone = command.time_zone or call.policy.time_zone
    zone(time_zone)
    provider = Provider(
        id=command.provider_id,
        tenant_id=call.tenant_id,
        owner_id=user.id,
        name=command.name,
        about=command.about,
        time_zone=time_zone,
        applied_at=call.at,
    )
    return work.add(create(provider, call))


async def amend_provider(command: AmendProvider, *, call: Call, work: Work) -> Provider:
    provider = own(await work.get(Provider, command.provider_id), call)
    given = {name: getattr(command, name) for name in _AMENDABLE if getattr(command, name) is not None}
    _check(given)
    if "time_off" in given:
        given["time_off"] = current_time_off(given["time_off"], now=call.at)
    return work.save(move(provider, "amend", call, **given))


_AMENDABLE = tuple(AmendProvider.__dataclass_fields__.keys() - {"provider_id", "reason"})


def _check(given: dict[str, Any]) -> None:
    if "time_zone" in given:
        zone(given["time_zone"])
    for name in ("buffer_before_minutes", "buffer_after_minutes", "notice_minutes"):
        limit = 60 * _MINUTES_MAX if name == "notice_minutes" else _MINUTES_MAX
        if not 0 <= given.get(name, 0) <= limit:
            raise Invalid(name, f"{given[name]} minutes", f"0 to {limit}")


async def move_provider(command: MoveProvider, *, call: Call, work: Work) -> Provider:
    """Suspending, banning or closing takes its services out of search and ends no booking."""
    provider = own(await work.get(Provider, command.provider_id), call)
    return work.save(move(provider, command.move, call))


async def add_unit(command: AddUnit, *, call: Call, work: Work) -> Unit:
    provider = own(await work.get(Provider, command.provider_id), call)
    unit = Unit(
        id=command.unit_id,
        tenant_id=call.tenant_id,
        provider_id=provider.id,
        name=command.name,
        added_at=call.at,
        skills=_folded(command.skills),
        base=command.base,
        reach_metres=command.reach_metres,
    )
    return work.add(create(unit, call))


async def amend_unit(command: AmendUnit, *, call: Call, work: Work) -> Unit:
    unit = await _own_unit(command.unit_id, call, work)
    names = ("name", "skills", "base", "reach_metres")
    given = {name: getattr(command, name) for name in names if getattr(command, name) is not None}
    if "skills" in given:
        given["skills"] = _folded(given["skills"])
    return work.save(move(unit, "amend", call, **given))


def _folded(skills: tuple[str, ...]) -> tuple[str, ...]:
    """Each once, in the form of the categories of services."""
    return tuple(dict.fromkeys(folded(one, field=f"skills[{i}]") for i, one in enumerate(skills)))


async def retire_unit(command: RetireUnit, *, call: Call, work: Work) -> Unit:
    """Raises UnitBooked while there is work for it; what is booked at this very moment stays on it."""
    unit = await _own_unit(command.unit_id, call, work)
    retired = move(unit, "retire", call)
    held = await work.ask(HeldAfter(unit_id=unit.id, at=call.at - LONG_OVERRUN))
    # A slot is over at its end; a call-out's time is given back when it is done, which may be later.
    to_do = [one for one in held if one.ends_at > call.at or one.place is not None]
    if to_do:
        first = min(to_do, key=lambda one: (one.starts_at, one.id))
        raise UnitBooked(
            f"this unit is booked from {first.starts_at.isoformat(timespec='minutes')} on:"
            " do that work, hand it back or call it off first",
            booked_from=first.starts_at.isoformat(),
            booking_id=str(first.booking_id),
        )
    return work.save(retired)


async def return_unit(command: ReturnUnit, *, call: Call, work: Work) -> Unit:
    return work.save(move(await _own_unit(command.unit_id, call, work), "return", call))


async def _own_unit(key: UUID, call: Call, work: Work) -> Unit:
    unit = await work.get(Unit, key)
    if call.actor.role == Role.PROVIDER and unit.provider_id != call.actor.provider_id:
        raise NotFound("unit", key)
    return unit


def own(provider: Provider, call: Call) -> Provider:
    """The provider, for itself and for admin; to others' providers it is not there."""
    if call.actor.role in {Role.ADMIN, Role.SYSTEM}:
        return provider
    if call.actor.role != Role.PROVIDER:
        raise NotAllowed("only the provider itself may do this")
    if call.actor.provider_id != provider.id:
        raise NotFound("provider", provider.id)
    return provider
