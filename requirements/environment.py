"""The environment holds what the lock files pin, and is marked as whole only after its last file."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pip_wheel

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "made-from"
# What pip is told for each part, in the order in which the parts are installed.
PINNED = ("--require-hashes", "--only-binary=:all:")
PARTS = {
    "server": (*PINNED, "-r", "requirements/server.txt", "-r", "requirements/embedded.txt"),
    "project": ("--no-build-isolation", "--no-deps", "-e", "."),
    "dev": (*PINNED, "-r", "requirements/dev.txt"),
}
NO_ROOM = f"there is no room left on the disk for {VENV} (about 700 MB) or for temporary files."
WRONG_FILE = (
    "a download is not the file that the repository pins by its hash, so nothing of it was used. "
    "Try again; if it stays so, the index or something on the way to it alters files."
)
NO_NETWORK = (
    "the package index cannot be reached. The first start needs the network; where there is a proxy "
    "or an index of your own, set HTTPS_PROXY or PIP_INDEX_URL."
)
NOT_TRUSTED = (
    "the package index shows a certificate that this machine does not trust. Behind a proxy that opens "
    "connections, set PIP_CERT to the file of its certificate."
)
NO_WHEEL = (
    "the package index has no ready-made file of a package for this system. "
    "Linux (glibc) and macOS are supported, with Python 3.11 to 3.14."
)
NOT_WRITABLE = f"{ROOT} cannot be written to. Make it writable, or copy the repository elsewhere."
# How pip and the system say what went wrong. The first that fits counts: without a network pip ends with
# "No matching distribution" too.
SIGNS = {
    "No space left on device": NO_ROOM,
    "Disk quota exceeded": NO_ROOM,
    "DO NOT MATCH THE HASHES": WRONG_FILE,
    "Permission denied": NOT_WRITABLE,
    "Read-only file system": NOT_WRITABLE,
    "CERTIFICATE_VERIFY_FAILED": NOT_TRUSTED,
    "NewConnectionError": NO_NETWORK,
    "Max retries exceeded": NO_NETWORK,
    "Connection broken": NO_NETWORK,
    "ProxyError": NO_NETWORK,
    "timed out": NO_NETWORK,
    "urlopen error": NO_NETWORK,
    "No matching distribution found": NO_WHEEL,
}


class Stopped(Exception):
    """Its text is the sentence that the user reads."""


def bring_up_to_date(wanted: dict[str, str], found: dict[str, str], lock: int) -> None:
    """Installs the parts of `wanted` (name to fingerprint) that `found` lacks; the caller holds `lock`."""
    began = time.monotonic()
    outdated = [part for part in wanted if part in found and found[part] != wanted[part]]
    if not found or set(outdated) - {"project"}:
        # Anew, not on top: packages that fell out of the lock would stay and hide that something needs them.
        make_venv(lock)
        found = {}
    for part, arguments in PARTS.items():
        if part in wanted and found.get(part) != wanted[part]:
            found = install(part, arguments, found, wanted[part], lock)
    say(f"the environment is ready ({time.monotonic() - began:.0f} s)")


def install(
    part: str, arguments: tuple[str, ...], found: dict[str, str], mark: str, lock: int
) -> dict[str, str]:
    # A kill from here on leaves a mark that fits nothing: the next start that needs this part makes all anew.
    write_stamp({**found, part: "unfinished"})
    try:
        watch([PYTHON, "-m", "pip", "install", "--progress-bar=off", *arguments], lock, f"installing {part}")
    except Stopped:
        write_stamp(found)
        raise
    whole = {**found, part: mark}
    write_stamp(whole)
    return whole


def write_stamp(found: dict[str, str]) -> None:
    new = STAMP.with_suffix(".new")
    new.write_text("".join(f"{part} {mark}\n" for part, mark in found.items()), "utf-8")
    new.replace(STAMP)


def make_venv(lock: int) -> None:
    say("setting up the environment in .venv, once; this takes about half a minute ...")
    if VENV.exists():
        shutil.rmtree(VENV)
    python = getattr(sys, "_base_executable", None) or sys.executable
    watch([python, "-m", "venv", "--without-pip", VENV], lock, "making .venv")
    try:
        watch([PYTHON, "-m", "ensurepip", "--default-pip"], lock, "adding pip")
    except Stopped:
        add_pinned_pip(lock)


def add_pinned_pip(lock: int) -> None:
    """For a Python without ensurepip, which Debian keeps in a package of its own."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            wheel = pip_wheel.download(Path(folder))
        except pip_wheel.WrongFile:
            raise Stopped(WRONG_FILE) from None
        # A wheel is a zip file, and pip can be run from within one.
        watch([PYTHON, wheel / "pip", "install", "--no-index", "--no-deps", wheel], lock, "adding pip")


def watch(command: list[str | Path], lock: int, doing: str) -> None:
    """Runs the command, keeps its output back, and says in a sentence of ours why it failed."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=clean_environment(),
        # Should this process be killed, the child goes on and keeps the lock: the next start waits for it.
        pass_fds=[lock],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as child:
        lines = list(shown(child.stdout or (), doing))
    if child.returncode:
        raise Stopped(reason("\n".join(lines)) or f"{doing} failed. Last words:\n" + "\n".join(lines[-12:]))


def shown(lines: Iterator[str] | tuple[()], doing: str) -> Iterator[str]:
    """Passes the lines on, and shows on a terminal which package pip is at."""
    for line in lines:
        if line.startswith("Collecting "):
            show(f"{doing}: {line.split()[1]}")
        yield line.rstrip()
    show("")


def clean_environment() -> dict[str, str]:
    # Without what would send pip's work, or Python's imports, to another place than .venv.
    misleading = {
        "PYTHONPATH",
        "PYTHONHOME",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_ROOT",
        "PIP_REQUIRE_VIRTUALENV",
    }
    kept = {name: value for name, value in os.environ.items() if name not in misleading}
    ours = {
        "PIP_USER": "0",
        "PIP_REQUIRE_HASHES": "0",
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    return {"PIP_RETRIES": "3", **kept, **ours, "LC_ALL": "C.UTF-8"}


def reason(output: str) -> str | None:
    return next((sentence for sign, sentence in SIGNS.items() if sign in output), None)


def say(sentence: str) -> None:
    sys.stderr.write(f"marketplace: {sentence}\n")
    sys.stderr.flush()


def show(progress: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{progress[:79]}")
        sys.stderr.flush()
