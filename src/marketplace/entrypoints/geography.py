"""Which live map, roads and assigner a process has, by its settings and by what is installed."""

from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec

import httpx
import structlog

from marketplace.adapters.memory.assigner import AugmentingAssigner
from marketplace.adapters.memory.livemap import MemoryLiveMap
from marketplace.adapters.memory.roads import GreatCircleRouter
from marketplace.adapters.osrm.router import OsrmRouter
from marketplace.adapters.redis.livemap import RedisLiveMap
from marketplace.entrypoints.fallback import FallbackRouter
from marketplace.entrypoints.settings import Settings
from marketplace.ports.geo import Assigner, LiveMap, Router

log = structlog.get_logger(__name__)

# What is said where the API and the jobs run apart, and each has a map of its own.
APART = (
    "without REDIS_URL each process has a live map of its own: where `serve` and `worker` run apart, "
    "positions reach the API alone, and call-outs find nobody who has moved"
)


def live_map_of(settings: Settings) -> LiveMap:
    if settings.redis_url is None:
        return MemoryLiveMap(now=lambda: datetime.now(UTC))
    return RedisLiveMap(url=settings.redis_url)


def warn_apart(settings: Settings) -> None:
    if settings.redis_url is None:
        log.warning("the live map is this process's own", hint=APART)


def router_of(settings: Settings, client: Callable[[], httpx.AsyncClient]) -> Router:
    if settings.osrm_url is None:
        return GreatCircleRouter()
    roads = OsrmRouter(client=client(), url=settings.osrm_url)
    return FallbackRouter(first=roads, second=GreatCircleRouter())


def assigner_of() -> Assigner:
    if find_spec("scipy") is None:
        return AugmentingAssigner()
    # An extra, and slow to load.
    from marketplace.adapters.scipy.assigner import ScipyAssigner  # noqa: PLC0415

    return ScipyAssigner()


async def close(live_map: LiveMap) -> None:
    """A map of this process's own has nothing to give back."""
    if isinstance(live_map, RedisLiveMap):
        await live_map.close()
