"""A process of the platform: its database found or started, migrated, and everything closed at the end."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

from marketplace.adapters.embedded import postgres
from marketplace.adapters.postgres.migrate import migrate
from marketplace.entrypoints.generated_secrets import with_secrets
from marketplace.entrypoints.settings import Settings
from marketplace.entrypoints.wiring import Platform, close


@contextlib.contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The URL of the given database, or of an embedded one for as long as this; raises EmbeddedError."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    directory = Path(settings.data_directory)
    with postgres.start(data=directory) as running:
        yield running.url


def database_of_another(settings: Settings) -> str | None:
    """The URL of the given database, or of the embedded one that another process runs just now."""
    return settings.database_url or postgres.running_url(data=Path(settings.data_directory))


@contextlib.asynccontextmanager
async def platform(
    settings: Settings, *, url: str, base_url: str, heard: bool = True
) -> AsyncIterator[Platform]:
    """The wired parts on a migrated database, `heard` if units report; raises Unavailable, DatabaseNewer."""
    await migrate(url)
    made = Platform(settings=with_secrets(settings), database_url=url, base_url=base_url, heard=heard)
    try:
        await made.clock().keep()
        yield made
    finally:
        await close(made)


def on_port(settings: Settings, port: int) -> Settings:
    """The settings with the port that was really taken."""
    return replace(settings, port=port)
