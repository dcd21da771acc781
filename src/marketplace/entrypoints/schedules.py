"""Done by the calendar: payouts, statements, the look at what is open, clocks that were moved, tidying."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres import queue
from marketplace.adapters.postgres.overview import Overview
from marketplace.adapters.postgres.reads import Reads
from marketplace.adapters.postgres.reconciliation import Reconciliation, reconcile
from marketplace.core.marketplace import run
from marketplace.core.payouts.drawing import StartPayoutRun
from marketplace.core.providers.hours import zone
from marketplace.core.settlements.queries import StatementsAskedBefore
from marketplace.core.settlements.statement import State
from marketplace.core.settlements.usecases import ReadStatements
from marketplace.core.shared.errors import MarketplaceError
from marketplace.core.shared.ids import derive
from marketplace.core.shared.period import EARLIEST, LATEST, Period
from marketplace.core.shared.roles import SYSTEM
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.directory import Directory
from marketplace.ports.storage import AlreadyThere, Store

log = structlog.get_logger(__name__)

TIDY_SECONDS = 3600.0


@dataclass
class Schedules:
    """
    Any number of workers may keep them: what two of them do at once is done once. A marketplace that is
    closed still pays out what it owes.
    """

    engine: AsyncEngine
    store: Store
    directory: Directory
    overview: Overview
    clock: Callable[[], float] = time.monotonic
    _paid: set[UUID] = field(default_factory=set)
    _read: set[tuple[UUID, date]] = field(default_factory=set)
    _reconciled: set[tuple[UUID, date]] = field(default_factory=set)
    _tidied_at: float = float("-inf")

    async def keep(self) -> None:
        """What is due now; the trouble of one marketplace is not the others'. Raises Unavailable."""
        for tenant_id in await self.overview.tenants():
            try:
                await self._keep_for(tenant_id)
            except MarketplaceError as error:
                log.warning("schedule put off", tenant_id=tenant_id, code=error.code)
            except Exception as error:
                log.exception("schedule failed", tenant_id=tenant_id, exc_info=error)
        if self.clock() - self._tidied_at > TIDY_SECONDS:
            await self.overview.tidy()
            self._tidied_at = self.clock()

    async def _keep_for(self, tenant_id: UUID) -> None:
        call = await self.directory.call(tenant_id, SYSTEM, "schedule")
        if call.tenant.clock_ahead_seconds:
            # A timer that was written while the clock moved may have missed it.
            await queue.follow_clock(engine=self.engine, tenant_id=tenant_id)
        await self._pay_out(call)
        await self._read_statements(call)
        await self._reconcile(call)

    async def _pay_out(self, call: Call) -> None:
        """The day makes the run's id, so that a second run of a day is the first one."""
        local = call.at.astimezone(zone(call.policy.time_zone))
        run_id = derive(call.tenant_id, "payout run", local.date())
        if local.hour < call.policy.payout.run_hour or run_id in self._paid:
            return
        with contextlib.suppress(AlreadyThere):
            await run(StartPayoutRun(run_id=run_id), call=call, store=self.store)
        self._paid.add(run_id)

    async def _read_statements(self, call: Call) -> None:
        """Once a local day; the statement itself knows its last day, whoever asks."""
        today = (call.tenant_id, call.at.astimezone(zone(call.policy.time_zone)).date())
        if today not in self._read:
            with contextlib.suppress(AlreadyThere):
                await run(ReadStatements(), call=call, store=self.store)
            self._read.add(today)

    async def _reconcile(self, call: Call) -> None:
        """Once the day's statements are read; what is open is told every day until it is seen to."""
        today = (call.tenant_id, call.at.astimezone(zone(call.policy.time_zone)).date())
        if today in self._reconciled:
            return
        (statements,) = await self.store.read(call.tenant_id, [StatementsAskedBefore(at=LATEST)])
        if not statements or any(one.state != State.READ for one in statements):
            return
        reads, whole = Reads(self.engine), Period(EARLIEST, call.at)
        for one in statements:
            found = await reconcile(reads, call.tenant_id, rail=one.rail, period=whole, now=call.at)
            if not found.clear:
                _tell(found, call)
        self._reconciled.add(today)


def _tell(found: Reconciliation, call: Call) -> None:
    log.warning(
        "clearing is not clear",
        tenant_id=call.tenant_id,
        rail=found.rail,
        breaks=found.open_breaks,
        oldest_days=max((one.age_days for one in found.breaks), default=0),
        causes=dict(Counter(str(one.cause) for one in found.breaks)),
    )
