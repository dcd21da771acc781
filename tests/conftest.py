"""PostgreSQL for tests: the one that a URL names, else one by Docker, else the embedded one."""

import asyncio
import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.embedded import postgres as embedded
from marketplace.adapters.postgres import migrate as migrations
from marketplace.adapters.postgres.engine import create_engine, create_owner_engine

# The same examples each time, and as long as a busy machine takes for them: what a change broke fails at once
# and always. New ones are looked for on purpose, with --hypothesis-profile=anew.
steady = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("anew", parent=steady, max_examples=500)
settings.register_profile("steady", parent=steady, derandomize=True, database=None)
settings.load_profile("steady")

T = TypeVar("T")
URL = "MARKETPLACE_TEST_DATABASE_URL"
# Set for the workers of xdist by the process that started the server.
STARTED_URL, STARTED_BY = "MARKETPLACE_TEST_STARTED_URL", "MARKETPLACE_TEST_STARTED_BY"
NEEDS_SERVER = ("contracts", "integration")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or not _wants_server(config):
        return
    stack = contextlib.ExitStack()
    config.add_cleanup(stack.close)
    how, url = _server(stack)
    os.environ[STARTED_URL], os.environ[STARTED_BY] = url, how
    stack.callback(os.environ.pop, STARTED_URL)


def pytest_report_header() -> str:
    return f"PostgreSQL: {os.environ.get(STARTED_BY, 'not started, no test asks for it')}"


def _wants_server(config: pytest.Config) -> bool:
    here = Path(__file__).parent
    folders = [here / name for name in NEEDS_SERVER]
    asked = [Path(argument.split("::")[0]).resolve() for argument in config.args]
    return any(
        path in {folder, *folder.parents} or folder in path.parents for path in asked for folder in folders
    )


def _server(stack: contextlib.ExitStack) -> tuple[str, str]:
    if url := os.environ.get(URL):
        return f"{URL} is set", url
    if _docker_answers():
        from testcontainers.postgres import PostgresContainer  # noqa: PLC0415 - needs Docker's client

        container = stack.enter_context(PostgresContainer("postgres:18", driver=None))
        return "a container by Docker", container.get_connection_url()
    folder = Path(tempfile.mkdtemp(prefix="marketplace-tests-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    stack.callback(embedded.erase, data=folder / "data")
    running = stack.enter_context(embedded.start(data=folder / "data", settings=embedded.THROWAWAY))
    return "embedded", running.url


def _docker_answers() -> bool:
    if shutil.which("docker") is None:
        return False
    with contextlib.suppress(subprocess.TimeoutExpired):
        return subprocess.run(["docker", "info"], capture_output=True, timeout=5, check=False).returncode == 0
    return False


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """In a thread of its own, because the test's loop may be running in this one."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


@pytest.fixture(scope="session")
def template() -> str:
    """The name of a database with every migration in it, made once for each server and schema."""
    folder = Path(migrations.__file__).parent / "migrations"
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.rglob("*.[ps][yq]*"))))
    name = f"marketplace_template_{digest.hexdigest()[:12]}"
    run(_make_template(name))
    return name


async def _make_template(name: str) -> None:
    engine = create_owner_engine(os.environ[STARTED_URL])
    async with engine.connect() as connection:
        # Whoever comes second waits, and finds it made.
        await connection.exec_driver_sql("SELECT pg_advisory_lock(hashtext('marketplace template'))")
        found = await connection.exec_driver_sql("SELECT 1 FROM pg_database WHERE datname = $1", (name,))
        if found.one_or_none() is None:
            draft = f"{name}_{uuid4().hex[:8]}"
            await connection.exec_driver_sql(f"CREATE DATABASE {draft}")
            await migrations.migrate(_at(draft))
            await connection.exec_driver_sql(f"ALTER DATABASE {draft} RENAME TO {name}")
    await engine.dispose()


def _at(database: str) -> str:
    return make_url(os.environ[STARTED_URL]).set(database=database).render_as_string(hide_password=False)


async def _statement(text: str) -> None:
    engine = create_owner_engine(os.environ[STARTED_URL])
    async with engine.connect() as connection:
        await connection.exec_driver_sql(text)
    await engine.dispose()


@contextlib.contextmanager
def scratch(template: str) -> Iterator[str]:
    name = f"marketplace_test_{uuid4().hex[:12]}"
    run(_statement(f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield _at(name)
    finally:
        run(_statement(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def database_url(template: str) -> Iterator[str]:
    """A migrated database of this test's own."""
    with scratch(template) as url:
        yield url


@pytest.fixture(scope="module")
def shared_url(template: str) -> Iterator[str]:
    """A migrated database that the tests of a module share: each keeps to a tenant of its own."""
    with scratch(template) as url:
        yield url


@pytest.fixture(scope="module")
def empty_url(template: str) -> Iterator[str]:
    """A database without any table."""
    with scratch("template0") as url:
        yield url


@pytest.fixture
async def owner(shared_url: str) -> AsyncIterator[AsyncEngine]:
    """Connections of the tables' owner to the module's database."""
    engine = create_owner_engine(shared_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def engine(shared_url: str) -> AsyncIterator[AsyncEngine]:
    """The application's connections to the module's database."""
    engine = create_engine(shared_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def engines(shared_url: str) -> AsyncIterator[Callable[..., AsyncEngine]]:
    """Makes engines with pools of a chosen size."""
    made: list[AsyncEngine] = []

    def make(**options: Any) -> AsyncEngine:
        made.append(create_engine(shared_url, **options))
        return made[-1]

    yield make
    for one in made:
        await one.dispose()
