"""How many bookings one API process takes, beside what the same server does without us, in one run."""

import asyncio
import itertools
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import asyncpg  # type: ignore[import-untyped]

from marketplace.adapters.embedded import postgres
from marketplace.adapters.embedded.binaries import binaries
from marketplace.adapters.postgres.engine import create_engine
from marketplace.adapters.postgres.migrate import migrate
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.core.shared.errors import Unavailable
from marketplace.entrypoints.bench import baseline, load, world
from marketplace.entrypoints.bench.host import served
from marketplace.entrypoints.bench.tap import Tap

CONNECTIONS = 16
TAPPED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Rates per second; `http_to_pgbench` is the ratio that the limit is set on."""

    http_per_s: float
    http_p50_ms: float
    http_p99_ms: float
    http_half_rate_p99_ms: float
    asyncpg_per_s: float
    pgbench_per_s: float
    http_to_pgbench: float
    statements_per_booking: float
    round_trips_per_booking: float
    signed_in_reads_per_s: float
    reads_p99_ms: float
    memory_mb: float


async def measure(
    *, seconds: int = 10, seed: int = 1, told: Callable[[str], None] = lambda _: None
) -> dict[str, float]:
    """Starts a server of its own on an empty database and leaves nothing behind."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        with postgres.start(data=Path(folder)) as running:
            url = running.url
            await migrate(url)
            engine = create_engine(url)
            try:
                made = await world.build(PostgresStore(engine), seed=seed)
            finally:
                await engine.dispose()
            result = await _measured(made, url, seconds, told)
        postgres.erase(data=Path(folder))
    return {name: round(value, 3) for name, value in asdict(result).items()}


async def _measured(made: world.World, url: str, seconds: int, told: Callable[[str], None]) -> Result:
    run, numbers = uuid4(), itertools.count()
    directory = parse_qs(urlsplit(url).query)["host"][0]
    connection = await asyncpg.connect(url)
    async with served(url, "serve", slug=world.SLUG) as (port, _):
        told("warming up")
        bookings = _bookings(made, run, numbers)
        await load.flat_out(port, bookings, connections=CONNECTIONS, seconds=2)
        # As after its first minutes: before, PostgreSQL plans for empty tables.
        await connection.execute("ANALYZE")
        await load.flat_out(port, bookings, connections=CONNECTIONS, seconds=1)
        told("bookings, as fast as they go")
        top = _all_created(await load.flat_out(port, bookings, connections=CONNECTIONS, seconds=seconds))
        told("bookings, at half that rate")
        half = _all_created(
            await load.paced(port, bookings, connections=CONNECTIONS, seconds=seconds, per_s=top.per_s / 2)
        )
        told("reads")
        reads = await load.flat_out(
            port, _reads(made, run, next(numbers)), connections=CONNECTIONS, seconds=seconds
        )
    told("the same rows by pgbench and asyncpg")
    copied = await baseline.copy_of(connection, world.booking_id(0, run))
    pgbench = baseline.pgbench(copied, program=binaries() / "pgbench", socket=directory, seconds=seconds)
    raw = await baseline.raw_asyncpg(copied, url=url, seconds=seconds)
    told("counting statements")
    statements, round_trips = await _tapped(made, run, numbers, directory, url)
    await connection.close()
    told("memory of the whole in one process")
    return Result(
        http_per_s=top.per_s,
        http_p50_ms=top.percentile_ms(0.5),
        http_p99_ms=top.percentile_ms(0.99),
        http_half_rate_p99_ms=half.percentile_ms(0.99),
        asyncpg_per_s=raw,
        pgbench_per_s=pgbench,
        http_to_pgbench=top.per_s / pgbench,
        statements_per_booking=statements,
        round_trips_per_booking=round_trips,
        signed_in_reads_per_s=reads.per_s,
        reads_p99_ms=reads.percentile_ms(0.99),
        memory_mb=await _memory_mb(made, url, run, numbers),
    )


def _bookings(made: world.World, run: UUID, numbers: Iterator[int]) -> Iterator[bytes]:
    for number in numbers:
        service, start = made.slot(number)
        booking_id = world.booking_id(number, run)
        body = {
            "booking_id": str(booking_id),
            "provider_id": str(service.provider_id),
            "service_id": str(service.id),
            "starts_at": start.isoformat(),
            "payment_method": "tok_success",
            "address": "12 Kloof Street, Gardens",
        }
        yield load.request(
            "POST",
            "/v1/bookings",
            bearer=_bearer(made, number),
            key=str(booking_id),
            body=json.dumps(body).encode(),
        )


def _bearer(made: world.World, number: int) -> str:
    return made.bearers[number % len(made.bearers)]


def _reads(made: world.World, run: UUID, until: int) -> Iterator[bytes]:
    """A booking, by the customer whose it is, with all that belongs to it."""
    for number in itertools.cycle(range(until)):
        path = f"/v1/bookings/{world.booking_id(number, run)}"
        yield load.request("GET", path, bearer=_bearer(made, number))


def _all_created(outcome: load.Outcome) -> load.Outcome:
    if set(outcome.statuses) != {201}:
        raise Unavailable(f"not every booking was made: {outcome.statuses} {outcome.last_body[:300]!r}")
    return outcome


async def _tapped(
    made: world.World, run: UUID, numbers: Iterator[int], directory: str, url: str
) -> tuple[float, float]:
    """Statements and round trips of a booking, counted between server and database."""
    with tempfile.TemporaryDirectory() as folder:
        name = ".s.PGSQL.5432"
        tap = Tap(Path(directory) / name)
        async with (
            tap.open(Path(folder) / name),
            served(url.replace(directory, folder), "serve", slug=world.SLUG) as (port, _),
        ):
            bookings = _bookings(made, run, numbers)
            await load.flat_out(port, itertools.islice(bookings, 10**9), connections=4, seconds=1.5)
            tap.counts.clear()
            outcome = load.Outcome()
            client = await load.Client.connect(port)
            for raw in itertools.islice(bookings, TAPPED):
                await client.ask(raw, outcome, time.perf_counter())
            client.close()
            counted = tap.statements / TAPPED, tap.round_trips / TAPPED
    _all_created(outcome)
    return counted


async def _memory_mb(made: world.World, url: str, run: UUID, numbers: Iterator[int]) -> float:
    """Resident memory of API and worker in one process, after a load of bookings."""
    async with served(url, "all", slug=world.SLUG) as (port, process):
        await load.flat_out(port, _bookings(made, run, numbers), connections=CONNECTIONS, seconds=3)
        await asyncio.sleep(2)
        return await asyncio.to_thread(_resident_mb, process.pid)


def _resident_mb(pid: int) -> float:
    done = subprocess.run(  # noqa: S603 - a fixed command
        ["ps", "-o", "rss=", "-p", str(pid)],  # noqa: S607 - wherever the system keeps it
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout) / 1024
