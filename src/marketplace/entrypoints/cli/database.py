"""A command works on the database that is given, on one that runs already, or starts the embedded one."""

import contextlib
from collections.abc import Iterator

from marketplace.adapters.embedded import cluster, postgres
from marketplace.entrypoints.cli.refusals import NoDatabase
from marketplace.entrypoints.platform import database, database_of_another
from marketplace.entrypoints.settings import BadSetting, Settings


@contextlib.contextmanager
def own(settings: Settings) -> Iterator[str]:
    """The URL of the one that is given, or of the embedded one; raises BadSetting, EmbeddedError."""
    if settings.database_url is None:
        try:
            settings.data_directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            problem = f"{settings.data_directory} cannot be made: {error.strerror}"
            raise BadSetting("--data", problem, "a directory that you may write to") from error
    with database(settings) as url:
        yield url


@contextlib.contextmanager
def found_or_started(settings: Settings) -> Iterator[str]:
    """Its URL. Made where there is none yet; raises EmbeddedError."""
    running = database_of_another(settings)
    if running is not None:
        yield running
        return
    with own(settings) as url:
        yield url


@contextlib.contextmanager
def found(settings: Settings) -> Iterator[str]:
    """The URL of a database that is there; raises NoDatabase, EmbeddedError."""
    data = settings.data_directory
    if settings.database_url is None and not cluster.is_there(data):
        raise NoDatabase(
            f"there is no database in {data}: start one with `marketplace run`, "
            "name its directory with --data, or set DATABASE_URL"
        )
    with found_or_started(settings) as url:
        yield url


def erase(settings: Settings) -> None:
    """Forget everything in the embedded database; raises BadSetting, InUse."""
    if settings.database_url is not None:
        raise BadSetting("--fresh", "erases an embedded database, and DATABASE_URL names another", None)
    postgres.erase(data=settings.data_directory)
