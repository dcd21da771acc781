"""What CONTRIBUTING says about the code is measured here; a departure has its reason in a table."""

import ast
import os
import re
import statistics
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from pip._internal.models.index import PyPI

REPOSITORY = Path(__file__).parents[2]
FUNCTION_LINES_MAX, FUNCTION_LINES_P90, FUNCTION_LINES_MEDIAN = 70, 30, 10
MODULE_LINES_MAX, MODULE_LINES_P90 = 400, 250
# A contract suite stays in one file, as whoever joins an adapter to it reads it whole.
TEST_MODULE_LINES_MAX = 600
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "base", "impl", "common", "misc"}
PUBLIC_PACKAGES = {"src/marketplace/sdk"}
# "path" or "path:function" → why it may be longer.
LONGER: dict[str, str] = {}
NOT_OURS = {".git", ".venv", ".marketplace", "data", "dist", "__pycache__", "node_modules"}
# Written in two parts, so that this file does not hold what it looks for.
MACHINE_PATHS = [
    "/wo" + "rk/",
    "/tmp/" + "lab",
    "/opt/" + "pypi",
    "/opt/" + "wheels",
    "/ro" + "ot/",
    "/home/" + "dev",
]
UNFINISHED = re.compile("TO" + "DO|FIX" + "ME")
# Words that promise what only a licensed institution may promise: here money is held until the work is done.
LEGAL_CLAIMS = re.compile("esc" + r"row|trust[ _-]?acc" + "ount", re.IGNORECASE)


class Function(NamedTuple):
    where: str
    lines: int


@cache
def files() -> list[Path]:
    """The files of the repository: those that git knows, or all that are there where there is no git."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        names = subprocess.run(listing, cwd=REPOSITORY, check=True, capture_output=True).stdout.split(b"\0")
    except (OSError, subprocess.CalledProcessError):
        return list(walked())
    return [path for name in names if name and (path := REPOSITORY / os.fsdecode(name)).is_file()]


def walked() -> Iterator[Path]:
    for folder, folders, names in os.walk(REPOSITORY):
        folders[:] = [name for name in folders if name not in NOT_OURS and not name.endswith("_cache")]
        yield from (Path(folder, name) for name in names)


def texts(*tops: str) -> Iterator[tuple[str, str]]:
    """Path and text of every file below these, without those that are no text."""
    for path in files():
        name = str(path.relative_to(REPOSITORY))
        if not tops or name.startswith(tops):
            try:
                yield name, path.read_text("utf-8")
            except UnicodeDecodeError:
                continue


def modules(*tops: str) -> dict[str, str]:
    return {name: text for name, text in texts(*tops) if name.endswith(".py")}


def functions(*tops: str) -> list[Function]:
    return [
        Function(f"{name}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1)
        for name, text in modules(*tops).items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def lines_of(name: str, text: str) -> Function:
    return Function(name, text.count("\n"))


def too_long(measured: list[Function], lines_max: int) -> list[Function]:
    return [one for one in measured if one.lines > lines_max and one.where not in LONGER]


def p90(measured: list[Function]) -> float:
    return statistics.quantiles([one.lines for one in measured], n=10)[-1]


class TestFunctions:
    @pytest.mark.parametrize("top", ["src/", "tests/", "bench/", "requirements/"])
    def test_none_is_long(self, top: str) -> None:
        assert not too_long(functions(top), FUNCTION_LINES_MAX)

    def test_most_are_short(self) -> None:
        measured = functions("src/")

        assert p90(measured) <= FUNCTION_LINES_P90
        assert statistics.median(one.lines for one in measured) <= FUNCTION_LINES_MEDIAN


class TestModules:
    @pytest.mark.parametrize(
        ("top", "lines_max"),
        [
            ("src/", MODULE_LINES_MAX),
            ("bench/", MODULE_LINES_MAX),
            ("requirements/", MODULE_LINES_MAX),
            ("tests/", TEST_MODULE_LINES_MAX),
        ],
    )
    def test_none_is_long(self, top: str, lines_max: int) -> None:
        assert not too_long([lines_of(*one) for one in modules(top).items()], lines_max)

    def test_most_are_short(self) -> None:
        assert p90([lines_of(*one) for one in modules("src/").items()]) <= MODULE_LINES_P90

    def test_are_named_for_what_they_own(self) -> None:
        vague = [name for name in modules("src/") if VAGUE_NAMES & set(Path(name).with_suffix("").parts)]

        assert not vague

    def test_say_which_rule_they_own_in_one_sentence(self) -> None:
        wordless = [
            name for name, text in modules("src/").items() if text and not ast.get_docstring(ast.parse(text))
        ]

        assert not wordless

    def test_packages_hold_nothing_but_their_modules(self) -> None:
        filled = [
            name
            for name, text in modules("src/").items()
            if name.endswith("__init__.py") and text and str(Path(name).parent) not in PUBLIC_PACKAGES
        ]

        assert not filled


class TestText:
    def test_has_nothing_left_to_do(self) -> None:
        assert not [name for name, text in texts() if UNFINISHED.search(text)]

    def test_names_no_machine(self) -> None:
        assert not [(name, path) for name, text in texts() for path in MACHINE_PATHS if path in text]

    def test_names_no_index_but_in_the_lock(self) -> None:
        hosts = (PyPI.netloc, PyPI.file_storage_domain)

        assert not [
            name for name, text in texts() if name != "uv.lock" and any(host in text for host in hosts)
        ]

    def test_claims_nothing_that_takes_a_licence(self) -> None:
        assert not [name for name, text in texts("src/", "docs/", "README.md") if LEGAL_CLAIMS.search(text)]


class TestExceptions:
    def test_have_a_reason_and_are_still_needed(self) -> None:
        long = {one.where for one in functions() if one.lines > FUNCTION_LINES_MAX}
        long |= {name for name, text in modules().items() if text.count("\n") > MODULE_LINES_MAX}

        assert all(LONGER.values())
        assert set(LONGER) <= long
