"""How many searches of the live map are answered, beside what stands under it: PING, and a bare k-d tree."""

import asyncio
import contextlib
import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from math import sqrt
from uuid import UUID, uuid4

from marketplace.adapters.memory.livemap import MemoryLiveMap
from marketplace.adapters.redis.livemap import RedisLiveMap
from marketplace.adapters.redis.server import Plain, Server
from marketplace.core.shared.place import Place
from marketplace.entrypoints.bench.desk import measure_desk
from marketplace.entrypoints.bench.load import Outcome
from marketplace.entrypoints.server import spare_the_collector
from marketplace.ports.geo import Found, LiveMap, Search, Sighting

SIZES = (1_000, 10_000, 100_000, 1_000_000)
SKILLS, SKILLS_OF_ONE, NEAREST, CLIENTS = 50, 3, 20, 16
# The ratio to PING is taken here.
RATIO_AT = 100_000
_REACH_METRES = 20_000.0
_FRESH, _HOLD = timedelta(hours=1), timedelta(seconds=30)
_CENTRE, _DEGREES_OF_A_THOUSAND = Place(-25.75, 28.23), 0.18
_BATCH = 5_000
_SHARE_WITH_ROOM = 0.8
Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """
    Searches that hold, of `units` in the map; `fill_per_s` is how fast those were reported.

    `ping_per_s` is what the same server answered in between, in turn with the searches, and `to_ping` the
    median of the ratios of such rounds: what stalls one of them once in a while does not count.
    """

    adapter: str
    units: int
    per_s: float
    p99_ms: float
    found_mean: float
    fill_per_s: float
    ping_per_s: float | None = None
    to_ping: float | None = None


class Country:
    """Units as dense in a big one as in a small one: what grows with their number is the land."""

    def __init__(self, *, units: int, seed: int) -> None:
        self.units, self.tenant_id = units, uuid4()
        self._random = random.Random(seed)  # noqa: S311 - a benchmark is no secret
        self._side = _DEGREES_OF_A_THOUSAND * sqrt(units / 1_000)

    def place(self) -> Place:
        up, right = self._random.random() - 0.5, self._random.random() - 0.5
        return Place(_CENTRE.latitude + up * self._side, _CENTRE.longitude + right * self._side)

    def sightings(self) -> Iterator[Sighting]:
        names = [f"skill-{number}" for number in range(SKILLS)]
        for number in range(self.units):
            yield Sighting(
                tenant_id=self.tenant_id,
                unit_id=UUID(int=self._random.getrandbits(64) << 64 | number),
                place=self.place(),
                skills=tuple(self._random.sample(names, SKILLS_OF_ONE)),
                load=0 if self._random.random() < _SHARE_WITH_ROOM else 1,
            )

    def searches(self) -> Iterator[Search]:
        while True:
            yield Search(
                tenant_id=self.tenant_id,
                place=self.place(),
                skill=f"skill-{self._random.randrange(SKILLS)}",
                reach_metres=_REACH_METRES,
                fresh=_FRESH,
                limit=NEAREST,
                holder=uuid4(),
                hold=_HOLD,
            )


async def measure(
    *,
    seconds: float,
    seed: int,
    redis_url: str | None,
    sizes: tuple[int, ...] = SIZES,
    database_url: str | None = None,
    races: int | None = None,
    told: Told = lambda _: None,
) -> dict[str, object]:
    """All that is measured of dispatch; what needs a database at the size where the ratio is taken."""
    with _as_served():
        near = await measure_near(redis_url=redis_url, seconds=seconds, seed=seed, sizes=sizes, told=told)
        desk = await measure_desk(
            units=min(sizes, key=lambda units: abs(units - RATIO_AT)),
            seconds=seconds,
            seed=seed,
            database_url=database_url,
            redis_url=redis_url,
            races=races,
            told=told,
        )
    return near | desk


@contextlib.contextmanager
def _as_served() -> Iterator[None]:
    """The garbage collector as seldom as in a process that serves."""
    before = gc.get_threshold()
    spare_the_collector()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


async def measure_near(
    *,
    redis_url: str | None = None,
    seconds: float = 5.0,
    seed: int = 1,
    sizes: tuple[int, ...] = SIZES,
    told: Told = lambda _: None,
) -> dict[str, object]:
    """`near` for each adapter and size, and `redis_to_ping`, which is None without a Redis."""
    figures: list[Near] = []
    ratio = None
    for units in sizes:
        figures += await _in_memory(units, seed, seconds, told)
    if redis_url is not None:
        at_size = [await _on_redis(redis_url, units, seed, seconds, told) for units in sizes]
        figures += at_size
        compared = min(at_size, key=lambda one: abs(one.units - RATIO_AT))
        ratio = compared.to_ping
    return {"near": [asdict(one) for one in figures], "redis_to_ping": ratio}


async def _in_memory(units: int, seed: int, seconds: float, told: Told) -> list[Near]:
    country = Country(units=units, seed=seed)
    livemap = MemoryLiveMap(now=lambda: datetime.now(UTC))
    figures = [await _measured(livemap, country, seconds, told)]
    tree = _tree(units, seed, seconds)
    if tree is not None:
        told(f"k-d tree, {units:,} units: {tree.per_s:,.0f}/s")
        figures.append(tree)
    return figures


