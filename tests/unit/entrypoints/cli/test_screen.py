import json
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from marketplace.entrypoints.cli import screen
from marketplace.entrypoints.cli.screen import Column, Local

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

    def test_of_a_narrow_terminal_cuts_no_id(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shown = StringIO()
        narrow = Console(file=shown, width=60, force_terminal=True, color_system=None)
        monkeypatch.setattr(screen, "stdout", lambda: narrow)
        columns = (
            Column("id", "id", whole=True),
            Column("name", "name"),
            Column("moves", "moves", whole=True),
        )

        screen.show_table([Thing("Plumber by the hour", 1, moves=("cancel", "dispute"))], columns)

        lines = shown.getvalue().splitlines()
        assert lines[-2:] == [str(KEY), "  Plumber by the hour   cancel, dispute"]

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

    def test_tell_amounts_as_money_and_times_as_the_clocks_there_do(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        line = {"code": "base", "amount_minor": 45_000}
        view = {
            "total_minor": 45_000,
            "price": {"currency": "USD", "lines": (line, line), "vat_minor": 5},
            "starts_at": datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
            "clock_ahead_seconds": 97_200,
        }

        screen.show_details(view, local=Local(ZoneInfo("Africa/Johannesburg"), "ZAR"))

        told = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
        assert {name: said.strip() for name, said in told.items()} == {
            "total": "ZAR 450.00",
            "price.currency": "USD",
            "price.lines 1": "code base, amount USD 450.00",
            "price.lines 2": "code base, amount USD 450.00",
            "price.vat": "USD 0.05",
            "starts_at": "2026-03-01 11:30 SAST",
            "clock_ahead": "1 d 3 h",
        }


class TestJson:
    def test_is_one_line_of_whatever_there_is(self, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
        screen.show_json({"at": datetime(2026, 3, 1, tzinfo=UTC), "thing": Thing("a", 1)})

        (line,) = capfdbinary.readouterr().out.splitlines()
        assert json.loads(line)["thing"]["id"] == str(KEY)


class TestText:
    def test_is_a_dash_for_nothing(self) -> None:
        assert screen.text_of(None) == "-"

    def test_is_in_utc(self) -> None:
        assert screen.text_of(datetime(2026, 3, 1, 9, 30, tzinfo=UTC)) == "2026-03-01 09:30 UTC"
