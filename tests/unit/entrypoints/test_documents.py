from pathlib import Path

import pytest

from marketplace.adapters.sandbox.tokens import TOKENS
from marketplace.core.lifecycles import LIFECYCLES
from marketplace.entrypoints.documents import check, documents, write
from marketplace.entrypoints.settings import SETTINGS, variable

BOOKING = "lifecycles/booking.md"


class TestDocuments:
    @pytest.mark.parametrize("kind", LIFECYCLES)
    def test_show_every_move_of_every_lifecycle(self, kind: str) -> None:
        page, table = documents()[f"lifecycles/{kind}.md"], LIFECYCLES[kind]

        for move in table.moves:
            assert f"| `{move.name}` | " in page
            assert f"| `{move.emits}` |" in page
            for source in move.sources:
                drawn = f"    {source} --> {move.target}: "
                assert drawn in page or source == move.target
        for state in table.states:
            assert (f"    {state} --> [*]" in page) == (state in table.terminal())

    def test_show_one_move_whole(self) -> None:
        rows = documents()[BOOKING].splitlines()

        approve = "| `approve` | delivered → completed | customer, admin, clock | complaint window |"
        assert f"{approve} `booking.completed` |" in rows
        assert "    delivered --> completed: approve ⏱" in rows
        assert "| `release` | completed, no_show → same | clock | release | `booking.released` |" in rows

    def test_list_every_lifecycle_setting_and_token(self) -> None:
        pages = documents()

        assert all(f"({kind}.md)" in pages["lifecycles/README.md"] for kind in LIFECYCLES)
        assert all(f"| `{variable(name)}` | `{name}` |" in pages["settings.md"] for name in SETTINGS)
        assert all(f"| `{token}` | " in pages["sandbox.md"] for token in TOKENS)

    def test_break_no_table(self) -> None:
        for name, page in documents().items():
            widths = [line.count(" | ") for line in page.splitlines() if line.startswith("|")]
            heads = [index for index, line in enumerate(page.splitlines()) if line.startswith("| ---")]
            assert len(set(widths)) <= max(1, len(heads)), name


class TestCheck:
    def test_finds_nothing_wrong_with_what_was_just_written(self, tmp_path: Path) -> None:
        written = write(tmp_path)

        assert sorted(path.relative_to(tmp_path).as_posix() for path in written) == sorted(documents())
        assert check(tmp_path) == []

    def test_finds_a_document_that_is_missing_changed_or_of_nothing(self, tmp_path: Path) -> None:
        write(tmp_path)
        (tmp_path / "settings.md").unlink()
        (tmp_path / BOOKING).write_text("by hand", encoding="utf-8")
        (tmp_path / "lifecycles" / "unicorn.md").write_text("# Unicorn", encoding="utf-8")
        (tmp_path / "architecture.md").write_text("written by people", encoding="utf-8")

        wrong = [tmp_path / BOOKING, tmp_path / "lifecycles/unicorn.md", tmp_path / "settings.md"]
        assert check(tmp_path) == wrong


class TestWrite:
    def test_writes_only_what_is_out_of_date(self, tmp_path: Path) -> None:
        write(tmp_path)
        (tmp_path / BOOKING).write_text("by hand", encoding="utf-8")
        (tmp_path / "lifecycles" / "unicorn.md").write_text("# Unicorn", encoding="utf-8")

        assert write(tmp_path) == [tmp_path / BOOKING, tmp_path / "lifecycles/unicorn.md"]
        assert not (tmp_path / "lifecycles" / "unicorn.md").exists()
        assert write(tmp_path) == []
