"""A bookkeeper works by commands: statements into files, lines from files, and what is open between them."""

import csv
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from .conftest import starting, tell, told

ACTING = ("--as", "+27600000201", "--reason", "as agreed")
HEAD = "line_id,reference,subject,currency,gross,fee,settled_at"
TODAY = datetime.now(ZoneInfo("Africa/Johannesburg"))
DAYS = (
    "--from",
    f"{TODAY - timedelta(days=60):%Y-%m-%d}",
    "--to",
    f"{TODAY + timedelta(days=60):%Y-%m-%d}",
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One of its own: what is brought in by hand stands in no books of the sandbox, as an audit says."""
    with starting(tmp_path_factory.mktemp("books")) as start_here:
        yield start_here("run", "--json", "--port", "0", "--data", "data").facts()


@pytest.fixture(scope="module")
def booked(running: Any) -> Any:
    """A booking that has gone its whole way."""
    return told("demo", "--url", running["url"])["booking"]


@pytest.fixture
def data(running: Any) -> tuple[str, str]:
    return ("--data", running["data"])


def written(folder: Path, *rows: str) -> str:
    path = folder / "lines.csv"
    path.write_text("\n".join([HEAD, *rows]), "utf-8")
    return str(path)


class TestStatement:
    def test_is_shown_and_written_to_files(self, booked: Any, data: tuple[str, str], tmp_path: Path) -> None:
        sheet, document = tmp_path / "s.csv", tmp_path / "s.pdf"
        files = ("--csv", str(sheet), "--pdf", str(document))

        found = told("providers", "statement", booked["provider_id"], *DAYS, *files, *data)

        rows = list(csv.DictReader(sheet.read_text("utf-8").splitlines()))
        assert [row["kind"] for row in rows[1:-1]] == [line["kind"] for line in found["lines"]]
        assert rows[-1]["balance"] == f"{found['closing_minor'] / 100:.2f}"
        assert document.read_bytes().startswith(b"%PDF-")

    def test_needs_a_period(self, booked: Any, data: tuple[str, str]) -> None:
        result = tell("providers", "statement", booked["provider_id"], *data)

        assert result.exit_code == 1
        assert "--month" in result.stderr


class TestReconcile:
    def test_exits_1_while_a_break_is_open(self, booked: Any, data: tuple[str, str], tmp_path: Path) -> None:
        assert booked
        rail = ("reconcile", "--rail", "sandbox", *DAYS, *data)
        row = f"x1,{uuid4()},charge,ZAR,7.00,0.50,{TODAY.isoformat()}"
        before = tell(*rail)

        file = written(tmp_path, row)
        imported = told("settlements", "import", file, "--rail", "sandbox", *ACTING, *data)
        again = told("settlements", "import", file, "--rail", "sandbox", *ACTING, *data)
        lines, breaks = tmp_path / "l.csv", tmp_path / "b.csv"
        files = ("--lines-csv", str(lines), "--breaks-csv", str(breaks))
        open_ = tell(*rail, *files, "--json")
        (one,) = told("settlements", "list", "--state", "break", *data)["items"]
        told("settlements", "resolve", one["id"], "--outcome", "book", *ACTING, *data)
        after = tell(*rail)

        assert (before.exit_code, open_.exit_code, after.exit_code) == (0, 1, 0)
        assert [imported[name] for name in ("lines", "known", "booked", "breaks")] == [1, 0, 0, 1]
        assert again["known"] == 1
        assert [found["cause"] for found in json.loads(open_.stdout)["breaks"]] == ["line_without_movement"]
        assert one["age_days"] == 0
        assert "x1" in lines.read_text("utf-8")
        assert "line_without_movement" in breaks.read_text("utf-8")

    def test_knows_no_rail_that_never_was_ours(self, data: tuple[str, str]) -> None:
        result = tell("reconcile", "--rail", "strype", *DAYS, *data)

        assert result.exit_code == 1
        assert "rail: strype is none that this marketplace settles by; allowed: sandbox" in result.stderr

    def test_takes_in_nothing_of_a_file_with_a_bad_row(self, data: tuple[str, str], tmp_path: Path) -> None:
        good = f"y1,{uuid4()},charge,ZAR,7.00,0.50,{TODAY.isoformat()}"
        bad = good.replace("y1", "y2").replace("7.00", "7.001")

        result = tell(
            "settlements", "import", written(tmp_path, good, bad), "--rail", "sandbox", *ACTING, *data
        )

        assert result.exit_code == 1
        assert "line 3, gross: '7.001' is no amount of ZAR" in result.stderr
        found = told("settlements", "list", *data)["items"]
        assert {"y1", "y2"}.isdisjoint(one["line_id"] for one in found)
