"""A blueprint is a file: the policy that a business runs under, and the people its demo shows."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from marketplace.core.catalogue.pricing import Option, PriceRule
from marketplace.core.providers.hours import OpeningHours, zone
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.place import Place
from marketplace.core.tenants.policy import Policy
from marketplace.entrypoints import phones, tables

_FOLDER, _SUFFIX = "marketplace.blueprints", ".toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPerson:
    """Somebody who can sign in; customers also have an address to which a provider may come."""

    name: str
    phone: str
    address: str | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoService:
    name: str
    description: str
    category: str
    rule: PriceRule
    duration_minutes: int
    duration_max_minutes: int | None = None
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoProvider:
    """
    `payee` is a token of the sandbox; each of `units` can do one job at a time.

    With `skills` the units can be sent out, as far as `reach_metres` from the provider's place.
    """

    name: str
    about: str
    owner: DemoPerson
    place: Place
    hours: tuple[OpeningHours, ...]
    units: tuple[str, ...]
    skills: tuple[str, ...] = ()
    reach_metres: int | None = None
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    notice_minutes: int = 60
    payee: str = "payee_ok"
    services: tuple[DemoService, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """
    `approver` is another admin, for what one alone may not do.

    `services` are the house's own, for which whoever is near is sent.
    """

    admin: DemoPerson
    approver: DemoPerson
    support: DemoPerson
    services: tuple[DemoService, ...] = ()
    providers: tuple[DemoProvider, ...]
    customers: tuple[DemoPerson, ...]

    def people(self) -> tuple[DemoPerson, ...]:
        owners = (provider.owner for provider in self.providers)
        return (self.admin, self.approver, self.support, *owners, *self.customers)


@dataclass(frozen=True, slots=True)
class Blueprint:
    policy: Policy
    demo: Demo


def names() -> tuple[str, ...]:
    """The blueprints that come with the product."""
    files = (file.name for file in resources.files(_FOLDER).iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in files if name.endswith(_SUFFIX)))


def load(name_or_path: str | Path) -> Blueprint:
    """A blueprint by its name, or by the path of a file that ends in .toml. Raises Invalid."""
    table, source = _read(name_or_path)
    demo = tables.convert(table.pop("demo", {}), Demo, source=source, under="demo")
    policy = _policy(table, source)
    _check_phones(demo, policy, source)
    return Blueprint(policy, demo)


def load_policy(name_or_path: str | Path) -> Policy:
    """The policy alone, for a business that shows no demo. Raises Invalid."""
    table, source = _read(name_or_path)
    table.pop("demo", None)
    return _policy(table, source)


def _read(name_or_path: str | Path) -> tuple[dict[str, Any], str]:
    name = str(name_or_path)
    if name.endswith(_SUFFIX):
        return tables.read(Path(name)), Path(name).name
    if name not in names():
        raise Invalid("blueprint", f"{name} is not known", f"{', '.join(names())}, or a path of a .toml file")
    with resources.as_file(resources.files(_FOLDER) / (name + _SUFFIX)) as path:
        return tables.read(path), path.name


def _policy(table: dict[str, Any], source: str) -> Policy:
    policy = tables.convert(table, Policy, source=source)
    try:
        zone(policy.time_zone)
    except Invalid as error:
        raise tables.renamed(error, f"{source}: time_zone") from error
    if policy.country not in phones.countries():
        raise Invalid(f"{source}: country", "is not known", "two capital letters, like ZA")
    return policy


def _check_phones(demo: Demo, policy: Policy, source: str) -> None:
    seen: set[str] = set()
    for person in demo.people():
        field = f"{source}: phone of {person.name}"
        try:
            phone = phones.normalise(person.phone, country=policy.country)
        except Invalid as error:
            raise tables.renamed(error, field) from error
        if phone != person.phone or phone in seen:
            raise Invalid(field, "must be its own, and in E.164", "a number like +27600000101")
        seen.add(phone)
