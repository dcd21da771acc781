"""A provider puts its services on show and takes them off again."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from marketplace.core.catalogue.pricing import Option, PriceRule
from marketplace.core.catalogue.service import Service
from marketplace.core.providers.provider import Provider
from marketplace.core.providers.usecases import own
from marketplace.core.shared.aggregate import create, move
from marketplace.core.shared.category import folded
from marketplace.core.shared.errors import Invalid, NotFound
from marketplace.core.shared.limits import Length, Minutes, Name, NewId, Reason, Text, Word
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Work

DURATION_MAX_MINUTES = 14 * 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftService:
    """
    A new service, not on show yet. Amounts in minor units of the marketplace's currency.

    Without `provider_id` it is the house's: for a call-out, whoever is near with the skill that `category`
    names is sent.
    """

    service_id: NewId
    provider_id: UUID | None = None
    name: Name
    category: Word
    rule: PriceRule
    duration_minutes: Minutes
    duration_max_minutes: Minutes | None = None
    description: Text = ""
    options: Annotated[tuple[Option, ...], Length(50)] = ()
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendService:
    """Change a service; what is left out stays. Bookings made keep their price."""

    service_id: UUID
    name: Name | None = None
    description: Text | None = None
    category: Word | None = None
    rule: PriceRule | None = None
    options: Annotated[tuple[Option, ...], Length(50)] | None = None
    duration_minutes: Minutes | None = None
    duration_max_minutes: Minutes | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishService:
    """Put a service on show."""

    service_id: UUID
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawService:
    """Take a service off; bookings made on it stay."""

    service_id: UUID
    reason: Reason | None = None


async def draft_service(command: DraftService, *, call: Call, work: Work) -> Service:
    if command.provider_id is not None:
        own(await work.get(Provider, command.provider_id), call)
    elif call.actor.role not in {Role.ADMIN, Role.SYSTEM}:
        raise Invalid("provider_id", "missing", "your own; the house's services are admin's")
    service = Service(
        id=command.service_id,
        tenant_id=call.tenant_id,
        provider_id=command.provider_id,
        name=command.name,
        description=command.description,
        category=folded(command.category, field="category"),
        rule=command.rule,
        options=command.options,
        duration_minutes=command.duration_minutes,
        duration_max_minutes=command.duration_max_minutes or command.duration_minutes,
        drafted_at=call.at,
    )
    return work.add(create(_checked(service), call))


async def amend_service(command: AmendService, *, call: Call, work: Work) -> Service:
    service = await _own_service(command.service_id, call, work)
    given = {name: getattr(command, name) for name in _AMENDABLE if getattr(command, name) is not None}
    if "category" in given:
        given["category"] = folded(given["category"], field="category")
    amended = move(service, "amend", call, **given)
    _checked(amended.subject)
    return work.save(amended)


_AMENDABLE = tuple(AmendService.__dataclass_fields__.keys() - {"service_id", "reason"})


async def publish_service(command: PublishService, *, call: Call, work: Work) -> Service:
    return work.save(move(await _own_service(command.service_id, call, work), "publish", call))


async def withdraw_service(command: WithdrawService, *, call: Call, work: Work) -> Service:
    return work.save(move(await _own_service(command.service_id, call, work), "withdraw", call))


async def _own_service(key: UUID, call: Call, work: Work) -> Service:
    service = await work.get(Service, key)
    if call.actor.role == Role.PROVIDER and service.provider_id != call.actor.provider_id:
        raise NotFound("service", key)
    return service


def _checked(service: Service) -> Service:
    if not 1 <= service.duration_minutes <= DURATION_MAX_MINUTES:
        raise Invalid(
            "duration_minutes", f"{service.duration_minutes}", f"1 to {DURATION_MAX_MINUTES} minutes"
        )
    if not service.duration_minutes <= service.duration_max_minutes <= DURATION_MAX_MINUTES:
        raise Invalid("duration_max_minutes", "shorter than the shortest, or too long")
    codes = [option.code for option in service.options]
    if len(set(codes)) < len(codes):
        raise Invalid("options", "two have the same code")
    return service
