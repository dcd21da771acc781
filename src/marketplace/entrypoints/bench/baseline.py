"""The same rows written without us, statement by statement: by pgbench, and by raw asyncpg."""

import asyncio
import re
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]

from marketplace.core.shared.errors import Unavailable

CLIENTS = 8
_TPS = re.compile(r"tps = ([0-9.]+)")
_N = "{n}"
# Where the rows of one booking are found; `b` is its id.
_ROWS = {
    "reservation": "SELECT * FROM reservation WHERE booking_id = $1",
    "payment": "SELECT * FROM payment WHERE booking_id = $1",
    "booking": "SELECT * FROM booking WHERE id = $1",
    "event": "SELECT * FROM event WHERE subject_id = ANY($2::uuid[])",
    "pgqueuer": "SELECT * FROM pgqueuer WHERE payload LIKE ANY($3::bytea[])",
    "receipt": "SELECT * FROM receipt WHERE answer LIKE '%' || $1::uuid::text || '%'",
}
_TYPES = """
SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
WHERE attrelid = quote_ident($1)::regclass AND attnum > 0 AND NOT attisdropped
"""
_MADE_BY_DATABASE = {"event": {"seq", "xact"}, "pgqueuer": {"id", "created", "updated", "heartbeat"}}


@dataclass(frozen=True, slots=True)
class Baseline:
    """A transaction of several statements that writes what one booking wrote, `{n}` being its number."""

    statements: tuple[str, ...]

    def for_pgbench(self) -> str:
        lines = ["\\set i :i + 1", "\\set n :client_id * 100000000 + :i"]
        body = [" ".join(statement.split()).replace(_N, ":n") + ";" for statement in self.statements]
        return "\n".join([*lines, "BEGIN;", *body, "COMMIT;"])

    def for_asyncpg(self) -> tuple[str, ...]:
        return tuple(statement.replace(_N, "$1::bigint") for statement in self.statements)


async def copy_of(connection: Any, booking_id: UUID) -> Baseline:
    """The statements that would write a booking like this one, made of the rows that it wrote."""
    booking = await connection.fetchrow("SELECT * FROM booking WHERE id = $1", booking_id)
    ids = [booking["id"], booking["reservation_id"], booking["payment_id"]]
    like = [f"%{key}%".encode() for key in ids]
    statements = [_read(booking)]
    for table, text in _ROWS.items():
        given: list[Any] = [booking_id, ids, like]
        used = [value for place, value in enumerate(given, 1) if f"${place}" in text]
        rows = await connection.fetch(_renumbered(text), *used)
        if not rows:
            raise Unavailable(f"the booking left no row in {table}")
        types = {row["name"]: row["type"] for row in await connection.fetch(_TYPES, table)}
        statements.append(_insert(table, [dict(row) for row in rows], types))
    return Baseline(tuple(statements))


def _renumbered(text: str) -> str:
    return re.sub(r"\$[123]", "$1", text)


def _read(booking: Any) -> str:
    tenant, provider, service = booking["tenant_id"], booking["provider_id"], booking["service_id"]
    return f"""
    SELECT (SELECT to_jsonb(p) FROM provider AS p WHERE tenant_id = '{tenant}' AND id = '{provider}')::text,
      (SELECT to_jsonb(s) FROM service AS s WHERE tenant_id = '{tenant}' AND id = '{service}')::text,
      (SELECT json_agg(u) FROM unit AS u WHERE tenant_id = '{tenant}' AND provider_id = '{provider}')::text,
      (SELECT json_agg(r) FROM reservation AS r WHERE tenant_id = '{tenant}'
         AND provider_id = md5('provider' || ({_N} % 100))::uuid AND state = 'held'
         AND starts_at < {_start()} + interval '2 hours' AND ends_at > {_start()} - interval '1 hour')::text
    """  # noqa: S608 - ids of our own making


def _start() -> str:
    """Every 400 bookings the next half hour, each time on 400 units: no two overlap."""
    return f"(timestamptz '2030-01-01' + ({_N} / 400) * interval '30 minutes')"


def _insert(table: str, rows: list[dict[str, Any]], types: Mapping[str, str]) -> str:
    left_out = _MADE_BY_DATABASE.get(table, set())
    columns = [name for name in rows[0] if name not in left_out and name != "during"]
    values = ", ".join(
        "(" + ", ".join(f"{_value(table, name, row[name], place)}::{types[name]}" for name in columns) + ")"
        for place, row in enumerate(rows)
    )
    names = ", ".join(f'"{name}"' for name in columns)
    return f'INSERT INTO "{table}" ({names}) VALUES {values}'  # noqa: S608 - rows that we wrote ourselves


def _value(table: str, column: str, value: Any, place: int) -> str:
    """The value as it stood, or one of its own for this number where two rows may not share it."""
    if column in {"id", "subject_id", "booking_id", "reservation_id", "payment_id", "unit_id", "provider_id"}:
        return _key(table, column, place)
    if table == "reservation" and column in {"starts_at", "ends_at"}:
        return _start() if column == "starts_at" else f"({_start()} + interval '30 minutes')"
    if column == "dedupe_key":
        return f"('{place}/' || {_N})"
    return _literal(value)


def _key(table: str, column: str, place: int) -> str:
    shared = {"unit_id": f"({_N} % 400)", "provider_id": f"({_N} % 100)"}
    word = column.removesuffix("_id") if column in shared else f"{table}{column}{place}"
    return f"md5('{word}' || {shared.get(column, _N)})::uuid"


def _literal(value: Any) -> str:
    """Pgbench takes a colon for the beginning of a variable, wherever it stands."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    if isinstance(value, list):
        value = "{" + ",".join(map(str, value)) + "}"
    return "('" + str(value).replace("'", "''").replace(":", "' || chr(58) || '") + "')"


def pgbench(baseline: Baseline, *, program: Path, socket: str, seconds: int) -> float:
    """Transactions each second, by PostgreSQL's own generator; raises Unavailable where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "booking.sql"
        script.write_text(baseline.for_pgbench())
        options = ["-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds), "-D", "i=0"]
        where = ["-h", socket, "-U", "marketplace", "-f", str(script), "marketplace"]
        done = subprocess.run(  # noqa: S603 - a program that we ship
            [program, *options, *where], capture_output=True, text=True, check=False
        )
    found = _TPS.search(done.stdout)
    if done.returncode != 0 or found is None:
        raise Unavailable(f"pgbench failed: {done.stderr[-500:]}")
    return float(found[1])


async def raw_asyncpg(baseline: Baseline, *, url: str, seconds: float) -> float:
    """Transactions each second by one Python process that does nothing else."""
    statements, until = baseline.for_asyncpg(), time.perf_counter() + seconds
    counts = await asyncio.gather(
        *(_write(url, statements, (CLIENTS + 1 + client) * 100_000_000, until) for client in range(CLIENTS))
    )
    return sum(counts) / seconds


async def _write(url: str, statements: tuple[str, ...], number: int, until: float) -> int:
    connection = await asyncpg.connect(url)
    done = 0
    try:
        prepared = [await connection.prepare(statement) for statement in statements]
        while time.perf_counter() < until:
            done += 1
            async with connection.transaction():
                for statement in prepared:
                    await statement.fetch(number + done)
    finally:
        await connection.close()
    return done
