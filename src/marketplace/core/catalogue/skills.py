"""A unit's skills are categories of the house's services: whoever sets one that none asks for is told."""

from dataclasses import dataclass

from marketplace.core.catalogue.queries import HouseServicesOf
from marketplace.core.providers.provider import Unit
from marketplace.core.providers.usecases import AddUnit, AmendUnit, add_unit, amend_unit
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class SkilledUnit:
    """A unit, and those of its skills that no service of the house on show asks for."""

    unit: Unit
    unasked: tuple[str, ...]


async def add_skilled_unit(command: AddUnit, *, call: Call, work: Work) -> SkilledUnit:
    return await _looked_over(await add_unit(command, call=call, work=work), work)


async def amend_skilled_unit(command: AmendUnit, *, call: Call, work: Work) -> SkilledUnit:
    return await _looked_over(await amend_unit(command, call=call, work=work), work)


async def _looked_over(unit: Unit, work: Work) -> SkilledUnit:
    services = await work.ask(HouseServicesOf(categories=unit.skills)) if unit.skills else ()
    return SkilledUnit(unit=unit, unasked=unasked(unit.skills, {service.category for service in services}))


def unasked(skills: tuple[str, ...], asked: set[str]) -> tuple[str, ...]:
    return tuple(skill for skill in skills if skill not in asked)
