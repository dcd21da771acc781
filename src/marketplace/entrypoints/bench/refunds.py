"""Thousands of refunds that a rail has made and not told of: one by the commands, the others its copies."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from secrets import token_bytes
from typing import Any
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]
import msgspec

from marketplace.core.bookings.commands import CancelBooking, CreateBooking
from marketplace.core.marketplace import run
from marketplace.core.payments.refund import Refund, State
from marketplace.core.shared.errors import Unavailable
from marketplace.core.shared.roles import SYSTEM, Actor, Role
from marketplace.core.tenants.policy import Capture, Confirmation, Policy
from marketplace.core.tenants.tenant import Call
from marketplace.core.tenants.usecases import MoveClock
from marketplace.entrypoints import blueprints
from marketplace.entrypoints.http import catalogue
from marketplace.entrypoints.http.front import new_id
from marketplace.entrypoints.seed import Seeded, seed
from marketplace.entrypoints.wiring import Platform
from marketplace.ports.storage import One

SLUG = "bench"
# The refund is pending at the rail for a minute.
_TOKEN, _REFUNDED_AFTER = "tok_refund_pending", timedelta(minutes=2)
_COPIES_AT_ONCE = 500
_ROWS = {
    "booking": "SELECT * FROM booking WHERE id = $1",
    "payment": "SELECT * FROM payment WHERE booking_id = $1",
    "refund": "SELECT * FROM refund WHERE booking_id = $1",
    "reservation": "SELECT * FROM reservation WHERE booking_id = $1",
    "movement": "SELECT * FROM movement WHERE booking_id = $1",
    "posting": "SELECT p.* FROM posting AS p JOIN movement AS m ON m.id = p.movement_id"
    " WHERE m.booking_id = $1",
    "event": "SELECT e.* FROM event AS e WHERE e.subject_id = $1 OR e.subject_id IN ("
    "SELECT id FROM payment WHERE booking_id = $1 UNION SELECT id FROM refund WHERE booking_id = $1"
    " UNION SELECT id FROM reservation WHERE booking_id = $1)",
    "sandbox_document": "SELECT d.* FROM sandbox_document AS d WHERE d.id IN ("
    "SELECT 'sandbox.order/' || id FROM payment WHERE booking_id = $1"
    " UNION SELECT 'sandbox.order/' || reference FROM refund WHERE booking_id = $1)",
}
_COLUMNS = """
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
WHERE attrelid = quote_ident($1)::regclass AND attnum > 0 AND NOT attisdropped
    AND attgenerated = '' AND attidentity = '' AND attname <> 'xact'
"""
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Refunds:
    """What there is to be told: the references that the rail knows each refund by, and each one's id."""

    tenant_id: UUID
    references: tuple[UUID, ...]
    ids: tuple[UUID, ...]


async def prepare(made: Platform, url: str, *, number: int) -> Refunds:
    """So many refunds, pending with us and made at the rail."""
    refund = await _first(made)
    connection = await asyncpg.connect(url)
    try:
        await _copy(connection, refund, number)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    named = [_Copy(turn) for turn in range(number)]
    return Refunds(
        refund.tenant_id,
        tuple(one.of(refund.reference) for one in named),
        tuple(one.of(refund.id) for one in named),
    )


async def _first(made: Platform) -> Refund:
    """A booking that was paid and cancelled, by the commands that everybody uses."""
    worker = made.worker()
    worker.rounds = ()
    standing = await seed(
        store=made.api_store(),
        blueprint=replace(blueprints.load("home-services"), policy=_policy()),
        slug=SLUG,
        now=datetime.now(UTC),
        entropy=token_bytes(32),
    )
    customer, admin = (standing.first(role).actor for role in (Role.CUSTOMER, Role.ADMIN))
    booking_id = await _book(made, standing, customer)
    await worker.drain()
    cancel = CancelBooking(booking_id=booking_id, reason="the benchmark is about its refund")
    await _do(made, standing, cancel, customer)
    await worker.drain()
    await _do(made, standing, MoveClock(seconds=int(_REFUNDED_AFTER.total_seconds()), reason="bench"), admin)
    made.directory().forget(standing.tenant.id)
    return await _told_nothing(made, standing, booking_id)


def _policy() -> Policy:
    """Where money is taken at once, so that it has to be given back."""
    policy = blueprints.load_policy("home-services")
    return replace(
        policy,
        booking=replace(policy.booking, confirmation=Confirmation.INSTANT),
        payment=replace(policy.payment, capture=Capture.ON_BOOKING),
    )


