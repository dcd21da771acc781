"""A command of the core is a command of the CLI: its fields are the options, and whoever acts says why."""

import contextlib
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
import rich_click as click

from marketplace.core.shared.errors import Invalid
from marketplace.entrypoints.cli.listings import show_one
from marketplace.entrypoints.cli.visit import Operator, acting

REASON = "reason"
PANEL = "Moves, by an admin who gives a reason"


class Instant(click.ParamType[datetime]):
    """A moment, which is one only with its offset from UTC."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        found = None
        with contextlib.suppress(ValueError):
            found = datetime.fromisoformat(str(value))
        if found is None or found.tzinfo is None:
            self.fail(f"{value} is no instant; write it like 2027-01-01T09:00:00Z", param, ctx)
        return found


INSTANT = Instant()
_TYPES: Mapping[type, Any] = {UUID: click.UUID, str: str, int: int, datetime: INSTANT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """
    `subject` is the command's field that says what it is done to; `fixed` are fields that the name says.

    `example` are further options, as they would be typed.
    """

    command: type
    subject: str
    says: str
    fixed: Mapping[str, Any] | None = None
    example: str = ""


def add_acts(group: click.Group, acts: Mapping[str, Act]) -> None:
    for name, act in acts.items():
        _add(group, name, act)


def made(act: Act, subject: Any, given: Mapping[str, Any]) -> Any:
    """The core's command; raises Invalid for a field that it does not have, or cannot have so."""
    known = {field.name for field in fields(act.command)}
    for name in given:
        if name not in known:
            raise Invalid(name, "is not known here", ", ".join(sorted(known - {act.subject})))
    values = {act.subject: subject, **(act.fixed or {}), **given}
    try:
        return msgspec.convert(values, act.command, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid("options", str(error)) from error


def _add(group: click.Group, name: str, act: Act) -> None:
    @acting
    def carry_out(operator: Operator, *, subject: Any, **given: Any) -> None:
        command = made(act, subject, {key: value for key, value in given.items() if value is not None})
        show_one(operator.visit(lambda visit: visit.move(command)), reader=operator)

    for option in reversed(list(_options(act))):
        carry_out = option(carry_out)
    path = f"$ marketplace {group.name} {name} $ID --as $ADMIN --reason 'by phone'"
    group.command(
        name, panel=PANEL, help=f"{act.says}\n\nFor example:\n    {path}{act.example and ' ' + act.example}"
    )(carry_out)


def _options(act: Act) -> Iterator[Callable[..., Any]]:
    hints = get_type_hints(act.command)
    yield click.argument("subject", metavar="ID", type=click.UUID)
    for field in fields(act.command):
        if field.name != act.subject and field.name not in (act.fixed or {}):
            yield _option(field, _plain(hints[field.name]))


def _option(field: Field[Any], kind: Any) -> Callable[..., Any]:
    required = field.name == REASON or (field.default is MISSING and field.default_factory is MISSING)
    choices = _choices(kind)
    return click.option(
        f"--{field.name.removesuffix('_id').replace('_', '-')}",
        field.name,
        type=click.Choice(choices) if choices else _TYPES[kind],
        metavar="WORD" if choices else None,
        required=required,
        help="Why; it stays in the audit trail." if field.name == REASON else _among(choices),
    )


def _choices(kind: Any) -> tuple[str, ...] | None:
    """The words that there are, where there are only some."""
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return tuple(map(str, kind))
    return get_args(kind) if get_origin(kind) is Literal else None


def _among(choices: tuple[Any, ...] | None) -> str | None:
    return f"One of {', '.join(choices)}." if choices else None


def _plain(hint: Any) -> Any:
    """The type without None."""
    if get_origin(hint) in {Union, types.UnionType}:
        (hint,) = (one for one in get_args(hint) if one is not types.NoneType)
    return hint