async def _on_redis(url: str, units: int, seed: int, seconds: float, told: Told) -> Near:
    country = Country(units=units, seed=seed)
    livemap = RedisLiveMap(url=url, prefix=f"bench-{uuid4().hex}", timeout_seconds=5)
    pings = _Pings(Server(url=url, seconds=5, connections=CLIENTS))
    try:
        figures = await _measured(livemap, country, seconds, told, pings)
    finally:
        # What is left in Redis expires within the hour.
        await livemap.close()
        await pings.server.close()
    told(f"PING: {pings.outcome.per_s:,.0f}/s")
    return replace(
        figures,
        ping_per_s=round(pings.outcome.per_s, 1),
        to_ping=round(statistics.median(pings.ratios), 3),
    )


@dataclass
class _Pings:
    """By the same way to the server as the searches, as many at once; `ratios` are those of each round."""

    server: Server
    outcome: Outcome = field(default_factory=Outcome)
    ratios: list[float] = field(default_factory=list)

    async def beside(self, searches: int, seconds: float) -> None:
        """For as long as those searches took, so that both meet the same moments of the machine."""
        began, before = time.perf_counter(), len(self.outcome.latencies)
        await asyncio.gather(*(self._client(began + seconds) for _ in range(CLIENTS)))
        took = time.perf_counter() - began
        self.outcome.seconds += took
        pings_per_s = (len(self.outcome.latencies) - before) / took
        self.ratios.append(searches / seconds / pings_per_s)

    async def _client(self, until: float) -> None:
        """One at the least: a round of few searches may be over before the first has begun."""
        ended = 0.0
        while ended < until:
            began = time.perf_counter()
            await self.server.call(Plain("PING", b""))
            ended = time.perf_counter()
            self.outcome.latencies.append(ended - began)


async def _measured(
    livemap: LiveMap,
    country: Country,
    seconds: float,
    told: Told,
    pings: _Pings | None = None,
) -> Near:
    began, sightings = time.perf_counter(), country.sightings()
    while batch := list(islice(sightings, _BATCH)):
        await livemap.report(batch)
    fill_per_s = country.units / (time.perf_counter() - began)
    outcome, found = await _search(livemap, country, seconds, pings)
    figures = Near(
        adapter="memory" if pings is None else "redis",
        units=country.units,
        per_s=round(outcome.per_s, 1),
        p99_ms=round(outcome.percentile_ms(0.99), 3),
        found_mean=round(found / len(outcome.latencies), 2),
        fill_per_s=round(fill_per_s, 1),
    )
    told(f"{figures.adapter}, {country.units:,} units: {figures.per_s:,.0f}/s")
    return figures


async def _search(
    livemap: LiveMap, country: Country, seconds: float, pings: _Pings | None
) -> tuple[Outcome, int]:
    """In rounds small enough that few units are held; between them all are let go, which is not counted."""
    outcome, found, searches = Outcome(), 0, country.searches()
    clients = 1 if pings is None else CLIENTS  # what nothing waits for gains nothing by more
    round_size = max(CLIENTS, min(country.units // 200, 10 * CLIENTS))
    await _let_go(livemap, await _round(livemap, list(islice(searches, round_size)), Outcome(), clients))
    while outcome.seconds < seconds:
        wanted = list(islice(searches, round_size))
        began = time.perf_counter()
        answers = await _round(livemap, wanted, outcome, clients)
        took = time.perf_counter() - began
        outcome.seconds += took
        found += sum(len(answer) for _, answer in answers)
        await _let_go(livemap, answers)
        if pings is not None:
            await pings.beside(round_size, took)
    return outcome, found


async def _let_go(livemap: LiveMap, answers: list[tuple[Search, tuple[Found, ...]]]) -> None:
    for search, answer in answers:
        units = [one.unit_id for one in answer]
        await livemap.let_go(tenant_id=search.tenant_id, holder=search.holder, units=units)


async def _round(
    livemap: LiveMap, searches: list[Search], outcome: Outcome, clients: int
) -> list[tuple[Search, tuple[Found, ...]]]:
    waiting, answers = iter(searches), []

    async def client() -> None:
        for search in waiting:
            began = time.perf_counter()
            answers.append((search, await livemap.near(search)))
            outcome.latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(client() for _ in range(clients)))
    return answers


def _tree(units: int, seed: int, seconds: float) -> Near | None:
    """The nearest and nothing else: no load, no age, no hold, never a new place. None if no SciPy."""
    try:
        from scipy.spatial import cKDTree  # type: ignore[import-untyped]  # noqa: PLC0415 - not always there
    except ImportError:
        return None
    country = Country(units=units, seed=seed)
    points: dict[str, list[tuple[float, float]]] = {}
    for sighting in country.sightings():
        if not sighting.load:
            for skill in sighting.skills:
                points.setdefault(skill, []).append((sighting.place.latitude, sighting.place.longitude))
    began = time.perf_counter()
    trees = {skill: cKDTree(places) for skill, places in points.items()}
    fill_per_s = units / (time.perf_counter() - began)
    outcome = Outcome()
    for search in country.searches():
        began = time.perf_counter()
        trees[search.skill].query((search.place.latitude, search.place.longitude), k=NEAREST)
        outcome.latencies.append(time.perf_counter() - began)
        outcome.seconds += outcome.latencies[-1]
        if outcome.seconds >= seconds:
            break
    return Near(
        adapter="k-d tree",
        units=units,
        per_s=round(outcome.per_s, 1),
        p99_ms=round(outcome.percentile_ms(0.99), 3),
        found_mean=float(NEAREST),
        fill_per_s=round(fill_per_s, 1),
    )