async def _book(made: Platform, standing: Seeded, customer: Actor) -> UUID:
    call = await _call(made, standing, customer)
    service = standing.services[0]
    shown = await catalogue.slots(
        made.office(), call, service_id=service.id, from_=call.at, until=call.at + timedelta(days=14)
    )
    assert service.provider_id is not None
    key: UUID = new_id()
    command = CreateBooking(
        booking_id=key,
        provider_id=service.provider_id,
        service_id=service.id,
        starts_at=shown.slots[-1].start,
        payment_method=_TOKEN,
        address="12 Kloof Street, Gardens",
    )
    await _do(made, standing, command, customer)
    return key


async def _call(made: Platform, standing: Seeded, actor: Actor) -> Call:
    return await made.directory().call(standing.tenant.id, actor, "bench")


async def _do(made: Platform, standing: Seeded, command: Any, actor: Actor) -> None:
    await run(command, call=await _call(made, standing, actor), store=made.api_store())


async def _told_nothing(made: Platform, standing: Seeded, booking_id: UUID) -> Refund:
    """The rail has made it by now, and we still wait for its word."""
    await _call(made, standing, SYSTEM)
    rows = await made.reads().rows(
        standing.tenant.id,
        "SELECT id FROM refund WHERE tenant_id = :tenant_id AND booking_id = :booking_id",
        booking_id=booking_id,
    )
    if len(rows) != 1:
        raise Unavailable(f"the booking of the benchmark has {len(rows)} refunds")
    refund: Refund
    ((refund,),) = await made.api_store().read(standing.tenant.id, [One(Refund, rows[0]["id"])])
    order = await made.books().find(refund.reference)
    if refund.state != State.PENDING or order is None or not order.moved_minor:
        raise Unavailable(f"the refund of the benchmark is {refund.state}")
    return refund


class _Copy:
    """Every id of the first one becomes another, the same wherever it stands."""

    def __init__(self, turn: int) -> None:
        self._end = f"{turn + 1:012x}"

    def of(self, key: UUID) -> UUID:
        return UUID(str(key)[:24] + self._end)

    def text(self, rows: str, own: frozenset[str]) -> str:
        """`own` are the ids that are the first one's alone; those of people and providers stay."""
        return _UUID.sub(lambda found: found[0][:24] + self._end if found[0] in own else found[0], rows)


async def _copy(connection: Any, refund: Refund, number: int) -> None:
    rows = await _rows_of(connection, refund.booking_id)
    own = frozenset({str(row["id"]) for each in rows.values() for row in each} | {str(refund.reference)})
    own |= {key for row in rows["sandbox_document"] for key in _UUID.findall(row["id"])}
    columns = {table: await connection.fetchval(_COLUMNS, table) for table in rows}
    texts = {table: msgspec.json.encode(each, enc_hook=str).decode() for table, each in rows.items()}
    # They are rows that were lawful once, and their deadlines and sums are: nobody checks each again.
    await connection.execute("SET session_replication_role = replica")
    for turns in _batches(number):
        for table, text in texts.items():
            copies = ",".join(_Copy(turn).text(text, own)[1:-1] for turn in turns)
            await connection.execute(_insert(table, columns[table]), f"[{copies}]")


def _batches(number: int) -> Iterator[range]:
    for start in range(0, number, _COPIES_AT_ONCE):
        yield range(start, min(start + _COPIES_AT_ONCE, number))


def _insert(table: str, columns: str) -> str:
    return (
        f"INSERT INTO {table} ({columns}) SELECT {columns}"  # noqa: S608 - tables and columns of our own
        f" FROM jsonb_populate_recordset(NULL::{table}, $1::text::jsonb)"
    )


async def _rows_of(connection: Any, booking_id: UUID) -> _Rows:
    """As JSON would have them; raises Unavailable where a table has none."""
    found: _Rows = {}
    for table, text in _ROWS.items():
        wrapped = await connection.fetchval(
            f"SELECT coalesce(json_agg(r), '[]')::text FROM ({text}) AS r",  # noqa: S608 - of this module
            booking_id,
        )
        found[table] = msgspec.json.decode(wrapped)
        if not found[table]:
            raise Unavailable(f"the booking of the benchmark left no row in {table}")
    return found
