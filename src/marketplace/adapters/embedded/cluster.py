"""A data directory is whole or not there at all, and is touched only by the major version that made it."""

import shutil
import sys
import uuid
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from marketplace.adapters.embedded.account import Account, can_reach, private_folder, run
from marketplace.adapters.embedded.binaries import HOME_OF_ROOT, MAJOR
from marketplace.adapters.embedded.refusals import NoRoom, NotACluster, OtherVersion
from marketplace.adapters.embedded.serverlog import ServerLog

NAME = "marketplace"
# The builtin provider sorts alike on every system and needs no locale installed. The mode of the socket's
# folder decides who may connect; no address is listened on.
INITDB = (
    f"--username={NAME}",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-locale",
    "--auth-local=trust",
    "--auth-host=reject",
    "--no-instructions",
    # Once, at the end of all, is enough.
    "--no-sync",
)
# A new cluster is 46 MB, and its log needs to grow; a full disk later on stops the server in mid-work.
ROOM_MB_FIRST, ROOM_MB = 160, 48


def place(data: Path) -> Path:
    """Where the cluster of this data stands: in it, or where a link in it points."""
    return data.resolve() / "postgres"


def is_there(data: Path) -> bool:
    # A link that leads nowhere counts: its disk may only be missing today.
    return place(data).exists() or place(data).is_symlink()


def check_version(cluster: Path) -> None:
    try:
        made_by = int((cluster / "PG_VERSION").read_text("ascii"))
    except (FileNotFoundError, ValueError):
        raise NotACluster(cluster=cluster) from None
    if made_by != MAJOR:
        raise OtherVersion(cluster=cluster, made_by=made_by, ours=MAJOR)


def check_room(data: Path, *, needed_mb: int) -> None:
    if shutil.disk_usage(data).free < needed_mb * 1_000_000:
        raise NoRoom(place=data, needed_mb=needed_mb)


def make(data: Path, *, account: Account, programs: Path, log: ServerLog, is_durable: bool) -> None:
    """Makes the cluster beside its place and moves it there at the end: a kill leaves none half made."""
    shutil.rmtree(unfinished(data), ignore_errors=True)
    fill = partial(run_initdb, account=account, programs=programs, log=log, is_durable=is_durable)
    if can_reach(account, data.resolve()):
        fill(unfinished(data))
        unfinished(data).rename(place(data))
        return
    # Opening the parents' modes would let others in as well, so the cluster moves and a link stays.
    elsewhere = HOME_OF_ROOT / "data" / uuid.uuid4().hex
    elsewhere.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    check_room(elsewhere.parent, needed_mb=ROOM_MB_FIRST)
    fill(elsewhere)
    place(data).symlink_to(elsewhere)


def run_initdb(folder: Path, *, account: Account, programs: Path, log: ServerLog, is_durable: bool) -> None:
    private_folder(account, folder)
    at = ["-D", str(folder)]
    steps: list[tuple[Sequence[str | Path], str]] = [
        ([programs / "initdb", *at, *INITDB], ""),
        ([programs / "postgres", "--single", "-F", *at, "template1"], f"CREATE DATABASE {NAME}\n"),
    ]
    if is_durable:
        # File by file takes seconds where each flush is slow; Linux can flush the file system in one call.
        method = ["--sync-method=syncfs"] if sys.platform == "linux" else []
        steps.append(([programs / "initdb", *at, "--sync-only", *method], ""))
    for command, text in steps:
        if run(account, command, log=log.file, text=text) != 0:
            shutil.rmtree(folder, ignore_errors=True)
            raise log.explain(place=folder, needed_mb=ROOM_MB_FIRST)


def erase(data: Path) -> None:
    here = place(data)
    if here.is_symlink():
        shutil.rmtree(here.resolve(), ignore_errors=True)
        here.unlink()
    for folder in (here, unfinished(data)):
        if folder.exists():
            shutil.rmtree(folder)


def unfinished(data: Path) -> Path:
    return place(data).with_name("postgres.new")
