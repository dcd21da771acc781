from pathlib import Path

from click.testing import CliRunner

from marketplace.entrypoints.cli.simulate import simulate

SMALL = ("city", "--providers", "2", "--hours", "0.5")


class TestAPicture:
    def test_is_refused_before_the_city_is_played_where_it_cannot_be_written(self, tmp_path: Path) -> None:
        result = CliRunner().invoke(simulate, [*SMALL, "--picture", str(tmp_path / "nowhere" / "city.svg")])

        assert (result.exit_code, result.stdout) == (2, "")
        assert "cannot be written" in result.stderr

    def test_is_drawn_where_it_can(self, tmp_path: Path) -> None:
        picture = tmp_path / "city.svg"

        result = CliRunner().invoke(simulate, [*SMALL, "--picture", str(picture)])

        assert result.exit_code == 0
        assert picture.read_text("utf-8").startswith("<svg")
