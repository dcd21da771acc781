"""A database that is made for one purpose and gone with it: nobody's own data is touched."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from secrets import token_hex

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from marketplace.adapters.embedded import postgres
from marketplace.adapters.postgres.engine import create_owner_engine
from marketplace.adapters.postgres.migrate import migrate
from marketplace.core.shared.errors import Unavailable


@contextlib.contextmanager
def server(given: str | None, *, settings: Mapping[str, str]) -> Iterator[str]:
    """The URL of the given server, or of an embedded one for the while; never of the one that holds data."""
    if given is not None:
        yield given
        return
    with (
        tempfile.TemporaryDirectory(prefix="marketplace-scratch-") as folder,
        contextlib.ExitStack() as end,
    ):
        data = Path(folder, "data")
        end.callback(postgres.erase, data=data)
        yield end.enter_context(postgres.start(data=data, settings=settings)).url


@contextlib.asynccontextmanager
async def database(url: str, *, purpose: str) -> AsyncIterator[str]:
    """The URL of a migrated database on that server; raises Unavailable where none can be made."""
    name = f"marketplace_{purpose}_{token_hex(6)}"
    await _statement(url, f"CREATE DATABASE {name}", purpose)
    try:
        made = make_url(url).set(database=name).render_as_string(hide_password=False)
        await migrate(made)
        yield made
    finally:
        await _statement(url, f"DROP DATABASE {name} WITH (FORCE)", purpose)


async def _statement(url: str, text: str, purpose: str) -> None:
    owner = create_owner_engine(url)
    try:
        async with owner.connect() as connection:
            await connection.exec_driver_sql(text)
    except (OSError, SQLAlchemyError) as error:
        raise Unavailable(f"the {purpose} has no database to itself: {error}") from error
    finally:
        await owner.dispose()
