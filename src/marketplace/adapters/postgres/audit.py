"""The promises, proved by one statement each on all that is stored, as the owner, from whom no row hides."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from marketplace.adapters.postgres.connections import Driver, driver_of
from marketplace.adapters.postgres.promises import BALANCES, BREAKS, CURSORS, STATEMENTS
from marketplace.adapters.postgres.refusals import reading_failed
from marketplace.core.ledger.movement import psp_clearing
from marketplace.core.promises import Name
from marketplace.ports.audit import VIOLATIONS_MAX, Outbox, Promise, RailBooks

_Place = tuple[UUID, str, str]  # a tenant, its slug, a currency


@dataclass(frozen=True, kw_only=True)
class PostgresAudit:
    """`engine` is the owner's; `books` by the rails' names, `outbox` where the channel tells what came."""

    engine: AsyncEngine
    books: Mapping[str, RailBooks] = field(default_factory=dict)
    outbox: Outbox | None = None

    async def audit(self, tenant_id: UUID | None, *, now: datetime | None = None) -> tuple[Promise, ...]:
        try:
            async with self.engine.connect() as connection:
                return await self.audit_on(connection, tenant_id, now=now)
        except Exception as error:
            raise reading_failed(error) or error from error

    async def audit_on(
        self, connection: AsyncConnection, tenant_id: UUID | None, *, now: datetime | None = None
    ) -> tuple[Promise, ...]:
        """What a connection sees, with what its transaction has changed."""
        driver = driver_of(await connection.get_raw_connection())
        proved = {name: await _proved(driver, name, tenant_id, now) for name in STATEMENTS}
        proved[Name.CLEARING] = await self._clearing(driver, tenant_id)
        tenants = [row[0] for row in await driver.fetch(BALANCES, tenant_id, "")]
        proved[Name.MESSAGES] = await self._messages(proved[Name.MESSAGES], tenants)
        return tuple(proved[name] for name in Name)

    async def _clearing(self, connection: Driver, tenant_id: UUID | None) -> Promise:
        rows, found = 0, []
        for rail, books in self.books.items():
            ours: Counter[_Place] = Counter()
            read_to: dict[tuple[UUID, str], str | None] = {}
            for key, slug, home, currency, minor, postings in await connection.fetch(
                BALANCES, tenant_id, psp_clearing(rail)
            ):
                ours[key, slug, currency or home] += int(minor or 0)
                rows += postings
                read_to[key, slug] = None
            slugs = dict(read_to.keys())
            for key, cursor in await connection.fetch(CURSORS, tenant_id, rail):
                read_to[key, slugs[key]] = cursor
            for key, currency, minor in await connection.fetch(BREAKS, tenant_id, rail):
                ours[key, slugs[key], currency] -= int(minor)
            found += await _unlike(rail, books, ours, read_to)
        return _promise(Name.CLEARING, rows, found)

    async def _messages(self, proved: Promise, tenants: list[UUID]) -> Promise:
        found = list(proved.violations)
        for tenant_id in tenants if self.outbox is not None else ():
            copies = await self.outbox.copies(tenant_id)  # type: ignore[union-attr]
            found += [
                f"message {key} was received {times} times" for key, times in copies.items() if times > 1
            ]
        return _promise(Name.MESSAGES, proved.rows, found)


async def _proved(connection: Driver, name: Name, tenant_id: UUID | None, now: datetime | None) -> Promise:
    statement = STATEMENTS[name]
    arguments: tuple[Any, ...] = (tenant_id, now) if "$2" in statement else (tenant_id,)
    rows, violations = await connection.fetchrow(statement, *arguments)
    return _promise(name, rows, violations)


async def _unlike(
    rail: str,
    books: RailBooks,
    ours: Counter[_Place],
    read_to: Mapping[tuple[UUID, str], str | None],
) -> list[str]:
    """Where the rail's own books say something else, in any currency."""
    theirs: dict[_Place, int] = {}
    for (key, slug), cursor in sorted(read_to.items()):
        balance = await books.balance(key, read_to=cursor)
        theirs |= {(key, slug, currency): money.minor for currency, money in balance.items()}
    return [
        f"{psp_clearing(rail)} of {slug} is {currency} {here}, the rail has {there}"
        for (key, slug, currency) in sorted(ours.keys() | theirs.keys())
        for here, there in [(ours[key, slug, currency], theirs.get((key, slug, currency), 0))]
        if here != there
    ]


def _promise(name: Name, rows: int, violations: list[str]) -> Promise:
    return Promise(name, rows, tuple(violations[:VIOLATIONS_MAX]))
