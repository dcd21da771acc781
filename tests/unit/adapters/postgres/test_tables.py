from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

import pytest

from marketplace.adapters.postgres.tables import table_of


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Part:
    size: int


@dataclass(frozen=True, slots=True)
class OddThing:
    RULES: ClassVar[tuple[Any, ...]] = ()

    id: UUID
    count: int
    name: str
    colour: Colour
    flag: bool
    share: float
    at: datetime
    day: date
    parties: tuple[UUID, ...]
    part: Part
    parts: tuple[Part, ...]
    facts: dict[str, Any]
    maybe_id: UUID | None
    maybe_part: Part | None
    either: int | str


class TestTableOf:
    def test_calls_a_table_by_its_class(self) -> None:
        assert table_of(OddThing).name == "odd_thing"

    @pytest.mark.parametrize(
        ("column", "sql_type", "nullable"),
        [
            ("id", "uuid", False),
            ("count", "bigint", False),
            ("name", "text", False),
            ("colour", "text", False),
            ("flag", "boolean", False),
            ("share", "double precision", False),
            ("at", "timestamptz", False),
            ("day", "date", False),
            ("parties", "uuid[]", False),
            ("part", "jsonb", False),
            ("parts", "jsonb", False),
            ("facts", "jsonb", False),
            ("maybe_id", "uuid", True),
            ("maybe_part", "jsonb", True),
            ("either", "jsonb", False),
        ],
    )
    def test_gives_each_field_the_column_of_its_type(
        self, column: str, sql_type: str, *, nullable: bool
    ) -> None:
        found = {one.name: (one.sql_type, one.nullable) for one in table_of(OddThing).columns}

        assert found[column] == (sql_type, nullable)

    def test_has_no_column_for_what_is_the_class_s(self) -> None:
        assert "RULES" not in {column.name for column in table_of(OddThing).columns}
