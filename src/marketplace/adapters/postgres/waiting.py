"""Payments of which their rail has not said anything yet, by rail: sent to no avail, or in doubt."""

from dataclasses import dataclass
from uuid import UUID

from marketplace.adapters.postgres.reads import Reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """`oldest_seconds` is how long the one has waited that has waited longest, by its tenant's clock."""

    rail: str
    created: int
    unknown: int
    oldest_seconds: float


# A payment that was promised months ago begins to wait when its time has come.
_WAITING = """
SELECT p.rail, count(*) FILTER (WHERE p.state = 'created') AS created,
       count(*) FILTER (WHERE p.state = 'unknown') AS unknown,
       extract(epoch FROM max(now() + make_interval(secs => t.clock_ahead_seconds) - since.at))::float8
         AS oldest_seconds
FROM payment AS p JOIN tenant AS t ON t.id = p.tenant_id
CROSS JOIN LATERAL (SELECT max(e.at) AS at FROM event AS e
  WHERE e.tenant_id = p.tenant_id AND e.subject_id = p.id AND e.before IS DISTINCT FROM e.after) AS since
WHERE p.state IN ('created', 'unknown'){whose}
GROUP BY p.rail ORDER BY p.rail
"""
OF_ALL = _WAITING.format(whose="")
_OF_ONE = _WAITING.format(whose=" AND p.tenant_id = :tenant_id")


async def waiting(reads: Reads, tenant_id: UUID) -> dict[str, Waiting]:
    rows = await reads.rows(tenant_id, _OF_ONE)
    return {row["rail"]: Waiting(**row) for row in rows}
