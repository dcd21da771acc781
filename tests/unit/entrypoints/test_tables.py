from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.place import Place
from marketplace.entrypoints.tables import convert, read


@dataclass(frozen=True)
class Stop:
    name: str
    place: Place | None = None


@dataclass(frozen=True)
class Tour:
    title: str
    stops: tuple[Stop, ...] = ()
    days: int = 1


def refusal(table: dict[str, Any], under: str = "") -> str:
    with pytest.raises(Invalid) as caught:
        convert(table, Tour, source="tour.toml", under=under)
    return str(caught.value)


class TestConvert:
    def test_builds_dataclasses_all_the_way_down(self) -> None:
        table = {"title": "A", "stops": [{"name": "B", "place": {"latitude": -33.9, "longitude": 18.4}}]}

        assert convert(table, Tour, source="tour.toml") == Tour("A", (Stop("B", Place(-33.9, 18.4)),))

    @pytest.mark.parametrize(
        ("table", "said"),
        [
            ({"title": "A", "dais": 2}, "tour.toml: dais: is not known; allowed: title, stops, days"),
            (
                {"title": "A", "stops": [{"name": "B"}, {"name": "C", "x": 1}]},
                "tour.toml: stops[1].x: is not known; allowed: name, place",
            ),
            ({"title": "A", "days": "2"}, "tour.toml: days: expected int, got str"),
            ({"title": "A", "stops": [{"name": 5}]}, "tour.toml: stops[0].name: expected str, got int"),
            ({}, "tour.toml: the whole: object missing required field title"),
            ({"title": "A", "stops": [{}]}, "tour.toml: stops[0]: object missing required field name"),
            (
                {"title": "A", "stops": [{"name": "B", "place": {"latitude": 91, "longitude": 0}}]},
                "tour.toml: stops[0].place.latitude: is not on the globe; allowed: -90 to 90 degrees",
            ),
            ({"title": "A", "stops": {"name": "B"}}, "tour.toml: stops: expected array, got object"),
        ],
    )
    def test_names_the_file_and_the_field(self, table: dict[str, Any], said: str) -> None:
        assert refusal(table) == said

    def test_names_the_field_below_the_table_that_it_is_in(self) -> None:
        assert refusal({"title": "A", "x": 1}, under="demo").startswith("tour.toml: demo.x: is not known")


class TestRead:
    def test_gives_what_stands_in_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "t.toml").write_text('a = { b = "ü" }', encoding="utf-8")

        assert read(tmp_path / "t.toml") == {"a": {"b": "ü"}}

    @pytest.mark.parametrize("content", [None, b"a = ", b"a = '\xff'"])
    def test_names_a_file_that_it_cannot_read(self, tmp_path: Path, content: bytes | None) -> None:
        path = tmp_path / "t.toml"
        if content is not None:
            path.write_bytes(content)

        with pytest.raises(Invalid, match=r"t\.toml"):
            read(path)
