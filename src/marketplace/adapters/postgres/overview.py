"""Whether the database can serve, and the figures of the business that an operator is woken for."""

from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres.engine import create_owner_engine
from marketplace.adapters.postgres.migrate import HEAD, schema_version
from marketplace.adapters.postgres.waiting import OF_ALL, Waiting
from marketplace.core.shared.errors import Unavailable

_GAUGES = """
SELECT
  (SELECT count(*) FROM (SELECT 1 FROM posting GROUP BY tenant_id, currency
                         HAVING sum(amount_minor) <> 0) AS u) AS ledger_unbalanced,
  (SELECT count(*) FROM payment WHERE state = 'unknown') AS payments_unknown,
  (SELECT coalesce(extract(epoch FROM now() - min(e.at)), 0) FROM payment AS p JOIN event AS e
     ON e.tenant_id = p.tenant_id AND e.subject_id = p.id AND e.version = p.version
     WHERE p.state = 'unknown') AS payments_unknown_oldest_seconds,
  (SELECT coalesce(extract(epoch FROM now() - min(execute_after)), 0) FROM pgqueuer
     WHERE status = 'queued' AND execute_after < now()) AS jobs_oldest_seconds,
  (SELECT count(*) FROM pgqueuer WHERE status = 'queued' AND execute_after < now()) AS jobs_waiting,
  (SELECT count(*) FROM pgqueuer WHERE status = 'failed') AS jobs_parked,
  (SELECT count(*) FROM booking AS b JOIN tenant AS t ON t.id = b.tenant_id
     WHERE b.state IN ('completed', 'no_show') AND b.released_at IS NULL
       AND b.release_at < now() + make_interval(secs => t.clock_ahead_seconds, mins => -5))
     AS holds_past_release,
  (SELECT count(*) FROM payout WHERE state = 'due') AS payouts_to_approve,
  (SELECT count(*) FROM refund WHERE state IN ('failed', 'bounced')) AS refunds_to_see_to,
  (SELECT count(*) FROM payout_account WHERE state = 'restricted') AS payout_accounts_restricted
"""


# A client that tries again does so within minutes; an operator looks at yesterday's jobs.
_TIDY = (
    "DELETE FROM receipt WHERE at < now() - interval '3 days'",
    "DELETE FROM pgqueuer_log WHERE created < now() - interval '7 days'",
)


class Overview:
    """Asked across all marketplaces, so as the schema's owner, whom row-level security does not bind."""

    def __init__(self, engine: AsyncEngine, url: str) -> None:
        self._engine = engine
        self._owner = create_owner_engine(url, application_name="marketplace overview")

    async def check(self) -> None:
        """Raises Unavailable where the database does not answer or is not of this code's version."""
        try:
            standing = await schema_version(self._engine)
        except Exception as error:
            raise Unavailable("the database cannot be reached") from error
        if standing != HEAD:
            raise Unavailable(f"the schema is of version {standing}, this program needs {HEAD}")

    async def gauges(self) -> dict[str, float]:
        """By the names that operators see."""
        async with self._owner.connect() as connection:
            row = (await connection.exec_driver_sql(_GAUGES)).mappings().one()
            return {name: float(value) for name, value in row.items()}

    async def waiting(self) -> tuple[Waiting, ...]:
        """What waits for each rail, in all marketplaces."""
        async with self._owner.connect() as connection:
            rows = (await connection.exec_driver_sql(OF_ALL)).mappings().all()
            return tuple(Waiting(**row) for row in rows)

    async def tenants(self) -> tuple[UUID, ...]:
        """All marketplaces, closed ones too; raises Unavailable."""
        try:
            async with self._owner.connect() as connection:
                return tuple((await connection.exec_driver_sql("SELECT id FROM tenant")).scalars())
        except (OSError, SQLAlchemyError) as error:
            raise Unavailable("the database cannot be reached") from error

    async def tidy(self) -> None:
        """Throw away what nobody asks for any more: old receipts, and the queue's log; raises Unavailable."""
        try:
            async with self._owner.connect() as connection:
                for statement in _TIDY:
                    await connection.exec_driver_sql(statement)
        except (OSError, SQLAlchemyError) as error:
            raise Unavailable("the database cannot be reached") from error

    async def close(self) -> None:
        await self._owner.dispose()
