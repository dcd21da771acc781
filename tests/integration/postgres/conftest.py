"""Rows of every stored class, made from its annotations."""

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, date, datetime
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID, uuid4

import pytest

from marketplace.core.tenants.policy import CancellationTerms, CancellationTier, Policy

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
# Values that no annotation gives away.
TERMS = CancellationTerms((CancellationTier(0, 5_000),))
SPECIAL: dict[Any, Any] = {
    CancellationTerms: TERMS,
    Policy: Policy(
        blueprint="curbside",
        currency="ZAR",
        locale="en-ZA",
        country="ZA",
        time_zone="Africa/Johannesburg",
        cancellation=TERMS,
    ),
}
PLAIN: dict[Any, Callable[[], Any]] = {
    UUID: uuid4,
    str: lambda: uuid4().hex,
    int: int,
    float: float,
    bool: bool,
    bytes: bytes,
    datetime: lambda: NOON,
    date: NOON.date,
}


def value_of(annotation: Any) -> Any:
    """Some value of that type; never None."""
    if annotation in SPECIAL:
        return SPECIAL[annotation]
    if annotation in PLAIN:
        return PLAIN[annotation]()
    if is_dataclass(annotation):
        return annotation(**{name: value_of(hint) for name, hint in required(annotation).items()})
    origin = get_origin(annotation)
    if origin in {Union, UnionType}:
        return value_of(next(member for member in get_args(annotation) if member is not NoneType))
    choices = get_args(annotation) if origin is Literal else annotation
    return next(iter(choices)) if origin in {Literal, None} else origin()


def required(kind: Any) -> dict[str, Any]:
    """The annotations of the fields that have no default."""
    hints = get_type_hints(kind)
    without = (field for field in fields(kind) if field.default is field.default_factory is MISSING)
    return {field.name: hints[field.name] for field in without}


def example(kind: Any, **given: Any) -> Any:
    """A row with every field set, those of plain types even where they have a default."""
    hints = get_type_hints(kind)
    plain = {field.name: hints[field.name] for field in fields(kind) if not is_nested(hints[field.name])}
    return kind(**{name: value_of(hint) for name, hint in (plain | required(kind)).items()} | given)


def is_nested(annotation: Any) -> bool:
    members = get_args(annotation) or (annotation,)
    return any(is_dataclass(member) or get_origin(member) is not None for member in members)


@pytest.fixture(name="example", scope="session")
def example_fixture() -> Callable[..., Any]:
    return example
