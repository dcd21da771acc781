"""A command works on the database that is given, on one that runs already, or starts the embedded one."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from marketplace.adapters.embedded import cluster, postgres
from marketplace.entrypoints.cli.refusals import NoDatabase
from marketplace.entrypoints.platform import database, database_of_another
from marketplace.entrypoints.settings import BadSetting, Settings


@contextlib.contextmanager
def found_or_started(settings: Settings) -> Iterator[str]:
    """Its URL. Made where there is none yet; raises EmbeddedError."""
    running = database_of_another(settings)
    if running is not None:
        yield running
        return
    with database(settings) as url:
        yield url


@contextlib.contextmanager
def found(settings: Settings) -> Iterator[str]:
    """The URL of a database that is there; raises NoDatabase, EmbeddedError."""
    data = Path(settings.data_directory)
    if settings.database_url is None and not cluster.is_there(data):
        raise NoDatabase(
            f"there is no database in {data.absolute()}: start one with `marketplace run`, "
            "name its directory with --data, or set DATABASE_URL"
        )
    with found_or_started(settings) as url:
        yield url


def erase(settings: Settings) -> None:
    """Forget everything in the embedded database; raises BadSetting, InUse."""
    if settings.database_url is not None:
        raise BadSetting("--fresh", "erases an embedded database, and DATABASE_URL names another", None)
    postgres.erase(data=Path(settings.data_directory))
