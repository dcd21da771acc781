"""What runs until it is stopped closes everything in order, however often it is told to."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from marketplace.entrypoints.cli.signals import unstoppable
from marketplace.entrypoints.server import stopped_by_signals


@contextlib.asynccontextmanager
async def until_signalled() -> AsyncIterator[asyncio.Event]:
    """An event that the first signal sets; later ones wait for what is being closed."""
    try:
        async with stopped_by_signals() as stop:
            yield stop
    finally:
        unstoppable()
