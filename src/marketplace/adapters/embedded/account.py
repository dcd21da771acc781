"""The server runs as the owner of its data and never as root, whose new data belongs to nobody."""

import os
import pwd
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from marketplace.adapters.embedded.refusals import NoAccount, NotOurs

# Only what the programs need, so that no setting of the caller's (PGDATA, LD_LIBRARY_PATH, a locale) gets in.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "HOME": "/"}


@dataclass(frozen=True, kw_only=True)
class Account:
    uid: int
    gid: int


def account_for(cluster: Path) -> Account:
    if cluster.exists():
        return owner_of(cluster)
    if os.geteuid() == 0:
        return nobody()
    return Account(uid=os.geteuid(), gid=os.getegid())


def owner_of(cluster: Path) -> Account:
    owner = cluster.stat()
    if owner.st_uid == 0:
        # Somebody changed it by chown -R; PostgreSQL would refuse to read it as anybody else.
        raise NotOurs(cluster=cluster, owner="root, which PostgreSQL refuses to run as")
    if os.geteuid() not in {0, owner.st_uid}:
        raise NotOurs(cluster=cluster, owner=name_of(owner.st_uid))
    return Account(uid=owner.st_uid, gid=owner.st_gid)


def nobody() -> Account:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise NoAccount from None
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def can_reach(account: Account, folder: Path) -> bool:
    """Whether the account may enter the folder through all of its parents; a private home stops it."""
    return account.uid == os.geteuid() or all(may_enter(account, part) for part in (folder, *folder.parents))


def may_enter(account: Account, folder: Path) -> bool:
    owner = folder.stat()
    if owner.st_uid == account.uid:
        return bool(owner.st_mode & stat.S_IXUSR)
    return bool(owner.st_mode & stat.S_IXOTH)


def private_folder(account: Account, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    hand_over(account, folder)


def hand_over(account: Account, path: Path) -> None:
    if account.uid != os.geteuid():
        os.chown(path, account.uid, account.gid)


def spawn(account: Account, command: Sequence[str | Path], **options: Any) -> subprocess.Popen[bytes]:
    """Starts a program as the account, in a session of its own: Ctrl-C reaches us, who stop it in order."""
    as_other = account.uid != os.geteuid()
    identity: dict[str, Any] = (
        {"user": account.uid, "group": account.gid, "extra_groups": []} if as_other else {}
    )
    return subprocess.Popen(
        command, env=ENVIRONMENT, cwd="/", umask=0o077, start_new_session=True, **identity, **options
    )


def run(account: Account, command: Sequence[str | Path], *, log: IO[bytes], text: str = "") -> int:
    """Runs a program as the account with the text on its standard input; returns its exit code."""
    with spawn(account, command, stdin=subprocess.PIPE, stdout=log, stderr=log) as child:
        child.communicate(text.encode())
    return child.returncode
