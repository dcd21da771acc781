"""A server is known by its postmaster.pid, and believed only when that process really works on the data."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PORT = 5432
# Where Linux shows processes; macOS has none and is asked by ps.
PROCESSES = Path("/proc")
SOCKET_FOLDER_PREFIX = "marketplace-"
# Fast shutdown, then immediate, then none: each with the seconds that it is given.
SHUTDOWN = ((signal.SIGINT, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, 5))


@dataclass(frozen=True, kw_only=True)
class Postmaster:
    pid: int
    socket_folder: Path
    is_ready: bool


def recorded(cluster: Path) -> Postmaster | None:
    """What postmaster.pid says: line 1 is the process, line 5 the folder of its socket, line 8 its state."""
    try:
        lines = (cluster / "postmaster.pid").read_text("utf-8").split("\n")
    except FileNotFoundError:
        return None
    match [line.strip() for line in lines]:
        case [pid, _, _, _, folder, _, _, state, *_]:
            return Postmaster(pid=int(pid), socket_folder=Path(folder), is_ready=state == "ready")
        case [pid, _, _, _, folder, *_]:
            return Postmaster(pid=int(pid), socket_folder=Path(folder), is_ready=False)
    return None


def running(cluster: Path) -> Postmaster | None:
    found = recorded(cluster)
    return found if found and works_in(found.pid, cluster) else None


def works_in(pid: int, cluster: Path) -> bool:
    """Whether the process is a living server of this data; after a reboot its number may be anybody's."""
    words = command_line(pid)
    return "postgres" in words and str(cluster) in words


def command_line(pid: int) -> str:
    # Readable whoever owns the process; empty for one that has ended and waits to be collected.
    if not PROCESSES.exists():
        command = ["ps", "-o", "command=", "-p", str(pid)]
        return subprocess.run(command, check=False, capture_output=True, text=True).stdout
    try:
        return (PROCESSES / str(pid) / "cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def answers(server: Postmaster) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(server.socket_folder / f".s.PGSQL.{PORT}"))
        except OSError:
            return False
    return server.is_ready


def stop(pid: int, *, is_running: Callable[[], bool]) -> None:
    for number, seconds in SHUTDOWN:
        if not is_running():
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        wait_until(lambda: not is_running(), seconds)


def clear_away(cluster: Path) -> None:
    """Removes what a killed server left behind; the caller knows that none runs."""
    if (stale := recorded(cluster)) is None:
        return
    # Its sessions end by themselves, and PostgreSQL refuses to start beside one.
    wait_until(lambda: not sessions(cluster), seconds=10)
    remove_socket_folder(stale.socket_folder)
    if command_line(stale.pid):
        # The number is an unrelated process's now, which PostgreSQL would take for its own.
        (cluster / "postmaster.pid").unlink(missing_ok=True)


def sessions(cluster: Path) -> list[Path]:
    """The processes that work in the data directory, as far as we may know of them."""
    return [process for process in PROCESSES.glob("[0-9]*") if working_folder(process) == cluster]


def working_folder(process: Path) -> Path | None:
    try:
        return (process / "cwd").readlink()
    except OSError:
        return None


def remove_socket_folder(folder: Path) -> None:
    if folder.name.startswith(SOCKET_FOLDER_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
