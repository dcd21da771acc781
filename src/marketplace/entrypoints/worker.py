"""Jobs, timers, schedules and the sandbox's webhooks are carried out here, on any number of workers."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from marketplace.adapters.postgres import jobs
from marketplace.core.marketplace import Desk
from marketplace.core.shared.errors import Unavailable
from marketplace.core.shared.roles import SYSTEM
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.cartographer import Cartographer
from marketplace.entrypoints.directory import Directory
from marketplace.entrypoints.schedules import Schedules
from marketplace.ports.storage import Alarm, Follow

log = structlog.get_logger(__name__)

SCHEDULE_SECONDS = 30.0
COURIER_SECONDS = 0.25
MAP_SECONDS = 2.0

Round = Callable[[], Awaitable[object]]


@dataclass
class Worker:
    """`rounds` are what else goes round and round: in test mode, the sandbox's post."""

    engine: AsyncEngine
    desk: Desk
    directory: Directory
    schedules: Schedules
    cartographer: Cartographer
    at_once: int
    rounds: tuple[Round, ...] = ()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish what is in hand."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(
                jobs.work_off(
                    engine=self.engine, follow=self._follow, ring=self._ring, stop=stop, at_once=self.at_once
                )
            )
            tasks.create_task(_again(self.schedules.keep, SCHEDULE_SECONDS, stop))
            tasks.create_task(_again(self.cartographer.look, MAP_SECONDS, stop))
            for each in self.rounds:
                tasks.create_task(_again(each, COURIER_SECONDS, stop))

    async def drain(self) -> None:
        """Carry out what is due now, and return: for a scheduler that starts a process now and then."""
        await self.schedules.keep()
        await self.cartographer.look()
        for each in self.rounds:
            await each()
        await jobs.drain(engine=self.engine, follow=self._follow, ring=self._ring)

    async def _follow(self, job: Follow) -> None:
        with _told(job):
            await self.desk.follow(job, await self._call(job.tenant_id, job.request_id))

    async def _ring(self, job: Alarm) -> None:
        call = await self._call(job.tenant_id, job.request_id)
        # The database's clock found it due; this machine's may be behind.
        at = max(call.at, job.due_at)
        with _told(job):
            await self.desk.ring(job, replace(call, at=at))

    async def _call(self, tenant_id: UUID, request_id: str) -> Call:
        return await self.directory.call(tenant_id, SYSTEM, request_id)


@contextlib.contextmanager
def _told(job: Follow | Alarm) -> Iterator[None]:
    """The queue tries a failed job again, and parks it in the end; each failure leaves a line."""
    with structlog.contextvars.bound_contextvars(request_id=job.request_id):
        try:
            yield
        except Exception as error:
            log.warning("job failed", queue=job.QUEUE, exc_info=error)
            raise


async def _again(work: Round, seconds: float, stop: asyncio.Event) -> None:
    """`work` now and every so often; what fails today is tried again, and an operator can read of it."""
    while not stop.is_set():
        try:
            await work()
        except Unavailable as error:
            log.warning("round put off", code=error.code)
        except Exception as error:
            log.exception("round failed", exc_info=error)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
