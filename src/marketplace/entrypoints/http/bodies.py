"""A command is its request body: the same fields less those in the path, and none that it does not know."""

from collections.abc import Collection
from dataclasses import MISSING, fields
from functools import lru_cache
from typing import Any, get_type_hints

import msgspec


@lru_cache(maxsize=256)
def body_of(command: type, in_path: frozenset[str] = frozenset()) -> type[msgspec.Struct]:
    """A struct that refuses unknown fields, named after the command; its docstring is the command's."""
    hints = get_type_hints(command)
    specs = [_spec(field, hints[field.name]) for field in fields(command) if field.name not in in_path]
    required_first = sorted(specs, key=len)
    return msgspec.defstruct(
        command.__name__,
        required_first,
        forbid_unknown_fields=True,
        kw_only=True,
        frozen=True,
        module=__name__,
        namespace={"__doc__": command.__doc__},
    )


def _spec(field: Any, hint: Any) -> tuple[Any, ...]:
    if field.default is not MISSING:
        return (field.name, hint, field.default)
    if field.default_factory is not MISSING:
        return (field.name, hint, msgspec.field(default_factory=field.default_factory))
    return (field.name, hint)


def command_from(command: type, body: Any, path: dict[str, Any], names: Collection[str]) -> Any:
    """The command of a decoded body and the path's parameters."""
    given = {name: getattr(body, name) for name in names} if body is not None else {}
    return command(**given, **path)
