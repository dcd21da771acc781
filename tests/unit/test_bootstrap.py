"""The set-up script runs for real on a small stand-in of the repository, with a folder as package index."""

import ast
import base64
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "standin"
version = "1"
"""
# As small as a build backend can be: it hands out a wheel that the test has made.
BACKEND = """
import shutil
def build_editable(folder, config_settings=None, metadata_directory=None):
    shutil.copy("wheels/standin-1-py3-none-any.whl", folder)
    return "standin-1-py3-none-any.whl"
build_wheel = build_editable
"""
PROGRAM = "import sys\ndef main():\n    print('ran', *sys.argv[1:])\n"


PYTEST = "import pathlib, sys; print('tested', pathlib.Path.cwd(), *sys.argv[1:])"
PRETEND = """
import runpy, sys
sys.version_info = (3, 9, 0)
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def write_wheel(folder: Path, name: str, files: dict[str, str]) -> str:
    """Makes a wheel of version 1 and returns its line for a requirements file."""
    info = f"{name}-1.dist-info"
    everything = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},{record_hash(text)},{len(text)}\n" for path, text in everything.items())
    wheel = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**everything, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)
    return f"{name}==1 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def record_hash(text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"sha256={digest.rstrip('=')}"


class Standin:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {
            "PATH": f"{root / 'empty'}",
            "HOME": str(root / "home"),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(root / "wheels"),
        }
        for name in ("wheels", "home", "empty", "requirements"):
            (root / name).mkdir(parents=True)
        shutil.copy(REPOSITORY / "marketplace", root)
        for part in ("environment.py", "pip_wheel.py"):
            shutil.copy(REPOSITORY / "requirements" / part, root / "requirements")
        (root / "pyproject.toml").write_text(PYPROJECT)
        (root / "backend.py").write_text(BACKEND)
        entry = {"standin-1.dist-info/entry_points.txt": "[console_scripts]\nmarketplace = program:main\n"}
        write_wheel(root / "wheels", "standin", {"program.py": PROGRAM, **entry})
        self.pin("server", write_wheel(root / "wheels", "served", {"served.py": ""}))
        self.pin("embedded", "")
        self.pin("dev", write_wheel(root / "wheels", "pytest", {"pytest/__main__.py": PYTEST}))

    def pin(self, name: str, lines: str) -> None:
        (self.root / "requirements" / f"{name}.txt").write_text(lines)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(self.root / "marketplace"), *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=self.environment, stdout=pipe, stderr=pipe, text=True)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        process = self.begin(*arguments)
        output, errors = process.communicate(timeout=120)
        return process.returncode, output.strip(), errors.strip()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Standin:
    """A stand-in whose environment was made once, for the tests that leave it whole."""
    standin = Standin(tmp_path_factory.mktemp("standin") / "repository")
    code, output, errors = standin.run("run", "--port", "1")
    assert (code, output) == (0, "ran run --port 1"), errors
    return standin


@pytest.fixture
def fresh(tmp_path: Path) -> Standin:
    return Standin(tmp_path / "repository")


class TestPython:
    def test_of_any_age_can_read_the_script(self) -> None:
        ast.parse((REPOSITORY / "marketplace").read_text("utf-8"), feature_version=(3, 6))

    def test_too_old_is_told_so(self, fresh: Standin) -> None:
        code, errors = run_as_python_3_9(fresh)

        assert code == 2
        assert (
            errors
            == "marketplace: this needs Python 3.11 to 3.14; python3 is 3.9, and no other was found on PATH."
        )

    def test_too_old_gives_way_to_a_newer_one(self, fresh: Standin) -> None:
        add_program(fresh, "python3.13", "exit 1")
        add_program(fresh, "python3.12", '[ "$1" = -c ] || echo "3.12 took $2" >&2')

        code, errors = run_as_python_3_9(fresh)

        assert (code, errors) == (0, "3.12 took run")


def run_as_python_3_9(standin: Standin) -> tuple[int, str]:
    command = [sys.executable, "-c", PRETEND, standin.root / "marketplace", "run"]
    done = subprocess.run(command, env=standin.environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr.strip()


def add_program(standin: Standin, name: str, text: str) -> None:
    program = standin.root / "empty" / name
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


class TestEnvironment:
    def test_is_made_once(self, made: Standin) -> None:
        assert made.run("doctor") == (0, "ran doctor", "")

    def test_gets_what_tests_need_when_they_are_asked_for(self, made: Standin) -> None:
        code, output, _ = made.run("test", "-k", "something")

        assert (code, output) == (0, f"tested {made.root} -k something")
        assert made.run("test") == (0, f"tested {made.root}", "")

    def test_is_made_anew_when_the_pins_change(self, made: Standin) -> None:
        made.pin("server", write_wheel(made.root / "wheels", "extra", {"extra.py": ""}))

        assert made.run("run")[:2] == (0, "ran run")
        assert "extra" in installed(made)
        assert "served" not in installed(made)

    def test_that_was_killed_half_made_is_made_anew(self, fresh: Standin) -> None:
        killed = fresh.begin("run")
        wait_for((fresh.root / ".venv/bin/python").exists)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()

        assert fresh.run("run")[:2] == (0, "ran run")

    def test_that_was_killed_while_installing_is_made_anew(self, made: Standin) -> None:
        stamp = made.root / ".venv/made-from"
        whole = stamp.read_text()
        stamp.write_text("server unfinished\n")
        (made.root / ".venv/left-over").touch()

        assert made.run("run")[:2] == (0, "ran run")
        assert stamp.read_text().splitlines() == whole.splitlines()[:2]
        assert not (made.root / ".venv/left-over").exists()

    def test_is_made_by_one_of_two_that_start_together(self, fresh: Standin) -> None:
        starts = [fresh.begin("run"), fresh.begin("run")]

        results = [start.communicate(timeout=120) for start in starts]

        assert [output for output, _ in results] == ["ran run\n"] * 2
        assert sum("setting up the environment" in errors for _, errors in results) == 1


def installed(standin: Standin) -> set[str]:
    return {path.name.split("-")[0] for path in (standin.root / ".venv/lib").rglob("*.dist-info")}


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


class TestRefusal:
    def test_of_a_file_that_is_not_the_pinned_one(self, made: Standin) -> None:
        pinned = (made.root / "requirements/dev.txt").read_text()
        made.pin("dev", "pytest==1 --hash=sha256:" + "0" * 64)

        code, _, errors = made.run("test")

        made.pin("dev", pinned)
        assert code == 2
        assert "not the file that the repository pins" in errors
        assert made.run("run") == (0, "ran run", "")

    def test_without_a_network_says_so(self, made: Standin) -> None:
        pinned = (made.root / "requirements/dev.txt").read_text()
        made.pin("dev", "elsewhere==1 --hash=sha256:" + "0" * 64)
        online = made.environment
        made.environment = {
            **online,
            "PIP_NO_INDEX": "0",
            "PIP_INDEX_URL": "http://127.0.0.1:9",
            "PIP_RETRIES": "1",
        }

        code, _, errors = made.run("test")

        made.pin("dev", pinned)
        made.environment = online
        assert code == 2
        assert errors.startswith("marketplace: the package index cannot be reached")
        assert "Traceback" not in errors
