"""What a supervisor asks: alive, ready, and the figures; none needs a bearer, none names anybody."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from marketplace.adapters.postgres.overview import Overview
from marketplace.adapters.postgres.waiting import Waiting
from marketplace.core.shared.errors import Unavailable
from marketplace.entrypoints.http.document import problems
from marketplace.entrypoints.rail_health import RailHealth
from marketplace.ports.geo import LiveMap

GAUGES_FRESH_SECONDS = 10.0
READY_SECONDS_MAX = 3.0
_TEXT = "text/plain"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_HELP = {
    "ledger_unbalanced": "currencies whose postings do not sum to zero",
    "payments_unknown": "payments whose outcome is in doubt",
    "payments_unknown_oldest_seconds": "how long the oldest of them has been",
    "jobs_oldest_seconds": "how long the oldest job that is due has waited",
    "jobs_waiting": "jobs that are due and not begun",
    "jobs_parked": "jobs that failed for good and wait for a person",
    "holds_past_release": "bookings whose money should have been released",
    "payouts_to_approve": "payouts that wait for an admin",
    "refunds_to_see_to": "refunds that failed or came back and wait for an admin",
    "payout_accounts_restricted": "accounts whose providers cannot be paid for now",
}


_RAIL_HELP = {
    "down": "1 where some process has found the rail down, and none since back",
    "calls": "calls of this process in the window",
    "failures": "those of them that failed",
    "p99_seconds": "how long the slowest but one in a hundred of them took",
    "payments_waiting": "payments that the rail has not taken yet, or that are in doubt",
    "payments_oldest_seconds": "how long the one has waited that has waited longest",
}


@dataclass
class Meters:
    """One registry for each process; paths are grouped by route, so that ids make no series."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        labels = ("method", "route", "status")
        self.requests = Counter("marketplace_requests", "requests answered", labels, registry=self.registry)
        self.seconds = Histogram(
            "marketplace_request_seconds",
            "time to the end of the answer",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.gauges = {
            name: Gauge(f"marketplace_{name}", said, registry=self.registry) for name, said in _HELP.items()
        }
        self.reachable = Gauge(
            "marketplace_database_reachable", "1 where the figures are fresh", registry=self.registry
        )
        self.map_reachable = Gauge(
            "marketplace_live_map_reachable", "0 while rounds ask the database", registry=self.registry
        )
        self.rails = {
            name: Gauge(f"marketplace_rail_{name}", said, ("rail",), registry=self.registry)
            for name, said in _RAIL_HELP.items()
        }
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        series = self._series.get((method, route, status))
        if series is None:
            series = self.requests.labels(method, route, str(status)), self.seconds.labels(method, route)
            self._series[method, route, status] = series
        requests, took = series
        requests.inc()
        took.observe(seconds)


@dataclass
class Figures:
    """The business's figures, asked of the database at most every ten seconds."""

    meters: Meters
    overview: Overview
    live_map: LiveMap
    rail_health: RailHealth
    _read_at: float = float("-inf")
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def page(self) -> bytes:
        async with self._lock:
            if time.monotonic() - self._read_at > GAUGES_FRESH_SECONDS:
                await self._refresh()
        return generate_latest(self.meters.registry)

    async def _refresh(self) -> None:
        self.meters.map_reachable.set(await is_reachable(self.live_map))
        await self._see_rails()
        try:
            for name, value in (await self.overview.gauges()).items():
                self.meters.gauges[name].set(value)
            self._see_waiting(await self.overview.waiting())
        except Exception:  # noqa: BLE001 - whatever it is, the page tells it by this gauge
            self.meters.reachable.set(0)
        else:
            self.meters.reachable.set(1)
            self._read_at = time.monotonic()

    async def _see_rails(self) -> None:
        down, gauges = await self.rail_health.down(), self.meters.rails
        for name, breaker in self.rail_health.breakers.items():
            seen = breaker.figures()
            gauges["down"].labels(name).set(name in down)
            gauges["calls"].labels(name).set(seen.calls)
            gauges["failures"].labels(name).set(seen.failures)
            gauges["p99_seconds"].labels(name).set(seen.p99_seconds or 0)

    def _see_waiting(self, found: tuple[Waiting, ...]) -> None:
        """Also of a rail that is not set up here any more; nothing waits for one that is not named."""
        by_rail = {one.rail: one for one in found}
        for name in self.rail_health.breakers.keys() | by_rail.keys():
            one = by_rail.get(name)
            waiting = one.created + one.unknown if one else 0
            self.meters.rails["payments_waiting"].labels(name).set(waiting)
            self.meters.rails["payments_oldest_seconds"].labels(name).set(one.oldest_seconds if one else 0)


def _plain(operation: str, summary: str, media_type: str, example: str) -> dict[str, Any]:
    content = {media_type: {"schema": {"type": "string"}, "example": example}}
    return {
        "operationId": operation,
        "summary": summary,
        "description": "Anybody may ask.",
        "tags": ["Operations"],
        "security": [],
        "responses": {"200": {"description": "As it is now.", "content": content}, **problems([500, 503])},
    }


PATHS = {
    "/livez": {"get": _plain("get_livez", "Whether the process answers; touches nothing.", _TEXT, "alive")},
    "/readyz": {
        "get": _plain("get_readyz", "Whether it can serve: database and schema are there.", _TEXT, "ready")
    },
    "/metrics": {
        "get": _plain(
            "get_metrics",
            "The figures of process and business, for Prometheus.",
            _TEXT,
            "marketplace_jobs_parked 0.0",
        )
    },
}


async def is_reachable(live_map: LiveMap) -> bool:
    try:
        await live_map.blank()
    except Unavailable:
        return False
    return True


def watch_handlers(overview: Overview, live_map: LiveMap, figures: Figures | None) -> list[HTTPRouteHandler]:
    public = {"roles": frozenset(), "public": True}

    @get("/livez", name="GET /livez", media_type=_TEXT, opt=public)
    async def livez() -> str:
        return "alive"

    @get("/readyz", name="GET /readyz", media_type=_TEXT, opt=public)
    async def readyz() -> str:
        try:
            await asyncio.wait_for(overview.check(), timeout=READY_SECONDS_MAX)
        except TimeoutError as error:
            raise Unavailable("the database did not answer in time") from error
        # Whoever is without the map serves all the same, and more slowly finds who is near.
        return "ready" if await is_reachable(live_map) else "ready; live map: down, asking the database"

    @get("/metrics", name="GET /metrics", opt=public)
    async def metrics() -> Response[bytes]:
        assert figures is not None
        return Response(await figures.page(), media_type=CONTENT_TYPE_LATEST)

    return [livez, readyz, *([metrics] if figures is not None else [])]
