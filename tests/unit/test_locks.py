"""The lock files agree with each other and with pyproject.toml, and name no source but the default index."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

# What pip takes for the default index, so that its address need not stand here.
from pip._internal.models.index import PyPI

REPOSITORY = Path(__file__).parents[2]
LOCK = tomllib.loads((REPOSITORY / "uv.lock").read_text("utf-8"))
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
PACKAGES = {package["name"]: package for package in LOCK["package"]}
ROOT = PACKAGES["marketplace"]
FILES = {
    "server": [
        *ROOT["dependencies"],
        *ROOT["optional-dependencies"]["server"],
        *ROOT["dev-dependencies"]["build"],
    ],
    "embedded": [*ROOT["dependencies"], *ROOT["optional-dependencies"]["embedded"]],
    "dispatch": [*ROOT["dependencies"], *ROOT["optional-dependencies"]["dispatch"]],
    "stitch": [*ROOT["dependencies"], *ROOT["optional-dependencies"]["stitch"]],
    "dev": ROOT["dev-dependencies"]["dev"],
}
PINNED = re.compile(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==(\S+)")
PYTHONS = [(3, minor) for minor in range(11, 15)]
MACHINES = ["manylinux.*x86_64", "manylinux.*aarch64", "macosx.*(arm64|universal2)"]


def lines(name: str) -> list[str]:
    """The entries of a requirements file, each with its hashes on one line."""
    return (REPOSITORY / f"requirements/{name}.txt").read_text("utf-8").replace("\\\n", "").splitlines()


def closure(roots: Iterable[dict[str, Any]]) -> set[str]:
    """Everything that these need, and what that needs."""
    found: set[tuple[str, str]] = set()
    waiting = [(root["name"], extra) for root in roots for extra in ("", *root.get("extra", ()))]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        package = PACKAGES[name]
        needed = (
            package.get("optional-dependencies", {}).get(extra, ())
            if extra
            else package.get("dependencies", ())
        )
        waiting += [(need["name"], part) for need in needed for part in ("", *need.get("extra", ()))]
    return {name for name, _ in found}


class TestLock:
    def test_names_the_default_index_only(self) -> None:
        sources = {tuple(package["source"].items()) for package in PACKAGES.values()}

        assert sources == {(("registry", PyPI.simple_url),), (("editable", "."),)}

    def test_downloads_from_the_default_index_only(self) -> None:
        files = [
            file
            for package in PACKAGES.values()
            for file in [*package.get("wheels", ()), package.get("sdist")]
        ]
        origins = {urlsplit(file["url"])[:2] for file in files if file}

        assert origins == {("https", PyPI.file_storage_domain)}

    def test_is_of_the_requirements_that_are_declared(self) -> None:
        project = PROJECT["project"]
        declared = described("", project["dependencies"])
        for extra, requirements in project["optional-dependencies"].items():
            declared |= described(extra, requirements)
        for group, requirements in PROJECT["dependency-groups"].items():
            declared |= described(f"group {group}", requirements)

        assert recorded() == declared
        assert LOCK["requires-python"].replace(" ", "") == project["requires-python"]


def described(part: str, requirements: list[str]) -> set[tuple[str, str, frozenset[str], str]]:
    parsed = [Requirement(text) for text in requirements]
    return {(part, canonicalize_name(one.name), frozenset(one.extras), str(one.specifier)) for one in parsed}


def recorded() -> set[tuple[str, str, frozenset[str], str]]:
    metadata = ROOT["metadata"]
    found = set()
    for one in metadata["requires-dist"]:
        extra = re.search(r"extra == '(\w+)'", one.get("marker", ""))
        found.add((extra[1] if extra else "", *facts(one)))
    for group, requirements in metadata["requires-dev"].items():
        found |= {(f"group {group}", *facts(one)) for one in requirements}
    return found


def facts(one: dict[str, Any]) -> tuple[str, frozenset[str], str]:
    return (
        one["name"],
        frozenset(one.get("extras", ())),
        str(Requirement(f"x{one.get('specifier', '')}").specifier),
    )


@pytest.mark.parametrize("name", FILES)
class TestRequirements:
    def test_are_what_the_lock_resolves_to(self, name: str) -> None:
        pinned = {match[1]: match[2] for line in lines(name) if (match := PINNED.match(line))}

        assert len(pinned) == len(lines(name))
        assert pinned == {package: PACKAGES[package]["version"] for package in closure(FILES[name])}

    def test_carry_the_hashes_of_the_lock(self, name: str) -> None:
        for line in lines(name):
            package = PACKAGES[line.partition("==")[0].partition("[")[0]]
            known = {file["hash"] for file in [*package.get("wheels", ()), package.get("sdist")] if file}
            hashes = set(re.findall(r"--hash=(\S+)", line))

            assert hashes, line
            assert hashes <= known, line

    def test_name_no_source(self, name: str) -> None:
        assert not re.search(r"://|^-|index-url|find-links", "\n".join(lines(name)), re.MULTILINE)

    @pytest.mark.parametrize("machine", MACHINES)
    def test_have_a_wheel_for_each_python(self, name: str, machine: str) -> None:
        missing = [
            (package, python)
            for package in closure(FILES[name])
            for python in PYTHONS
            if not any(fits(wheel["url"], python, machine) for wheel in PACKAGES[package]["wheels"])
        ]

        assert not missing


def fits(url: str, python: tuple[int, int], machine: str) -> bool:
    tags = parse_wheel_filename(url.rsplit("/", 1)[1])[3]
    return any(
        fits_python(tag.interpreter, tag.abi, python) and fits_machine(tag.platform, machine) for tag in tags
    )


def fits_python(interpreter: str, abi: str, python: tuple[int, int]) -> bool:
    exact = f"cp{python[0]}{python[1]}"
    if abi == "abi3":
        return int(interpreter.removeprefix("cp3")) <= python[1]
    return interpreter in {"py3", exact} and abi in {"none", exact}


def fits_machine(platform: str, machine: str) -> bool:
    return platform == "any" or re.match(machine, platform) is not None
