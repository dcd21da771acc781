"""
The process that is measured: the API alone, or API and worker together, as they are always wired.

A `quiet` one has both, and a sandbox that tells nothing of itself: whoever measures webhooks sends them.
"""

import asyncio
import os
import sys

import uvloop

from marketplace.entrypoints import configuration, logs
from marketplace.entrypoints.platform import platform
from marketplace.entrypoints.server import listen, serve, stopped_by_signals


async def main(what: str, port: int) -> None:
    settings = configuration.load(environ=os.environ, flags={"port": port})
    logs.configure(log_format=settings.log_format, level=settings.log_level)
    assert settings.database_url is not None
    opened = listen(settings)
    async with (
        stopped_by_signals() as stop,
        platform(settings, url=settings.database_url, base_url=settings.base_url) as made,
        asyncio.TaskGroup() as tasks,
    ):
        worker = made.worker()
        if what == "quiet":
            worker.rounds = ()
        if what != "serve":
            tasks.create_task(worker.run(stop))
        await serve(made.front(), settings=settings, opened=opened, hub=made.hub(), stop=stop)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
