"""A value outside its bounds is refused, with the field's name and what is allowed."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from uuid import UUID

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.period import EARLIEST, LATEST
from marketplace.core.shared.roles import PEOPLE, Role

# Generous for any service, and small enough that no sum of amounts can leave PostgreSQL's bigint.
AMOUNT_MINOR_MAX = 10**12
INTEGER_MAX = 2**63 - 1  # PostgreSQL's bigint
TEXT_MAX = 2_000  # where nothing else is said
LIST_MAX = 500  # where nothing else is said


@dataclass(frozen=True, slots=True)
class Length:
    """How many characters a text has, or how many items a list."""

    most: int
    least: int = 0


@dataclass(frozen=True, slots=True)
class Between:
    """A whole number from `least` to `most`, both included."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Among:
    """One of some of a kind's members."""

    members: tuple[StrEnum, ...]


Bound = Length | Between | Among


@dataclass(frozen=True, slots=True)
class Fresh:
    """An id that its sender makes up: never one of those that derive from others, which are ours."""


# Bounds stand in the annotations of commands, where refusals and documents read them.
Name = Annotated[str, Length(120, least=1)]
Word = Annotated[str, Length(60, least=1)]
Line = Annotated[str, Length(300, least=1)]
Text = Annotated[str, Length(TEXT_MAX)]
Reason = Annotated[str, Length(500, least=1)]
VendorToken = Annotated[str, Length(200, least=1)]
Minor = Annotated[int, Between(0, AMOUNT_MINOR_MAX)]
BasisPoints = Annotated[int, Between(0, 10_000)]
Minutes = Annotated[int, Between(0, 366 * 24 * 60)]

PersonsRole = Annotated[Role, Among(PEOPLE)]

NewId = Annotated[UUID, Fresh()]
_DERIVED = 5  # the version of ids that `derive` makes

_ANY_TEXT = Length(TEXT_MAX)
_ANY_LIST = Length(LIST_MAX)
_ANY_NUMBER = Between(-INTEGER_MAX - 1, INTEGER_MAX)


def check_range(field: str, number: int, *, most: int, least: int = 0) -> None:
    if not least <= number <= most:
        raise Invalid(field, f"{number} is out of range", f"{least} to {most}")


def check_bounds(subject: Any, *, under: str = "") -> None:
    """Raises Invalid for the first value in a command, however deep, that is out of its bounds."""
    kind: Any = type(subject)
    for name, bound, each in _bounds(kind):
        value = getattr(subject, name)
        if value is not None:
            # A name that Python keeps for itself is written with an underscore behind it.
            _check(f"{under}{name.rstrip('_')}", value, bound, each)


def check_fresh(command: Any) -> None:
    """
    Raises Invalid for an id from outside in the space of derived ids, where each is known beforehand.

    Whoever could choose one would take the place of what is still to come: an event, a refund, a payout.
    """
    kind: Any = type(command)
    for name in fresh_ids(kind):
        if getattr(command, name).version == _DERIVED:
            raise Invalid(name, "is of version 5", "a UUID that you made up, of version 7 or 4")


@lru_cache(maxsize=512)
def fresh_ids(kind: Any) -> tuple[str, ...]:
    """The fields of a command whose sender makes up the id of something new."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple(name for name, hint in hints.items() if Fresh() in getattr(hint, "__metadata__", ()))


def bound_of(annotation: Any) -> Bound | None:
    """The bound that an annotation states, of a value that may be None too."""
    if get_origin(annotation) is Annotated:
        return next((one for one in annotation.__metadata__ if isinstance(one, Bound)), None)
    members = [member for member in get_args(annotation) if member is not NoneType]
    return bound_of(members[0]) if len(members) == 1 and NoneType in get_args(annotation) else None


@lru_cache(maxsize=512)
def _bounds(kind: type) -> tuple[tuple[str, Bound | None, Bound | None], ...]:
    return tuple(_stated(kind))


def _stated(kind: type) -> Iterator[tuple[str, Bound | None, Bound | None]]:
    """Of each field its own bound, and that of its items."""
    hints = get_type_hints(kind, include_extras=True)
    yield from (
        (field.name, bound_of(hints[field.name]), _bound_of_items(hints[field.name]))
        for field in fields(kind)
    )


def _bound_of_items(annotation: Any) -> Bound | None:
    plain = annotation.__origin__ if get_origin(annotation) is Annotated else annotation
    return bound_of(get_args(plain)[0]) if get_origin(plain) is tuple else None


def _check(name: str, value: Any, bound: Bound | None, each: Bound | None = None) -> None:
    match value:
        case str():
            _check_text(name, value, bound)
        case bool():
            pass
        case int():
            allowed = bound if isinstance(bound, Between) else _ANY_NUMBER
            check_range(name, value, least=allowed.least, most=allowed.most)
        case datetime():
            check_instant(name, value)
        case tuple():
            _check_length(name, value, bound, _ANY_LIST, "items")
            for index, item in enumerate(value):
                _check(f"{name}[{index}]", item, each)
        case _ if is_dataclass(value):
            check_bounds(value, under=f"{name}.")


def _check_text(name: str, value: str, bound: Bound | None) -> None:
    if isinstance(bound, Among) and value not in bound.members:
        raise Invalid(name, f"is '{value}'", ", ".join(bound.members))
    _check_length(name, value, bound, _ANY_TEXT, "characters")
    if "\0" in value:
        raise Invalid(name, "holds a character that cannot be stored", "text without U+0000")


def _check_length(name: str, value: str | tuple[Any, ...], bound: Any, otherwise: Length, what: str) -> None:
    allowed = bound if isinstance(bound, Length) else otherwise
    if not allowed.least <= len(value) <= allowed.most:
        raise Invalid(name, f"has {len(value)} {what}", f"{allowed.least} to {allowed.most}")


def check_instant(name: str, value: datetime) -> None:
    """Raises Invalid for a time of day nobody knows where, or too far to reckon with."""
    if value.utcoffset() is None:
        raise Invalid(name, "must carry an offset from UTC", "a time like 2026-03-01T09:00:00Z")
    if not EARLIEST <= value <= LATEST:
        raise Invalid(name, "is out of range", f"{EARLIEST.isoformat()} to {LATEST.isoformat()}")
