"""One process at a time owns the data, and a server that outlived its owner is adopted by the next."""

import contextlib
import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from marketplace.adapters.embedded import cluster, postmaster, serverlog
from marketplace.adapters.embedded.account import Account, account_for, hand_over, spawn
from marketplace.adapters.embedded.binaries import binaries_for
from marketplace.adapters.embedded.interruption import put_off
from marketplace.adapters.embedded.postmaster import Postmaster
from marketplace.adapters.embedded.refusals import InUse
from marketplace.adapters.embedded.serverlog import ServerLog

# For a cheap machine: little memory, no processes that one owner has no use for, and a log without the values
# of rows and statements.
DURABLE: Mapping[str, str] = {
    "shared_buffers": "64MB",
    "max_connections": "60",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "io_method": "sync",
    # Statements keep the plan that they were given, and a plan made when tables were empty is a bad one:
    # look at what has grown every few seconds, not once a minute.
    "autovacuum_naptime": "5s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
}
# For data that nobody misses after the power went. A commit still survives a kill of the server.
THROWAWAY: Mapping[str, str] = {**DURABLE, "fsync": "off", "full_page_writes": "off"}
# Recovery after a crash may take long, and it is no failure.
START_SECONDS_MAX = 120
SOCKET_PATH_MAX = 60


@dataclass(kw_only=True)
class Running:
    """A server that this process owns until `stop`; `url` is what libpq and SQLAlchemy understand."""

    url: str
    pid: int
    cluster: Path
    was_adopted: bool
    _owner: contextlib.ExitStack = field(repr=False)

    def stop(self) -> None:
        """Ends all sessions, stops the server and lets go of the data; a second call does nothing."""
        self._owner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(*, data: Path, settings: Mapping[str, str] = DURABLE) -> Running:
    """Makes the data where there is none; raises a subclass of EmbeddedError."""
    data.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as owner:
        owner.enter_context(held(data))
        here = cluster.place(data)
        account = account_for(here)
        log = owner.enter_context(serverlog.opened(data))
        make_or_check(data, account=account, log=log, is_durable=settings.get("fsync") != "off")
        here = here.resolve()
        adopted = adopt(here, owner=owner)
        server = adopted or launch(here, account=account, settings=settings, log=log, owner=owner)
        return Running(
            url=url_of(server),
            pid=server.pid,
            cluster=here,
            was_adopted=adopted is not None,
            _owner=owner.pop_all(),
        )


def running_url(*, data: Path) -> str | None:
    """The address of the server that somebody runs on this data now, for commands that only visit it."""
    server = postmaster.running(cluster.place(data).resolve())
    return url_of(server) if server and postmaster.answers(server) else None


def erase(*, data: Path) -> None:
    """Removes the data for good; raises InUse while somebody owns it."""
    if not data.exists():
        return
    with held(data):
        here = cluster.place(data).resolve()
        if server := postmaster.running(here):
            end(server, here)
        cluster.erase(data)


@contextlib.contextmanager
def held(data: Path) -> Iterator[None]:
    lock = os.open(data / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(data=data, holder=os.read(lock, 20).decode().strip() or "unknown") from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def make_or_check(data: Path, *, account: Account, log: ServerLog, is_durable: bool) -> None:
    if cluster.is_there(data):
        cluster.check_version(cluster.place(data))
        cluster.check_room(cluster.place(data), needed_mb=cluster.ROOM_MB)
        return
    cluster.check_room(data, needed_mb=cluster.ROOM_MB_FIRST)
    cluster.make(data, account=account, programs=binaries_for(account), log=log, is_durable=is_durable)


def adopt(here: Path, *, owner: contextlib.ExitStack) -> Postmaster | None:
    if (server := postmaster.running(here)) is None:
        return None
    if postmaster.answers(server):
        owner.callback(end, server, here)
        return server
    # It is on its way up or down, or somebody cleaned away its socket: nothing to build on.
    end(server, here)
    return None


def launch(
    here: Path, *, account: Account, settings: Mapping[str, str], log: ServerLog, owner: contextlib.ExitStack
) -> Postmaster:
    postmaster.clear_away(here)
    sockets = socket_folder(account)
    owner.callback(postmaster.remove_socket_folder, sockets)
    where = {"unix_socket_directories": str(sockets), "port": str(postmaster.PORT)}
    options = [f"--{name}={value}" for name, value in {**settings, **where}.items()]
    command: list[str | Path] = [binaries_for(account) / "postgres", "-D", str(here), *options]
    with put_off():
        child = spawn(account, command, stdin=subprocess.DEVNULL, stdout=log.file, stderr=log.file)
        owner.callback(postmaster.stop, child.pid, is_running=lambda: child.poll() is None)
    postmaster.wait_until(lambda: child.poll() is not None or is_ready(here, child.pid), START_SECONDS_MAX)
    server = postmaster.recorded(here)
    if server is None or not is_ready(here, child.pid):
        raise log.explain(place=here, needed_mb=cluster.ROOM_MB)
    return server


def is_ready(here: Path, pid: int) -> bool:
    server = postmaster.recorded(here)
    return server is not None and server.is_ready and server.pid == pid


def socket_folder(account: Account) -> Path:
    """A folder that only the account can enter, with a name short enough for an address of a socket."""
    temporary = tempfile.gettempdir()
    parent = temporary if len(temporary) <= SOCKET_PATH_MAX else "/tmp"  # noqa: S108  # mkdtemp makes it safe
    folder = Path(tempfile.mkdtemp(prefix=postmaster.SOCKET_FOLDER_PREFIX, dir=parent))
    hand_over(account, folder)
    return folder


def end(server: Postmaster, here: Path) -> None:
    postmaster.stop(server.pid, is_running=lambda: postmaster.works_in(server.pid, here))
    postmaster.remove_socket_folder(server.socket_folder)


def url_of(server: Postmaster) -> str:
    return f"postgresql://{cluster.NAME}@/{cluster.NAME}?host={quote(str(server.socket_folder), safe='/')}"
