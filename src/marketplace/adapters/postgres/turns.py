"""No marketplace waits behind another's backlog: ever so often the oldest job of each comes to the front."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pgqueuer.ports.driver import Driver

INDEX = """\
-- Whose turn it is: the tenants that wait, and the oldest job of each.
CREATE INDEX pgqueuer_turns ON pgqueuer (((headers->>'tenant')::uuid), execute_after, id)
    WHERE status = 'queued';
"""
# The front is the second of the clock: whoever was brought there before, and failed, is behind those of now.
# Where one marketplace alone has something due, there is nobody to be fair to.
_TAKE_TURNS = """
WITH RECURSIVE waiting(tenant) AS (
    (SELECT (headers->>'tenant')::uuid FROM pgqueuer WHERE status = 'queued' ORDER BY 1 LIMIT 1)
    UNION ALL
    SELECT (
        SELECT (headers->>'tenant')::uuid FROM pgqueuer
        WHERE status = 'queued' AND (headers->>'tenant')::uuid > waiting.tenant ORDER BY 1 LIMIT 1
    ) FROM waiting WHERE waiting.tenant IS NOT NULL
), oldest AS MATERIALIZED (
    SELECT job.id FROM waiting CROSS JOIN LATERAL (
        SELECT id FROM pgqueuer
        WHERE status = 'queued' AND (headers->>'tenant')::uuid = waiting.tenant AND execute_after <= now()
        ORDER BY execute_after, id LIMIT 1
    ) AS job
), free AS MATERIALIZED (
    SELECT id FROM pgqueuer
    WHERE id = ANY(ARRAY(SELECT id FROM oldest)) AND (SELECT count(*) FROM oldest) > 1
    ORDER BY id FOR UPDATE SKIP LOCKED
)
UPDATE pgqueuer SET priority = extract(epoch FROM now())::bigint - 1700000000
WHERE id = ANY(ARRAY(SELECT id FROM free))
"""
# Turns come after so many jobs, or so much time while there are any.
JOBS_BETWEEN, SECONDS_BETWEEN = 100, 0.25
# Of a worker's time: among thousands of marketplaces the turns come more rarely, but still every second.
_SHARE_MAX, _SECONDS_MAX = 0.05, 1.0


@dataclass
class Turns:
    """One for each worker; two that bring the same job to the front do no harm."""

    driver: Driver
    clock: Callable[[], float] = time.monotonic
    _taken: int = field(default=JOBS_BETWEEN, init=False)
    _over_at: float = field(default=float("-inf"), init=False)
    _lasted: float = field(default=0.0, init=False)

    def count(self, taken: int) -> None:
        self._taken += taken

    async def take(self) -> None:
        """Where it is time; nobody has to be brought forward while nothing is taken."""
        since = self.clock() - self._over_at
        due = self._taken >= JOBS_BETWEEN or (self._taken and since >= SECONDS_BETWEEN)
        if not due or since < min(self._lasted / _SHARE_MAX, _SECONDS_MAX):
            return
        began = self.clock()
        await self.driver.execute(_TAKE_TURNS)
        self._over_at, self._taken = self.clock(), 0
        self._lasted = self._over_at - began
