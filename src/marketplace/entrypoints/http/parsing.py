"""What a request says is read strictly; a refusal names the field, what is wrong and what is allowed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import EnumMeta
from functools import cached_property
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.limits import check_bounds
from marketplace.core.shared.period import Period
from marketplace.entrypoints.http.shapes import Shape, built, shape_of

_PLACE = " - at `$"
_FIELD = re.compile(r"Object (?:missing required|contains unknown) field `(?P<name>.*?)`?", re.DOTALL)
_INDEX = re.compile(r"\[\d*\]|\[\.\.\.\]")
# What msgspec says is wrong, in plain words; what would be right is read from the annotation.
_SAID: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"Expected `(?:str|array)` of length <= \d+"), "is too long"),
    (re.compile(r"Expected `(?:str|array)` of length >= \d+"), "is too short"),
    (re.compile(r"Expected `\w+` <=? .*"), "is too large"),
    (re.compile(r"Expected `\w+` >=? .*"), "is too small"),
    (re.compile(r"(?:Integer value|Number) out of range"), "is too large"),
    (re.compile(r"Expected `datetime` with a timezone component"), "has no offset from UTC"),
    (re.compile(r"Expected `[^`]+`, got `(?P<got>\w+)`"), "is {got}"),
    (re.compile(r"Invalid enum value (?P<got>.*)", re.DOTALL), "is {got}"),
    (re.compile(r"Invalid UUID"), "is no UUID"),
    (re.compile(r"Invalid (?:RFC3339|ISO8601) encoded (?P<got>\w+)"), "is no {got}"),
)
_KINDS: Mapping[str, str] = {
    "int": "a whole number",
    "float": "a number with a fraction",
    "str": "text",
    "bool": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
    "datetime": "time",
}
_PLAIN: Mapping[Any, str] = {
    bool: "true or false",
    float: "a number",
    UUID: "a UUID",
    datetime: "a time like 2026-03-01T09:00:00Z",
    date: "a date like 2026-03-01",
}


@dataclass(frozen=True)
class Reader:
    """Reads one dataclass from a body, a query or a path; raises Invalid."""

    kind: Any
    without: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()

    @cached_property
    def shape(self) -> Shape:
        return shape_of(self.kind, self.without, self.kind.__name__, self.needed)

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[msgspec.Struct]:
        return msgspec.json.Decoder(self.shape)

    def body(self, raw: bytes, **elsewhere: Any) -> Any:
        """No body at all is an object without fields."""
        try:
            shaped = self._decoder.decode(raw or b"{}")
        except msgspec.ValidationError as error:
            raise named(error, self.shape) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Invalid("body", "cannot be read", "an object in JSON, in UTF-8") from error
        except RecursionError as error:
            raise Invalid("body", "is nested too deeply", "no deeper than its schema") from error
        return checked(built(shaped, **elsewhere))

    def text(self, given: Mapping[str, Any]) -> Any:
        """From a query or a path, where everything is text."""
        try:
            return checked(built(msgspec.convert(given, self.shape, strict=False)))
        except msgspec.ValidationError as error:
            raise _never_null(named(error, self.shape)) from error


def checked(subject: Any) -> Any:
    check_bounds(subject)
    return subject


def query_of(raw: bytes) -> dict[str, str]:
    """The parameters of a query string, each once."""
    if not raw:
        return {}
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=50)
    except ValueError as error:
        raise Invalid("query", "has too many parameters", "at most 50") from error
    given = dict(pairs)
    if len(given) < len(pairs):
        twice = next(name for name in given if [one for one, _ in pairs].count(name) > 1)
        raise Invalid(twice[:100], "is given more than once", "one value")
    return given


def span(from_: datetime, until: datetime) -> Period:
    """Two parameters of a query as a period, which has other names for them; raises Invalid."""
    if until <= from_:
        raise Invalid("until", "must be after `from`", f"later than {from_.isoformat()}")
    return Period(from_, until)


def named(error: msgspec.ValidationError, shape: Shape) -> Invalid:
    """The sentence of msgspec, taken apart: which field, what is wrong, what is allowed."""
    said, _, place = str(error).rstrip("`").partition(_PLACE)
    place = place.removeprefix(".")
    told = _FIELD.fullmatch(said)
    if told is None:
        return Invalid(place or "body", _plainly(said), allowed(_at(shape, place)))
    field = f"{place}.{told['name']}".lstrip(".")
    if "unknown" in said:
        return Invalid(field[:200], "is not known", allowed(_at(shape, place)))
    return Invalid(field, "is missing", allowed(_at(shape, field)))


def _never_null(wrong: Invalid) -> Invalid:
    """Of text: what may be null elsewhere is there, or not."""
    words = str(wrong.facts["allowed"] or "").removesuffix(" or null")
    return Invalid(str(wrong.facts["field"]), str(wrong.facts["problem"]), words or None)


def _plainly(said: str) -> str:
    for pattern, words in _SAID:
        told = pattern.fullmatch(said)
        if told is not None:
            got = told.groupdict().get("got", "")
            return words.format(got=_KINDS.get(got, got))[:200]
    return "cannot be read"


def _at(shape: Any, place: str) -> Any:
    """The annotation of the value at a place, like `options[0].code`."""
    found: Any = shape
    for name in filter(None, _INDEX.sub(".[]", place).split(".")):
        found = next(_steps(found, name), None)
    return found


def _steps(annotation: Any, name: str) -> Iterator[Any]:
    members: list[Any] = _members(annotation)
    for one in members:
        if name == "[]" and get_origin(one) is tuple:
            yield get_args(one)[0]
        elif isinstance(one, type) and issubclass(one, msgspec.Struct):
            hints = get_type_hints(one, include_extras=True)
            names = dict(zip(one.__struct_encode_fields__, one.__struct_fields__, strict=True))
            if name in names:
                yield hints[names[name]]


def _members(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        return _members(annotation.__origin__)
    if get_origin(annotation) in {Union, UnionType}:
        return [member for one in get_args(annotation) for member in _members(one)]
    return [annotation]


def allowed(annotation: Any) -> str | None:
    """What may stand there, in words."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _bounded(annotation)
    if origin in {Union, UnionType}:
        parts = [allowed(one) for one in get_args(annotation) if one not in {NoneType, msgspec.UnsetType}]
        return " or ".join(filter(None, parts)) + (" or null" if NoneType in get_args(annotation) else "")
    if origin is Literal:
        return ", ".join(map(str, get_args(annotation)))
    if isinstance(annotation, EnumMeta):
        members: list[Any] = list(annotation)
        return ", ".join(str(one.value) for one in members)
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return f"an object with {', '.join(annotation.__struct_encode_fields__)}"
    return _PLAIN.get(annotation)


def _bounded(annotation: Any) -> str | None:
    kind, meta = annotation.__origin__, annotation.__metadata__[0]
    if kind is int:
        return f"a whole number from {meta.ge} to {meta.le}"
    if kind is str:
        least, most = meta.min_length or 0, meta.max_length
        return f"text of {most} characters" if least == most else f"text of {least} to {most} characters"
    if meta.extra_json_schema is not None:
        return ", ".join(meta.extra_json_schema["enum"])
    if get_origin(kind) is tuple:
        return f"a list of {meta.min_length or 0} to {meta.max_length} items"
    return allowed(kind)
