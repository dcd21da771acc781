"""A class is a table of its name in snake case, and each of its fields a column of the same name."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

from marketplace.core.shared.rules import kind_name

_SCALARS: dict[Any, str] = {
    UUID: "uuid",
    int: "bigint",
    str: "text",
    bool: "boolean",
    float: "double precision",
    datetime: "timestamptz",
    date: "date",
    bytes: "text",  # base64, as JSON carries it
}


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    sql_type: str
    nullable: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Where the rows of one class are kept, and how they come back."""

    name: str
    columns: tuple[Column, ...]
    decoder: msgspec.json.Decoder[tuple[Any, ...]]

    @property
    def quoted(self) -> str:
        return f'"{self.name}"'


_encoder = msgspec.json.Encoder()
_tables: dict[type, Table] = {}


def table_of(kind: type) -> Table:
    if kind not in _tables:
        _tables[kind] = Table(
            name=kind_name(kind),
            columns=_columns(kind),
            decoder=cast(
                "msgspec.json.Decoder[tuple[Any, ...]]",
                msgspec.json.Decoder(tuple[kind, ...]),  # type: ignore[valid-type]
            ),
        )
    return _tables[kind]


def encode_rows(rows: Sequence[Any]) -> str:
    """A JSON array of the rows, for jsonb_populate_recordset."""
    return _encoder.encode(rows).decode()


def _columns(kind: type) -> tuple[Column, ...]:
    hints = get_type_hints(kind)
    return tuple(_column(field.name, hints[field.name]) for field in fields(kind))


def _column(name: str, annotation: Any) -> Column:
    members = get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)
    present = tuple(member for member in members if member is not NoneType)
    sql_type = _sql_type(present[0]) if len(present) == 1 else "jsonb"
    return Column(name, sql_type, nullable=len(present) < len(members))


def _sql_type(annotation: Any) -> str:
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return "text"
    return "uuid[]" if annotation == tuple[UUID, ...] else "jsonb"
