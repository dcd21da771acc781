"""Which live map, roads and assigner a process has, by its settings and by what is installed."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec

import httpx
import structlog

from marketplace.adapters.memory.assigner import AugmentingAssigner
from marketplace.adapters.memory.deaf import DeafLiveMap
from marketplace.adapters.memory.livemap import MemoryLiveMap
from marketplace.adapters.memory.roads import GreatCircleRouter
from marketplace.adapters.osrm.router import OsrmRouter
from marketplace.adapters.redis.livemap import RedisLiveMap
from marketplace.entrypoints.fallback import FallbackRouter
from marketplace.entrypoints.settings import Settings
from marketplace.ports.geo import Assigner, LiveMap, Router

log = structlog.get_logger(__name__)

# What is said where the API and the jobs run apart, and no map is shared.
APART = (
    "without REDIS_URL each process has a live map of its own: where `serve` and `worker` run apart, "
    "call-outs ask the database, where places are about a minute old"
)


def live_map_of(settings: Settings, *, heard: bool) -> LiveMap:
    """The map that all share; else one of this process's own, of use where units are `heard` in it."""
    if settings.redis_url is not None:
        return RedisLiveMap(url=settings.redis_url)
    own = MemoryLiveMap if heard else DeafLiveMap
    return own(now=lambda: datetime.now(UTC))


def warn_apart(settings: Settings) -> None:
    if settings.redis_url is None:
        log.warning("the live map is this process's own", hint=APART)


def router_of(settings: Settings, client: Callable[[], httpx.AsyncClient]) -> Router:
    if settings.osrm_url is None:
        return GreatCircleRouter()
    roads = OsrmRouter(client=client(), url=settings.osrm_url)
    return FallbackRouter(first=roads, second=GreatCircleRouter())


# In Python so many costs are assigned in two or three milliseconds; SciPy takes 60 MB once it is loaded.
SMALL = 2_000


class BySize:
    """Rounds as they mostly are in Python; SciPy is loaded with the first that is worth it."""

    def __init__(self) -> None:
        self._small: Assigner = AugmentingAssigner()
        self._large: Assigner | None = None

    def pairs(self, costs: Sequence[Sequence[float]]) -> tuple[tuple[int, int], ...]:
        if sum(map(len, costs)) <= SMALL:
            return self._small.pairs(costs)
        if self._large is None:
            from marketplace.adapters.scipy.assigner import ScipyAssigner  # noqa: PLC0415 - large, an extra

            self._large = ScipyAssigner()
        return self._large.pairs(costs)


def assigner_of() -> Assigner:
    return AugmentingAssigner() if find_spec("scipy") is None else BySize()


async def close(live_map: LiveMap) -> None:
    """A map of this process's own has nothing to give back."""
    if isinstance(live_map, RedisLiveMap):
        await live_map.close()
