"""A TOML table becomes a dataclass whole, or the file and the field that are wrong are named."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, cast, get_args, get_type_hints

import msgspec

from marketplace.core.shared.errors import Invalid

T = TypeVar("T")


def read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Invalid(str(path), f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise Invalid(str(path), f"is no TOML: {error}") from error


def convert(table: Mapping[str, Any], kind: type[T], *, source: str, under: str = "") -> T:
    """
    Raises Invalid with a field like "curbside.toml: fees.commission_basis_points".

    The innermost tables are tried first, because what a dataclass refuses does not say where it stood.
    """
    for path, part, its_kind in _parts(table, kind, under):
        _refuse_unknown(path, part, its_kind, source)
        _built(path, part, its_kind, source)
    return _built(under, table, kind, source)


def _built(path: str, table: Any, kind: type[T], source: str) -> T:
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$")
        raise Invalid(_name(source, path, where.rstrip("`")), _plain(problem)) from error
    except Invalid as error:
        raise renamed(error, _name(source, path, f".{error.facts['field']}")) from error


def renamed(error: Invalid, field: str) -> Invalid:
    """The same refusal, of a field by the name under which whoever wrote the file knows it."""
    return Invalid(field, str(error.facts["problem"]), cast("str | None", error.facts["allowed"]))


def _plain(problem: str) -> str:
    return problem[:1].lower() + problem[1:].replace("`", "")


def _name(source: str, *path: str) -> str:
    return f"{source}: {''.join(path).lstrip('.') or 'the whole'}"


def _refuse_unknown(path: str, table: Any, kind: Any, source: str) -> None:
    known = [one.name for one in fields(kind)]
    for key in table:
        if key not in known:
            raise Invalid(_name(source, path, f".{key}"), "is not known", ", ".join(known))


def _parts(value: Any, annotation: Any, path: str) -> Iterator[tuple[str, Any, type]]:
    """Every table that is to become a dataclass, the innermost first, with its path."""
    kind = _without_none(annotation)
    if isinstance(value, dict) and is_dataclass(kind):
        hints = get_type_hints(kind)
        for key in value.keys() & hints.keys():
            yield from _parts(value[key], hints[key], f"{path}.{key}")
        yield path, value, cast("type", kind)
    elif isinstance(value, list) and get_args(kind):
        for index, item in enumerate(value):
            yield from _parts(item, get_args(kind)[0], f"{path}[{index}]")


def _without_none(annotation: Any) -> Any:
    members: Sequence[Any] = [one for one in get_args(annotation) if one is not NoneType]
    return members[0] if len(members) == 1 and NoneType in get_args(annotation) else annotation
