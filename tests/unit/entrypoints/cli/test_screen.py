import json
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest

from marketplace.entrypoints.cli import screen
from marketplace.entrypoints.cli.screen import Column

KEY = UUID(int=1)
COLUMNS = (Column("name", "name"), Column("size", lambda one: one.size * 2, right=True))


@dataclass
class Thing:
    name: str
    size: int
    parts: tuple[str, ...] = ()
    moves: tuple[str, ...] = ()
    id: UUID = KEY


class TestTable:
    def test_is_plain_where_nobody_watches(self, capsys: pytest.CaptureFixture[str]) -> None:
        screen.show_table([Thing("a" * 300, 1), Thing("b", 50)], COLUMNS)

        lines = capsys.readouterr().out.splitlines()
        assert lines == [f"name{' ' * 296}  size", f"{'a' * 300}     2", f"b{' ' * 299}   100"]

    def test_says_that_there_is_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        screen.show_table([], COLUMNS, none="No things.")

        assert capsys.readouterr().out == "No things.\n"


class TestDetails:
    def test_begin_with_what_it_is_and_end_with_what_may_be_done(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        screen.show_details(Thing("a", 1, parts=("x", "y"), moves=("break",)))

        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines] == ["id", "name", "size", "parts", "moves"]
        assert lines[3].endswith("x, y")


class TestJson:
    def test_is_one_line_of_whatever_there_is(self, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
        screen.show_json({"at": datetime(2026, 3, 1, tzinfo=UTC), "thing": Thing("a", 1)})

        (line,) = capfdbinary.readouterr().out.splitlines()
        assert json.loads(line)["thing"]["id"] == str(KEY)


class TestText:
    def test_is_a_dash_for_nothing(self) -> None:
        assert screen.text_of(None) == "-"

    def test_is_in_utc(self) -> None:
        assert screen.text_of(datetime(2026, 3, 1, 9, 30, tzinfo=UTC)) == "2026-03-01 09:30:00Z"
