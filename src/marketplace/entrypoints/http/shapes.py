"""A dataclass is a closed JSON object: its fields within their bounds, and none that it does not know."""

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from functools import cache, reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, Meta

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.limits import INTEGER_MAX, LIST_MAX, TEXT_MAX, Among, Between, Length, bound_of

Shape = type[msgspec.Struct]
_KINDS: dict[Shape, Any] = {}


# None is ever dropped: one made anew would be a stranger to those that were made with it before.
@cache
def shape_of(
    kind: Any,
    without: frozenset[str] = frozenset(),
    name: str | None = None,
    needed: frozenset[str] = frozenset(),
) -> Shape:
    """
    The object that a dataclass is read from, less the fields that come another way.

    Fields that are `needed` have to be there, though the dataclass can do without.
    """
    hints = get_type_hints(kind, include_extras=True)
    asked = [field for field in fields(kind) if field.name not in without]
    made = msgspec.defstruct(
        name or f"{kind.__name__}Input",
        [_spec(field, hints[field.name], needed=field.name in needed) for field in asked],
        forbid_unknown_fields=True,
        kw_only=True,
        frozen=True,
        rename=lambda name: name.rstrip("_"),
        module=__name__,
        namespace={"__doc__": _words(kind)},
    )
    _KINDS[made] = kind
    return made


def _words(kind: Any) -> str | None:
    """The docstring that somebody wrote; a dataclass makes one of its signature where nobody did."""
    said: str | None = kind.__doc__
    return None if said is None or said.startswith(f"{kind.__name__}(") else said


def built(shaped: msgspec.Struct, /, **elsewhere: Any) -> Any:
    """The dataclass that was read; raises Invalid for what its own rules refuse, named with its place."""
    return _KINDS[type(shaped)](**dict(_given(shaped)), **elsewhere)


def _given(shaped: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    for name in shaped.__struct_fields__:
        value = getattr(shaped, name)
        if value is not UNSET:
            yield name, _plain(value, name)


def _plain(value: Any, place: str) -> Any:
    if isinstance(value, tuple):
        return tuple(_plain(item, f"{place}[{index}]") for index, item in enumerate(value))
    if not isinstance(value, msgspec.Struct):
        return value
    try:
        return built(value)
    except Invalid as wrong:
        facts = {name: wrong.facts[name] for name in ("field", "problem", "allowed")}
        raise Invalid(f"{place}.{facts['field']}", facts["problem"], facts["allowed"]) from wrong  # type: ignore[arg-type]


def _spec(field: Field[Any], hint: Any, *, needed: bool) -> tuple[Any, ...]:
    if needed:
        present = [one for one in get_args(hint) if one is not NoneType]
        return (field.name, annotation_of(present[0] if NoneType in get_args(hint) else hint))
    annotation = annotation_of(hint)
    if field.default is not MISSING:
        return (field.name, annotation, field.default)
    if field.default_factory is not MISSING:
        return (field.name, annotation | msgspec.UnsetType, UNSET)
    return (field.name, annotation)


def annotation_of(hint: Any) -> Any:
    """The same type with its bounds in msgspec's words, and shapes in place of dataclasses."""
    origin, bound = get_origin(hint), None
    if origin is Annotated:
        bound, hint = bound_of(hint), hint.__origin__
        origin = get_origin(hint)
    if origin in {Union, UnionType}:
        return reduce(or_, map(annotation_of, get_args(hint)))
    if origin is tuple:
        return Annotated[tuple[annotation_of(get_args(hint)[0]), ...], _length(bound, LIST_MAX)]  # type: ignore[misc]
    if hint is str:
        return Annotated[str, _length(bound, TEXT_MAX)]
    if hint is int:
        between = bound if isinstance(bound, Between) else Between(-INTEGER_MAX - 1, INTEGER_MAX)
        return Annotated[int, Meta(ge=between.least, le=between.most)]
    if isinstance(bound, Among):
        return Annotated[hint, Meta(extra_json_schema={"enum": list(map(str, bound.members))})]
    return _unbounded(hint)


def _unbounded(hint: Any) -> Any:
    if hint is datetime:
        return Annotated[datetime, Meta(tz=True)]
    return shape_of(cast("Any", hint)) if is_dataclass(hint) else hint


def _length(bound: Any, most: int) -> Meta:
    if isinstance(bound, Length):
        return Meta(min_length=bound.least or None, max_length=bound.most)
    return Meta(max_length=most)
